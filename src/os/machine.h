// What the machine is: its boot, its memory, its disk. All functions are thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace zeropull::os {

Result<std::string> boot_id();  // the kernel's: another one after each boot
Result<std::uint64_t> memory_bytes();
Result<std::uint64_t> disk_bytes(const std::string& path);  // of the file system that the path lies on

}  // namespace zeropull::os
