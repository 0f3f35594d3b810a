#include "os/process_handle.h"

#include <gtest/gtest.h>

#include "os/process.h"

namespace zeropull::os {
namespace {

Context ctx() { return Context::root("test", {}, std::chrono::seconds(10)); }

TEST(ProcessHandle, kills_the_process_that_was_identified) {
  auto child = MUST(Child::spawn({.argv = {"sleep", "60"}, .descriptors = {}, .environment = {}}));
  auto identity = MUST(identify_process(child.pid()));
  auto handle = MUST(ProcessHandle::open(identity));
  MUST(handle.kill());
  MUST(handle.wait(ctx()));
  EXPECT_TRUE(ProcessHandle::open(identity).failed_with(Code::kNotFound));
  std::move(child).leave_running();  // reaped already
}

TEST(ProcessHandle, does_not_take_another_process_with_the_same_number_for_it) {
  auto child = MUST(Child::spawn({.argv = {"sleep", "60"}, .descriptors = {}, .environment = {}}));
  auto identity = MUST(identify_process(child.pid()));
  auto earlier = identity;
  earlier.start_ticks -= 1;
  EXPECT_TRUE(ProcessHandle::open(earlier).failed_with(Code::kNotFound));
  auto other_boot = identity;
  other_boot.boot_id = "another";
  EXPECT_TRUE(ProcessHandle::open(other_boot).failed_with(Code::kNotFound));
}

TEST(ProcessHandle, a_process_that_ended_and_was_not_reaped_has_ended) {
  auto child = MUST(Child::spawn({.argv = {"sleep", "1000"}, .descriptors = {}, .environment = {}}));
  auto identity = MUST(identify_process(child.pid()));
  auto handle = MUST(ProcessHandle::open(identity));
  MUST(child.signal(9));
  EXPECT_TRUE(MUST(child.wait(ctx())).signal == 9);
  EXPECT_TRUE(ProcessHandle::open(identity).failed_with(Code::kNotFound));
}

}  // namespace
}  // namespace zeropull::os
