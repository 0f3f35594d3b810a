// Sentences: how explanations speak of numbers.
#pragma once

#include <string>
#include <string_view>

namespace zeropull::scaler {

// "1 copy", "4 copies": rounded to a whole number.
std::string counted(double count, std::string_view one, std::string_view many);
// What agrees with such a number: "is" of one, "are" of all others.
std::string_view agreeing(double count, std::string_view with_one, std::string_view with_many);

}  // namespace zeropull::scaler
