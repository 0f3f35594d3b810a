// CHECK: a broken invariant ends the process, in release too. We restart fast and recover from our own state, so going on
// with a wrong belief is the worse choice. Operating errors never CHECK; they return (base/result.h).
#pragma once

#include <source_location>
#include <string_view>

namespace zeropull {

[[noreturn]] void check_failed(std::string_view condition, std::source_location where);

}  // namespace zeropull

#define CHECK(condition)                                                     \
  do {                                                                       \
    if (!(condition)) [[unlikely]]                                           \
      ::zeropull::check_failed(#condition, std::source_location::current()); \
  } while (false)
