// Named network namespaces: a namespace kept alive by a mount of it on a file, as ip-netns(8) does, so that it outlives whoever
// made it and can be joined by path. All functions are thread-safe; entering happens on a thread of their own.
#pragma once

#include <string>

#include "base/result.h"
#include "os/fd.h"

namespace zeropull::os {

// Makes the namespace, with its folder; one that is there already stays as it is.
Result<void> ensure_netns(const std::string& path);
// Gives up the name; the namespace ends with its last process. Absent is fine.
Result<void> remove_netns(const std::string& path);
Result<UniqueFd> open_netns(const std::string& path);  // kNotFound when nothing is mounted there

// A socket of the namespace, whatever the caller's own: sockets stay in the namespace that made them.
struct SocketKind {
  int family;
  int type;
  int protocol;
};
Result<UniqueFd> socket_in(const UniqueFd& netns, SocketKind kind);

// Writes a setting below /proc/sys/net of the caller's own namespace: {"ipv4/conf/eth0/forwarding", "1"}.
struct NetSetting {
  std::string name;
  std::string value;
};
Result<void> write_net_setting(const NetSetting& setting);
Result<void> write_net_setting_in(const UniqueFd& netns, const NetSetting& setting);

// Whether a TCP socket lives there that is not in TIME_WAIT: of a process, or one that the kernel ends by itself. The latter keep
// the namespace.
Result<bool> has_tcp_sockets(const UniqueFd& netns);

// The interface that holds an IPv4 address, dotted decimal; kNotFound for none.
Result<std::string> interface_of(const std::string& address);

}  // namespace zeropull::os
