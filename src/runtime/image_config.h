// ImageConfig: what an image's configuration says of the process to start, read as containerd's client reads it (Go's
// encoding/json into image-spec's v1.Image: names match whatever their case, null is absent, what is not known is ignored).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace zeropull::runtime {

struct ImageConfig {
  std::string user = {};
  std::vector<std::string> environment = {};  // "NAME=value"
  std::vector<std::string> entrypoint = {};
  std::vector<std::string> command = {};
  std::string working_folder = {};
  std::string stop_signal = {};
  std::map<std::string, std::string> labels = {};
};

// `bytes` are the configuration as the registry served it, of either media type (OCI, Docker schema 2).
Result<ImageConfig> parse_image_config(ByteView bytes);

// The number of a signal by number ("9"), name ("SIGKILL") or short name ("kill"), also RTMIN+n and RTMAX-n.
Result<int> parse_signal(const std::string& text);

}  // namespace zeropull::runtime
