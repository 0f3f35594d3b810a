// Every size and time limit of the identity room, with its reason.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/units.h"

namespace zeropull::identity {

// Accounts have 12 digits, uids and instance ids at most 34 characters; a common name may have 64 (RFC 5280, ub-common-name).
inline constexpr std::size_t kNamePartMax = 64;

// A request or a chain of P-256 certificates has less than 2 KiB.
inline constexpr std::size_t kPemMax = 32 * kKiB;

// A stolen certificate is of use for so long; agents renew at half of it.
inline constexpr auto kInstanceLifetime = std::chrono::hours(1);
inline constexpr auto kServerLifetime = std::chrono::days(397);  // made anew at each start of the control plane
inline constexpr auto kAuthorityLifetime = std::chrono::days(3650);

// Certificates begin so much before they were made: clocks of machines differ.
inline constexpr auto kBackdating = std::chrono::minutes(10);

// Wrapped secrets are keys and passwords.
inline constexpr std::size_t kSecretMax = 64 * kKiB;

}  // namespace zeropull::identity
