// Whatever a container answers is read within bounds; and what was read, written and read again, is the same.
#include "base/check.h"
#include "control/series/exposition.h"

using namespace zeropull::series;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = parse_exposition(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!parsed.ok()) return 0;
  const auto once = to_exposition(parsed.value().families);
  const auto again = parse_exposition(once);
  CHECK(again.ok() && again.value().skipped == 0);
  CHECK(to_exposition(again.value().families) == once);
  return 0;
}
