#include "os/netlink.h"

#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "os/netns.h"

namespace zeropull::os {

namespace {

constexpr std::size_t kAnswerMax = 32768;  // the kernel's own bound for one message to user space
constexpr SocketKind kRoute{.family = AF_NETLINK, .type = SOCK_RAW, .protocol = NETLINK_ROUTE};

// The kernel answers at once; a socket that does not answer is broken, and must not hold its caller for ever.
Result<void> limit_waiting(const UniqueFd& socket) {
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  if (setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) return errno_error(errno, "setsockopt");
  return {};
}

}  // namespace

// A request in the making: a header, a fixed part of type T, then attributes, which may nest.
class Netlink::Message {
 public:
  template <typename Fixed>
  Message(int type, int flags, const Fixed& fixed) {
    nlmsghdr header{};
    header.nlmsg_type = static_cast<std::uint16_t>(type);
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    append(&header, sizeof header);
    append(&fixed, sizeof fixed);
  }

  template <typename Value>
  void put(int type, const Value& value) {
    put_bytes(type, {reinterpret_cast<const std::byte*>(&value), sizeof value});
  }
  void put_text(int type, const std::string& text) { put_bytes(type, {as_bytes(text).data(), text.size() + 1}); }  // with its NUL
  void put_bytes(int type, ByteView value) {
    auto at = begin(type);
    append(value.data(), value.size());
    end(at);
  }
  std::size_t begin(int type) {
    std::size_t at = bytes_.size();
    rtattr attribute{.rta_len = 0, .rta_type = static_cast<std::uint16_t>(type)};
    append(&attribute, sizeof attribute);
    return at;
  }
  void end(std::size_t at) {
    std::size_t size = written_ - at;
    CHECK(size <= 0xffff);
    store_le(bytes_.data() + at, static_cast<std::uint16_t>(size));
  }
  template <typename Fixed>
  void append_fixed(const Fixed& fixed) {
    append(&fixed, sizeof fixed);
  }

  ByteView finish(std::uint32_t sequence) {
    store_le(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), static_cast<std::uint32_t>(written_));
    store_le(bytes_.data() + offsetof(nlmsghdr, nlmsg_seq), sequence);
    return bytes_;
  }

 private:
  // Everything starts at a multiple of four.
  void append(const void* data, std::size_t size) {
    const auto* from = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), from, from + size);
    written_ = bytes_.size();
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }
  Bytes bytes_;
  std::size_t written_ = 0;  // without the last padding
};

Result<Netlink> Netlink::open() {
  UniqueFd socket(::socket(kRoute.family, kRoute.type | SOCK_CLOEXEC, kRoute.protocol));
  if (!socket.valid()) return errno_error(errno, "open a netlink socket");
  TRY(limit_waiting(socket));
  return Netlink(std::move(socket));
}

Result<Netlink> Netlink::open_in(const UniqueFd& netns) {
  auto socket = TRY(socket_in(netns, kRoute));
  TRY(limit_waiting(socket));
  return Netlink(std::move(socket));
}

Result<std::uint32_t> Netlink::request(Message& message, std::string_view what) {
  auto bytes = message.finish(++sequence_);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  auto sent = sendto(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  if (sent < 0) return errno_error(errno, what);
  std::uint32_t index = 0;
  Bytes answer(kAnswerMax);
  while (true) {
    auto received = recv(socket_.get(), answer.data(), answer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return errno_error(errno, what);
    auto left = static_cast<std::size_t>(received);
    for (const std::byte* at = answer.data(); left >= sizeof(nlmsghdr);) {
      nlmsghdr header;
      std::memcpy(&header, at, sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > left) break;
      const std::byte* body = at + NLMSG_HDRLEN;
      const bool ours = header.nlmsg_seq == sequence_;
      if (ours && header.nlmsg_type == RTM_NEWLINK && header.nlmsg_len >= NLMSG_HDRLEN + sizeof(ifinfomsg)) {
        index = load_le<std::uint32_t>(body + offsetof(ifinfomsg, ifi_index));
      }
      if (ours && header.nlmsg_type == NLMSG_ERROR && header.nlmsg_len >= NLMSG_HDRLEN + sizeof(int)) {
        int error = load_le<int>(body);
        if (error != 0) return errno_error(-error, what);
        return index;
      }
      std::size_t step = std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), left);
      at += step;
      left -= step;
    }
  }
}

Result<std::uint32_t> Netlink::link_index(const std::string& name) {
  Message message(RTM_GETLINK, 0, ifinfomsg{});
  message.put_text(IFLA_IFNAME, name);
  auto index = request(message, fmt::format("find the interface {}", name));
  if (!index.ok() && index.error().errno_value() == ENODEV) return make_error(Code::kNotFound, "no interface {}", name);
  return index;
}

Result<bool> Netlink::has_link(const std::string& name) {
  auto index = link_index(name);
  if (index.failed_with(Code::kNotFound)) return false;
  TRY(std::move(index));
  return true;
}

Result<void> Netlink::ensure_bridge(const BridgeLink& bridge) {
  auto present = TRY(has_link(bridge.name));
  if (present) return {};
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  message.put_text(IFLA_IFNAME, bridge.name);
  message.put(IFLA_ADDRESS, bridge.mac);
  auto info = message.begin(IFLA_LINKINFO);
  message.put_text(IFLA_INFO_KIND, "bridge");
  message.end(info);
  TRY(request(message, fmt::format("make the bridge {}", bridge.name)));
  return {};
}

Result<void> Netlink::create_veth(const VethLink& veth) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  message.put_text(IFLA_IFNAME, veth.name);
  auto info = message.begin(IFLA_LINKINFO);
  message.put_text(IFLA_INFO_KIND, "veth");
  auto data = message.begin(IFLA_INFO_DATA);
  auto peer = message.begin(VETH_INFO_PEER);
  message.append_fixed(ifinfomsg{});
  message.put_text(IFLA_IFNAME, veth.peer_name);
  message.put(IFLA_ADDRESS, veth.peer_mac);
  message.put(IFLA_NET_NS_FD, static_cast<std::uint32_t>(veth.peer_netns));
  message.end(peer);
  message.end(data);
  message.end(info);
  TRY(request(message, fmt::format("make the interface {}", veth.name)));
  return {};
}

Result<void> Netlink::remove_link(const std::string& name) {
  auto index = link_index(name);
  if (index.failed_with(Code::kNotFound)) return {};
  auto found = TRY(std::move(index));
  ifinfomsg link{};
  link.ifi_index = static_cast<int>(found);
  Message message(RTM_DELLINK, 0, link);
  auto removed = request(message, fmt::format("remove the interface {}", name));
  if (!removed.ok() && removed.error().errno_value() != ENODEV) return std::move(removed).take_error();
  return {};
}

Result<void> Netlink::set_up(const std::string& name) {
  auto index = TRY(link_index(name));
  ifinfomsg link{};
  link.ifi_index = static_cast<int>(index);
  link.ifi_flags = IFF_UP;
  link.ifi_change = IFF_UP;
  Message message(RTM_NEWLINK, 0, link);
  TRY(request(message, fmt::format("set the interface {} up", name)));
  return {};
}

Result<void> Netlink::ensure_isolated_port(const BridgePort& port) {
  auto index = TRY(link_index(port.name));
  auto bridge = TRY(link_index(port.bridge));
  ifinfomsg link{};
  link.ifi_index = static_cast<int>(index);
  Message enslave(RTM_NEWLINK, 0, link);
  enslave.put(IFLA_MASTER, bridge);
  TRY(request(enslave, fmt::format("attach {} to {}", port.name, port.bridge)));

  link.ifi_family = AF_BRIDGE;
  Message isolate(RTM_SETLINK, 0, link);
  auto info = isolate.begin(IFLA_PROTINFO | NLA_F_NESTED);
  isolate.put(IFLA_BRPORT_ISOLATED, std::uint8_t{1});
  isolate.put(IFLA_BRPORT_LEARNING, std::uint8_t{0});
  isolate.put(IFLA_BRPORT_LOCKED, std::uint8_t{1});
  isolate.end(info);
  TRY(request(isolate, fmt::format("isolate {} on {}", port.name, port.bridge)));
  return {};
}

Result<void> Netlink::ensure_address(const LinkAddress& address) {
  ifaddrmsg fixed{};
  fixed.ifa_family = AF_INET;
  fixed.ifa_prefixlen = address.prefix;
  fixed.ifa_index = TRY(link_index(address.link));
  Message message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, fixed);
  std::uint32_t raw = htonl(address.address.value);
  std::uint32_t mask = address.prefix == 0 ? 0 : ~0U << (32 - address.prefix);
  message.put(IFA_LOCAL, raw);
  message.put(IFA_ADDRESS, raw);
  message.put(IFA_BROADCAST, htonl(address.address.value | ~mask));
  TRY(request(message, fmt::format("give {} the address {}", address.link, address.address.text())));
  return {};
}

Result<void> Netlink::ensure_default_route(Ipv4Address gateway) {
  rtmsg fixed{};
  fixed.rtm_family = AF_INET;
  fixed.rtm_table = RT_TABLE_MAIN;
  fixed.rtm_protocol = RTPROT_STATIC;
  fixed.rtm_type = RTN_UNICAST;
  Message message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, fixed);
  message.put(RTA_GATEWAY, htonl(gateway.value));
  TRY(request(message, fmt::format("make {} the default gateway", gateway.text())));
  return {};
}

Result<void> Netlink::ensure_neighbour(const Neighbour& neighbour) {
  auto index = TRY(link_index(neighbour.link));
  ndmsg fixed{};
  fixed.ndm_family = AF_INET;
  fixed.ndm_ifindex = static_cast<int>(index);
  fixed.ndm_state = NUD_PERMANENT;
  Message message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, fixed);
  message.put(NDA_DST, htonl(neighbour.address.value));
  message.put(NDA_LLADDR, neighbour.mac);
  TRY(request(message, fmt::format("fix the neighbour {} on {}", neighbour.address.text(), neighbour.link)));
  return {};
}

Result<void> Netlink::ensure_forwarding(const ForwardingEntry& entry) {
  auto index = TRY(link_index(entry.port));
  ndmsg fixed{};
  fixed.ndm_family = AF_BRIDGE;
  fixed.ndm_ifindex = static_cast<int>(index);
  fixed.ndm_state = NUD_NOARP;  // "static" in bridge(8)
  fixed.ndm_flags = NTF_MASTER;
  Message message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, fixed);
  message.put(NDA_LLADDR, entry.mac);
  TRY(request(message, fmt::format("fix what lies behind {}", entry.port)));
  return {};
}

}  // namespace zeropull::os
