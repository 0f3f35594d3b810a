#include "codec/tar.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "codec/limits.h"
#include "codec/tar_header.h"
#include "codec/tar_pax.h"
#include "codec/tar_sparse.h"

namespace zeropull::codec {
namespace {

constexpr std::uint32_t kModeMask = 07777;
constexpr std::uint32_t kOwnerUnchanged = 0xffffffff;  // lchown(2) leaves the owner, and root has made the file

TarType type_of(char type_flag, std::string_view path) {
  switch (type_flag) {
    case '\0': return path.ends_with('/') ? TarType::kDirectory : TarType::kRegular;
    case '0':
    case 'S': return TarType::kRegular;
    case '1': return TarType::kHardLink;
    case '2': return TarType::kSymlink;
    case '3': return TarType::kCharDevice;
    case '4': return TarType::kBlockDevice;
    case '5': return TarType::kDirectory;
    case '6': return TarType::kFifo;
    default: return TarType::kUnsupported;
  }
}

bool has_data(TarType type) { return type == TarType::kRegular || type == TarType::kUnsupported; }

std::uint32_t owner_of(std::int64_t number) {
  const auto owner = static_cast<std::uint32_t>(number);
  return owner == kOwnerUnchanged ? 0 : owner;
}

Result<void> check_name(std::string_view what, std::string_view name) {
  if (name.size() > kPathLengthMax) {
    return make_error(Code::kInvalidArgument, "its {} has {} bytes, more than {}", what, name.size(), kPathLengthMax);
  }
  if (name.find('\0') != name.npos) return make_error(Code::kDataLoss, "its {} has a NUL", what);
  return {};
}

}  // namespace

struct TarReader::Pending {
  PaxRecords records;
  std::string long_path;  // of GNU's L and K headers; empty says nothing
  std::string long_link_target;
};

TarReader::TarReader(ByteSource& source)
    : source_(source), buffer_(std::make_unique_for_overwrite<std::byte[]>(kTarBufferSize)) {}

TarReader::~TarReader() = default;

Result<std::optional<TarEntry>> TarReader::next() { return read_entry().with_context("tar entry at byte {}", entry_start_); }

Result<std::optional<TarEntry>> TarReader::read_entry() {
  Pending pending;
  while (!ended_) {
    const bool more = TRY(skip_entry());
    entry_start_ = position();
    std::optional<TarHeader> header;
    if (more) {
      header = TRY(read_header());
    }
    if (!header) {
      ended_ = true;
      break;
    }
    set_data_size(tar_has_data(header->type_flag) ? static_cast<std::uint64_t>(header->size) : 0);
    switch (header->type_flag) {
      case 'x': {
        const std::string body = TRY(read_special(*header));
        pending.records = TRY(parse_pax(body));
        break;
      }
      case 'g': {  // changes nothing, but must be made of records, and the extension headers before it are forgotten
        const std::string body = TRY(read_special(*header));
        TRY(parse_pax(body));
        pending = {};
        break;
      }
      case 'L': {
        pending.long_path = TRY(read_special(*header));
        break;
      }
      case 'K': {
        pending.long_link_target = TRY(read_special(*header));
        break;
      }
      default: {
        TarEntry entry = TRY(make_entry(*header, pending));
        return std::optional(std::move(entry));
      }
    }
  }
  return std::optional<TarEntry>();
}

Result<TarEntry> TarReader::make_entry(const TarHeader& header, const Pending& pending) {
  PaxOverlay pax = TRY(read_pax(pending.records));
  TarEntry entry;
  entry.type_flag = header.type_flag;
  entry.path = std::move(pax.path).value_or(header.path);
  entry.link_target = std::move(pax.link_target).value_or(header.link_target);
  if (!pending.long_path.empty()) entry.path = pending.long_path;
  if (!pending.long_link_target.empty()) entry.link_target = pending.long_link_target;
  entry.type = type_of(header.type_flag, entry.path);
  entry.mode = static_cast<std::uint32_t>(header.mode) & kModeMask;
  entry.uid = owner_of(pax.uid.value_or(header.uid));
  entry.gid = owner_of(pax.gid.value_or(header.gid));
  entry.mtime = pax.mtime.value_or(TarTime{header.mtime, 0});
  entry.xattrs = std::move(pax.xattrs);
  if (entry.type == TarType::kCharDevice || entry.type == TarType::kBlockDevice) {
    entry.device_major = static_cast<std::uint32_t>(header.device_major);
    entry.device_minor = static_cast<std::uint32_t>(header.device_minor);
  }
  if (has_data(entry.type)) entry.size = pax.size.value_or(static_cast<std::uint64_t>(header.size));
  set_data_size(entry.size);
  TRY(read_sparse_map(header, pending, entry));
  entry.data_size = data_left_;
  TRY(check_name("path", entry.path));
  TRY(check_name("link target", entry.link_target));
  return entry;
}

// The three PAX formats are told apart as GNU tar and Go do; an unknown version is an ordinary file to both.
Result<void> TarReader::read_sparse_map(const TarHeader& header, const Pending& pending, TarEntry& entry) {
  std::vector<SparseRegion> regions;
  if (header.type_flag == 'S') {
    entry.size = TRY(parse_old_sparse_size(header));
    regions = TRY(read_old_sparse_map(header));
  } else {
    const PaxRecords& records = pending.records;
    const std::string_view major = records.get("GNU.sparse.major");
    const std::string_view minor = records.get("GNU.sparse.minor");
    const std::string_view map = records.get("GNU.sparse.map");
    const bool version_0 = major == "0" && (minor == "0" || minor == "1");
    const bool version_1 = major == "1" && minor == "0";
    const bool unversioned = major.empty() && minor.empty() && !map.empty();  // 0.0 and 0.1 may leave the version out
    if (!version_0 && !version_1 && !unversioned) return {};
    if (!has_data(entry.type)) return make_error(Code::kDataLoss, "it has a sparse map but is no regular file");
    if (const std::string_view name = records.get("GNU.sparse.name"); !name.empty()) entry.path = name;
    std::string_view size = records.get("GNU.sparse.size");
    if (size.empty()) size = records.get("GNU.sparse.realsize");
    if (!size.empty()) {
      const auto number = parse_decimal(size);
      if (!number || *number < 0) return make_error(Code::kDataLoss, "its sparse size is no size");
      entry.size = static_cast<std::uint64_t>(*number);
    }
    regions = TRY(version_1 ? read_sparse_map_1_0() : parse_sparse_map_0_1(records.get("GNU.sparse.numblocks"), map));
  }
  entry.sparse = true;
  entry.regions = TRY(normalize_sparse_map(regions, entry.size, data_left_));
  return {};
}

Result<std::vector<SparseRegion>> TarReader::read_old_sparse_map(const TarHeader& header) {
  if (header.dialect != TarDialect::kGnu) {
    return make_error(Code::kDataLoss, "its type is a sparse file, but its header is not GNU tar's");
  }
  OldSparsePart part = TRY(parse_old_sparse_header(header));
  std::vector<SparseRegion> regions = std::move(part.regions);
  while (part.more) {
    const ByteView block = TRY(take_block());
    part = TRY(parse_old_sparse_extension(block));
    if (regions.size() + part.regions.size() > kSparseRegionsMax) {
      return make_error(Code::kInvalidArgument, "it is a sparse file of more than {} regions", kSparseRegionsMax);
    }
    regions.insert(regions.end(), part.regions.begin(), part.regions.end());
  }
  return regions;
}

Result<std::vector<SparseRegion>> TarReader::read_sparse_map_1_0() {
  SparseMapReader map;
  while (!map.done()) {
    if (data_left_ < kTarBlockSize) return make_error(Code::kDataLoss, "its data ends within its sparse map");
    const ByteView block = TRY(take_block());
    data_left_ -= kTarBlockSize;
    TRY(map.take(block));
  }
  return std::move(map).regions();
}

Result<std::optional<TarHeader>> TarReader::read_header() {
  for (bool after_zeros = false;; after_zeros = true) {
    const bool whole = TRY(require(kTarBlockSize));
    if (!whole) {
      if (begin_ == end_) return std::optional<TarHeader>();
      return truncated("within a header");
    }
    const ByteView block = TRY(take_block());
    if (!tar_is_zero_block(block)) {
      if (after_zeros) return make_error(Code::kDataLoss, "a block of zeros is followed by one that is not");
      TarHeader header = TRY(parse_tar_header(block));
      return std::optional(std::move(header));
    }
    if (after_zeros) return std::optional<TarHeader>();
  }
}

Result<std::string> TarReader::read_special(const TarHeader& header) {
  if (data_left_ > kTarSpecialSizeMax) {
    return make_error(Code::kInvalidArgument, "an extension header of type {} has {} bytes, more than {}", header.type_flag,
                      data_left_, kTarSpecialSizeMax);
  }
  std::string body;
  body.reserve(data_left_);
  while (data_left_ > 0) {
    const ByteView piece = TRY(read_data());
    body.append(as_text(piece));
  }
  const bool is_name = header.type_flag == 'L' || header.type_flag == 'K';
  if (is_name) body.resize(std::min(body.size(), body.find('\0')));
  return body;
}

void TarReader::set_data_size(std::uint64_t size) {
  data_left_ = size;
  padding_ = align_up(size, kTarBlockSize) - size;
}

Result<ByteView> TarReader::read_data(std::size_t size_max) {
  CHECK(size_max > 0);
  if (data_left_ == 0) return ByteView();
  const bool any = TRY(require(1));
  if (!any) return truncated("within an entry's data");
  const std::size_t size = std::min<std::uint64_t>({size_max, data_left_, end_ - begin_});
  const ByteView piece(buffer_.get() + begin_, size);
  begin_ += size;
  data_left_ -= size;
  return piece;
}

Result<std::uint64_t> TarReader::drain_rest() {
  std::uint64_t total = 0;
  for (;;) {
    total += end_ - begin_;
    begin_ = end_;
    const bool more = TRY(require(1));
    if (!more) break;
  }
  data_left_ = 0;
  padding_ = 0;
  ended_ = true;
  return total;
}

Result<bool> TarReader::skip_entry() {
  while (data_left_ > 0) TRY(read_data());
  const bool padded = TRY(require(padding_));
  begin_ = padded ? begin_ + padding_ : end_;
  padding_ = 0;
  return padded;
}

Result<bool> TarReader::require(std::size_t size) {
  while (end_ - begin_ < size) {
    if (begin_ > 0) {
      std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    const std::size_t more = TRY(source_.read({buffer_.get() + end_, kTarBufferSize - end_}));
    if (more == 0) return false;
    end_ += more;
    buffer_end_ += more;
  }
  return true;
}

Result<ByteView> TarReader::take_block() {
  const bool whole = TRY(require(kTarBlockSize));
  if (!whole) return truncated("within a header");
  const ByteView block(buffer_.get() + begin_, kTarBlockSize);
  begin_ += kTarBlockSize;
  return block;
}

Error TarReader::truncated(std::string_view where) const {
  return make_error(Code::kDataLoss, "tar stream is truncated: it ends {}, at byte {}", where, buffer_end_);
}

}  // namespace zeropull::codec
