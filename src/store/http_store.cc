#include "store/http_store.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "http/range.h"
#include "store/protocol.h"

namespace zeropull::store {

namespace {

// What a server's line of text may add to a message.
constexpr std::size_t kReasonMax = 200;

Code code_of(int status) {
  for (const auto& row : kStatusOfCode) {
    if (row.status == status) return row.code;
  }
  return status >= 500 ? Code::kUnavailable : Code::kUnknown;
}

// The error of an answer that is not 2xx. Only printable characters of what the server says pass.
Error error_of(const http::Response& response) {
  std::string reason;
  for (char c : response.body.substr(0, kReasonMax)) {
    if (c >= ' ' && c <= '~') reason += c;
  }
  return make_error(code_of(response.status), "HTTP status {}{}{}", response.status, reason.empty() ? "" : ": ", reason);
}

Result<ModifiedTime> modified_of(const http::Response& response) {
  auto text = response.headers.find(kModifiedHeader);
  auto number = text ? http::parse_size(*text) : std::nullopt;
  if (!number || *number > INT64_MAX) return make_error(Code::kDataLoss, "the answer has no {}", kModifiedHeader);
  return ModifiedTime(std::chrono::milliseconds(static_cast<std::int64_t>(*number)));
}

Result<ListedObject> parse_object(const nlohmann::json& value) {
  auto text = TRY(codec::json_string(value, "name"));
  auto name = TRY(ObjectName::parse(text));
  auto size = TRY(codec::json_int(value, "size"));
  auto modified = TRY(codec::json_int(value, "modified_ms"));
  return ListedObject{std::move(name), {static_cast<std::uint64_t>(size), ModifiedTime(std::chrono::milliseconds(modified))}};
}

// Names out of order or outside the request would let a server lead its reader in circles.
Result<ListPage> parse_page(std::string_view text, const ListRequest& request) {
  auto root = TRY(codec::parse_json(text, {.size_max = kListBodyMax, .depth_max = 4}));
  const auto* objects = TRY(codec::json_array(root, "objects"));
  if (objects->size() > request.limit) return make_error(Code::kDataLoss, "more objects than asked for");
  ListPage page;
  std::string last = request.after ? request.after->text() : "";
  for (const auto& element : *objects) {
    auto object = TRY(parse_object(element));
    bool inside = !request.folder || object.name.text().starts_with(request.folder->text() + "/");
    if (object.name.text() <= last || !inside) return make_error(Code::kDataLoss, "listing out of order or out of its folder");
    last = object.name.text();
    page.objects.push_back(std::move(object));
  }
  auto more = TRY(codec::json_optional_string(root, "continue_after"));
  if (!more) return page;
  if (page.objects.empty() || *more != last)
    return make_error(Code::kDataLoss, "listing continues after another name than its last");
  page.continue_after = page.objects.back().name;
  return page;
}

}  // namespace

Result<std::unique_ptr<HttpStore>> HttpStore::create(HttpStoreOptions options) {
  auto url = TRY(http::Url::parse(options.url).with_context("store {}", options.url));
  if (url.path() != "/" || !url.query().empty()) {
    return make_error(Code::kInvalidArgument, "store {}: only \"https://host:port\" is allowed", options.url);
  }
  options.client.redirects_max = 0;  // the token goes to this server alone
  auto client = TRY(http::HttpClient::create(options.client).with_context("store {}", options.url));
  return std::unique_ptr<HttpStore>(new HttpStore(std::move(options), std::move(url), std::move(client)));
}

void HttpStore::authorize(http::Request& request) const {
  if (!options_.token.empty()) request.headers.add("Authorization", std::string(kBearer) + options_.token);
}

http::Request HttpStore::request_for(std::string method, const ObjectName& name) const {
  http::Request request{.method = std::move(method), .url = url_.with_path(std::string(kObjectsPath) + name.text())};
  authorize(request);
  return request;
}

Result<http::Response> HttpStore::request(const Context& ctx, const http::Request& request) {
  http::Backoff backoff(options_.retry, Random::secure());
  while (true) {
    auto response = client_->request(ctx, request);
    auto retry = http::retry_reason(response, Clock::system());
    if (retry) {
      auto again = TRY(backoff.wait(ctx, *retry));
      if (again) continue;
    }
    if (response.ok() && !response->ok()) return error_of(*response);
    return response;
  }
}

Result<void> HttpStore::put(const Context& ctx, const ObjectName& name, ByteView bytes) {
  if (bytes.size() > kObjectSizeMax) {
    return make_error(Code::kResourceExhausted, "put {}: {} bytes are more than {}", name, bytes.size(), kObjectSizeMax);
  }
  auto put = request_for("PUT", name);
  put.body = bytes;
  TRY(request(ctx, put).with_context("{}: put {}", describe(), name));
  return {};
}

Result<http::Response> HttpStore::read_on(const Context& ctx, const ObjectName& name, std::uint64_t offset, MutableByteView out,
                                          std::size_t& filled) {
  auto get = request_for("GET", name);
  const http::ByteRange wanted{offset + filled, out.size() - filled};
  get.headers.add("Range", http::range_header(wanted));
  auto response = client_->stream(ctx, get, [&](const http::Response& head, ByteView data) -> Result<void> {
    auto content = http::parse_content_range(head.headers.find_or("Content-Range", ""));
    if (head.status != 206 || !content || content->range.offset != wanted.offset) {
      return make_error(Code::kDataLoss, "the server sent another range than it was asked for");
    }
    if (content->range.length != wanted.length) return make_error(Code::kOutOfRange, "the object ends before the range");
    if (data.size() > out.size() - filled) return make_error(Code::kDataLoss, "the server sent more than it was asked for");
    std::memcpy(out.data() + filled, data.data(), data.size());
    filled += data.size();
    return {};
  });
  if (response.ok() && response->ok() && filled < out.size()) return make_error(Code::kUnavailable, "the transfer ended early");
  return response;
}

Result<void> HttpStore::read(const Context& ctx, const ObjectName& name, std::uint64_t offset, MutableByteView out) {
  http::Backoff backoff(options_.retry, Random::secure());
  std::size_t filled = 0;
  while (true) {
    std::size_t before = filled;
    auto response = read_on(ctx, name, offset, out, filled);
    if (filled > before) backoff.reset();
    auto retry = http::retry_reason(response, Clock::system());
    if (retry) {
      auto again = TRY(backoff.wait(ctx, *retry).with_context("{}: read {}", describe(), name));
      if (again) continue;
    }
    if (response.ok() && response->ok()) return {};
    auto error = response.ok() ? error_of(*response) : std::move(response).take_error();
    return std::move(error).with(fmt::format("{}: read {}", describe(), name));
  }
}

Result<Bytes> HttpStore::read_whole(const Context& ctx, const ObjectName& name, std::uint64_t size_max) {
  auto get = request_for("GET", name);
  get.response_max = std::max<std::size_t>(size_max, http::kErrorBodyMax);  // room for what an error says
  auto response = TRY(request(ctx, get).with_context("{}: read {}", describe(), name));
  if (response.body.size() > size_max) {
    return make_error(Code::kOutOfRange, "{}: {} has {} bytes, more than {}", describe(), name, response.body.size(), size_max);
  }
  return to_bytes(as_bytes(response.body));
}

Result<ObjectInfo> HttpStore::stat(const Context& ctx, const ObjectName& name) {
  auto response = TRY(request(ctx, request_for("HEAD", name)).with_context("{}: stat {}", describe(), name));
  auto size = http::parse_size(response.headers.find_or("Content-Length", ""));
  if (!size) return make_error(Code::kDataLoss, "{}: stat {}: the answer has no size", describe(), name);
  ObjectInfo info;
  info.size = *size;
  info.modified = TRY(modified_of(response).with_context("{}: stat {}", describe(), name));
  return info;
}

Result<ListPage> HttpStore::list(const Context& ctx, const ListRequest& list) {
  std::string query = fmt::format("limit={}", std::min(list.limit, kListMax));
  if (list.folder) query += "&folder=" + list.folder->text();
  if (list.after) query += "&after=" + list.after->text();
  http::Request get{.method = "GET", .url = url_.with_path(std::string(kListPath), query)};
  authorize(get);
  auto response = TRY(request(ctx, get).with_context("{}: list", describe()));
  auto page = parse_page(response.body, list);
  if (page.ok()) return page;
  return make_error(Code::kDataLoss, "{}: list: {}", describe(), page.error().message());
}

Result<void> HttpStore::remove(const Context& ctx, const ObjectName& name) {
  TRY(request(ctx, request_for("DELETE", name)).with_context("{}: remove {}", describe(), name));
  return {};
}

}  // namespace zeropull::store
