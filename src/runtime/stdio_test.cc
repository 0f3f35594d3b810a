#include "runtime/stdio.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/fifo.h"

namespace zeropull::runtime {
namespace {

using testing::IsEmpty;
using testing::Not;

// The test plays containerd's shim: it opens the FIFOs that the pump names.
struct StdioPumpTest : testing::Test {
  os::ScratchFolder folder = MUST(os::ScratchFolder::create(testing::TempDir(), "zp-stdio-"));
  os::Pipe input = MUST(os::create_pipe());
  os::Pipe output = MUST(os::create_pipe());
  int first_outputs = 0;
  NewTask task{.container_id = "x", .rootfs = {}};

  StdioPump make(const Stdio& stdio) {
    auto pump = MUST(StdioPump::create(folder.path(), stdio, [this] { ++first_outputs; }));
    pump.connect(task);
    return pump;
  }
  std::string read(int fd) {
    Bytes bytes(100);
    bytes.resize(MUST(os::read_some(fd, bytes)));
    return std::string(as_text(bytes));
  }
};

TEST_F(StdioPumpTest, copies_output_tells_of_its_first_byte_and_of_its_end) {
  auto pump = make({.input = -1, .output = output.write_end.get(), .error = -1});
  EXPECT_EQ(task.standard_input, "");
  EXPECT_EQ(task.standard_error, "");
  auto shim = MUST(os::open_file(task.standard_output, O_WRONLY));
  MUST(pump.step(0));
  EXPECT_EQ(first_outputs, 0);
  MUST(os::write_all(shim.get(), as_bytes("one")));
  MUST(pump.step(1000));
  EXPECT_EQ(read(output.read_end.get()), "one");
  MUST(os::write_all(shim.get(), as_bytes("two")));
  MUST(pump.step(1000));
  EXPECT_EQ(first_outputs, 1);
  EXPECT_FALSE(pump.outputs_ended());
  shim.reset();
  MUST(pump.step(1000));
  EXPECT_TRUE(pump.outputs_ended());
}

TEST_F(StdioPumpTest, an_output_that_nobody_has_opened_yet_has_not_ended) {
  auto pump = make({.input = -1, .output = output.write_end.get(), .error = -1});
  MUST(pump.step(0));
  EXPECT_FALSE(pump.outputs_ended());
}

TEST_F(StdioPumpTest, copies_input_and_tells_once_of_its_end) {
  auto pump = make({.input = input.read_end.get(), .output = -1, .error = -1});
  auto shim = MUST(os::open_file(task.standard_input, O_RDONLY | O_NONBLOCK));
  MUST(os::write_all(input.write_end.get(), as_bytes("typed")));
  MUST(pump.step(1000));
  MUST(pump.step(1000));
  EXPECT_EQ(read(shim.get()), "typed");
  input.write_end.reset();
  MUST(pump.step(1000));
  EXPECT_TRUE(pump.take_input_ended());
  EXPECT_FALSE(pump.take_input_ended());
  EXPECT_EQ(read(shim.get()), "");
}

TEST_F(StdioPumpTest, input_that_the_container_does_not_read_blocks_nothing) {
  MUST(os::replace_file(folder.path() + "/typed", Bytes(1'000'000)));
  auto typed = MUST(os::open_file(folder.path() + "/typed", O_RDONLY));
  auto pump = make({.input = typed.get(), .output = output.write_end.get(), .error = -1});
  auto reader = MUST(os::open_file(task.standard_input, O_RDONLY | O_NONBLOCK));
  auto writer = MUST(os::open_file(task.standard_output, O_WRONLY));
  for (int i = 0; i < 10; ++i) MUST(pump.step(0));
  EXPECT_FALSE(pump.take_input_ended());
  MUST(os::write_all(writer.get(), as_bytes("alive")));
  MUST(pump.step(1000));
  EXPECT_EQ(read(output.read_end.get()), "alive");
}

TEST_F(StdioPumpTest, wake_ends_a_step_and_the_fifos_go_with_the_pump) {
  {
    auto pump = make({.input = -1, .output = output.write_end.get(), .error = -1});
    EXPECT_THAT(MUST(os::list_folder(folder.path())), Not(IsEmpty()));
    pump.wake();
    MUST(pump.step(60'000));
  }
  EXPECT_THAT(MUST(os::list_folder(folder.path())), IsEmpty());
}

}  // namespace
}  // namespace zeropull::runtime
