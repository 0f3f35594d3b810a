// Endpoint: one registry's API for one repository: the reference's own host or a mirror of it. It sends authorised requests and
// turns answers that are no success into errors with the registry's own words. Thread-safe.
#pragma once

#include <atomic>
#include <string>

#include "http/client.h"
#include "oci/auth.h"

namespace zeropull::oci {

class Endpoint {
 public:
  Endpoint(Authorizer::Target target, http::HttpClient& client, LoginSource& logins, const Clock& clock)
      : target_(target), client_(client), authorizer_(std::move(target), client, logins, clock) {}

  // GET /v2/<repository>/<what>. After a 401 or 403 once more with a renewed authorization. Streams a 2xx body to `sink` where
  // there is one.
  Result<http::Response> get(const Context& ctx, const std::string& what, const http::Headers& headers, const http::Sink* sink,
                             std::size_t response_max = http::kBodyMax);
  const std::string& host() const { return target_.host; }
  // Of a mirror that gave wrong bytes: nothing is asked of it any more.
  void drop() { dropped_ = true; }
  bool dropped() const { return dropped_; }

 private:
  Result<http::Response> send(const Context& ctx, const http::Request& request, const http::Sink* sink);

  const Authorizer::Target target_;
  http::HttpClient& client_;
  Authorizer authorizer_;
  std::atomic<bool> dropped_ = false;
};

// Success for 2xx. Else what the status means and what the registry says of it; kUnavailable for those worth a retry.
Result<void> check_status(const http::Response& response);
// An HTML page comes from a proxy, a login portal or a web server, not from a registry.
Result<void> check_not_html(const http::Response& head);

}  // namespace zeropull::oci
