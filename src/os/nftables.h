// nftables through its own program, nft(8): a text of rules is one transaction, all of it or nothing.
#pragma once

#include <string>

#include "base/context.h"
#include "base/result.h"

namespace zeropull::os {

// Gives `rules` to the kernel, in the caller's network namespace. kInvalidArgument with nft's own words when it refuses them.
Result<void> apply_nftables(const Context& ctx, const std::string& rules);

}  // namespace zeropull::os
