#include "os/sandbox.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <memory>

#include "os/fd.h"

namespace zeropull::os {

namespace {

constexpr uid_t kNobody = 65534;

Result<void> drop_privileges() {
  // The bounding set goes first: no later exec could win anything back (and none is allowed).
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return errno_error(errno, "drop a bounding capability");
  }
  if (setgroups(0, nullptr) != 0) return errno_error(errno, "drop groups");
  if (setresgid(kNobody, kNobody, kNobody) != 0) return errno_error(errno, "become group nobody");
  if (setresuid(kNobody, kNobody, kNobody) != 0) return errno_error(errno, "become nobody");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  if (syscall(SYS_capset, &header, none) != 0) return errno_error(errno, "drop capabilities");
  return {};
}

Result<void> add_rule(scmp_filter_ctx filter, std::uint32_t action, int call) {
  int error = seccomp_rule_add(filter, action, call, 0);
  if (error != 0) return errno_error(-error, "add a seccomp rule");
  return {};
}

Result<void> filter_calls() {
  std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_KILL_PROCESS), seccomp_release);
  if (!filter) return make_error(Code::kResourceExhausted, "cannot make a seccomp filter");
  for (int call : {// descriptors that are open already
                   SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(pwrite64),
                   SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(close), SCMP_SYS(poll),
                   SCMP_SYS(ppoll), SCMP_SYS(fadvise64), SCMP_SYS(sync_file_range),
                   // memory
                   SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
                   // threads (clone is below), signals, time, chance, the end
                   SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
                   SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(tgkill), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
                   SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(clock_gettime),
                   SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(exit),
                   SCMP_SYS(exit_group)}) {
    TRY(add_rule(filter.get(), SCMP_ACT_ALLOW, call));
  }
  // A new thread, never a new process. clone3's flags cannot be read by a filter; glibc falls back to clone on ENOSYS.
  const scmp_arg_cmp new_thread{
      .arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = CLONE_THREAD | CLONE_VM, .datum_b = CLONE_THREAD | CLONE_VM};
  int error = seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &new_thread);
  if (error != 0) return errno_error(-error, "add a seccomp rule");
  TRY(add_rule(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3)));
  // Thread names are not worth dying for; nor is a library that looks for its configuration or asks what machine this is.
  for (int call : {SCMP_SYS(prctl), SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(newfstatat), SCMP_SYS(access), SCMP_SYS(readlink),
                   SCMP_SYS(ioctl), SCMP_SYS(fcntl), SCMP_SYS(prlimit64), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(socket)}) {
    TRY(add_rule(filter.get(), SCMP_ACT_ERRNO(EACCES), call));
  }
  error = seccomp_load(filter.get());
  if (error != 0) return errno_error(-error, "load the seccomp filter");
  return {};
}

}  // namespace

Result<void> enter_sandbox() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_error(errno, "set no_new_privs");
  if (unshare(CLONE_NEWNET | CLONE_NEWIPC) != 0) return errno_error(errno, "leave the network (is this root?)");
  TRY(drop_privileges());
  // Changing user cleared the parent-death signal; a child must not outlive its parent.
  if (prctl(PR_SET_PDEATHSIG, 9) != 0) return errno_error(errno, "set the parent-death signal");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno_error(errno, "refuse core dumps");
  return filter_calls().with_context("sandbox");
}

}  // namespace zeropull::os
