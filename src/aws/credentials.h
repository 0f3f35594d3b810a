// Where AWS credentials come from on a machine: the environment, then the shared credentials file. Blocks on the disk only;
// thread-safe. An expired session token is not noticed here: load again after a 403.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "aws/sigv4.h"
#include "base/result.h"

namespace zeropull::aws {

// Looks up an environment variable; nullopt when unset or empty.
using Environment = std::function<std::optional<std::string>(const char* name)>;
Environment process_environment();

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; else the section AWS_PROFILE (or "default") of
// AWS_SHARED_CREDENTIALS_FILE (or ~/.aws/credentials). kUnauthenticated when neither has a key pair.
Result<Credentials> load_credentials(const Environment& environment);

// One profile of a shared credentials file (INI, as the AWS CLI writes it). kNotFound without that section.
Result<Credentials> parse_credentials_file(std::string_view text, std::string_view profile);

}  // namespace zeropull::aws
