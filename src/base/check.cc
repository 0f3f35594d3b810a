#include "base/check.h"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>

namespace zeropull {

void check_failed(std::string_view condition, std::source_location where) {
  fmt::print(stderr, "{}:{}: CHECK failed: {}\n", where.file_name(), where.line(), condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace zeropull
