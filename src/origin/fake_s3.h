// FakeS3: one bucket over real HTTP on loopback, with a script of faults, for tests of any room. It checks signatures when it has
// credentials and answers as S3 does: pages, ranges, conditions, errors in XML. Thread-safe.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/sigv4_verify.h"
#include "base/guarded.h"
#include "http/server.h"
#include "origin/origin.h"

namespace zeropull::origin {

struct FakeObject {
  std::string bytes;
  std::string etag = {};       // the MD5 in quotes when empty
  http::Headers headers = {};  // of its answers, beside
};

// What befalls the next request for an object's bytes.
struct S3Fault {
  int status = 503;  // of an error "code", unless the transfer breaks
  std::string code = "SlowDown";
  std::optional<std::uint64_t> break_after = {};  // of a good answer's body: then the connection ends
};

struct FakeS3Options {
  std::string bucket = "models";
  std::optional<aws::Credentials> credentials = std::nullopt;  // required of every request
  std::size_t page_keys = 1000;
  bool url_encoding = true;  // honours encoding-type=url
  bool conditions = true;    // honours If-Match
};

class FakeS3 {
 public:
  static std::unique_ptr<FakeS3> create(FakeS3Options options = {});
  void put(const std::string& key, FakeObject object);
  void fail_next(S3Fault fault);
  std::vector<std::string> requests() const;  // "GET key bytes=0-9", "LIST prefix", "HEAD key"
  // Access to it: its URL, its credentials, an exception for its address, no waits between attempts.
  OriginAccess access() const;

 private:
  struct State {
    std::map<std::string, FakeObject> objects;
    std::deque<S3Fault> faults;
    std::vector<std::string> requests;
  };
  explicit FakeS3(FakeS3Options options) : options_(std::move(options)) {}
  http::ServerResponse answer(const http::ServerRequest& request);
  http::ServerResponse answer_list(const http::ServerRequest& request);
  http::ServerResponse answer_object(const http::ServerRequest& request, const std::string& key);
  bool is_signed(const http::ServerRequest& request);

  const FakeS3Options options_;
  aws::SignatureVerifier verifier_;
  mutable Guarded<State> state_;
  std::unique_ptr<http::HttpServer> server_;
};

// Bytes that differ at every place.
std::string pattern_bytes(std::size_t size);

}  // namespace zeropull::origin
