// A self-signed certificate and its key, for a store server that has no other: P-256, valid for the names it is given, and its
// own authority, so that clients take the certificate's file as their ca_file. Callable from any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace zeropull::store {

struct SelfSignedOptions {
  std::string certificate_file;    // written with mode 0644
  std::string key_file;            // written with mode 0600
  std::vector<std::string> names;  // DNS names and IP addresses, at least one
  int days = 825;
};

// Replaces both files.
Result<void> create_self_signed(const SelfSignedOptions& options);

}  // namespace zeropull::store
