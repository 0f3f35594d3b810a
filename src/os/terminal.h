// What a program may know of the terminal that its user sits at.
#pragma once

#include <cstddef>
#include <optional>

namespace zeropull::os {

// The width of the terminal behind a descriptor; nullopt when it is none.
std::optional<std::size_t> terminal_columns(int fd);

}  // namespace zeropull::os
