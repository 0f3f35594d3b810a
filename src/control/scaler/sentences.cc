#include "control/scaler/sentences.h"

#include <fmt/core.h>

#include <cmath>

namespace zeropull::scaler {

std::string counted(double count, std::string_view one, std::string_view many) {
  return fmt::format("{:.0f} {}", count, agreeing(count, one, many));
}

std::string_view agreeing(double count, std::string_view with_one, std::string_view with_many) {
  return std::round(count) == 1 ? with_one : with_many;
}

}  // namespace zeropull::scaler
