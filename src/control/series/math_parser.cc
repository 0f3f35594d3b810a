#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "control/series/limits.h"
#include "control/series/math_tree.h"

namespace zeropull::series {

namespace {

using Node = std::unique_ptr<MathNode>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct FunctionRule {
  std::string_view name;
  MathFunction function;
  std::size_t least, most;  // arguments
};
constexpr std::array<FunctionRule, 12> kFunctions{{{"ABS", MathFunction::kAbs, 1, 1},
                                                   {"CEIL", MathFunction::kCeil, 1, 1},
                                                   {"FLOOR", MathFunction::kFloor, 1, 1},
                                                   {"RATE", MathFunction::kRate, 1, 1},
                                                   {"PERIOD", MathFunction::kPeriod, 1, 1},
                                                   {"IF", MathFunction::kIf, 3, 3},
                                                   {"FILL", MathFunction::kFill, 2, 2},
                                                   {"SUM", MathFunction::kSum, 1, 1},
                                                   {"AVG", MathFunction::kAverage, 1, 1},
                                                   {"MIN", MathFunction::kMinimum, 1, 1},
                                                   {"MAX", MathFunction::kMaximum, 1, 1},
                                                   {"METRICS", MathFunction::kMetrics, 0, 1}}};
constexpr std::array<std::string_view, 24> kOtherFunctions{"ANOMALY_DETECTION_BAND",
                                                           "DATAPOINT_COUNT",
                                                           "DAY",
                                                           "DATE",
                                                           "DIFF",
                                                           "DIFF_TIME",
                                                           "EPOCH",
                                                           "FIRST",
                                                           "LAST",
                                                           "HOUR",
                                                           "INSIGHT_RULE_METRIC",
                                                           "LAMBDA",
                                                           "LOG",
                                                           "LOG10",
                                                           "DB_PERF_INSIGHTS",
                                                           "MINUTE",
                                                           "MONTH",
                                                           "REMOVE_EMPTY",
                                                           "RUNNING_SUM",
                                                           "SERVICE_QUOTA",
                                                           "SLICE",
                                                           "SORT",
                                                           "STDDEV",
                                                           "TIME_SERIES"};

struct OperatorRule {
  std::string_view text;
  MathOperator op;
  int rank;  // higher binds tighter
};
constexpr std::array<OperatorRule, 15> kOperators{{{"||", MathOperator::kOr, 1},
                                                   {"OR", MathOperator::kOr, 1},
                                                   {"&&", MathOperator::kAnd, 2},
                                                   {"AND", MathOperator::kAnd, 2},
                                                   {"==", MathOperator::kEqual, 3},
                                                   {"!=", MathOperator::kNotEqual, 3},
                                                   {"<=", MathOperator::kLessEqual, 4},
                                                   {">=", MathOperator::kGreaterEqual, 4},
                                                   {"<", MathOperator::kLess, 4},
                                                   {">", MathOperator::kGreater, 4},
                                                   {"+", MathOperator::kAdd, 5},
                                                   {"-", MathOperator::kSubtract, 5},
                                                   {"*", MathOperator::kMultiply, 6},
                                                   {"/", MathOperator::kDivide, 6},
                                                   {"^", MathOperator::kPower, 8}}};
constexpr int kNegateRank = 7;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Node> whole() {
    auto node = TRY(binary(0));
    skip_spaces();
    if (at_ < text_.size()) return error_at(at_, fmt::format("'{}' is not expected", text_.substr(at_, 1)));
    return node;
  }

 private:
  // Everything that recurses passes here.
  Result<Node> binary(int least_rank) {
    if (depth_ >= kExpressionDepthMax) return error_at(at_, "the expression is nested too deeply");
    ++depth_;
    auto left = TRY(unary());
    while (const auto* rule = peek_operator()) {
      if (rule->rank < least_rank) break;
      auto node = make(MathNode::Kind::kOperator);
      at_ += rule->text.size();
      node->op = rule->op;
      // Powers are right associative, the others left.
      auto right = TRY(binary(rule->op == MathOperator::kPower ? rule->rank : rule->rank + 1));
      node->children.push_back(std::move(left));
      node->children.push_back(std::move(right));
      left = std::move(node);
    }
    --depth_;
    return left;
  }

  Result<Node> unary() {
    skip_spaces();
    if (at_ < text_.size() && text_[at_] == '-') {
      auto node = make(MathNode::Kind::kNegate);
      ++at_;
      auto child = TRY(binary(kNegateRank));
      node->children.push_back(std::move(child));
      return node;
    }
    return primary();
  }

  Result<Node> primary() {
    if (at_ >= text_.size()) return error_at(at_, "the expression ends early");
    const char c = text_[at_];
    if (c == '(' || c == '[') {
      const std::size_t open = at_++;
      auto inner = TRY(binary(0));
      if (c == '(') {
        TRY(expect(')'));
        return inner;
      }
      auto list = make(MathNode::Kind::kFunction);  // [m1, m2]: an array
      list->at = open;
      list->text = "[]";
      list->function = MathFunction::kMetrics;
      list->children.push_back(std::move(inner));
      while (try_take(',')) {
        auto next = TRY(binary(0));
        list->children.push_back(std::move(next));
      }
      TRY(expect(']'));
      return list;
    }
    if (is_digit(c) || c == '.') return number();
    if (c == '"' || c == '\'') return quoted();
    if (is_letter(c)) return name();
    return error_at(at_, fmt::format("'{}' is not expected", text_.substr(at_, 1)));
  }

  Result<Node> number() {
    auto node = make(MathNode::Kind::kNumber);
    const auto* begin = text_.data() + at_;
    const auto parsed = std::from_chars(begin, text_.data() + text_.size(), node->number);
    if (parsed.ec != std::errc()) return error_at(at_, "a number is not one");
    at_ += static_cast<std::size_t>(parsed.ptr - begin);
    return node;
  }

  Result<Node> quoted() {
    auto node = make(MathNode::Kind::kText);
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote) {
      // SEARCH's text may have its own quotes escaped.
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      node->text.push_back(text_[at_++]);
    }
    if (at_ >= text_.size()) return error_at(node->at, "a quotation does not end");
    ++at_;
    return node;
  }

  Result<Node> name() {
    auto node = make(MathNode::Kind::kId);
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) node->text.push_back(text_[at_++]);
    if (!try_take('(')) {
      const bool keyword = node->text == "REPEAT" || node->text == "LINEAR";
      if (keyword) node->kind = MathNode::Kind::kText;
      if (!keyword && !(node->text[0] >= 'a' && node->text[0] <= 'z')) {
        return error_at(node->at, fmt::format("'{}' is no id; ids begin with a small letter", node->text));
      }
      return node;
    }
    std::vector<Node> arguments;
    if (!try_take(')')) {
      do {
        auto argument = TRY(binary(0));
        arguments.push_back(std::move(argument));
      } while (try_take(','));
      TRY(expect(')'));
    }
    node->children = std::move(arguments);
    if (node->text == "SEARCH") {
      TRY(make_search(*node));
      return node;
    }
    const auto rule = std::ranges::find(kFunctions, std::string_view(node->text), &FunctionRule::name);
    if (rule == kFunctions.end()) {
      const bool known = std::ranges::find(kOtherFunctions, std::string_view(node->text)) != kOtherFunctions.end();
      if (known) return make_error(Code::kUnimplemented, "the function {} is not supported", node->text);
      return error_at(node->at, fmt::format("'{}' is no function", node->text.substr(0, 64)));
    }
    node->kind = MathNode::Kind::kFunction;
    node->function = rule->function;
    if (node->children.size() < rule->least || node->children.size() > rule->most) {
      return error_at(node->at, fmt::format("{} does not take {} arguments", node->text, node->children.size()));
    }
    return node;
  }

  static Result<void> make_search(MathNode& node) {
    node.kind = MathNode::Kind::kSearch;
    const auto& arguments = node.children;
    const bool fits = (arguments.size() == 2 || arguments.size() == 3) && arguments[0]->kind == MathNode::Kind::kText &&
                      arguments[1]->kind == MathNode::Kind::kText;
    if (!fits) return error_at(node.at, "SEARCH takes a search, a statistic and a period");
    node.search = TRY(parse_search(arguments[0]->text, arguments[0]->at + 1));
    auto statistic = parse_statistic(arguments[1]->text);
    if (!statistic.ok()) {
      if (statistic.failed_with(Code::kUnimplemented)) return std::move(statistic).take_error();
      return error_at(arguments[1]->at, statistic.error().message());
    }
    node.search.statistic = statistic.value();
    if (arguments.size() == 3) {
      const double period = arguments[2]->kind == MathNode::Kind::kNumber ? arguments[2]->number : 0;
      if (!(period >= 1 && period <= 86'400) || period != static_cast<double>(static_cast<std::int64_t>(period))) {
        return error_at(arguments[2]->at, "SEARCH's period is a number of seconds, up to a day");
      }
      node.search.period = std::chrono::seconds(static_cast<std::int64_t>(period));
    }
    return {};
  }

  const OperatorRule* peek_operator() {
    skip_spaces();
    const auto rest = text_.substr(at_);
    const OperatorRule* longest = nullptr;
    for (const auto& rule : kOperators) {
      if (!rest.starts_with(rule.text)) continue;
      const bool word = is_letter(rule.text[0]);
      const bool goes_on =
          rest.size() > rule.text.size() && (is_letter(rest[rule.text.size()]) || is_digit(rest[rule.text.size()]));
      if (word && goes_on) continue;
      if (longest == nullptr || rule.text.size() > longest->text.size()) longest = &rule;
    }
    return longest;
  }

  Node make(MathNode::Kind kind) const {
    auto node = std::make_unique<MathNode>();
    node->kind = kind;
    node->at = at_;
    return node;
  }
  bool try_take(char c) {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Result<void> expect(char c) {
    if (try_take(c)) return {};
    return error_at(at_, fmt::format("'{}' is missing", c));
  }
  void skip_spaces() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

void collect(const MathNode& node, std::vector<std::string>& ids, bool& uses_metrics) {
  if (node.kind == MathNode::Kind::kId && std::ranges::find(ids, node.text) == ids.end()) ids.push_back(node.text);
  if (node.kind == MathNode::Kind::kFunction && node.text == "METRICS") uses_metrics = true;
  for (const auto& child : node.children) collect(*child, ids, uses_metrics);
}

}  // namespace

Error error_at(std::size_t place, std::string_view message) {
  return make_error(Code::kInvalidArgument, "{}, at character {} of the expression", message, place + 1);
}

Result<Expression> Expression::parse(std::string_view text) {
  if (text.size() > kExpressionMax) {
    return make_error(Code::kInvalidArgument, "an expression has at most {} characters", kExpressionMax);
  }
  auto root = TRY(Parser(text).whole());
  Expression expression;
  collect(*root, expression.ids_, expression.uses_metrics_);
  expression.root_ = std::move(root);
  return expression;
}

}  // namespace zeropull::series
