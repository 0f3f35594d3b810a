#include "agent/copy_log.h"

#include <gtest/gtest.h>

#include "base/units.h"
#include "os/file.h"

namespace zeropull::agent {
namespace {

class CopyLogTest : public testing::Test {
 protected:
  std::string text(const LogSlice& slice) { return std::string(as_text(slice.data)); }
  const os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-log-"));
  const CopyLog log_{scratch_.path() + "/log"};
};

TEST_F(CopyLogTest, is_empty_before_its_first_byte) {
  EXPECT_EQ(MUST(log_.read(0, 100)).size, 0u);
  EXPECT_EQ(log_.tail(100), "");
  MUST(log_.trim({.kept = 1, .step = 1}));
}

TEST_F(CopyLogTest, is_read_by_offset) {
  MUST(log_.append_line("one"));
  MUST(log_.append_line("two"));
  auto all = MUST(log_.read(0, 100));
  EXPECT_EQ(text(all), "zeropull: one\nzeropull: two\n");
  EXPECT_EQ(all.size, 28u);
  EXPECT_EQ(text(MUST(log_.read(14, 13))), "zeropull: two");
  auto beyond = MUST(log_.read(1000, 100));
  EXPECT_EQ(beyond.offset, 28u);
  EXPECT_TRUE(beyond.data.empty());
}

TEST_F(CopyLogTest, its_tail_is_whole_lines_and_utf8) {
  MUST(os::replace_file(log_.path(), as_bytes("first line\nse\xff\nthird\n")));
  EXPECT_EQ(log_.tail(100), "first line\nse\xef\xbf\xbd\nthird\n");
  EXPECT_EQ(log_.tail(12), "se\xef\xbf\xbd\nthird\n");
  EXPECT_EQ(log_.tail(9), "third\n");
}

TEST_F(CopyLogTest, gives_its_head_back_and_offsets_stay_true) {
  constexpr std::uint64_t kKept = 64 * kKiB;
  std::string line(1023, 'x');
  std::string all;
  for (int i = 0; i < 512; ++i) all += line + "\n";
  MUST(os::replace_file(log_.path(), as_bytes(all)));
  MUST(log_.trim({.kept = kKept, .step = 64 * kKiB}));
  auto head = MUST(log_.read(0, 4096));
  EXPECT_EQ(head.size, all.size());
  EXPECT_EQ(head.offset, all.size() - kKept) << "what was given back is skipped";
  EXPECT_EQ(text(head), all.substr(0, 4096));
  EXPECT_LE(static_cast<std::uint64_t>(MUST(os::stat_path(log_.path())).st_blocks) * 512, 2 * kKept);
  MUST(log_.append_line("after"));
  EXPECT_EQ(text(MUST(log_.read(all.size(), 100))), "zeropull: after\n");
  MUST(log_.trim({.kept = kKept, .step = 64 * kKiB}));
  EXPECT_EQ(MUST(log_.read(0, 1)).offset, all.size() - kKept) << "small growth is not worth a step";
}

}  // namespace
}  // namespace zeropull::agent
