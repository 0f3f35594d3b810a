#include "codec/tar.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "codec/compression.h"
#include "codec/limits.h"
#include "os/file.h"

namespace zeropull::codec {
namespace {

constexpr std::uint64_t kHashedSizeMax = 16 * kMiB;  // as list_corpus.go
const std::string kCorpus = ZP_SOURCE_DIR "/fuzz/corpus/tar";

// Yields at most `step` bytes a time, so that headers and data arrive in pieces.
class SlowSource final : public ByteSource {
 public:
  SlowSource(ByteView bytes, std::size_t step) : source_(bytes), step_(step) {}
  Result<std::size_t> read(MutableByteView out) override { return source_.read(out.first(std::min(out.size(), step_))); }

 private:
  MemorySource source_;
  std::size_t step_;
};

char letter_of(const TarEntry& entry) {
  if (entry.type == TarType::kDirectory) return '5';
  return entry.type_flag == '\0' ? '0' : entry.type_flag;
}

Result<std::string> content_hash(TarReader& reader, const TarEntry& entry) {
  if (entry.size > kHashedSizeMax) return std::string("-");
  std::string packed;
  for (;;) {
    const ByteView piece = TRY(reader.read_data());
    if (piece.empty()) break;
    packed += as_text(piece);
  }
  EXPECT_EQ(packed.size(), entry.data_size);
  if (!entry.sparse) return sha256(as_bytes(packed)).hex().substr(0, 16);
  std::string content(entry.size, '\0');
  std::size_t used = 0;
  for (const SparseRegion& region : entry.regions) {
    content.replace(region.offset, region.length, packed, used, region.length);
    used += region.length;
  }
  EXPECT_EQ(used, packed.size());
  return sha256(as_bytes(content)).hex().substr(0, 16);
}

// One line an entry in the words of list_corpus.go. What was listed before an error stays in `listing`.
Result<void> list(ByteSource& source, std::string& listing) {
  TarReader reader(source);
  for (;;) {
    const auto entry = TRY(reader.next());
    if (!entry) break;
    const std::string content = TRY(content_hash(reader, *entry));
    const bool device = entry->type == TarType::kCharDevice || entry->type == TarType::kBlockDevice;
    listing += fmt::format("{} {} -> {} mode {:o} owner {}:{} size {} time {}.{:09}{} content {}\n", letter_of(*entry),
                           to_hex(as_bytes(entry->path)), to_hex(as_bytes(entry->link_target)), entry->mode, entry->uid,
                           entry->gid, entry->size, entry->mtime.seconds, entry->mtime.nanoseconds,
                           device ? fmt::format(" device {}:{}", entry->device_major, entry->device_minor) : "", content);
    for (const TarXattr& xattr : entry->xattrs) {
      listing += fmt::format("  xattr {} {}\n", xattr.name, to_hex(as_bytes(xattr.value)));
    }
  }
  TRY(reader.drain_rest());
  return {};
}

std::string list_case(ByteView file, std::size_t step) {
  const char codec = static_cast<char>(file.front());
  SlowSource stored(file.subspan(1), step);
  DetectedStream stream{Compression::kNone, nullptr};
  if (codec == 'd') {
    stream = MUST(open_detected(stored));
  } else {
    stream.decoded = open_decoder(codec == 'g'   ? Compression::kGzip
                                  : codec == 'z' ? Compression::kZstd
                                                 : Compression::kNone,
                                  stored);
  }
  std::string listing;
  const auto result = list(*stream.decoded, listing);
  if (!result.ok()) {
    EXPECT_TRUE(result.failed_with(Code::kDataLoss) || result.failed_with(Code::kInvalidArgument)) << result.error().to_string();
    listing += "error\n";
  }
  return listing;
}

std::string list_file(const std::string& name) {
  const Bytes file = MUST(os::read_file(fmt::format("{}/{}", kCorpus, name), kMiB));
  return list_case(file, kMiB);
}

struct Golden {
  std::string name;
  std::string listing;
};
std::vector<Golden> read_golden() {
  const std::string text = MUST(os::read_text(ZP_SOURCE_DIR "/src/codec/testdata/golden_listing.txt", kMiB));
  std::vector<Golden> cases;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size()) + 1;
    const std::string line = text.substr(at, end - at);
    if (line.starts_with("== ")) {
      cases.push_back({line.substr(3, line.size() - 4), {}});
    } else {
      cases.back().listing += line;
    }
    at = end;
  }
  return cases;
}

TEST(TarReader, reads_every_archive_as_go_does) {
  const std::vector<Golden> cases = read_golden();
  ASSERT_GT(cases.size(), 90u);
  for (const Golden& golden : cases) {
    std::string listing = list_file(golden.name);
    // A decoder may find a stream broken before the reader has seen the entries in front of that.
    if (golden.name.starts_with("gzip") && golden.listing.ends_with("error\n") && listing == "error\n") continue;
    EXPECT_EQ(listing, golden.listing) << golden.name;
  }
}

TEST(TarReader, does_not_care_in_which_pieces_the_stream_arrives) {
  for (const std::string& name : MUST(os::list_folder(kCorpus))) {
    const Bytes file = MUST(os::read_file(fmt::format("{}/{}", kCorpus, name), kMiB));
    const std::string whole = list_case(file, kMiB);
    for (const std::size_t step : {1U, 7U, 512U}) EXPECT_EQ(list_case(file, step), whole) << name << " in steps of " << step;
  }
}

TEST(TarReader, reads_zstd_streams_as_their_plain_archive) {
  const std::string file = "0 66696c65 ->  mode 644 owner 0:0 size 5 time 1700000000.000000000 content 2cf24dba5fb0a30e\n";
  for (const char* name : {"zstd", "zstd-frames", "zstd-skippable-first"}) EXPECT_EQ(list_file(name), file) << name;
  for (const char* name : {"zstd-truncated", "zstd-wrong-checksum", "zstd-garbage-behind"}) {
    EXPECT_TRUE(list_file(name).ends_with("error\n")) << name;
  }
}

// One ustar header block; the test says what stands where.
std::string make_block(const std::vector<std::pair<std::size_t, std::string>>& fields) {
  std::string block(512, '\0');
  block.replace(257, 8, std::string("ustar\00000", 8));
  for (const auto& [at, text] : fields) block.replace(at, text.size(), text);
  block.replace(148, 8, std::string(8, ' '));
  unsigned sum = 0;
  for (const char letter : block) sum += static_cast<unsigned char>(letter);
  block.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return block;
}
std::string make_entry(std::string_view name, char type, std::string_view data) {
  std::string entry =
      make_block({{0, std::string(name)}, {124, fmt::format("{:011o}", data.size())}, {156, std::string(1, type)}});
  entry += data;
  entry.resize(align_up(entry.size(), 512));
  return entry;
}
std::string make_pax(std::string_view key, std::string_view value) {
  const std::string rest = fmt::format(" {}={}\n", key, value);
  std::size_t size = rest.size();
  while (std::to_string(size).size() + rest.size() != size) size = std::to_string(size).size() + rest.size();
  return make_entry("pax", 'x', std::to_string(size) + rest);
}

Result<std::optional<TarEntry>> first_entry(std::string_view archive) {
  MemorySource source(as_bytes(archive));
  TarReader reader(source);
  return reader.next();
}

TEST(TarReader, gives_regions_that_neither_touch_nor_are_empty) {
  const Bytes file = MUST(os::read_file(kCorpus + "/sparse-old-extended", kMiB));
  const auto entry = MUST(first_entry(as_text(ByteView(file).subspan(1))));
  ASSERT_TRUE(entry && entry->sparse);
  EXPECT_EQ(entry->size, 4096u);
  EXPECT_EQ(entry->data_size, 1028u);
  EXPECT_EQ(entry->regions, (std::vector<SparseRegion>{{0, 1024}, {1500, 1}, {2048, 3}}));
}

TEST(TarReader, refuses_what_is_beyond_the_limits) {
  const std::string file = make_entry("file", '0', "");
  EXPECT_TRUE(first_entry(make_pax("path", std::string(kPathLengthMax, 'p')) + file).ok());
  for (const std::string& archive : {
           make_pax("path", std::string(kPathLengthMax + 1, 'p')) + file,
           make_pax("linkpath", std::string(kPathLengthMax + 1, 'p')) + file,
           make_pax("SCHILY.xattr.user.large", std::string(kXattrValueMax + 1, 'x')) + file,
           make_pax("SCHILY.xattr.user." + std::string(kXattrNameMax, 'n'), "x") + file,
           make_pax("SCHILY.xattr.", "x") + file,
           make_entry("L", 'L', std::string(kTarSpecialSizeMax + 1, 'l')) + file,
       }) {
    const auto result = first_entry(archive);
    EXPECT_TRUE(result.failed_with(Code::kInvalidArgument)) << (result.ok() ? "accepted" : result.error().to_string());
  }
}

TEST(TarReader, refuses_a_nul_in_a_sparse_name) {
  const std::string name = make_pax("GNU.sparse.name", std::string("a\0b", 3));
  // The records of one file stand in one header, so that the name's and the map's are put together.
  std::string records = name.substr(512, name.find('\n', 512) + 1 - 512);
  records += "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n";
  EXPECT_TRUE(first_entry(make_entry("pax", 'x', records) + make_entry("f", '0', "0\n" + std::string(510, '\0')))
                  .failed_with(Code::kDataLoss));
}

TEST(TarReader, names_the_byte_where_the_broken_entry_begins) {
  const std::string archive = make_entry("file", '0', "hello") + std::string(512, 'x');
  MemorySource source(as_bytes(archive));
  TarReader reader(source);
  ASSERT_TRUE(MUST(reader.next()));
  const auto result = reader.next();
  ASSERT_TRUE(result.failed_with(Code::kDataLoss));
  EXPECT_EQ(result.error().message(), "tar entry at byte 1024: its checksum is wrong, so it is no tar header");
}

TEST(TarReader, leaves_nothing_unread_after_drain_rest) {
  const std::string archive =
      make_entry("file", '0', std::string(5000, 'x')) + std::string(1024, '\0') + std::string(3 << 20, 'r');
  MemorySource memory(as_bytes(archive));
  HashingSource hashed(memory);
  TarReader reader(hashed);
  ASSERT_TRUE(MUST(reader.next()));
  EXPECT_EQ(MUST(reader.read_data(100)).size(), 100u);
  ASSERT_FALSE(MUST(reader.next()));
  ASSERT_FALSE(MUST(reader.next()));
  EXPECT_EQ(MUST(reader.drain_rest()), std::uint64_t{3 << 20});
  EXPECT_EQ(hashed.size(), archive.size());
  EXPECT_EQ(hashed.finish(), sha256(as_bytes(archive)));
}

TEST(TarReader, gives_data_larger_than_its_buffer) {
  std::string data(3 * kTarBufferSize + 77, '\0');
  for (std::size_t i = 0; i < data.size(); i++) data[i] = static_cast<char>(i * 2654435761U >> 13);
  const std::string archive = make_entry("large", '0', data) + make_entry("next", '0', "n");
  SlowSource source(as_bytes(archive), 100'000);
  TarReader reader(source);
  ASSERT_TRUE(MUST(reader.next()));
  std::string read;
  for (;;) {
    const ByteView piece = MUST(reader.read_data());
    if (piece.empty()) break;
    read += as_text(piece);
  }
  EXPECT_TRUE(read == data);
  EXPECT_EQ(MUST(reader.next())->path, "next");
}

}  // namespace
}  // namespace zeropull::codec
