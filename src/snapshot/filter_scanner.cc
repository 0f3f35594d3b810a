#include "snapshot/filter_scanner.h"

#include <re2/re2.h>

namespace zeropull::snapshot {

namespace {

constexpr std::int32_t kRuneError = 0xFFFD;
constexpr std::int32_t kRuneMax = 0x10FFFF;

struct Decoded {
  std::int32_t rune = kRuneError;
  std::size_t width = 1;
};

// Go's utf8.DecodeRuneInString of a text that is not empty: overlong forms, surrogates and cut sequences are kRuneError, width 1.
Decoded decode_rune(std::string_view text) {
  auto byte = [&](std::size_t at) { return static_cast<std::int32_t>(static_cast<unsigned char>(text[at])); };
  std::int32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  std::size_t width = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < width) return {};
  std::int32_t rune = first & (0x7F >> width);
  for (std::size_t at = 1; at < width; ++at) {
    if ((byte(at) & 0xC0) != 0x80) return {};
    rune = rune << 6 | (byte(at) & 0x3F);
  }
  bool overlong = (width == 3 && rune < 0x800) || (width == 4 && rune < 0x10000);
  if (overlong || rune > kRuneMax || (rune >= 0xD800 && rune <= 0xDFFF)) return {};
  return {rune, width};
}

// Go's utf8.EncodeRune: what is no code point becomes kRuneError.
void append_rune(std::string& out, std::int32_t rune) {
  if (rune < 0 || rune > kRuneMax || (rune >= 0xD800 && rune <= 0xDFFF)) rune = kRuneError;
  auto put = [&](std::int32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (rune < 0x80) {
    put(rune);
  } else if (rune < 0x800) {
    put(0xC0 | rune >> 6);
    put(0x80 | (rune & 0x3F));
  } else if (rune < 0x10000) {
    put(0xE0 | rune >> 12);
    put(0x80 | (rune >> 6 & 0x3F));
    put(0x80 | (rune & 0x3F));
  } else {
    put(0xF0 | rune >> 18);
    put(0x80 | (rune >> 12 & 0x3F));
    put(0x80 | (rune >> 6 & 0x3F));
    put(0x80 | (rune & 0x3F));
  }
}

bool is_quote(std::int32_t rune) { return rune == '/' || rune == '|' || rune == '"'; }
bool is_separator(std::int32_t rune) { return rune == ',' || rune == '.'; }
bool is_operator(std::int32_t rune) { return rune == '=' || rune == '!' || rune == '~'; }
bool is_field(std::int32_t rune) {
  return rune == '_' || (rune >= 'A' && rune <= 'Z') || (rune >= 'a' && rune <= 'z') || (rune >= '0' && rune <= '9');
}

// Unicode's White_Space, as Go's unicode.IsSpace.
bool is_space(std::int32_t rune) {
  switch (rune) {
    case '\t':
    case '\n':
    case '\v':
    case '\f':
    case '\r':
    case ' ':
    case 0x85:
    case 0xA0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000: return true;
    default: return rune >= 0x2000 && rune <= 0x200A;
  }
}

// Letters, marks, numbers, punctuation and symbols that are neither space nor comma. Outside ASCII, RE2 has Unicode's tables.
bool is_value(std::int32_t rune) {
  if (rune < 0 || rune == ',' || is_space(rune)) return false;
  if (rune < 0x80) return rune > 0x20 && rune < 0x7F;
  static const re2::RE2 kGraphic(R"([\pL\pM\pN\pP\pS])", re2::RE2::Quiet);
  std::string text;
  append_rune(text, rune);
  return re2::RE2::FullMatch(text, kGraphic);
}

int digit_value(std::int32_t rune) {
  if (rune >= '0' && rune <= '9') return rune - '0';
  if (rune >= 'a' && rune <= 'f') return rune - 'a' + 10;
  if (rune >= 'A' && rune <= 'F') return rune - 'A' + 10;
  return 16;  // larger than any digit
}

// Reads `count` digits from the front of `text` and takes them off; nullopt when there are fewer.
std::optional<std::int64_t> take_digits(std::string_view& text, int base, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  std::int64_t value = 0;
  for (std::size_t at = 0; at < count; ++at) {
    int digit = digit_value(static_cast<unsigned char>(text[at]));
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
  }
  text.remove_prefix(count);
  return value;
}

// One escape behind its backslash, taken off `text` and appended to `out`. "\x" and octal make bytes, "\u" and "\U" runes.
bool unquote_escape(std::string_view& text, char quote, std::string& out) {
  if (text.empty()) return false;
  char kind = text.front();
  text.remove_prefix(1);
  auto append = [&](char byte) { return out.push_back(byte), true; };
  switch (kind) {
    case 'a': return append('\a');
    case 'b': return append('\b');
    case 'f': return append('\f');
    case 'n': return append('\n');
    case 'r': return append('\r');
    case 't': return append('\t');
    case 'v': return append('\v');
    case '\\': return append('\\');
    case '"':
    case '|':
    case '/': return kind == quote && append(kind);
    case 'x': {
      auto value = take_digits(text, 16, 2);
      return value && append(static_cast<char>(*value));
    }
    case 'u':
    case 'U': {
      auto value = take_digits(text, 16, kind == 'u' ? 4 : 8);
      if (!value || *value > kRuneMax) return false;
      append_rune(out, static_cast<std::int32_t>(*value));
      return true;
    }
    default: break;
  }
  if (kind < '0' || kind > '7') return false;
  auto rest = take_digits(text, 8, 2);
  if (!rest) return false;
  std::int64_t value = (kind - '0') * 64 + *rest;
  return value <= 255 && append(static_cast<char>(value));
}

}  // namespace

std::int32_t FilterScanner::next() {
  if (rune_begin_ >= input_.size()) return kEnd;
  rune_begin_ = rune_end_;
  if (rune_end_ == input_.size()) return kEnd;
  auto [rune, width] = decode_rune(input_.substr(rune_end_));
  rune_end_ += width;
  if (rune == kRuneError) return fail("rune error"), kIllegal;
  if (rune == 0) return fail("unexpected null"), kIllegal;
  return rune;
}

std::int32_t FilterScanner::peek() {
  auto begin = rune_begin_;
  auto end = rune_end_;
  auto rune = next();
  rune_begin_ = begin;
  rune_end_ = end;
  return rune;
}

Token FilterScanner::scan() {
  std::int32_t rune = next();
  while (is_space(rune)) rune = next();
  std::size_t begin = rune_begin_;
  auto token = [&](TokenKind kind) { return Token{kind, begin, input_.substr(begin, rune_end_ - begin)}; };
  if (rune == kEnd) return {TokenKind::kEnd, begin, {}};
  if (rune == kIllegal) return {TokenKind::kIllegal, begin, {}};
  if (is_quote(rune)) return token(scan_quoted(rune) ? TokenKind::kQuoted : TokenKind::kIllegal);
  if (is_separator(rune)) {
    value_ = false;
    return token(TokenKind::kSeparator);
  }
  if (is_operator(rune)) {
    skip_while(is_operator);
    value_ = true;
    return token(TokenKind::kOperator);
  }
  if (value_) {
    skip_while(is_value);
    value_ = false;
    return token(TokenKind::kValue);
  }
  if (is_field(rune)) {
    skip_while(is_field);
    return token(TokenKind::kField);
  }
  return {TokenKind::kOther, begin, {}};
}

void FilterScanner::skip_while(bool (*accepts)(std::int32_t)) {
  while (accepts(peek())) next();
}

bool FilterScanner::scan_quoted(std::int32_t quote) {
  bool legal = true;
  std::int32_t rune = next();
  while (rune != quote) {
    if (rune == '\n' || rune < 0) return fail("quoted literal not terminated"), false;
    rune = rune == '\\' ? scan_escape(quote, legal) : next();
  }
  return legal;
}

// Returns the rune behind the escape.
std::int32_t FilterScanner::scan_escape(std::int32_t quote, bool& legal) {
  std::int32_t rune = next();
  switch (rune) {
    case 'a':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
    case 'v':
    case '\\': return next();
    case 'x': return scan_digits(next(), 16, 2, legal);
    case 'u': return scan_digits(next(), 16, 4, legal);
    case 'U': return scan_digits(next(), 16, 8, legal);
    default: break;
  }
  if (rune == quote) return next();
  if (rune >= '0' && rune <= '7') return scan_digits(rune, 8, 3, legal);
  fail("illegal escape sequence");
  legal = false;
  return rune;
}

std::int32_t FilterScanner::scan_digits(std::int32_t rune, int base, int count, bool& legal) {
  for (; count > 0 && digit_value(rune) < base; --count) rune = next();
  if (count > 0) {
    fail("illegal numeric escape sequence");
    legal = false;
  }
  return rune;
}

void FilterScanner::fail(std::string_view message) {
  if (error_.empty()) error_ = message;
}

std::optional<std::string> unquote(std::string_view text) {
  if (text.size() < 2 || !is_quote(text.front()) || text.back() != text.front()) return std::nullopt;
  char quote = text.front();
  text = text.substr(1, text.size() - 2);
  std::string out;
  while (!text.empty()) {
    char byte = text.front();
    text.remove_prefix(1);
    if (byte == quote || byte == '\n') return std::nullopt;
    if (byte != '\\') {
      out.push_back(byte);
    } else if (!unquote_escape(text, quote, out)) {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace zeropull::snapshot
