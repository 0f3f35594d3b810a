// The tokens of the filter language, exactly as containerd's filters/scanner.go cuts them, its oddities included: a quote,
// separator or operator character is one even where a value could stand. For filter.cc alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zeropull::snapshot {

enum class TokenKind {
  kEnd,
  kQuoted,
  kValue,
  kField,
  kSeparator,
  kOperator,
  kIllegal,
  kOther
};  // kOther: a character that begins none

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::size_t position = 0;
  std::string_view text;
};

class FilterScanner {
 public:
  static constexpr std::int32_t kEnd = -1;      // a rune of next() and peek()
  static constexpr std::int32_t kIllegal = -2;  // bytes that are not UTF-8, or a NUL

  explicit FilterScanner(std::string_view input) : input_(input) {}
  Token scan();
  std::int32_t peek();                                // the next rune, left where it is
  std::size_t rune_end() const { return rune_end_; }  // behind the last rune read: where peek() looks
  std::string_view error() const { return error_; }   // of an illegal token

 private:
  std::int32_t next();
  void skip_while(bool (*accepts)(std::int32_t));
  bool scan_quoted(std::int32_t quote);
  std::int32_t scan_escape(std::int32_t quote, bool& legal);
  std::int32_t scan_digits(std::int32_t rune, int base, int count, bool& legal);
  void fail(std::string_view message);

  std::string_view input_;
  std::size_t rune_begin_ = 0;
  std::size_t rune_end_ = 0;
  bool value_ = false;  // an operator has passed and its value has not
  std::string_view error_;
};

// The text of a quoted token (filters/quote.go): Go's escapes, between "", // or ||. nullopt when malformed.
std::optional<std::string> unquote(std::string_view text);

}  // namespace zeropull::snapshot
