#include "os/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <thread>

#include "os/file.h"

namespace zeropull::os {
namespace {

TEST(RunProgram, gives_input_and_returns_output) {
  std::string input(1 << 18, 'x');
  EXPECT_EQ(MUST(run_program(Context::root("test"), {.argv = {"cat"}, .input = input})), input);
}

TEST(RunProgram, failure_carries_exit_code_and_standard_error) {
  auto result = run_program(Context::root("test"), {.argv = {"sh", "-c", "echo broken >&2; exit 3"}, .input = {}});
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("exit code 3: broken"), std::string::npos);
}

TEST(GiveWay, lowers_the_calling_thread_alone) {
  int before = getpriority(PRIO_PROCESS, 0);
  int lowered = 0;
  std::thread([&] {
    MUST(give_way());
    lowered = getpriority(PRIO_PROCESS, 0);
  }).join();
  EXPECT_EQ(lowered, 19);
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), before);
}

TEST(RaiseOpenFiles, gives_this_process_all_that_it_may_have_and_its_children_too) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(MUST(raise_open_files()), limit.rlim_max);
  const auto seen = MUST(run_program(Context::root("test"), {.argv = {"sh", "-c", "ulimit -Sn"}, .input = {}}));
  EXPECT_EQ(seen, std::to_string(limit.rlim_max) + "\n");
}

TEST(Spawn, missing_program_is_an_error_of_the_caller) {
  SpawnOptions options;
  options.argv = {"/no/such/program"};
  EXPECT_TRUE(Child::spawn(options).failed_with(Code::kNotFound));
}

TEST(Spawn, child_sees_exactly_the_descriptors_it_is_given) {
  auto pipe = MUST(create_pipe());
  SpawnOptions options;
  options.argv = {"sh", "-c", "ls /proc/self/fd | tr '\\n' ' ' >&7"};
  options.descriptors = {{7, pipe.write_end.get()}};
  auto child = MUST(Child::spawn(options));
  pipe.write_end.reset();
  EXPECT_TRUE(MUST(child.wait(Context::root("test"))).success());
  Bytes buffer(256);
  buffer.resize(MUST(read_some(pipe.read_end.get(), buffer)));
  EXPECT_EQ(as_text(buffer), "0 1 2 3 7 ");  // 3 is the listing's own
}

TEST(Child, is_killed_and_reaped_when_its_owner_ends) {
  pid_t pid = 0;
  {
    SpawnOptions options;
    options.argv = {"sleep", "1000"};
    auto child = MUST(Child::spawn(options));
    pid = child.pid();
    EXPECT_TRUE(child.wait(Context::root("test").with_timeout(Duration::zero())).failed_with(Code::kDeadlineExceeded));
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(RunProgram, survives_a_program_that_does_not_read_its_input) {
  const std::string input(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) {
    auto output = run_program(Context::root("test").with_timeout(std::chrono::seconds(10)), {.argv = {"true"}, .input = input});
    EXPECT_TRUE(output.ok());
  }
}

}  // namespace
}  // namespace zeropull::os
