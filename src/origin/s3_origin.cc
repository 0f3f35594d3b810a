#include "origin/s3_origin.h"

#include <algorithm>

#include "base/executor.h"
#include "base/ids.h"
#include "codec/base64.h"
#include "origin/limits.h"
#include "origin/listing.h"
#include "origin/requests.h"
#include "origin/s3_xml.h"

namespace zeropull::origin {

namespace {

using Type = ModelLocation::Type;
using Compression = ModelLocation::Compression;

struct S3Uri {
  std::string bucket;
  std::string key;  // as it is: S3 URIs are not percent-encoded
};

bool is_bucket_name(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  const auto is_edge = [](char c) { return c != '-' && c != '.'; };
  return name.size() >= 3 && name.size() <= 63 && std::ranges::all_of(name, fits) && is_edge(name.front()) &&
         is_edge(name.back()) && !name.contains("..") && !http::IpAddress::parse(name);
}

Result<S3Uri> parse_s3_uri(std::string_view uri) {
  const auto refuse = [&](std::string_view why) {
    return make_error(Code::kInvalidArgument, "\"{}\" is no S3 URI: {}", uri.substr(0, kS3UriMax), why);
  };
  if (uri.size() > kS3UriMax) return refuse("it is longer than 1024 bytes");
  uri.remove_prefix(std::string_view("s3://").size());
  const auto slash = uri.find('/');
  S3Uri out{std::string(uri.substr(0, slash)), slash == std::string_view::npos ? "" : std::string(uri.substr(slash + 1))};
  if (!is_bucket_name(out.bucket)) return refuse("no bucket has such a name");
  return out;
}

bool is_region(std::string_view region) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !region.empty() && region.size() <= 63 && std::ranges::all_of(region, fits);
}

// Where a bucket's objects are: a URL whose path ends with "/", keys go behind it. Amazon's certificates cover no bucket with a
// dot in its name, so that those are addressed by path there too.
Result<http::Url> bucket_url(const S3Access& access, const std::string& bucket) {
  if (access.endpoint) {
    std::string path = access.endpoint->path();
    if (!path.ends_with('/')) path += '/';
    return access.endpoint->with_path(path + bucket + "/");
  }
  if (!is_region(access.region)) return make_error(Code::kInvalidArgument, "\"{}\" is no region of S3", access.region);
  const auto host = fmt::format("s3.{}.amazonaws.com{}", access.region, access.region.starts_with("cn-") ? ".cn" : "");
  if (bucket.contains('.')) {
    auto url = TRY(http::Url::origin("https", host));
    return url.with_path("/" + bucket + "/");
  }
  return http::Url::origin("https", bucket + "." + host);
}

// The MD5 of an object's bytes: the ETag of what was put in one part and is not encrypted with a key of KMS or the customer.
std::optional<std::string> md5_of(const http::Headers& headers) {
  const auto etag = headers.find_or("ETag", "");
  const auto encryption = headers.find_or("x-amz-server-side-encryption", "AES256");
  if (encryption != "AES256" || headers.find("x-amz-server-side-encryption-customer-algorithm")) return std::nullopt;
  if (etag.size() != 34 || etag.front() != '"' || etag.back() != '"') return std::nullopt;
  const auto hex = etag.substr(1, 32);
  return from_hex(hex) ? std::optional(std::string(hex)) : std::nullopt;
}

std::optional<std::string> sha256_of(const http::Headers& headers) {
  if (headers.find_or("x-amz-checksum-type", "FULL_OBJECT") != "FULL_OBJECT") return std::nullopt;
  const auto digest = codec::base64_decode(headers.find_or("x-amz-checksum-sha256", ""));
  return digest && digest->size() == Sha256::kSize ? std::optional(to_hex(*digest)) : std::nullopt;
}

class S3Origin final : public ModelOrigin {
 public:
  S3Origin(ModelLocation location, S3Uri uri, http::Url bucket, const OriginAccess& access, std::unique_ptr<Requests> requests)
      : location_(std::move(location)),
        uri_(std::move(uri)),
        bucket_(std::move(bucket)),
        s3_(access.s3),
        clock_(*access.clock),
        requests_(std::move(requests)) {}

  Result<ModelListing> list(const Context& ctx) override { return list_files(ctx).with_context("model {}", location_.uri); }
  Result<void> read(const Context& ctx, const ModelFile& file, std::uint64_t offset, std::uint64_t length,
                    const ByteSink& sink) override {
    const auto key = location_.type == Type::kPrefix ? uri_.key + file.path : uri_.key;
    return requests_->read(ctx, maker("GET", url_of(key)), file, offset, length, sink)
        .with_context("model {}: {}", location_.uri, file.path);
  }

 private:
  http::Url url_of(std::string_view key) const { return bucket_.with_path(bucket_.path() + http::percent_encode(key, "/")); }
  MakeRequest maker(std::string_view method, http::Url url) const {
    return [this, method, url = std::move(url)](http::Headers headers) {
      http::Request request{.method = std::string(method), .url = url, .headers = std::move(headers)};
      if (s3_.credentials) {
        aws::sign(request.method, url, request.headers, {}, *s3_.credentials,
                  {.region = s3_.region, .service = "s3", .time = clock_.wall_now()});
      }
      return request;
    };
  }
  Result<ModelListing> list_files(const Context& ctx) const;
  Result<std::vector<ModelFile>> list_prefix(const Context& ctx) const;
  Result<ModelFile> ask_head(const Context& ctx, std::string_view key) const;

  const ModelLocation location_;
  const S3Uri uri_;
  const http::Url bucket_;
  const S3Access s3_;
  const Clock& clock_;
  const std::unique_ptr<Requests> requests_;
};

Result<ModelListing> S3Origin::list_files(const Context& ctx) const {
  if (location_.type == Type::kPrefix) {
    auto files = TRY(list_prefix(ctx));
    return make_listing(location_.uri, ModelForm::kTree, std::move(files));
  }
  std::vector<ModelFile> files;
  auto file = TRY(ask_head(ctx, uri_.key));
  file.path = last_part(uri_.key);
  files.push_back(std::move(file));
  const auto form = location_.compression == Compression::kGzip ? ModelForm::kTar : ModelForm::kTree;
  return make_listing(location_.uri, form, std::move(files));
}

// The object's size, version and digests; no path.
Result<ModelFile> S3Origin::ask_head(const Context& ctx, std::string_view key) const {
  auto head = TRY(requests_->get(ctx, maker("HEAD", url_of(key)), {{"x-amz-checksum-mode", "ENABLED"}}, http::kBodyMax));
  const auto size = http::parse_size(head.headers.find_or("Content-Length", ""));
  if (!size) return make_error(Code::kDataLoss, "the server does not say how long the object is");
  return ModelFile{.path = {},
                   .size = *size,
                   .etag = version_of(head.headers),
                   .md5 = md5_of(head.headers),
                   .sha256 = sha256_of(head.headers)};
}

Result<std::vector<ModelFile>> S3Origin::list_prefix(const Context& ctx) const {
  std::vector<ModelFile> files;
  for (std::optional<std::string> token;;) {
    auto query =
        fmt::format("list-type=2&encoding-type=url&max-keys={}&prefix={}", kListPageKeys, http::percent_encode(uri_.key));
    if (token) query += "&continuation-token=" + http::percent_encode(*token);
    const auto response = TRY(requests_->get(ctx, maker("GET", bucket_.with_path(bucket_.path(), query)), {}, kListPageMax));
    auto page = TRY(parse_list_page(response.body));
    for (auto& object : page.objects) {
      if (!object.key.starts_with(uri_.key))
        return make_error(Code::kDataLoss, "the server lists \"{}\", which is not below the prefix", object.key);
      auto path = object.key.substr(uri_.key.size());
      if (object.size == 0 && object.key.ends_with('/')) continue;  // an empty folder
      files.push_back({.path = std::move(path), .size = object.size, .etag = std::move(object.etag)});
    }
    if (files.size() > kFilesMax) return make_error(Code::kOutOfRange, "there are more than {} objects", kFilesMax);
    if (!page.next) break;
    if (page.next == token) return make_error(Code::kDataLoss, "the server lists one page without end");
    token = std::move(page.next);
  }
  if (files.size() > kDigestsAskedMax) return files;
  // A listing does not tell the ETags that are digests from those that are not.
  TRY(parallel_for(ctx, files.size(), kDigestRequests, [&](const Context& inner, std::size_t i) -> Result<void> {
    auto& file = files[i];
    auto head = TRY(ask_head(inner, uri_.key + file.path).with_context("{}", file.path));
    if (head.size != file.size || (!file.etag.empty() && head.etag.starts_with('"') && head.etag != file.etag))
      return make_error(Code::kAborted, "{} changed while it was listed", file.path);
    file.md5 = std::move(head.md5);
    file.sha256 = std::move(head.sha256);
    return {};
  }));
  return files;
}

}  // namespace

Result<std::unique_ptr<ModelOrigin>> open_s3_origin(const ModelLocation& location, const OriginAccess& access) {
  auto uri = TRY(parse_s3_uri(location.uri));
  const bool prefix = location.type == Type::kPrefix;
  if (prefix && !location.uri.ends_with('/'))
    return make_error(Code::kInvalidArgument, "the prefix {} does not end with \"/\"; add it", location.uri);
  if (prefix && location.compression == Compression::kGzip)
    return make_error(Code::kInvalidArgument, "{} is a prefix; compression Gzip goes with an object, one .tar.gz", location.uri);
  if (!prefix) TRY(check_path(last_part(uri.key)).with_context("object {}", location.uri));
  auto bucket = TRY(bucket_url(access.s3, uri.bucket));
  auto requests = TRY(Requests::create(access, bucket, Redirects::kRefused));
  return std::unique_ptr<ModelOrigin>(
      std::make_unique<S3Origin>(location, std::move(uri), std::move(bucket), access, std::move(requests)));
}

}  // namespace zeropull::origin
