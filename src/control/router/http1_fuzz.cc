// The first byte says whether requests or answers follow, and into pieces of what size they are cut. Whatever comes, cutting it
// differently must not change what is understood.
#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "control/router/http1.h"
#include "http/limits.h"

namespace {

using namespace zeropull::router;

struct Understood final : BodySink {
  void on_body(std::string_view piece) override {
    text += piece;
    body_bytes += piece.size();
  }
  std::string text;  // all messages, one after the other
  std::size_t body_bytes = 0;
  bool broken = false;
  bool operator==(const Understood& other) const { return text == other.text && broken == other.broken; }
};

Understood understand(MessageParser::Kind kind, std::string_view bytes, std::size_t piece) {
  MessageParser parser(kind);
  Understood understood;
  std::size_t at = 0;
  std::size_t given = 0;
  for (;;) {
    std::size_t used = 0;
    const auto step = parser.put(bytes.substr(at, given - at), used, understood);
    CHECK(used <= given - at);
    at += used;
    if (step == ParseStep::kHead) {
      const auto& head = parser.head();
      CHECK(head.method().size() + head.target().size() <= zeropull::http::kHeadersMax);
      understood.text.append(head.method()).append(" ").append(head.target()).append(std::to_string(head.status()));
      for (std::size_t i = 0; i < head.size(); ++i) {
        CHECK(!head.value(i).contains('\n') && !head.value(i).contains('\r') && !head.name(i).empty());
        understood.text.append(head.name(i)).append(":").append(head.value(i)).append("\n");
      }
    } else if (step == ParseStep::kDone) {
      understood.text.append("\nend\n");
      parser.next();
      if (at == bytes.size()) return understood;
    } else if (step == ParseStep::kMore) {
      if (given == bytes.size()) return understood;
      given = std::min(bytes.size(), given + piece);
    } else {
      understood.broken = true;
      return understood;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto kind = (data[0] & 1) != 0 ? MessageParser::Kind::kAnswer : MessageParser::Kind::kRequest;
  const auto whole = understand(kind, bytes, bytes.size() + 1);
  const auto cut = understand(kind, bytes, 1 + (data[0] >> 1));
  // A piece may end a broken message's good part sooner or later; what is whole must be the same.
  CHECK(whole.broken || whole == cut);
  return 0;
}
