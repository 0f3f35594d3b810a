#include "origin/requests.h"

#include <algorithm>

#include "http/range.h"
#include "origin/limits.h"
#include "origin/s3_xml.h"

namespace zeropull::origin {

namespace {

bool is_etag(std::string_view version) { return version.starts_with('"'); }

Code code_of_status(int status) {
  switch (status) {
    case 400: return Code::kInvalidArgument;
    case 401: return Code::kUnauthenticated;
    case 403: return Code::kPermissionDenied;
    case 404:
    case 410: return Code::kNotFound;
    case 412: return Code::kAborted;
    case 416: return Code::kDataLoss;
    default: return http::is_retried_status(status) ? Code::kUnavailable : Code::kUnknown;
  }
}

// One range of a file on its way, over as many attempts as it takes.
class RangeTransfer {
 public:
  RangeTransfer(const ModelFile& file, http::ByteRange range, const ByteSink& sink) : file_(file), range_(range), sink_(sink) {}

  Result<http::Response> attempt(const Context& ctx, http::HttpClient& client, const MakeRequest& make) {
    http::Headers headers;
    if (file_.ranged) headers.set("Range", http::range_header({range_.offset + delivered_, range_.length - delivered_}));
    if (!file_.etag.empty()) headers.set(is_etag(file_.etag) ? "If-Match" : "If-Unmodified-Since", file_.etag);
    head_.reset();
    auto response = client.stream(ctx, make(std::move(headers)), [&](const http::Response& head, ByteView data) -> Result<void> {
      if (!head_) {
        head_ = head;
        TRY(check_head(head));
      }
      return take(data);
    });
    if (complete() && head_) return std::move(*head_);  // a connection may break, or more may follow, behind the last byte
    if (!response || !response->ok()) return response;
    if (!head_) TRY(check_head(*response));
    return make_error(Code::kUnavailable, "the server ended the range after {} of {} bytes", delivered_, range_.length);
  }

  bool complete() const { return delivered_ == range_.length; }
  const std::uint64_t& delivered() const { return delivered_; }
  std::optional<Error>& sink_error() { return sink_error_; }

 private:
  Result<void> check_head(const http::Response& head) {
    TRY(check_version(head.headers));
    const auto from = range_.offset + delivered_;
    const auto stated = head.headers.find("Content-Length");
    if (head.status == 206) {
      const auto given = http::parse_content_range(head.headers.find_or("Content-Range", ""));
      const auto length = range_.length - delivered_;
      if (!given || given->range != http::ByteRange{from, length} || given->total.value_or(file_.size) != file_.size ||
          (stated && http::parse_size(*stated) != length))
        return make_error(Code::kDataLoss, "asked for bytes {}-{} of {}, the server gives \"{}\" in {} bytes", from,
                          from + length - 1, file_.size, head.headers.find_or("Content-Range", ""), stated.value_or("?"));
      skip_ = 0;
      return {};
    }
    if (head.status != 200) return make_error(Code::kUnknown, "the server answered with status {}", head.status);
    if (range_.offset != 0)
      return make_error(Code::kFailedPrecondition, "asked for bytes from {}, the server gives all; list the model again", from);
    if (stated && http::parse_size(*stated) != file_.size)
      return make_error(Code::kDataLoss, "the server says {} bytes, and {} when it was listed", *stated, file_.size);
    skip_ = delivered_;
    return {};
  }

  // Also of servers that know no conditions.
  Result<void> check_version(const http::Headers& headers) const {
    if (file_.etag.empty()) return {};
    const auto now = is_etag(file_.etag) ? headers.find("ETag") : headers.find("Last-Modified");
    if (!now || *now == file_.etag || now->starts_with("W/")) return {};
    return make_error(Code::kAborted, "the file is {} now and was {} when it was listed", *now, file_.etag);
  }

  Result<void> take(ByteView data) {
    const auto again = std::min<std::uint64_t>(skip_, data.size());
    skip_ -= again;
    data = data.subspan(again);
    const auto left = range_.length - delivered_;
    const bool more = data.size() > left;
    data = data.first(std::min<std::uint64_t>(data.size(), left));
    if (!data.empty()) {
      delivered_ += data.size();
      auto taken = sink_(data);
      if (!taken) {
        // Kept apart: whatever its code is, it is no fault of the server's and nothing to repeat.
        sink_error_ = std::move(taken).take_error();
        return make_error(Code::kCancelled, "the receiver refused the bytes");
      }
    }
    if (more) return make_error(Code::kCancelled, "the range is complete");
    return {};
  }

  const ModelFile& file_;
  const http::ByteRange range_;
  const ByteSink& sink_;
  std::optional<http::Response> head_;
  std::uint64_t delivered_ = 0;  // given to the sink
  std::uint64_t skip_ = 0;       // of this attempt: bytes that come again and were delivered before
  std::optional<Error> sink_error_;
};

}  // namespace

Error status_error(const http::Response& response) {
  auto code = code_of_status(response.status);
  auto text = fmt::format("the server answered with status {}", response.status);
  if (const auto error = parse_s3_error(response.body)) {
    if (error->code == "InvalidAccessKeyId" || error->code == "SignatureDoesNotMatch" || error->code == "ExpiredToken")
      code = Code::kUnauthenticated;
    text += fmt::format(": {}: {}", error->code, error->message);
  }
  if (const auto region = response.headers.find("x-amz-bucket-region"); region && response.status / 100 != 5)
    text += fmt::format(" (the bucket is in region {})", *region);
  if (response.status == 412) text += "; the file is not the one that was listed";
  return Error(code, std::move(text));
}

std::string version_of(const http::Headers& headers) {
  const auto etag = headers.find("ETag");
  if (etag && is_etag(*etag)) return std::string(*etag);
  return std::string(headers.find_or("Last-Modified", ""));
}

Result<std::unique_ptr<Requests>> Requests::create(const OriginAccess& access, const http::Url& first, Redirects redirects) {
  auto client = TRY(http::HttpClient::create({.plain = first.secure() ? http::Plain::kRefused : http::Plain::kAllowed,
                                              .ca_file = access.ca_file,
                                              .connect_timeout = access.connect_timeout,
                                              .progress_timeout = access.progress_timeout,
                                              .redirects_max = redirects == Redirects::kFollowed ? 5 : 0,
                                              .guard = first.secure() ? access.guard : access.guard.exceptions_only()}));
  return std::unique_ptr<Requests>(new Requests(access, std::move(client)));
}

Result<http::Response> Requests::repeat(const Context& ctx, const Attempt& attempt, const std::uint64_t& progress) const {
  http::Backoff backoff(retry_, random_);
  for (auto counted = progress;;) {
    auto response = attempt();
    const auto retry = http::retry_reason(response, clock_);
    if (!retry) return response;
    if (progress - counted >= kProgressThatCounts) {
      counted = progress;
      backoff.reset();
    }
    const auto why = response.ok() ? status_error(*response) : std::move(response).take_error();
    auto again = backoff.wait(ctx, *retry);
    if (!again) return std::move(again).take_error().with(why.message());
    if (!*again) return make_error(why.code(), "{}; gave up after {} attempts", why.message(), backoff.attempts());
  }
}

Result<http::Response> Requests::get(const Context& ctx, const MakeRequest& make, http::Headers headers,
                                     std::size_t response_max) const {
  const auto attempt = [&] {
    auto request = make(headers);
    request.response_max = response_max;
    return client_->request(ctx, request);
  };
  const std::uint64_t none = 0;
  auto response = TRY(repeat(ctx, attempt, none));
  if (!response.ok()) return status_error(response);
  return response;
}

Result<http::Response> Requests::probe(const Context& ctx, const MakeRequest& make) const {
  const auto attempt = [&]() -> Result<http::Response> {
    std::optional<http::Response> head;
    const auto stop = [&](const http::Response& now, ByteView) -> Result<void> {
      head = now;
      return make_error(Code::kCancelled, "the head is enough");
    };
    auto response = client_->stream(ctx, make({{"Range", http::range_header({.offset = 0, .length = 1})}}), stop);
    if (head) return std::move(*head);
    return response;
  };
  const std::uint64_t none = 0;
  auto response = TRY(repeat(ctx, attempt, none));
  if (!response.ok() && response.status != 416) return status_error(response);
  return response;
}

Result<void> Requests::read(const Context& ctx, const MakeRequest& make, const ModelFile& file, std::uint64_t offset,
                            std::uint64_t length, const ByteSink& sink) const {
  const auto end = checked_add(offset, length);
  if (!end || *end > file.size)
    return make_error(Code::kOutOfRange, "bytes from {} to {} of {} bytes", offset, end.value_or(UINT64_MAX), file.size);
  if (offset != 0 && !file.ranged)
    return make_error(Code::kFailedPrecondition, "the server knows no ranges; read the file from its beginning");
  if (length == 0) return {};
  RangeTransfer transfer(file, {offset, length}, sink);
  auto response = repeat(ctx, [&] { return transfer.attempt(ctx, *client_, make); }, transfer.delivered());
  if (transfer.sink_error()) return std::move(*transfer.sink_error());
  if (!response) return std::move(response).take_error();
  if (!response->ok()) return status_error(*response);
  return {};
}

}  // namespace zeropull::origin
