// AWS event streams (application/vnd.amazon.eventstream): the framing of a streamed answer. A message is a prelude (lengths and
// their CRC-32), string headers, a payload and a CRC-32 over all of it, integers big-endian. The encoder makes what
// InvokeEndpointWithResponseStream sends; the decoder reads it back for our own client and the tests. Plain values: not locked.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/limits.h"
#include "base/bytes.h"
#include "base/result.h"

namespace zeropull::aws {

struct EventHeader {
  std::string name;
  std::string value;  // a string, the one type that these streams need
  bool operator==(const EventHeader&) const = default;
};

struct EventMessage {
  std::vector<EventHeader> headers;
  std::string payload;
  std::optional<std::string_view> find(std::string_view name) const;
};

// What goes before and behind a payload, for a sender that does not want to copy it.
struct EventFrame {
  std::string head;
  std::array<char, 4> tail;
};
// An event ":event-type: PayloadPart" with raw bytes of the model's answer; at most kEventPayloadMax of them (CHECKed).
EventFrame payload_part_frame(ByteView payload);
// Appends `bytes` as one PayloadPart, or as several where they are more than kEventPayloadMax. None for no bytes.
void append_payload_parts(std::string& out, ByteView bytes);

// Exceptions that end a stream. botocore raises both as EventStreamError.
struct ModelStreamError {
  std::string message;
  std::string error_code;  // "StreamBroken", "ModelInvocationTimeExceeded"
};
std::string encode_exception(const ModelStreamError& error);
std::string encode_internal_stream_failure(std::string_view message);

// Any message. Names have 1 to 255 bytes, values at most 65535; more is cut.
std::string encode_message(const EventMessage& message);

// Takes a stream apart, however it was cut on its way:
//   decoder.append(bytes);
//   while (auto message = TRY(decoder.next())) ..
class EventStreamDecoder {
 public:
  void append(ByteView bytes);
  // The next whole message; nullopt until more bytes come. kDataLoss for a broken one, and from then on.
  Result<std::optional<EventMessage>> next();
  // Call it at the end of the stream: kDataLoss when a message is cut off.
  Result<void> finish() const;

 private:
  Result<std::optional<EventMessage>> decode();
  std::string buffer_;
  std::size_t consumed_ = 0;
  bool broken_ = false;
};

}  // namespace zeropull::aws
