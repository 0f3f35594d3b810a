#include "os/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace zeropull::os {
namespace {

// Runs `body` in a sandboxed child and returns waitpid's status.
template <typename Body>
int status_in_sandbox(Body body) {
  pid_t pid = fork();
  if (pid == 0) {
    if (!enter_sandbox().ok()) _exit(99);
    _exit(body());
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

TEST(Sandbox, threads_and_open_descriptors_work) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  int status = status_in_sandbox([&] {
    int sum = 0;
    std::thread worker([&] { sum = 42; });
    worker.join();
    return write(pipe_ends[1], "x", 1) == 1 ? sum : 1;
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST(Sandbox, no_file_can_be_opened_and_no_socket_made) {
  int status = status_in_sandbox([] {
    bool opened = open("/etc/passwd", O_RDONLY) >= 0 || open("/tmp/zp-sandbox-x", O_CREAT | O_WRONLY, 0600) >= 0;
    bool connected = socket(AF_INET, SOCK_STREAM, 0) >= 0;
    return opened || connected ? 1 : 0;
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Sandbox, a_new_process_or_program_ends_it) {
  for (bool exec : {false, true}) {
    int status = status_in_sandbox([&] {
      if (exec) execl("/bin/true", "true", nullptr);
      return fork() < 0 ? 1 : 2;
    });
    ASSERT_TRUE(WIFSIGNALED(status)) << exec;
    EXPECT_EQ(WTERMSIG(status), SIGSYS);
  }
}

TEST(Sandbox, holds_no_capability_and_no_identity) {
  int status = status_in_sandbox([] { return setuid(0) == 0 ? 1 : 2; });
  ASSERT_TRUE(WIFSIGNALED(status));
}

}  // namespace
}  // namespace zeropull::os
