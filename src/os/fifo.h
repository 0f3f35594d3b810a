// Named pipes and waiting for several descriptors at once: how a program exchanges bytes with a process that another starts.
#pragma once

#include <poll.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace zeropull::os {

Result<void> create_fifo(const std::string& path, mode_t mode = 0600);

// poll(2). True when a descriptor is ready; false when the time is over or a signal came, so callers ask in a loop.
Result<bool> wait_ready(std::span<pollfd> descriptors, int timeout_ms);

// For non-blocking descriptors: nullopt where the call would block. 0 is the end of the stream when reading.
Result<std::optional<std::size_t>> try_read(int fd, MutableByteView bytes);
Result<std::optional<std::size_t>> try_write(int fd, ByteView bytes);

}  // namespace zeropull::os
