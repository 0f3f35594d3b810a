// IPv4 addresses and networks as values, parsed once from text. Plain values: not locked.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zeropull::os {

struct Ipv4Address {
  std::uint32_t value = 0;  // in the host's byte order: 10.0.0.1 is 0x0a000001
  auto operator<=>(const Ipv4Address&) const = default;
  static Result<Ipv4Address> parse(std::string_view text);  // dotted decimal
  std::string text() const;
};

struct Ipv4Network {
  Ipv4Address address;  // no bit beyond the prefix is set
  std::uint8_t prefix = 32;
  auto operator<=>(const Ipv4Network&) const = default;
  // "10.0.0.0/8", or an address for itself alone. Bits beyond the prefix are cleared.
  static Result<Ipv4Network> parse(std::string_view text);
  std::string text() const;
};

}  // namespace zeropull::os
