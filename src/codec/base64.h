// Base64 (RFC 4648): the standard alphabet with padding, and the URL alphabet without.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace zeropull::codec {

enum class Base64Alphabet { kStandard, kUrl };

std::string base64_encode(ByteView bytes, Base64Alphabet alphabet = Base64Alphabet::kStandard);

// nullopt unless the text is exactly one encoding: no white space, no bits beyond the last byte. Padding may be left out, but not
// in part.
std::optional<Bytes> base64_decode(std::string_view text, Base64Alphabet alphabet = Base64Alphabet::kStandard);

}  // namespace zeropull::codec
