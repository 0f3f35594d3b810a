#include "artifact/layer_unpack.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "artifact/layer_table.h"
#include "artifact/read_ahead.h"
#include "os/file.h"
#include "os/process.h"

namespace zeropull::artifact {
namespace {

using testing::HasSubstr;

std::string tar_entry(const std::string& name, std::string_view content, char type = '0') {
  std::string block(512, '\0');
  block.replace(0, name.size(), name);
  block.replace(100, 7, "0000644");
  block.replace(124, 12, fmt::format("{:011o}", content.size()) + '\0');
  block.replace(148, 8, "        ");
  block[156] = type;
  block.replace(257, 8,
                std::string("ustar\0"
                            "00",
                            8));
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  block.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  block += content;
  block.resize(align_up(block.size(), 512));
  return block;
}
const std::string kEnd(1024, '\0');

std::string gzip(std::string_view text) {
  return MUST(
      os::run_program(Context::root("test"), {.argv = {"gzip", "-1nc"}, .input = std::string(text), .output_max = 64 * kMiB}));
}

struct UnpackTest : testing::Test {
  os::ScratchFolder folder = MUST(os::ScratchFolder::create("/tmp", "zp-layer-unpack-"));
  std::string blob_path = folder.path() + "/blob";
  std::string table_path = folder.path() + "/table";

  Result<LayerSummary> unpack(std::string_view layer, UnpackLimits limits = {}) {
    const auto blob = MUST(os::open_file(blob_path, O_RDWR | O_CREAT | O_TRUNC));
    const auto table = MUST(os::open_file(table_path, O_RDWR | O_CREAT | O_TRUNC));
    codec::MemorySource source(as_bytes(layer));
    return unpack_layer(Context::root("test"), source, {blob.get(), table.get()}, limits);
  }
  void expect_refusal(std::string_view layer, Code code, std::string_view what, UnpackLimits limits = {}) {
    const auto summary = unpack(layer, limits);
    ASSERT_FALSE(summary.ok()) << what;
    EXPECT_EQ(summary.error().code(), code) << summary.error().message();
    EXPECT_THAT(summary.error().message(), HasSubstr(what));
  }
};

TEST_F(UnpackTest, one_pass_yields_blob_table_and_digests) {
  const std::string large(3 * kMiB + 17, 'L');
  const std::string tar = tar_entry("a", "small") + tar_entry("b", large) + tar_entry("c", "") + tar_entry("d", "last") + kEnd;
  const std::string layer = gzip(tar);
  const LayerSummary summary = MUST(unpack(layer));
  EXPECT_EQ(summary.compression, codec::Compression::kGzip);
  EXPECT_EQ(summary.diff_id.value, codec::sha256(as_bytes(tar)));
  EXPECT_EQ(summary.expanded_size, tar.size());
  EXPECT_EQ(summary.entry_count, 4U);

  const Bytes blob = MUST(os::read_file(blob_path, 64 * kMiB));
  EXPECT_EQ(summary.blob.size, blob.size());
  EXPECT_EQ(blob.size() % kBlockSize, 0U);
  ASSERT_EQ(summary.blob.frames.size(), 4U);
  EXPECT_EQ(summary.blob.frames[1], codec::sha256(ByteView(blob).subspan(kFrameSize, kFrameSize)));
  const Bytes bytes = MUST(os::read_file(table_path, kMiB));
  EXPECT_EQ(summary.table.size, bytes.size());
  ASSERT_EQ(summary.table.frames.size(), 1U);
  EXPECT_EQ(summary.table.frames[0], codec::sha256(bytes));

  const LayerTable table = MUST(LayerTable::open(bytes));
  EXPECT_EQ(table.blob().id, summary.blob.id());
  EXPECT_EQ(table.blob().size, summary.blob.size);
  for (const auto& [name, content] : {std::pair<std::string, std::string>("a", "small"), {"b", large}, {"d", "last"}}) {
    const LayerInode inode = table.inode(table.lookup(0, name).value());
    ASSERT_EQ(inode.size, content.size());
    EXPECT_EQ(as_text(ByteView(blob).subspan(inode.blob_offset, inode.size)), content);
  }
}

TEST_F(UnpackTest, digests_cover_the_bytes_behind_the_end_marker) {
  const std::string tar = tar_entry("a", "x") + kEnd + std::string(3 * kMiB, 't') + "tail";
  EXPECT_EQ(MUST(unpack(tar)).diff_id.value, codec::sha256(as_bytes(tar)));
  const LayerSummary zipped = MUST(unpack(gzip(tar.substr(0, 700)) + gzip(tar.substr(700))));  // two members
  EXPECT_EQ(zipped.diff_id.value, codec::sha256(as_bytes(tar)));
  EXPECT_EQ(zipped.expanded_size, tar.size());
}

TEST_F(UnpackTest, a_layer_without_contents_has_an_empty_blob) {
  for (const std::string& tar : {std::string(), kEnd, tar_entry("d/", "", '5') + kEnd, tar_entry(".wh.x", "ignored") + kEnd}) {
    const LayerSummary summary = MUST(unpack(tar));
    EXPECT_EQ(summary.blob.size, 0U);
    EXPECT_TRUE(summary.blob.frames.empty());
    EXPECT_EQ(MUST(os::read_file(blob_path, 1)).size(), 0U);
    MUST(LayerTable::open(MUST(os::read_file(table_path, kMiB))));
  }
}

TEST_F(UnpackTest, refuses_broken_streams) {
  const std::string tar = tar_entry("file", std::string(100'000, 'x')) + kEnd;
  const std::string layer = gzip(tar);
  expect_refusal(std::string_view(layer).substr(0, layer.size() / 2), Code::kDataLoss, "gzip");
  expect_refusal(std::string_view(layer).substr(0, layer.size() - 1), Code::kDataLoss, "gzip");
  std::string corrupt = layer;
  corrupt[corrupt.size() - 6] = static_cast<char>(corrupt[corrupt.size() - 6] ^ 1);  // the checksum
  expect_refusal(corrupt, Code::kDataLoss, "gzip");
  expect_refusal(layer + "trailing", Code::kDataLoss, "gzip");
  expect_refusal(std::string_view(tar).substr(0, 600), Code::kDataLoss, "tar entry \"file\"");
  expect_refusal("this is no layer at all", Code::kDataLoss, "tar");
}

TEST_F(UnpackTest, names_the_entry_that_it_refuses) {
  expect_refusal(tar_entry("fine", "x") + tar_entry("../out\n", "x") + kEnd, Code::kInvalidArgument,
                 "tar entry \"../out\\x0a\": the name has \"..\" in it");
  expect_refusal(tar_entry("odd", "", '9') + kEnd, Code::kInvalidArgument, "tar entry \"odd\": unhandled tar type '9'");
}

TEST_F(UnpackTest, refuses_what_expands_beyond_the_limit) {
  const std::string layer = gzip(tar_entry("zeros", std::string(5 * kMiB, '\0')) + kEnd);
  ASSERT_LT(layer.size(), 100'000U);
  expect_refusal(layer, Code::kResourceExhausted, "more than 1.0 MiB, the configured limit", {.expanded_max = kMiB});
  EXPECT_TRUE(unpack(layer, {.expanded_max = 6 * kMiB}).ok());
  // Small files take whole blocks of the blob.
  std::string many;
  for (int at = 0; at < 300; ++at) many += tar_entry(std::to_string(at), "x");
  expect_refusal(many + kEnd, Code::kResourceExhausted, "the configured limit", {.expanded_max = kMiB});
}

TEST_F(UnpackTest, reports_a_full_disk) {
  const auto full = MUST(os::open_file("/dev/full", O_WRONLY));
  const auto table = MUST(os::open_file(table_path, O_RDWR | O_CREAT | O_TRUNC));
  const std::string tar = tar_entry("file", std::string(5 * kMiB, 'x')) + kEnd;
  codec::MemorySource source(as_bytes(tar));
  const auto summary = unpack_layer(Context::root("test"), source, {full.get(), table.get()});
  EXPECT_TRUE(summary.failed_with(Code::kResourceExhausted));
}

TEST_F(UnpackTest, stops_when_its_context_ends) {
  const auto blob = MUST(os::open_file(blob_path, O_RDWR | O_CREAT));
  const auto table = MUST(os::open_file(table_path, O_RDWR | O_CREAT));
  const std::string tar = tar_entry("file", std::string(5 * kMiB, 'x')) + kEnd;
  codec::MemorySource source(as_bytes(tar));
  std::stop_source stop;
  stop.request_stop();
  const auto summary = unpack_layer(Context::root("test", stop.get_token()), source, {blob.get(), table.get()});
  EXPECT_TRUE(summary.failed_with(Code::kCancelled));
}

// Yields `good` bytes, then an error.
class FailingSource final : public codec::ByteSource {
 public:
  explicit FailingSource(std::size_t good) : left_(good) {}
  Result<std::size_t> read(MutableByteView out) override {
    if (left_ == 0) return make_error(Code::kUnavailable, "the wire broke");
    const std::size_t size = std::min(out.size(), left_);
    std::ranges::fill(out.first(size), std::byte{7});
    left_ -= size;
    return size;
  }

 private:
  std::size_t left_;
};

TEST(ReadAhead, gives_all_bytes_and_then_the_error) {
  FailingSource source(10 * kMiB + 5);
  ReadAhead ahead(source);
  Bytes buffer(300'000);
  std::uint64_t total = 0;
  for (;;) {
    const auto size = ahead.read(buffer);
    if (!size.ok()) {
      EXPECT_EQ(size.error().message(), "the wire broke");
      break;
    }
    total += *size;
  }
  EXPECT_EQ(total, 10 * kMiB + 5);
}

TEST(ReadAhead, ends_when_nobody_reads_on) {
  FailingSource source(100 * kMiB);
  ReadAhead ahead(source);
  Bytes buffer(10);
  EXPECT_EQ(MUST(ahead.read(buffer)), 10U);
}

TEST(ReadAhead, stays_at_the_end) {
  codec::MemorySource source(as_bytes("abc"));
  ReadAhead ahead(source);
  EXPECT_EQ(MUST(codec::read_all(ahead, 10)).size(), 3U);
  Bytes buffer(10);
  EXPECT_EQ(MUST(ahead.read(buffer)), 0U);
}

}  // namespace
}  // namespace zeropull::artifact
