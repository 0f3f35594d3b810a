#include "oci/blob_transfer.h"

#include <algorithm>

#include "oci/limits.h"

namespace zeropull::oci {

Result<http::Response> BlobTransfer::attempt(const Context& ctx, Endpoint& endpoint) {
  http::Headers headers = {{"Accept", "*/*"}};
  if (delivered_ > 0) headers.set("Range", http::range_from_header(delivered_));
  std::optional<http::Response> head;
  const http::Sink sink = [&](const http::Response& now, ByteView data) -> Result<void> {
    if (!head) {
      head = now;
      TRY(check_head(now));
    }
    return take(data);
  };
  auto response = endpoint.get(ctx, "blobs/sha256:" + digest_.hex(), headers, &sink);
  // A connection that breaks after the last byte has done its work.
  if (response.failed_with(Code::kUnavailable) && head && complete()) return *head;
  if (response.failed_with(Code::kUnavailable) && head) return ended_early(std::move(response).take_error());
  if (!response || !response->ok() || complete()) return response;
  return ended_early(
      make_error(Code::kUnavailable, "{} ended the blob after {} of {} bytes", endpoint.host(), delivered_, size_));
}

Error BlobTransfer::ended_early(Error why) {
  ends_there_ = delivered_ == ended_at_ ? ends_there_ + 1 : 1;
  ended_at_ = delivered_;
  if (ends_there_ < kEndsAtOneByteMax) return why;
  return make_error(
      Code::kDataLoss,
      "{}; {} attempts ended after the same {} of {} bytes, the server does not have the rest: push the image again",
      why.message(), ends_there_, delivered_, size_);
}

// The server may answer with the rest, or with the whole: then what was delivered before is skipped.
Result<void> BlobTransfer::check_head(const http::Response& head) {
  TRY(check_not_html(head));
  std::uint64_t offset = 0;
  if (head.status == 206) {
    const auto range = http::parse_content_range(head.headers.find_or("Content-Range", ""));
    if (!range || range->range.offset != delivered_ || range->total.value_or(size_) != size_)
      return make_error(Code::kDataLoss, "asked for bytes from {} of {}, the server gives \"{}\"", delivered_, size_,
                        head.headers.find_or("Content-Range", ""));
    offset = delivered_;
  } else if (head.status != 200) {
    return make_error(Code::kUnknown, "the server answered a blob with status {}", head.status);
  }
  skip_ = delivered_ - offset;
  if (const auto length = head.headers.find("Content-Length"); length && http::parse_size(*length) != size_ - offset)
    return make_error(Code::kDataLoss, "the server says {} bytes, the manifest {}; try again, or push the image again", *length,
                      size_ - offset);
  return {};
}

Result<void> BlobTransfer::take(ByteView data) {
  const auto again = std::min<std::uint64_t>(skip_, data.size());
  skip_ -= again;
  data = data.subspan(again);
  if (data.empty()) return {};
  if (data.size() > size_ - delivered_)
    return make_error(Code::kDataLoss, "the server gives more than the {} bytes of the manifest", size_);
  hasher_.update(data);
  delivered_ += data.size();
  auto taken = sink_(data);
  if (taken.ok()) return {};
  // Kept apart: whatever its code is, it is no fault of the server's and nothing to repeat.
  sink_error_ = std::move(taken).take_error();
  return make_error(Code::kAborted, "the receiver refused the bytes");
}

Result<void> BlobTransfer::verify() {
  const auto got = hasher_.finish();
  if (got == digest_) return {};
  return make_error(Code::kDataLoss, "the server gave other bytes, of digest sha256:{}; try again, or push the image again",
                    got.hex());
}

}  // namespace zeropull::oci
