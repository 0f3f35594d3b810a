// Every size, time and count limit of the fleet room, with its reason. What an operator may change is in FleetPolicy.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace zeropull::fleet {

// An operator's table of some thousand types is far below it.
inline constexpr std::size_t kTypesFileMax = 4 * kMiB;
inline constexpr std::size_t kTypeNameMax = 63;

// Memory of an instance that its own programs need: kernel, containerd, shims, agent. Copies cannot reserve it.
inline constexpr std::int64_t kInstanceReserveMb = 512;

// FailureReason and StatusMessage have at most 1,024 characters in the SageMaker API.
inline constexpr std::size_t kReasonMax = 1024;
// Of a failed start's log, what goes into the reason; the rest is in the copy's record and in `zeropull logs`.
inline constexpr std::size_t kReasonLogMax = 512;

// Attempts to launch an instance of one pool, each failing for another reason than capacity, until the pool counts as failed.
inline constexpr int kLaunchAttemptsMax = 3;

// A type whose link is faster than this is not limited by provider local: a veth does not reach it.
inline constexpr std::uint64_t kLocalLinkMax = 40'000'000'000;

// An instance's own programs are started again at most this often: a crash loop must not take the machine.
inline constexpr auto kRestartDelayMin = std::chrono::milliseconds(100);
inline constexpr auto kRestartDelayMax = std::chrono::seconds(10);

// A dead instance's connections have this long to end with their peers: a queue of its link is 50 ms long.
inline constexpr auto kGoodbyeMax = std::chrono::milliseconds(500);

// Instances of one local bridge: a /16 has 65,534 addresses, a bridge of Linux 1,023 ports.
inline constexpr std::size_t kLocalInstancesMax = 1000;

// Machines of provider static.
inline constexpr std::size_t kMachinesMax = 10'000;

}  // namespace zeropull::fleet
