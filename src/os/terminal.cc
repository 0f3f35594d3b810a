#include "os/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace zeropull::os {

std::optional<std::size_t> terminal_columns(int fd) {
  if (isatty(fd) == 0) return std::nullopt;
  winsize size{};
  constexpr std::size_t kUnknownWidth = 80;
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUnknownWidth;
  return size.ws_col;
}

}  // namespace zeropull::os
