#include "codec/tar_pax.h"

#include <algorithm>

#include "codec/limits.h"
#include "codec/tar_header.h"

namespace zeropull::codec {
namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";
constexpr std::string_view kSparseOffset = "GNU.sparse.offset";
constexpr std::string_view kSparseLength = "GNU.sparse.numbytes";
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::size_t kNanosecondDigits = 9;

bool has_nul(std::string_view text) { return text.find('\0') != text.npos; }

bool is_text_key(std::string_view key) { return key == "path" || key == "linkpath" || key == "uname" || key == "gname"; }

struct Record {
  std::string_view key;
  std::string_view value;
};

// Takes the first record off `body`.
Result<Record> take_record(std::string_view& body) {
  const auto bad = [] { return make_error(Code::kDataLoss, "a PAX record is malformed"); };
  const auto space = body.find(' ');
  if (space == body.npos) return bad();
  const auto length = parse_decimal(body.substr(0, space));
  if (!length || *length < 0) return bad();
  const auto size = static_cast<std::uint64_t>(*length);
  if (size > body.size() || size < space + 2 || body[size - 1] != '\n') return bad();
  const std::string_view text = body.substr(space + 1, size - space - 2);
  body.remove_prefix(size);
  const auto equals = text.find('=');
  if (equals == text.npos || equals == 0) return bad();
  const Record record{text.substr(0, equals), text.substr(equals + 1)};
  if (has_nul(record.key) || (is_text_key(record.key) && has_nul(record.value))) {
    return make_error(Code::kDataLoss, "a PAX record has a NUL in its name or text");
  }
  return record;
}

// "<seconds>[.<digits>]", possibly negative; digits beyond nanoseconds are cut off.
std::optional<TarTime> parse_time(std::string_view text) {
  const auto dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const auto seconds = parse_decimal(whole);
  if (!seconds) return std::nullopt;
  if (dot == text.npos) return TarTime{*seconds, 0};
  const std::string_view fraction = text.substr(dot + 1);
  std::int64_t nanoseconds = 0;
  for (std::size_t i = 0; i < std::max(fraction.size(), kNanosecondDigits); i++) {
    const char digit = i < fraction.size() ? fraction[i] : '0';
    if (digit < '0' || digit > '9') return std::nullopt;
    if (i < kNanosecondDigits) nanoseconds = nanoseconds * 10 + (digit - '0');
  }
  if (!whole.starts_with('-') || nanoseconds == 0) return TarTime{*seconds, static_cast<std::uint32_t>(nanoseconds)};
  if (*seconds == std::numeric_limits<std::int64_t>::min()) return std::nullopt;
  return TarTime{*seconds - 1, static_cast<std::uint32_t>(kNanosecondsPerSecond - nanoseconds)};
}

// An absent or empty record keeps what the header says.
template <typename T, typename Parse>
Result<std::optional<T>> read_value(const PaxRecords& records, std::string_view key, Parse parse) {
  const std::string_view text = records.get(key);
  if (text.empty()) return std::optional<T>();
  const auto value = parse(text);
  if (!value) return make_error(Code::kDataLoss, "its PAX record {} has no valid value", key);
  return std::optional<T>(*value);
}

std::optional<std::string> text_value(const PaxRecords& records, std::string_view key) {
  const std::string_view text = records.get(key);
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto size = parse_decimal(text);
  if (!size || *size < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*size);
}

Result<std::vector<TarXattr>> read_xattrs(const PaxRecords& records) {
  std::vector<TarXattr> xattrs;
  for (auto at = records.values.lower_bound(kXattrPrefix); at != records.values.end(); ++at) {
    if (!at->first.starts_with(kXattrPrefix)) break;
    const std::string_view name = std::string_view(at->first).substr(kXattrPrefix.size());
    if (name.empty() || name.size() > kXattrNameMax) {
      return make_error(Code::kInvalidArgument, "an xattr's name has {} bytes, not 1 to {}", name.size(), kXattrNameMax);
    }
    if (at->second.size() > kXattrValueMax) {
      return make_error(Code::kInvalidArgument, "its xattr {} has {} bytes, more than {}", name, at->second.size(),
                        kXattrValueMax);
    }
    if (xattrs.size() == kXattrsMax) return make_error(Code::kInvalidArgument, "it has more than {} xattrs", kXattrsMax);
    xattrs.push_back({std::string(name), at->second});
  }
  return xattrs;
}

}  // namespace

std::string_view PaxRecords::get(std::string_view key) const {
  const auto found = values.find(key);
  return found == values.end() ? std::string_view() : found->second;
}

Result<PaxRecords> parse_pax(std::string_view body) {
  PaxRecords records;
  std::string sparse_map;
  bool offset_next = true;
  while (!body.empty()) {
    const Record record = TRY(take_record(body));
    if (record.key != kSparseOffset && record.key != kSparseLength) {
      records.values.insert_or_assign(std::string(record.key), std::string(record.value));
      continue;
    }
    if ((record.key == kSparseOffset) != offset_next || record.value.find(',') != record.value.npos) {
      return make_error(Code::kDataLoss, "the PAX records of a sparse map are out of order");
    }
    if (!sparse_map.empty()) sparse_map.push_back(',');
    sparse_map.append(record.value);
    offset_next = !offset_next;
  }
  if (!sparse_map.empty()) records.values.insert_or_assign("GNU.sparse.map", std::move(sparse_map));
  return records;
}

Result<PaxOverlay> read_pax(const PaxRecords& records) {
  PaxOverlay overlay;
  overlay.path = text_value(records, "path");
  overlay.link_target = text_value(records, "linkpath");
  overlay.size = TRY(read_value<std::uint64_t>(records, "size", parse_size));
  overlay.uid = TRY(read_value<std::int64_t>(records, "uid", parse_decimal));
  overlay.gid = TRY(read_value<std::int64_t>(records, "gid", parse_decimal));
  overlay.mtime = TRY(read_value<TarTime>(records, "mtime", parse_time));
  TRY(read_value<TarTime>(records, "atime", parse_time));  // not kept, but wrong ones are refused as elsewhere
  TRY(read_value<TarTime>(records, "ctime", parse_time));
  overlay.xattrs = TRY(read_xattrs(records));
  return overlay;
}

}  // namespace zeropull::codec
