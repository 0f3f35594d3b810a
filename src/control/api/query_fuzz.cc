// Any bytes as a form of any operation of CloudWatch (the first byte chooses it): parsed and validated. An answer with any text
// in it is XML without a control character.
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/check.h"
#include "control/api/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zeropull;
  static const auto operations = [] {
    std::vector<std::string_view> names;
    for (auto name : api::operations()) {
      if (name.starts_with("cloudwatch:")) names.push_back(name);
    }
    return names;
  }();
  if (size == 0) return 0;
  auto operation = operations[data[0] % operations.size()];
  std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto& shape = *api::input_shape(operation);
  auto input = api::query().parse(shape, body);
  if (auto* parsed = std::get_if<nlohmann::json>(&input)) (void)api::validate(shape, *parsed);
  auto answer = api::query().answer(operation, {{"AlarmName", body}}, "r");
  CHECK(
      std::ranges::none_of(answer, [](char letter) { return letter >= 0 && letter < ' ' && letter != '\n' && letter != '\t'; }));
  return 0;
}
