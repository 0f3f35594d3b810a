// Any bytes as the body of any operation (the first byte chooses it): parsed and validated. What is accepted is accepted again as
// it was put in order, and comes out the same.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/check.h"
#include "codec/json.h"
#include "control/api/limits.h"
#include "control/api/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zeropull;
  if (size == 0) return 0;
  auto operation = api::operations()[data[0] % api::operations().size()];
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto input = codec::parse_json(text, {.size_max = api::kRequestBytesMax, .depth_max = api::kRequestDepthMax});
  if (!input.ok()) return 0;
  const auto& shape = *api::input_shape(operation);
  if (auto rejection = api::validate(shape, *input)) {
    CHECK(!rejection->message.empty());
    (void)codec::json_text({{"message", rejection->message}});
    return 0;
  }
  auto again = *input;
  CHECK(!api::validate(shape, again).has_value());
  CHECK(again == *input);
  return 0;
}
