// RegistrySource: an image in a registry, read by the OCI distribution specification, from mirrors first where there are any.
//
// What it stands: 429 and 5xx and broken or stalled transfers are repeated with backoff, a blob from the byte it had reached;
// 401 and 403 are answered by one renewed authorization; credentials never follow a redirect to another origin. A mirror gets
// one attempt a request, the origin all of them; a mirror that gave wrong bytes is dropped. Nothing unverified is called a
// success.
//
// Threads: all calls from any thread at once. Owns its HTTP client and event thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "http/client.h"
#include "http/retry.h"
#include "oci/ecr.h"
#include "oci/image_source.h"
#include "oci/login.h"
#include "oci/reference.h"

namespace zeropull::oci {

struct RegistryOptions {
  http::Plain plain = http::Plain::kRefused;  // allowed: the registry and its mirrors are spoken to by http
  std::string ca_file = {};                   // PEM; the system's authorities when empty
  std::string auth_file = {};                 // docker's config.json; its default places when empty
  bool machine_logins = true;                 // false: `logins` and `aws_credentials` alone, nothing of docker's or the machine's
  std::vector<std::string> mirrors = {};      // host[:port], tried in order before the reference's own host
  Duration connect_timeout = std::chrono::seconds(10);
  Duration progress_timeout = std::chrono::seconds(30);
  http::RetryPolicy retry = {};
  // Where the registry, its mirrors, token servers and redirects may resolve to. With a guard no proxy of the environment is
  // used.
  std::optional<http::AddressGuard> guard = std::nullopt;
  std::function<Result<aws::Credentials>()> aws_credentials = {};  // for Amazon ECR; unset: the machine's
  std::optional<http::Url> ecr_endpoint = std::nullopt;
  std::shared_ptr<LoginSource> logins = nullptr;  // asked before all others
  // Connects to this URL whatever the reference's host is: a registry behind a tunnel.
  std::optional<http::Url> connect_to = std::nullopt;
  const Clock* clock = &Clock::system();
  Random* random = &Random::secure();
};

class RegistrySource : public ImageSource {
 public:
  // Contacts nobody. kInvalidArgument for a mirror or login file that cannot be read.
  static Result<std::unique_ptr<RegistrySource>> create(const RegistryReference& reference, RegistryOptions options);
  virtual http::ClientCounts counts() const = 0;
};

// The source that a reference names.
Result<std::unique_ptr<ImageSource>> open_image_source(const Reference& reference, RegistryOptions options);

}  // namespace zeropull::oci
