// FakeRegistry: a registry in memory over a real HTTP server, with a script of faults, for the tests of every room that pulls.
// It counts and remembers what was asked. Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/server.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace zeropull::oci {

struct Fault {
  enum class Kind {
    kStatus,        // answers `status`, with Retry-After where `retry_after` is set
    kBreakAfter,    // closes the connection after `bytes` of the body
    kStall,         // stops sending after `bytes`, for ever
    kWrongBytes,    // flips a bit of the body, `bytes` before its last byte
    kWrongLength,   // serves `bytes` bytes in place of the body, and says so
    kPromisesMore,  // gives the whole body, says that `bytes` more follow, and stalls
    kHtml,          // a web page with status 200
    kRedirect,      // to another server, which serves the object
    kEndsAt,        // ignores a range, and closes the connection after `bytes` of the whole body
    kIgnoreRange,   // 200 and the whole body
    kWrongDigest,   // another digest in Docker-Content-Digest
  };
  Kind kind;
  std::string where = "/";  // in the request's path
  int times = 1;
  int status = 500;
  std::string retry_after = {};
  std::uint64_t bytes = 0;
};

struct SeenRequest {
  std::string method;
  std::string path;
  std::string query;
  std::string authorization;
  std::string range;
  bool elsewhere = false;  // came to the other server
};

class FakeRegistry {
 public:
  enum class Auth { kNone, kBasic, kBearer };
  struct Options {
    Auth auth = Auth::kNone;
    std::string username = "user";  // of Basic, and of the token server
    std::string password = "word";
    int token_seconds = 300;
    std::string certificate_file = {};  // https where set
    std::string key_file = {};
  };
  explicit FakeRegistry(Options options);
  FakeRegistry() : FakeRegistry(Options{}) {}
  ~FakeRegistry();  // releases what stalls

  std::string host() const;  // "127.0.0.1:port"
  RegistryReference reference(std::string_view tag = "latest") const;

  Sha256 add_blob(std::string bytes);
  // Stores a manifest or index under its digest, and under `tag` where there is one.
  ManifestDigest add_manifest(std::string bytes, std::string_view media_type, const std::string& tag = {});
  // A whole image of these layers (their bytes as served; diff ids are their digests).
  ManifestDigest add_image(const std::vector<std::string>& layers, const std::string& tag = "latest",
                           const Platform& platform = {"linux", "amd64"});

  void script(Fault fault);  // faults of one place happen in the order of the script
  void expire_tokens();      // refuses every token given so far
  void change_password(std::string password);
  void set_refusal_status(int status);  // 401, or 403

  std::vector<SeenRequest> requests() const;
  std::size_t count(std::string_view path_part) const;  // of requests, to both servers
  std::size_t tokens_given() const;

 private:
  http::ServerResponse handle(const http::ServerRequest& request);
  http::ServerResponse handle_elsewhere(const http::ServerRequest& request);
  http::ServerResponse handle_token(const http::ServerRequest& request);
  http::ServerResponse serve(const http::ServerRequest& request, const std::optional<Fault>& fault);
  http::ServerResponse challenge() const;
  std::optional<Fault> next_fault(const std::string& path);
  void remember(const http::ServerRequest& request, bool elsewhere);
  bool authorized(const http::ServerRequest& request) const;

  struct Object {
    std::string bytes;
    std::string media_type;
  };
  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable released_;
  bool releasing_ = false;
  std::map<std::string, std::shared_ptr<const Object>> objects_;  // by "blobs/sha256:.." and "manifests/.."
  std::vector<Fault> faults_;
  std::vector<SeenRequest> requests_;
  std::string password_;
  int refusal_status_ = 401;
  std::size_t tokens_given_ = 0;
  std::size_t tokens_expired_ = 0;  // tokens up to this number are refused
  std::unique_ptr<http::HttpServer> server_, elsewhere_;
};

// The JSON of a configuration and a manifest of layers whose diff ids are their digests.
std::string config_json(const std::vector<std::string>& layers, const Platform& platform);
std::string manifest_json(const std::string& config, const std::vector<std::string>& layers);

}  // namespace zeropull::oci
