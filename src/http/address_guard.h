// AddressGuard: which addresses a client may connect to when somebody else chose the URL. A name may resolve to anything and a
// redirect may lead anywhere, so the client asks the guard for the resolved address of every connection it is about to open
// (ClientOptions::guard), never for the name.
//
// Denied from the start: loopback, link-local, unspecified and "this network", multicast, broadcast and reserved addresses, and
// the address of EC2's metadata service over IPv6; then the networks that the operator denies (instances, the control plane).
// The operator's exceptions win. An IPv6 address that carries an IPv4 address (mapped, compatible, translated, 6to4, NAT64,
// Teredo) is denied when either of the two is. A plain value: immutable, thread-safe, copied freely.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sockaddr;

namespace zeropull::http {

// An address in IPv6's form; an IPv4 address is its mapped form (::ffff:a.b.c.d), so that one kind of comparison serves both.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const IpAddress&) const = default;
  static std::optional<IpAddress> parse(std::string_view text);   // "10.0.0.1", "fe80::1"
  static std::optional<IpAddress> of(const sockaddr& address);    // nullopt unless AF_INET or AF_INET6
  static IpAddress v4(std::span<const std::uint8_t, 4> bytes);    // in network order
  std::optional<std::span<const std::uint8_t, 4>> as_v4() const;  // of a mapped address; points into this
  std::string text() const;
};

// "10.0.0.0/8", "fd00::/8", or one address.
class IpNetwork {
 public:
  static Result<IpNetwork> parse(std::string_view text);  // kInvalidArgument also for bits behind the prefix
  bool contains(const IpAddress& address) const;
  std::string text() const;

 private:
  IpAddress base_;
  unsigned prefix_ = 128;  // of the IPv6 form
};

struct AddressRules {
  std::vector<IpNetwork> denied = {};   // beside what is denied from the start
  std::vector<IpNetwork> allowed = {};  // exceptions; they win
};

class AddressGuard {
 public:
  AddressGuard() = default;
  explicit AddressGuard(AddressRules rules) : rules_(std::move(rules)) {}

  // A guard that lets through the exceptions alone: for URLs whose bytes nothing protects on the way (plain http).
  AddressGuard exceptions_only() const;

  // kPermissionDenied: "169.254.169.254 is a link-local address; ...".
  Result<void> check(const IpAddress& address) const;

 private:
  std::optional<std::string> reason_against(const IpAddress& address) const;
  AddressRules rules_;
  bool exceptions_only_ = false;
};

}  // namespace zeropull::http
