#include "os/ipv4.h"

#include <arpa/inet.h>

#include <charconv>

namespace zeropull::os {

Result<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  in_addr raw{};
  if (inet_pton(AF_INET, std::string(text).c_str(), &raw) != 1 || text.contains('\0')) {
    return make_error(Code::kInvalidArgument, "{:?} is no IPv4 address", text);
  }
  return Ipv4Address{ntohl(raw.s_addr)};
}

std::string Ipv4Address::text() const {
  return fmt::format("{}.{}.{}.{}", value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255);
}

Result<Ipv4Network> Ipv4Network::parse(std::string_view text) {
  auto slash = text.find('/');
  auto address = TRY(Ipv4Address::parse(text.substr(0, slash)));
  Ipv4Network network{.address = address};
  if (slash != std::string_view::npos) {
    auto digits = text.substr(slash + 1);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), network.prefix);
    if (error != std::errc() || end != digits.data() + digits.size() || network.prefix > 32) {
      return make_error(Code::kInvalidArgument, "{:?} is no IPv4 network: the prefix is a number of 0 to 32", text);
    }
  }
  std::uint64_t mask = 0xffffffffULL << (32 - network.prefix);
  network.address.value &= static_cast<std::uint32_t>(mask);
  return network;
}

std::string Ipv4Network::text() const { return fmt::format("{}/{}", address.text(), prefix); }

}  // namespace zeropull::os
