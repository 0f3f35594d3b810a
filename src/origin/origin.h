// ModelOrigin: where a model comes from, an S3-compatible store, an https server or a folder of this machine, seen as a list of
// files and their bytes. The artifact room lists a model once and then reads ranges of its files in parallel.
//
// URIs:
//   s3://bucket/key     an object (kObject), or everything below "s3://bucket/prefix/" (kPrefix; it ends with "/")
//   https://host/path   one file. http:// too, to addresses that the operator's exceptions in AddressGuard name
//   file:///path        one file or (kPrefix) a folder, only below OriginAccess::folders
//
// A file's path is its key without the prefix, or the last part of the key, URL or path of a single one (SageMaker's
// S3DataSource). A 0-byte key that ends with "/" is what consoles make for an empty folder and is left out. kGzip goes with
// kObject: one gzip-compressed tar.
//
// Threads: every call from any thread at once; each waits for the network or disk at most until its context ends. An origin
// verifies lengths and versions; whether the bytes have the digests that a listing states is for the reader to check.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/sigv4.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/context.h"
#include "base/result.h"
#include "http/address_guard.h"
#include "http/retry.h"
#include "http/url.h"

namespace zeropull::origin {

enum class ModelForm { kTree, kTar };  // files as they are; one tar, compressed or not, that is to be unpacked

struct ModelFile {
  // Relative and checked: no empty, "." or ".." names, no NUL, no name over 255 bytes, no file that is a folder too.
  std::string path = {};
  std::uint64_t size = 0;
  std::string etag = {};  // the version of the bytes, opaque; "" where the origin has none. Every read demands it
  std::optional<std::string> md5 = std::nullopt;     // 32 hex digits, when the origin states it (a single-part S3 ETag)
  std::optional<std::string> sha256 = std::nullopt;  // 64 hex digits, when the origin states it
  bool ranged = true;                                // false: a read begins at 0 (the server knows no ranges)
};

struct ModelListing {
  ModelForm form = ModelForm::kTree;
  std::vector<ModelFile> files;  // ascending by path, at least one
  std::string identity;          // hex SHA-256 over URI, form, and the names, sizes and etags of the files
};

using ByteSink = std::function<Result<void>(ByteView)>;

class ModelOrigin {
 public:
  virtual ~ModelOrigin() = default;
  // kNotFound where nothing is; kInvalidArgument for names that no folder can hold.
  virtual Result<ModelListing> list(const Context& ctx) = 0;
  // Bytes [offset, offset + length) of a listed file, in order. Broken and stalled transfers and busy servers are repeated
  // inside, from the byte that was reached. kAborted: the file is not the listed one any more, list again. kDataLoss: the origin
  // contradicts itself. An error of the sink ends the read and is returned as it is.
  virtual Result<void> read(const Context& ctx, const ModelFile& file, std::uint64_t offset, std::uint64_t length,
                            const ByteSink& sink) = 0;
};

struct ModelLocation {
  enum class Type { kObject, kPrefix };
  enum class Compression { kNone, kGzip };
  std::string uri;
  Type type = Type::kObject;
  Compression compression = Compression::kNone;
};

struct S3Access {
  std::optional<http::Url> endpoint = std::nullopt;  // spoken to in path style; Amazon's own, virtual-hosted, when unset
  std::string region = "us-east-1";
  std::optional<aws::Credentials> credentials = std::nullopt;  // anonymous when unset
};

// What an account may reach, and how.
struct OriginAccess {
  S3Access s3 = {};
  std::vector<std::string> folders = {};  // absolute; file:// reads below these alone, none when empty
  http::AddressGuard guard = {};
  std::string ca_file = {};  // PEM; the system's authorities when empty
  http::RetryPolicy retry = {};
  Duration connect_timeout = std::chrono::seconds(10);
  Duration progress_timeout = std::chrono::seconds(30);
  const Clock* clock = &Clock::system();
  Random* random = &Random::secure();
};

// Contacts nobody. kInvalidArgument for a URI, or a combination of URI, type and compression, that is none of the above;
// kPermissionDenied for a path outside the allowed folders.
Result<std::unique_ptr<ModelOrigin>> open_origin(const ModelLocation& location, const OriginAccess& access);

}  // namespace zeropull::origin
