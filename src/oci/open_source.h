// open_source: the ImageSource of a reference: a registry client with credentials and mirrors, or a layout. What an operator may
// set is SourceOptions.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "oci/image_source.h"
#include "oci/reference.h"

namespace zeropull::oci {

struct SourceOptions {
  std::set<std::string> plain_http_hosts;                   // "host:port" that may be asked without TLS
  std::map<std::string, std::vector<std::string>> mirrors;  // registry host -> mirror hosts, asked in order before it
  std::string auth_file;                                    // docker's config.json; the usual places when empty
};

Result<std::unique_ptr<ImageSource>> open_source(const Reference& reference, const SourceOptions& options);

}  // namespace zeropull::oci
