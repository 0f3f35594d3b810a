// Every size and count limit of the snapshot room, with its reason.
#pragma once

#include <cstddef>

#include "base/units.h"

namespace zeropull::snapshot {

// containerd's names are "<number>/<namespace>/<key>", and its keys hold a few hundred bytes.
inline constexpr std::size_t kNameLengthMax = 4096;

// containerd's own limit of a label's key and value together (labels/validate.go).
inline constexpr std::size_t kLabelLengthMax = 4096;
inline constexpr std::size_t kLabelsMax = 512;

// Parents below a snapshot. The kernel's overlay takes 500 lower folders (OVL_MAX_STACK).
inline constexpr std::size_t kAncestorsMax = 500;

// Walk's filters. containerd sends one with two selectors; these bounds only keep nonsense from costing anything.
inline constexpr std::size_t kFiltersMax = 256;
inline constexpr std::size_t kFilterLengthMax = 16 * kKiB;
inline constexpr std::size_t kSelectorsMax = 256;        // of one filter
inline constexpr std::size_t kExpressionsMax = 64;       // regular expressions in all filters of a walk
inline constexpr std::size_t kRegexMemoryMax = 1 << 20;  // of one compiled expression, bytes

}  // namespace zeropull::snapshot
