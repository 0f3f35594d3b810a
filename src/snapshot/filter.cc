#include "snapshot/filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>

#include "snapshot/filter_scanner.h"
#include "snapshot/limits.h"

namespace zeropull::snapshot {

namespace {

enum class Operator { kPresent, kEqual, kNotEqual, kMatches };

// A field's value, and whether it is there; containerd's adaptSnapshot. `path` is not empty.
struct Field {
  std::string_view value;
  bool present = false;
};
Field field_of(const Info& info, const std::string& first, const std::string& rest) {
  if (first == "kind") return {kind_name(info.kind), true};
  if (first == "name") return {info.name, true};
  if (first == "parent") return {info.parent, true};
  if (first != "labels") return {};
  auto label = info.labels.find(rest);
  if (label == info.labels.end()) return {};
  return {label->second, true};
}

}  // namespace

struct Filter::Selector {
  std::string first;  // the field path's first part
  std::string rest;   // the others, joined with '.'
  Operator op = Operator::kPresent;
  std::string value;
  std::unique_ptr<const re2::RE2> expression;  // of kMatches; null when it does not compile

  bool matches(const Info& info) const {
    auto field = field_of(info, first, rest);
    switch (op) {
      case Operator::kPresent: return field.present;
      case Operator::kEqual: return field.present && field.value == value;
      case Operator::kNotEqual: return field.value != value;
      case Operator::kMatches:
        return expression && re2::RE2::PartialMatch(re2::StringPiece(field.value.data(), field.value.size()), *expression);
    }
    return false;
  }
};

// The recursive descent of filters/parser.go over one filter.
class FilterParser {
 public:
  // `expressions_left` is what all filters of a walk may still compile.
  FilterParser(std::string_view input, std::size_t& expressions_left)
      : input_(input), scanner_(input), expressions_left_(expressions_left) {}

  Result<Filter::All> parse() {
    Filter::All all;
    while (true) {
      auto next = TRY(selector());
      if (all.size() == kSelectorsMax) return fail(0, fmt::format("more than {} selectors", kSelectorsMax));
      all.push_back(std::move(next));
      auto rune = scanner_.peek();
      if (rune == FilterScanner::kEnd) return all;
      if (rune != ',') return fail(scanner_.rune_end(), "unexpected input");
      (void)scanner_.scan();
    }
  }

 private:
  Result<std::shared_ptr<const Filter::Selector>> selector() {
    auto selector = std::make_shared<Filter::Selector>();
    auto first = TRY(field());
    selector->first = std::move(first);
    for (bool more = false; scanner_.peek() == '.'; more = true) {
      (void)scanner_.scan();
      auto part = TRY(field());
      if (more) selector->rest += '.';
      selector->rest += part;
    }
    auto rune = scanner_.peek();
    if (rune == ',' || rune == FilterScanner::kEnd) return std::shared_ptr<const Filter::Selector>(std::move(selector));
    auto op = TRY(read_operator());
    auto text = TRY(value(op));
    selector->op = op;
    selector->value = std::move(text);
    if (op == Operator::kMatches) {
      if (expressions_left_ == 0) return fail(0, fmt::format("more than {} regular expressions", kExpressionsMax));
      --expressions_left_;
      re2::RE2::Options options(re2::RE2::Quiet);
      options.set_max_mem(kRegexMemoryMax);
      auto expression = std::make_unique<const re2::RE2>(selector->value, options);
      if (expression->ok()) selector->expression = std::move(expression);
    }
    return std::shared_ptr<const Filter::Selector>(std::move(selector));
  }

  Result<std::string> field() {
    auto token = scanner_.scan();
    if (token.kind == TokenKind::kField) return std::string(token.text);
    if (token.kind == TokenKind::kQuoted) return unquoted(token, Operator::kPresent);
    return unexpected(token, "expected field or quoted");
  }

  Result<Operator> read_operator() {
    auto token = scanner_.scan();
    if (token.kind != TokenKind::kOperator) return unexpected(token, R"(expected an operator ("=="|"!="|"~="))");
    if (token.text == "==") return Operator::kEqual;
    if (token.text == "!=") return Operator::kNotEqual;
    if (token.text == "~=") return Operator::kMatches;
    return fail(token.position, fmt::format("unsupported operator \"{}\"", token.text));
  }

  Result<std::string> value(Operator op) {
    auto token = scanner_.scan();
    if (token.kind == TokenKind::kValue || token.kind == TokenKind::kField) return std::string(token.text);
    if (token.kind == TokenKind::kQuoted) return unquoted(token, op);
    return unexpected(token, "expected value or quoted");
  }

  // Slashes and bars quote only the value of "~=".
  Result<std::string> unquoted(const Token& token, Operator op) {
    if (op != Operator::kMatches && token.text.front() != '"') return fail(token.position, "invalid quote encountered");
    auto text = unquote(token.text);
    if (!text) return fail(token.position, "unquoting failed: quote syntax error");
    return std::move(*text);
  }

  Error unexpected(const Token& token, std::string_view expected) {
    return fail(token.position, token.kind == TokenKind::kIllegal ? scanner_.error() : expected);
  }

  Error fail(std::size_t position, std::string_view message) {
    if (position >= input_.size()) return make_error(Code::kInvalidArgument, "filters: parse error: [{}]: {}", input_, message);
    return make_error(Code::kInvalidArgument, "filters: parse error: [{} >|{}|< {}]: {}", input_.substr(0, position),
                      input_[position], input_.substr(position + 1), message);
  }

  std::string_view input_;
  FilterScanner scanner_;
  std::size_t& expressions_left_;
};

Result<Filter> Filter::parse(std::span<const std::string> filters) {
  if (filters.size() > kFiltersMax) {
    return make_error(Code::kInvalidArgument, "{} filters; at most {} are taken", filters.size(), kFiltersMax);
  }
  std::vector<All> any;
  std::size_t expressions_left = kExpressionsMax;
  for (const auto& text : filters) {
    if (text.size() > kFilterLengthMax) {
      return make_error(Code::kInvalidArgument, "a filter of {} bytes; at most {} are taken", text.size(), kFilterLengthMax);
    }
    All all;
    if (!text.empty()) {
      auto parsed = TRY(FilterParser(text, expressions_left).parse());
      all = std::move(parsed);
    }
    any.push_back(std::move(all));
  }
  return Filter(std::move(any));
}

bool Filter::matches(const Info& info) const {
  if (any_.empty()) return true;
  return std::ranges::any_of(any_, [&](const All& all) {
    return std::ranges::all_of(all, [&](const auto& selector) { return selector->matches(info); });
  });
}

}  // namespace zeropull::snapshot
