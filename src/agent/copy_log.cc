#include "agent/copy_log.h"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/copy_limits.h"
#include "codec/json.h"
#include "os/file.h"

namespace zeropull::agent {

Result<void> CopyLog::append_line(std::string_view text) const {
  auto file = TRY(os::open_file(path_, O_WRONLY | O_CREAT | O_APPEND));
  return os::write_all(file.get(), as_bytes(fmt::format("{}{}\n", kAgentLine, text)));
}

Result<LogSlice> CopyLog::read(std::uint64_t offset, std::uint32_t bytes_max) const {
  LogSlice slice;
  auto file = os::open_file(path_, O_RDONLY);
  if (file.failed_with(Code::kNotFound)) return slice;
  auto opened = TRY(std::move(file));
  slice.size = TRY(os::file_size(opened.get()));
  slice.offset = std::min(offset, slice.size);
  if (slice.offset < slice.size) slice.offset = TRY(os::next_data(opened.get(), slice.offset));
  slice.data.resize(std::min<std::uint64_t>({slice.size - slice.offset, bytes_max, kLogReadMax}));
  TRY(os::read_exactly_at(opened.get(), slice.data, slice.offset));
  return slice;
}

std::string CopyLog::tail(std::size_t bytes_max) const {
  auto end = read(std::numeric_limits<std::uint64_t>::max(), 0);
  if (!end.ok()) return {};
  std::uint64_t from = end->size > bytes_max ? end->size - bytes_max : 0;
  auto slice = read(from, static_cast<std::uint32_t>(bytes_max));
  if (!slice.ok()) return {};
  std::string_view text = as_text(slice->data);
  auto line_end = text.find('\n');
  if (slice->offset > 0 && line_end != std::string_view::npos) text.remove_prefix(line_end + 1);
  // Whatever the container has written becomes UTF-8 by passing through JSON.
  std::string valid = nlohmann::json::parse(codec::json_text(std::string(text)), nullptr, false).get<std::string>();
  if (valid.size() <= bytes_max) return valid;
  std::size_t at = valid.size() - bytes_max;
  while (at < valid.size() && (static_cast<unsigned char>(valid[at]) & 0xc0) == 0x80) ++at;  // not inside a character
  return valid.substr(at);
}

Result<void> CopyLog::trim(Bounds bounds) const {
  auto file = os::open_file(path_, O_RDWR);
  if (file.failed_with(Code::kNotFound)) return {};
  auto opened = TRY(std::move(file));
  auto size = TRY(os::file_size(opened.get()));
  if (size <= bounds.kept + bounds.step) return {};
  auto first = TRY(os::next_data(opened.get(), 0));
  if (size - first <= bounds.kept + bounds.step) return {};
  return os::punch_hole(opened.get(), size - bounds.kept);
}

}  // namespace zeropull::agent
