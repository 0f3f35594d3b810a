#include "os/netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <thread>

#include "os/file.h"
#include "os/mount.h"

namespace zeropull::os {

namespace {

// A thread's namespace is its own affair, and the thread ends with it.
Result<void> on_own_thread(const std::function<Result<void>()>& work) {
  Result<void> result;
  std::thread([&] { result = work(); }).join();
  return result;
}

bool is_namespace(const std::string& path) {
  struct statfs info{};
  return statfs(path.c_str(), &info) == 0 && info.f_type == NSFS_MAGIC;
}

}  // namespace

Result<void> ensure_netns(const std::string& path) {
  if (is_namespace(path)) return {};
  TRY(ensure_folder(parent_folder(path), 0755));
  auto file = TRY(open_file(path, O_RDONLY | O_CREAT));
  file.reset();
  return on_own_thread([&]() -> Result<void> {
    if (unshare(CLONE_NEWNET) != 0) return errno_error(errno, "make a network namespace");
    auto own = fmt::format("/proc/self/task/{}/ns/net", gettid());
    if (mount(own.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0) return errno_error(errno, "mount " + path);
    return {};
  });
}

Result<void> remove_netns(const std::string& path) {
  while (is_namespace(path)) TRY(unmount(path, Unmount::kLazily));
  return remove_file(path);
}

Result<UniqueFd> open_netns(const std::string& path) {
  auto file = TRY(open_file(path, O_RDONLY));
  if (!is_namespace(path)) return make_error(Code::kNotFound, "open {}: it is no network namespace", path);
  return file;
}

Result<UniqueFd> socket_in(const UniqueFd& netns, SocketKind kind) {
  UniqueFd socket;
  TRY(on_own_thread([&]() -> Result<void> {
    if (setns(netns.get(), CLONE_NEWNET) != 0) return errno_error(errno, "enter a network namespace");
    socket = UniqueFd(::socket(kind.family, kind.type | SOCK_CLOEXEC, kind.protocol));
    if (!socket.valid()) return errno_error(errno, "open a socket in a network namespace");
    return {};
  }));
  return socket;
}

Result<void> write_net_setting(const NetSetting& setting) {
  auto file = TRY(open_file("/proc/sys/net/" + setting.name, O_WRONLY));
  return write_all(file.get(), as_bytes(setting.value)).with_context("write {}", setting.name);
}

Result<void> write_net_setting_in(const UniqueFd& netns, const NetSetting& setting) {
  return on_own_thread([&]() -> Result<void> {
    if (setns(netns.get(), CLONE_NEWNET) != 0) return errno_error(errno, "enter a network namespace");
    return write_net_setting(setting);
  });
}

Result<bool> has_tcp_sockets(const UniqueFd& netns) {
  constexpr std::size_t kTableMax = 4096;
  bool any = false;
  TRY(on_own_thread([&]() -> Result<void> {
    if (setns(netns.get(), CLONE_NEWNET) != 0) return errno_error(errno, "enter a network namespace");
    for (const auto& [table, line] : {std::pair{"sockstat", "TCP: inuse "}, std::pair{"sockstat6", "TCP6: inuse "}}) {
      auto text = TRY(read_text(fmt::format("/proc/thread-self/net/{}", table), kTableMax));
      const auto at = text.find(line);
      any |= at != std::string::npos && text[at + std::string_view(line).size()] != '0';
    }
    return {};
  }));
  return any;
}

Result<std::string> interface_of(const std::string& address) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return errno_error(errno, "list the interfaces");
  std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, freeifaddrs);
  in_addr wanted{};
  if (inet_pton(AF_INET, address.c_str(), &wanted) != 1) {
    return make_error(Code::kInvalidArgument, "{:?} is no IPv4 address", address);
  }
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    const auto* inet = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    if (inet->sin_addr.s_addr == wanted.s_addr) return std::string(one->ifa_name);
  }
  return make_error(Code::kNotFound, "no interface has the address {}", address);
}

}  // namespace zeropull::os
