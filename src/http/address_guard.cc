#include "http/address_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace zeropull::http {

namespace {

using Bytes16 = std::array<std::uint8_t, 16>;
constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool has_prefix(const Bytes16& bytes, const Bytes16& base, unsigned prefix) {
  const std::size_t whole = prefix / 8;
  if (!std::equal(base.begin(), base.begin() + static_cast<std::ptrdiff_t>(whole), bytes.begin())) return false;
  const unsigned rest = prefix % 8;
  return rest == 0 || ((bytes.at(whole) ^ base.at(whole)) >> (8 - rest)) == 0;
}

struct DeniedNetwork {
  IpNetwork network;
  std::string_view what;
};

// RFC 6890's special addresses that lead to this machine, its link or nobody, and none that an operator may run a store on.
const std::vector<DeniedNetwork>& denied_from_the_start() {
  static const std::vector<DeniedNetwork> networks = [] {
    std::vector<DeniedNetwork> out;
    const auto add = [&](std::string_view network, std::string_view what) {
      out.push_back({MUST(IpNetwork::parse(network)), what});
    };
    add("0.0.0.0/8", "an address of \"this network\"");
    add("127.0.0.0/8", "a loopback address");
    add("169.254.0.0/16", "a link-local address");
    add("224.0.0.0/4", "a multicast address");
    add("240.0.0.0/4", "a reserved or broadcast address");
    add("::/128", "the unspecified address");
    add("::1/128", "a loopback address");
    add("fe80::/10", "a link-local address");
    add("fec0::/10", "a site-local address");
    add("ff00::/8", "a multicast address");
    add("fd00:ec2::/32", "an address of EC2's instance services");
    return out;
  }();
  return networks;
}

// Where an IPv6 address may carry an IPv4 address.
struct Embedding {
  IpNetwork network;
  std::size_t at;     // of the four bytes
  std::uint8_t mask;  // they are XORed with it
  std::string_view what;
};

const std::vector<Embedding>& embeddings() {
  static const std::vector<Embedding> all = [] {
    std::vector<Embedding> out;
    const auto add = [&](std::string_view network, std::size_t at, std::string_view what, std::uint8_t mask = 0) {
      out.push_back({MUST(IpNetwork::parse(network)), at, mask, what});
    };
    add("::/96", 12, "IPv4-compatible");            // RFC 4291
    add("::ffff:0:0:0/96", 12, "IPv4-translated");  // RFC 2765
    add("64:ff9b::/96", 12, "NAT64");               // RFC 6052
    add("64:ff9b:1::/48", 12, "NAT64");             // RFC 8215, as /96 below it
    add("2002::/16", 2, "6to4");                    // RFC 3056
    add("2001::/32", 4, "Teredo server");           // RFC 4380
    add("2001::/32", 12, "Teredo client", std::uint8_t{0xff});
    return out;
  }();
  return all;
}

}  // namespace

IpAddress IpAddress::v4(std::span<const std::uint8_t, 4> bytes) {
  IpAddress out;
  std::ranges::copy(kMappedPrefix, out.bytes.begin());
  std::ranges::copy(bytes, out.bytes.begin() + 12);
  return out;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  std::array<std::uint8_t, 4> four{};
  if (inet_pton(AF_INET, terminated.c_str(), four.data()) == 1) return v4(four);
  IpAddress out;
  if (inet_pton(AF_INET6, terminated.c_str(), out.bytes.data()) == 1) return out;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &address, sizeof in);
    std::array<std::uint8_t, 4> four;
    std::memcpy(four.data(), &in.sin_addr, four.size());
    return v4(four);
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in;
    std::memcpy(&in, &address, sizeof in);
    IpAddress out;
    std::memcpy(out.bytes.data(), &in.sin6_addr, out.bytes.size());
    return out;
  }
  return std::nullopt;
}

std::optional<std::span<const std::uint8_t, 4>> IpAddress::as_v4() const {
  if (!std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin())) return std::nullopt;
  return std::span(bytes).subspan<12, 4>();
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  const auto four = as_v4();
  const void* from = four ? four->data() : bytes.data();
  inet_ntop(four ? AF_INET : AF_INET6, from, out.data(), out.size());
  return out.data();
}

Result<IpNetwork> IpNetwork::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = IpAddress::parse(text.substr(0, slash));
  if (!base)
    return make_error(Code::kInvalidArgument, "\"{}\" is no network; write an address or ADDRESS/PREFIX, as 10.0.0.0/8", text);
  const unsigned width = base->as_v4() && !text.contains(':') ? 32 : 128;
  unsigned prefix = width;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || prefix > width)
      return make_error(Code::kInvalidArgument, "\"{}\" has no prefix length from 0 to {}", text, width);
  }
  IpNetwork out;
  out.base_ = *base;
  out.prefix_ = prefix + (128 - width);
  for (unsigned bit = out.prefix_; bit < 128; ++bit) {
    if ((base->bytes.at(bit / 8) >> (7 - bit % 8) & 1) != 0)
      return make_error(Code::kInvalidArgument, "\"{}\" has bits behind its prefix of {}; clear them or lengthen the prefix",
                        text, prefix);
  }
  return out;
}

bool IpNetwork::contains(const IpAddress& address) const { return has_prefix(address.bytes, base_.bytes, prefix_); }

std::string IpNetwork::text() const {
  const bool four = base_.as_v4() && prefix_ >= 96;
  return fmt::format("{}/{}", base_.text(), four ? prefix_ - 96 : prefix_);
}

AddressGuard AddressGuard::exceptions_only() const {
  AddressGuard out(rules_);
  out.exceptions_only_ = true;
  return out;
}

std::optional<std::string> AddressGuard::reason_against(const IpAddress& address) const {
  const auto holds = [&](const IpNetwork& network) { return network.contains(address); };
  if (std::ranges::any_of(rules_.allowed, holds)) return std::nullopt;
  if (exceptions_only_) return "none of the addresses that are excepted";
  for (const auto& [network, what] : denied_from_the_start()) {
    if (network.contains(address)) return std::string(what);
  }
  const auto denied = std::ranges::find_if(rules_.denied, holds);
  if (denied != rules_.denied.end()) return fmt::format("in the denied network {}", denied->text());
  for (const auto& [network, at, mask, what] : embeddings()) {
    if (!network.contains(address)) continue;
    std::array<std::uint8_t, 4> four{};
    for (std::size_t i = 0; i < four.size(); ++i) four.at(i) = static_cast<std::uint8_t>(address.bytes.at(at + i) ^ mask);
    const auto inner = IpAddress::v4(four);
    if (auto reason = reason_against(inner)) return fmt::format("the {} form of {}, {}", what, inner.text(), *reason);
  }
  return std::nullopt;
}

Result<void> AddressGuard::check(const IpAddress& address) const {
  const auto reason = reason_against(address);
  if (!reason) return {};
  return make_error(Code::kPermissionDenied,
                    "{} is {}; nothing may be fetched from there unless the operator makes an exception for that address",
                    address.text(), *reason);
}

}  // namespace zeropull::http
