// The JSON head of an artifact index, apart from the frame table. Private to artifact/index.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/index.h"
#include "base/result.h"

namespace zeropull::artifact {

struct IndexHead {
  std::uint64_t frames = 0;
  Description description;
  std::vector<BlobDescription> blobs;
};

std::string encode_head(const IndexHead& head);
// Parses and bounds each value; what values say of one another is check_head's business. kInvalidArgument.
Result<IndexHead> parse_head(std::string_view text);

// Refuses a head that does not hold together: references out of range or of the wrong role, digests that the bytes beside them do
// not have, chain ids that do not follow, blobs that do not tile the frame table. kInvalidArgument.
Result<void> check_head(const IndexHead& head);

}  // namespace zeropull::artifact
