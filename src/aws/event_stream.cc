#include "aws/event_stream.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/check.h"

namespace zeropull::aws {

namespace {

constexpr std::size_t kPreludeSize = 12;  // total length, headers length, CRC of the two
constexpr std::size_t kCrcSize = 4;
constexpr char kStringType = 7;
constexpr std::size_t kNameMax = 255;
constexpr std::size_t kValueMax = 65535;

std::array<char, 4> be32(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}
std::uint32_t load_be(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// zlib's CRC-32; `before` is that of the bytes before these.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0) {
  return crc32_gzip_refl(before, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

void append(std::string& out, const std::array<char, 4>& bytes) { out.append(bytes.data(), bytes.size()); }

void append_header(std::string& out, std::string_view name, std::string_view value) {
  name = name.substr(0, kNameMax);
  value = value.substr(0, kValueMax);
  out += static_cast<char>(name.size());
  out += name;
  out += kStringType;
  out += static_cast<char>(value.size() >> 8);
  out += static_cast<char>(value.size());
  out += value;
}

EventFrame frame(std::string_view headers, std::string_view payload) {
  const auto total = kPreludeSize + headers.size() + payload.size() + kCrcSize;
  CHECK(total <= kEventMessageMax && headers.size() <= kEventHeadersMax);
  EventFrame out;
  out.head.reserve(kPreludeSize + headers.size());
  append(out.head, be32(static_cast<std::uint32_t>(total)));
  append(out.head, be32(static_cast<std::uint32_t>(headers.size())));
  append(out.head, be32(crc32(out.head)));
  out.head += headers;
  out.tail = be32(crc32(payload, crc32(out.head)));
  return out;
}

std::string joined(std::string_view headers, std::string_view payload) {
  auto edges = frame(headers, payload);
  edges.head += payload;
  append(edges.head, edges.tail);
  return std::move(edges.head);
}

// Ordered, so that the bytes are those of the reference's example.
std::string exception(std::string_view type, const nlohmann::ordered_json& body) {
  std::string headers;
  append_header(headers, ":message-type", "exception");
  append_header(headers, ":exception-type", type);
  append_header(headers, ":content-type", "application/json");
  return joined(headers, body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

// Messages of models are of any length; one frame stays a small one.
std::string_view cut(std::string_view text) { return text.substr(0, kEventPayloadMax / 8); }

Result<std::vector<EventHeader>> decode_headers(std::string_view bytes) {
  std::vector<EventHeader> out;
  const auto take = [&](std::size_t count) -> std::optional<std::string_view> {
    if (count > bytes.size()) return std::nullopt;
    const auto part = bytes.substr(0, count);
    bytes.remove_prefix(count);
    return part;
  };
  while (!bytes.empty()) {
    const auto name = take(load_be(*take(1)));
    const auto type = name ? take(1) : std::nullopt;
    if (!type || name->empty()) return make_error(Code::kDataLoss, "an event's header has no name, or ends within it");
    if (type->front() != kStringType)
      return make_error(Code::kDataLoss, "an event's header is of type {}, not a string", static_cast<int>(type->front()));
    const auto length = take(2);
    const auto value = length ? take(load_be(*length)) : std::nullopt;
    if (!value) return make_error(Code::kDataLoss, "an event's header ends within its value");
    EventHeader header{std::string(*name), std::string(*value)};
    if (std::ranges::any_of(out, [&](const EventHeader& other) { return other.name == header.name; }))
      return make_error(Code::kDataLoss, "an event has one header twice");
    out.push_back(std::move(header));
  }
  return out;
}

}  // namespace

std::optional<std::string_view> EventMessage::find(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &EventHeader::name);
  if (found == headers.end()) return std::nullopt;
  return found->value;
}

EventFrame payload_part_frame(ByteView payload) {
  CHECK(payload.size() <= kEventPayloadMax);
  static const std::string headers = [] {
    std::string out;
    append_header(out, ":message-type", "event");
    append_header(out, ":event-type", "PayloadPart");
    append_header(out, ":content-type", "application/octet-stream");
    return out;
  }();
  return frame(headers, as_text(payload));
}

void append_payload_parts(std::string& out, ByteView bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kEventPayloadMax));
    const auto edges = payload_part_frame(part);
    out += edges.head;
    out += as_text(part);
    append(out, edges.tail);
    bytes = bytes.subspan(part.size());
  }
}

std::string encode_exception(const ModelStreamError& error) {
  return exception("ModelStreamError", {{"Message", cut(error.message)}, {"ErrorCode", cut(error.error_code)}});
}

std::string encode_internal_stream_failure(std::string_view message) {
  return exception("InternalStreamFailure", {{"Message", cut(message)}});
}

std::string encode_message(const EventMessage& message) {
  std::string headers;
  for (const auto& [name, value] : message.headers) append_header(headers, name, value);
  return joined(headers, message.payload);
}

void EventStreamDecoder::append(ByteView bytes) {
  buffer_.erase(0, consumed_);
  consumed_ = 0;
  buffer_ += as_text(bytes);
}

Result<std::optional<EventMessage>> EventStreamDecoder::next() {
  if (broken_) return make_error(Code::kDataLoss, "the event stream is broken");
  auto message = decode();
  broken_ = !message.ok();
  return message;
}

Result<std::optional<EventMessage>> EventStreamDecoder::decode() {
  const auto rest = std::string_view(buffer_).substr(consumed_);
  if (rest.size() < kPreludeSize) return std::optional<EventMessage>();
  const auto total = load_be(rest.substr(0, 4));
  const auto headers = load_be(rest.substr(4, 4));
  if (load_be(rest.substr(8, 4)) != crc32(rest.substr(0, 8)))
    return make_error(Code::kDataLoss, "an event's prelude does not match its CRC-32");
  if (total > kEventMessageMax || headers > kEventHeadersMax || total < kPreludeSize + kCrcSize ||
      headers > total - kPreludeSize - kCrcSize)
    return make_error(Code::kDataLoss, "an event of {} bytes with {} bytes of headers is none", total, headers);
  if (rest.size() < total) return std::optional<EventMessage>();
  const auto body = total - kCrcSize;
  if (load_be(rest.substr(body, kCrcSize)) != crc32(rest.substr(0, body)))
    return make_error(Code::kDataLoss, "an event does not match its CRC-32");
  auto decoded = TRY(decode_headers(rest.substr(kPreludeSize, headers)));
  consumed_ += total;
  return std::optional(
      EventMessage{std::move(decoded), std::string(rest.substr(kPreludeSize + headers, body - kPreludeSize - headers))});
}

Result<void> EventStreamDecoder::finish() const {
  if (broken_ || buffer_.size() != consumed_) return make_error(Code::kDataLoss, "the event stream ends within a message");
  return {};
}

}  // namespace zeropull::aws
