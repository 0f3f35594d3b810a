// Requests: HTTP to a place that others chose, repeated as long as that helps: listings, heads and ranges of files. The S3 and
// the https origin share it and differ in how a request looks. Thread-safe; owns its client.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/client.h"
#include "origin/origin.h"

namespace zeropull::origin {

// Makes (and signs) one attempt's request from the headers that it must carry.
using MakeRequest = std::function<http::Request(http::Headers headers)>;

enum class Redirects { kFollowed, kRefused };

class Requests {
 public:
  // For URLs that begin as `first`: plain http reaches addresses alone that the operator's exceptions name.
  static Result<std::unique_ptr<Requests>> create(const OriginAccess& access, const http::Url& first, Redirects redirects);

  // The whole answer, of a status that is 2xx; any other is the error that it means.
  Result<http::Response> get(const Context& ctx, const MakeRequest& make, http::Headers headers, std::size_t response_max) const;
  // Asks for the first byte: the answer's head alone, also of 416. Works where HEAD is refused, as for presigned URLs.
  Result<http::Response> probe(const Context& ctx, const MakeRequest& make) const;
  // ModelOrigin::read.
  Result<void> read(const Context& ctx, const MakeRequest& make, const ModelFile& file, std::uint64_t offset,
                    std::uint64_t length, const ByteSink& sink) const;

 private:
  using Attempt = std::function<Result<http::Response>()>;
  Requests(const OriginAccess& access, std::unique_ptr<http::HttpClient> client)
      : retry_(access.retry), clock_(*access.clock), random_(*access.random), client_(std::move(client)) {}
  // `progress` counts bytes, so that long transfers may break more often than short ones.
  Result<http::Response> repeat(const Context& ctx, const Attempt& attempt, const std::uint64_t& progress) const;

  const http::RetryPolicy retry_;
  const Clock& clock_;
  Random& random_;
  const std::unique_ptr<http::HttpClient> client_;
};

// What a status that is not 2xx means, in the server's words where it speaks S3's XML.
Error status_error(const http::Response& response);

// The version of a file that its headers state: a strong ETag, else Last-Modified, else "". It becomes ModelFile::etag.
std::string version_of(const http::Headers& headers);

}  // namespace zeropull::origin
