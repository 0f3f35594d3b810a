#include "origin/fake_s3.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/check.h"
#include "codec/digest.h"

namespace zeropull::origin {

namespace {

std::string md5_etag(std::string_view bytes) {
  std::array<unsigned char, 16> digest{};
  std::size_t size = 0;
  CHECK(EVP_Q_digest(nullptr, "MD5", nullptr, bytes.data(), bytes.size(), digest.data(), &size) == 1);
  return "\"" + to_hex(std::as_bytes(std::span(digest))) + "\"";
}

http::ServerResponse error(int status, std::string_view code) {
  return {.status = status,
          .headers = {{"Content-Type", "application/xml"}},
          .body = fmt::format("<?xml version=\"1.0\"?><Error><Code>{}</Code><Message>as the test wants</Message></Error>", code)};
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

// A body that ends after `good` of its bytes.
http::ServerBody broken_body(std::string bytes, std::uint64_t good) {
  const auto length = bytes.size();
  return http::Generated{
      length, [bytes = std::move(bytes), good, at = std::size_t{0}](MutableByteView room) mutable -> Result<std::size_t> {
        const auto count = std::min<std::size_t>(room.size(), good - at);
        std::ranges::copy(as_bytes(std::string_view(bytes).substr(at, count)), room.begin());
        at += count;
        return count;
      }};
}

}  // namespace

std::string pattern_bytes(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 2654435761u >> 13);
  return out;
}

std::unique_ptr<FakeS3> FakeS3::create(FakeS3Options options) {
  std::unique_ptr<FakeS3> out(new FakeS3(std::move(options)));
  out->server_ = MUST(http::HttpServer::create(
      {}, [fake = out.get()](const Context&, const http::ServerRequest& request) { return fake->answer(request); }));
  return out;
}

void FakeS3::put(const std::string& key, FakeObject object) {
  if (object.etag.empty()) object.etag = md5_etag(object.bytes);
  state_.lock()->objects.insert_or_assign(key, std::move(object));
}

void FakeS3::fail_next(S3Fault fault) { state_.lock()->faults.push_back(std::move(fault)); }

std::vector<std::string> FakeS3::requests() const { return state_.lock()->requests; }

OriginAccess FakeS3::access() const {
  OriginAccess out;
  out.s3 = {.endpoint = MUST(http::Url::parse(server_->url())), .region = "us-east-1", .credentials = options_.credentials};
  out.guard = http::AddressGuard({.denied = {}, .allowed = {MUST(http::IpNetwork::parse("127.0.0.1"))}});
  out.retry.sleep = [](const Context&, Duration) -> Result<void> { return {}; };
  return out;
}

bool FakeS3::is_signed(const http::ServerRequest& request) {
  std::vector<aws::HeaderView> headers;
  for (const auto& [name, value] : request.headers) headers.push_back({name, value});
  const auto parsed = aws::parse_authorization(headers);
  const auto* claims = std::get_if<aws::Authorization>(&parsed);
  return claims != nullptr &&
         !verifier_.verify({request.method, request.target, headers}, *claims, codec::sha256(as_bytes(request.body)),
                           *options_.credentials, {.service = "s3"}, Clock::system().wall_now());
}

http::ServerResponse FakeS3::answer(const http::ServerRequest& request) {
  if (options_.credentials && !is_signed(request)) return error(403, "SignatureDoesNotMatch");
  const auto path = http::percent_decode(request.path).value_or("");
  const auto root = "/" + options_.bucket + "/";
  if (!path.starts_with(root)) return error(404, "NoSuchBucket");
  return path == root ? answer_list(request) : answer_object(request, path.substr(root.size()));
}

http::ServerResponse FakeS3::answer_list(const http::ServerRequest& request) {
  const auto prefix = http::query_value(request.query, "prefix").value_or("");
  const auto after = http::query_value(request.query, "continuation-token").value_or("");
  const bool encoded = options_.url_encoding && http::query_value(request.query, "encoding-type") == "url";
  auto state = state_.lock();
  state->requests.push_back("LIST " + prefix);
  std::string contents, last;
  std::size_t count = 0;
  bool truncated = false;
  for (auto at = state->objects.lower_bound(prefix); at != state->objects.end() && at->first.starts_with(prefix); ++at) {
    if (!after.empty() && at->first <= after) continue;
    if (count++ == options_.page_keys) {
      truncated = true;
      break;
    }
    auto key = http::percent_encode(at->first, "/ ");
    std::ranges::replace(key, ' ', '+');  // as Amazon's does
    last = at->first;
    contents += fmt::format("<Contents><Key>{}</Key><ETag>{}</ETag><Size>{}</Size></Contents>",
                            encoded ? key : escaped(at->first), escaped(at->second.etag), at->second.bytes.size());
  }
  return {.headers = {{"Content-Type", "application/xml"}},
          .body = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"x\"><Name>{}</Name>{}"
                              "<IsTruncated>{}</IsTruncated>{}{}</ListBucketResult>",
                              options_.bucket, encoded ? "<EncodingType>url</EncodingType>" : "", truncated,
                              truncated ? "<NextContinuationToken>" + escaped(last) + "</NextContinuationToken>" : "", contents)};
}

http::ServerResponse FakeS3::answer_object(const http::ServerRequest& request, const std::string& key) {
  auto state = state_.lock();
  const auto range = request.headers.find_or("Range", "");
  state->requests.push_back(fmt::format("{} {}{}{}", request.method, key, range.empty() ? "" : " ", range));
  const auto found = state->objects.find(key);
  if (found == state->objects.end()) return error(404, "NoSuchKey");
  const auto& object = found->second;
  const auto condition = request.headers.find("If-Match");
  if (options_.conditions && condition && *condition != object.etag) return error(412, "PreconditionFailed");

  std::optional<S3Fault> fault;
  if (request.method == "GET" && !state->faults.empty()) {
    fault = std::move(state->faults.front());
    state->faults.pop_front();
    if (!fault->break_after) return error(fault->status, fault->code);
  }
  auto response = http::respond_with_range(request, object.bytes.size(), [&](http::ByteRange asked) -> Result<http::ServerBody> {
    auto bytes = object.bytes.substr(asked.offset, asked.length);
    if (fault) return broken_body(std::move(bytes), std::min<std::uint64_t>(*fault->break_after, asked.length));
    return http::ServerBody(std::move(bytes));
  });
  response.headers.set("ETag", object.etag);
  for (const auto& [name, value] : object.headers) response.headers.set(name, value);
  return response;
}

}  // namespace zeropull::origin
