// Every size, count and time limit of the store room, with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace zeropull::store {

// Names are hex digits and short words in a few folders; a path of ours that holds one stays far below PATH_MAX.
inline constexpr std::size_t kNameMax = 200;
inline constexpr std::size_t kNameSegmentMax = 100;

// Objects are put whole from memory. Packs are at most 16 MiB; the index of a 1 TiB artifact has 64 MiB.
inline constexpr std::uint64_t kObjectSizeMax = 80 * kMiB;

// One page of a listing; S3's limit too.
inline constexpr std::size_t kListMax = 1000;

// Objects that one listing keeps in memory: the packs of 60 TiB.
inline constexpr std::size_t kListAllMax = 4'000'000;

// The JSON of a page: names, two numbers each, and their quotes.
inline constexpr std::size_t kListBodyMax = kListMax * (kNameMax + 100);

// What is older in a folder store's place for unfinished puts was left by a process that died: no put takes a day.
inline constexpr auto kUnfinishedMax = std::chrono::hours(24);

// A token that could be guessed is refused.
inline constexpr std::size_t kTokenMin = 16;
inline constexpr std::size_t kTokenMax = 512;
inline constexpr std::size_t kTokenFileMax = kMiB;

}  // namespace zeropull::store
