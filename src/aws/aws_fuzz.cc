// Two parsers of outside bytes. The first byte chooses: an Authorization header with its request, or an event stream. Both end
// with values within their limits or an error; what a decoder yields encodes to the bytes it was read from.
#include "aws/event_stream.h"
#include "aws/sigv4_verify.h"
#include "base/check.h"

using namespace zeropull;
using namespace zeropull::aws;

namespace {

// Lines: X-Amz-Date, Authorization, target, then headers "name:value".
void fuzz_authorization(std::string_view text) {
  const auto take_line = [&] {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
  };
  std::vector<HeaderView> headers = {{"X-Amz-Date", take_line()}, {"Authorization", take_line()}};
  const auto target = take_line();
  while (!text.empty()) {
    const auto line = take_line();
    const auto colon = line.find(':');
    headers.push_back({line.substr(0, colon), colon == std::string_view::npos ? "" : line.substr(colon + 1)});
  }
  const auto parsed = parse_authorization(headers);
  const auto* claims = std::get_if<Authorization>(&parsed);
  if (claims == nullptr) return;
  CHECK(!claims->access_key_id.empty() && !claims->region.empty() && !claims->signature.empty());
  CHECK(amz_date(claims->time).size() == claims->amz_date.size());
  const VerifyRules rules{.service = claims->service};
  SignatureVerifier verifier;
  const Credentials credentials{std::string(claims->access_key_id), Secret("secret"), std::nullopt};
  CHECK(verifier.verify({"POST", target, headers}, *claims, Sha256{}, credentials, rules, claims->time).has_value());
}

void fuzz_event_stream(std::string_view text) {
  EventStreamDecoder whole, pieces;
  whole.append(as_bytes(text));
  std::size_t at = 0;
  for (;;) {
    auto message = whole.next();
    if (!message || !*message) break;
    const auto again = encode_message(**message);
    CHECK(text.substr(at, again.size()) == again);
    pieces.append(as_bytes(text.substr(at, again.size() / 2)));
    CHECK(!MUST(pieces.next()));
    pieces.append(as_bytes(text.substr(at + again.size() / 2, again.size() - again.size() / 2)));
    CHECK(MUST(pieces.next())->payload == (*message)->payload);
    at += again.size();
  }
  CHECK(whole.finish().ok() == (at == text.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.empty()) return 0;
  if (text.front() == 'a') {
    fuzz_authorization(text.substr(1));
  } else {
    fuzz_event_stream(text.substr(1));
  }
  return 0;
}
