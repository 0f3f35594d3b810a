#include "codec/base64.h"

#include <array>
#include <cstdint>

namespace zeropull::codec {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::uint8_t kNoDigit = 255;
using DigitTable = std::array<std::uint8_t, 256>;

constexpr DigitTable digits_of(std::string_view alphabet) {
  DigitTable table{};
  table.fill(kNoDigit);
  for (std::size_t i = 0; i < alphabet.size(); i++) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}
constexpr DigitTable kStandardDigits = digits_of(kStandard);
constexpr DigitTable kUrlDigits = digits_of(kUrl);

}  // namespace

std::string base64_encode(ByteView bytes, Base64Alphabet alphabet) {
  const std::string_view letters = alphabet == Base64Alphabet::kStandard ? kStandard : kUrl;
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  unsigned count = 0;  // of bits that are not written
  for (const std::byte byte : bytes) {
    bits = bits << 8 | std::to_integer<std::uint32_t>(byte);
    count += 8;
    while (count >= 6) {
      count -= 6;
      text.push_back(letters[bits >> count & 63]);
    }
  }
  if (count > 0) text.push_back(letters[bits << (6 - count) & 63]);
  if (alphabet == Base64Alphabet::kStandard) text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<Bytes> base64_decode(std::string_view text, Base64Alphabet alphabet) {
  const DigitTable& digits = alphabet == Base64Alphabet::kStandard ? kStandardDigits : kUrlDigits;
  if (text.ends_with('=')) {
    if (text.size() % 4 != 0) return std::nullopt;
    text.remove_suffix(text.ends_with("==") ? 2 : 1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned count = 0;  // of bits that are not written
  for (const char letter : text) {
    const std::uint8_t digit = digits[static_cast<unsigned char>(letter)];
    if (digit == kNoDigit) return std::nullopt;
    bits = bits << 6 | digit;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<std::byte>(bits >> count & 255));
    }
  }
  if ((bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace zeropull::codec
