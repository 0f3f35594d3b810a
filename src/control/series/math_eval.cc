#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/check.h"
#include "control/series/limits.h"
#include "control/series/math_tree.h"
#include "control/series/seconds.h"

namespace zeropull::series {

namespace {

double apply(MathOperator op, double a, double b) {
  switch (op) {
    case MathOperator::kAdd: return a + b;
    case MathOperator::kSubtract: return a - b;
    case MathOperator::kMultiply: return a * b;
    case MathOperator::kDivide: return a / b;
    case MathOperator::kPower: return std::pow(a, b);
    case MathOperator::kLess: return a < b ? 1 : 0;
    case MathOperator::kLessEqual: return a <= b ? 1 : 0;
    case MathOperator::kGreater: return a > b ? 1 : 0;
    case MathOperator::kGreaterEqual: return a >= b ? 1 : 0;
    case MathOperator::kEqual: return a == b ? 1 : 0;
    case MathOperator::kNotEqual: return a != b ? 1 : 0;
    case MathOperator::kAnd: return a != 0 && b != 0 ? 1 : 0;
    case MathOperator::kOr: return a != 0 || b != 0 ? 1 : 0;
  }
  return 0;
}

// What has no finite result, as a division by zero, is no datapoint.
void put(TimeSeries& series, WallTime at, double value) {
  if (std::isfinite(value)) series.points.push_back({at, value});
}

TimeSeries empty_like(const TimeSeries& series) { return {series.label, series.period, {}}; }

// Applies visit(a, b) where both have a value.
template <typename Visit>
void at_common_times(const TimeSeries& a, const TimeSeries& b, Visit visit) {
  auto right = b.points.begin();
  for (const auto& [at, value] : a.points) {
    while (right != b.points.end() && right->at < at) ++right;
    if (right == b.points.end()) return;
    if (right->at == at) visit(at, value, right->value);
  }
}

const double* number(const MathValue& value) { return std::get_if<double>(&value); }
const TimeSeries* series(const MathValue& value) { return std::get_if<TimeSeries>(&value); }
const std::vector<TimeSeries>* array(const MathValue& value) { return std::get_if<std::vector<TimeSeries>>(&value); }

double summary(MathFunction function, const std::vector<double>& values) {
  if (function == MathFunction::kMinimum) return *std::ranges::min_element(values);
  if (function == MathFunction::kMaximum) return *std::ranges::max_element(values);
  double sum = 0;
  for (double value : values) sum += value;
  return function == MathFunction::kSum ? sum : sum / static_cast<double>(values.size());
}

class Evaluator {
 public:
  explicit Evaluator(const MathInput& input) : input_(input) {}

  Result<MathValue> value(const MathNode& node) {
    auto result = TRY(uncharged(node));
    std::size_t points = 1;
    if (const auto* one = series(result)) points += one->points.size();
    if (const auto* many = array(result)) {
      for (const auto& one : *many) points += one.points.size() + 1;
    }
    values_ += points;
    if (values_ > kMathValuesMax) return make_error(Code::kResourceExhausted, "the expression works on too many values");
    return result;
  }

 private:
  Result<MathValue> uncharged(const MathNode& node) {
    switch (node.kind) {
      case MathNode::Kind::kNumber: return MathValue(node.number);
      case MathNode::Kind::kId: return MathValue(input_.value_of(node.text));
      case MathNode::Kind::kText: return error_at(node.at, "a text stands where a value should");
      case MathNode::Kind::kNegate: {
        auto child = TRY(value(*node.children[0]));
        return combine(node, MathOperator::kMultiply, child, MathValue(-1.0));
      }
      case MathNode::Kind::kOperator: {
        auto left = TRY(value(*node.children[0]));
        auto right = TRY(value(*node.children[1]));
        return combine(node, node.op, left, right);
      }
      case MathNode::Kind::kSearch: {
        auto found = TRY(input_.search(node.search));
        return MathValue(std::move(found));
      }
      case MathNode::Kind::kFunction: break;
    }
    if (node.text == "[]") return list(node);
    if (node.function == MathFunction::kMetrics) return metrics(node);
    if (node.function == MathFunction::kFill) return fill(node);
    if (node.function == MathFunction::kIf) return choose(node);
    auto argument = TRY(value(*node.children[0]));
    switch (node.function) {
      case MathFunction::kAbs: return each(argument, [](double x) { return std::abs(x); });
      case MathFunction::kCeil: return each(argument, [](double x) { return std::ceil(x); });
      case MathFunction::kFloor: return each(argument, [](double x) { return std::floor(x); });
      case MathFunction::kRate: return rate(node, argument);
      case MathFunction::kPeriod:
        if (const auto* one = series(argument)) return MathValue(static_cast<double>(one->period.count()));
        return error_at(node.at, "PERIOD takes a metric");
      default: return summarize(node.function, argument);
    }
  }

  static Result<MathValue> combine(const MathNode& node, MathOperator op, const MathValue& left, const MathValue& right) {
    if (number(left) != nullptr && number(right) != nullptr) return MathValue(apply(op, *number(left), *number(right)));
    if (array(left) != nullptr && array(right) != nullptr) return error_at(node.at, "an operator does not take two arrays");
    if (array(left) != nullptr || array(right) != nullptr) {
      std::vector<TimeSeries> results;
      for (const auto& one : array(left) != nullptr ? *array(left) : *array(right)) {
        results.push_back(array(left) != nullptr ? combine_series(op, MathValue(one), right)
                                                 : combine_series(op, left, MathValue(one)));
        results.back().label = one.label;
      }
      return MathValue(std::move(results));
    }
    return MathValue(combine_series(op, left, right));
  }

  // One of them at least is a series, none an array.
  static TimeSeries combine_series(MathOperator op, const MathValue& left, const MathValue& right) {
    auto result = empty_like(series(left) != nullptr ? *series(left) : *series(right));
    if (series(left) == nullptr) {
      for (const auto& [at, value] : series(right)->points) put(result, at, apply(op, *number(left), value));
    } else if (series(right) == nullptr) {
      for (const auto& [at, value] : series(left)->points) put(result, at, apply(op, value, *number(right)));
    } else {
      at_common_times(*series(left), *series(right), [&](WallTime at, double a, double b) { put(result, at, apply(op, a, b)); });
    }
    return result;
  }

  template <typename Function>
  static MathValue each(const MathValue& argument, Function function) {
    auto of_series = [&](const TimeSeries& one) {
      auto result = empty_like(one);
      for (const auto& [at, value] : one.points) put(result, at, function(value));
      return result;
    };
    if (const auto* x = number(argument)) return function(*x);
    if (const auto* one = series(argument)) return of_series(*one);
    std::vector<TimeSeries> results;
    for (const auto& one : *array(argument)) results.push_back(of_series(one));
    return results;
  }

  // Applies function, which makes a series of a series, to one or many.
  template <typename Function>
  static Result<MathValue> each_series(const MathNode& node, const MathValue& argument, Function function) {
    if (const auto* one = series(argument)) return MathValue(function(*one));
    if (number(argument) != nullptr) return error_at(node.at, fmt::format("{} takes a metric", node.text));
    std::vector<TimeSeries> results;
    for (const auto& one : *array(argument)) results.push_back(function(one));
    return MathValue(std::move(results));
  }

  static Result<MathValue> rate(const MathNode& node, const MathValue& argument) {
    return each_series(node, argument, [](const TimeSeries& one) {
      auto result = empty_like(one);
      for (std::size_t i = 1; i < one.points.size(); ++i) {
        const auto passed = std::chrono::duration<double>(one.points[i].at - one.points[i - 1].at).count();
        put(result, one.points[i].at, (one.points[i].value - one.points[i - 1].value) / passed);
      }
      return result;
    });
  }

  static Result<MathValue> summarize(MathFunction function, const MathValue& argument) {
    if (number(argument) != nullptr) return MathValue(*number(argument));
    if (const auto* one = series(argument)) {
      std::vector<double> values;
      for (const auto& point : one->points) values.push_back(point.value);
      // Of nothing there is no sum: a number that becomes no datapoint.
      return MathValue(values.empty() ? std::nan("") : summary(function, values));
    }
    std::map<WallTime, std::vector<double>> by_time;
    TimeSeries result;
    for (const auto& one : *array(argument)) {
      result.period = one.period;
      for (const auto& [at, value] : one.points) by_time[at].push_back(value);
    }
    for (const auto& [at, values] : by_time) put(result, at, summary(function, values));
    return MathValue(std::move(result));
  }

  Result<MathValue> list(const MathNode& node) {
    std::vector<TimeSeries> all;
    for (const auto& child : node.children) {
      auto one = TRY(value(*child));
      if (number(one) != nullptr) return error_at(child->at, "a list holds metrics");
      if (auto* many = std::get_if<std::vector<TimeSeries>>(&one)) {
        std::ranges::move(*many, std::back_inserter(all));
      } else {
        all.push_back(std::move(std::get<TimeSeries>(one)));
      }
    }
    return MathValue(std::move(all));
  }

  Result<MathValue> metrics(const MathNode& node) {
    if (node.children.empty()) return MathValue(input_.metrics(""));
    if (node.children[0]->kind != MathNode::Kind::kText)
      return error_at(node.children[0]->at, "METRICS takes a part of an id in quotes");
    return MathValue(input_.metrics(node.children[0]->text));
  }

  Result<MathValue> choose(const MathNode& node) {
    auto condition = TRY(value(*node.children[0]));
    auto when_true = TRY(value(*node.children[1]));
    auto when_false = TRY(value(*node.children[2]));
    if (const auto* x = number(condition)) return *x != 0 ? std::move(when_true) : std::move(when_false);
    const auto* by_time = series(condition);
    if (by_time == nullptr || array(when_true) != nullptr || array(when_false) != nullptr) {
      return error_at(node.at, "IF takes no arrays");
    }
    auto result = empty_like(*by_time);
    auto value_at = [](const MathValue& from, WallTime at) -> std::optional<double> {
      if (const auto* x = number(from)) return *x;
      const auto& points = series(from)->points;
      const auto found = std::ranges::lower_bound(points, at, {}, &Datapoint::at);
      if (found == points.end() || found->at != at) return std::nullopt;
      return found->value;
    };
    for (const auto& [at, truth] : by_time->points) {
      if (const auto chosen = value_at(truth != 0 ? when_true : when_false, at)) put(result, at, *chosen);
    }
    return MathValue(std::move(result));
  }

  Result<MathValue> fill(const MathNode& node) {
    auto argument = TRY(value(*node.children[0]));
    const auto& with = *node.children[1];
    const bool repeat = with.kind == MathNode::Kind::kText && with.text == "REPEAT";
    const bool linear = with.kind == MathNode::Kind::kText && with.text == "LINEAR";
    double constant = 0;
    if (!repeat && !linear) {
      auto filler = TRY(value(with));
      if (number(filler) == nullptr) return error_at(with.at, "FILL takes a number, REPEAT or LINEAR");
      constant = *number(filler);
    }
    std::size_t filled = 0;  // at the bound it stops, and charging refuses the result
    return each_series(node, argument, [&](const TimeSeries& one) {
      auto result = empty_like(one);
      const auto step = one.period.count();
      const auto begin = round_down(seconds_of(input_.from), step);
      auto next = one.points.begin();
      for (std::int64_t i = 0; filled < kMathValuesMax && time_of(begin + i * step) < input_.to; ++i, ++filled) {
        const auto at = time_of(begin + i * step);
        while (next != one.points.end() && next->at < at) ++next;
        if (next != one.points.end() && next->at == at) {
          put(result, at, next->value);
        } else if (!repeat && !linear) {
          put(result, at, constant);
        } else if (next != one.points.begin() && repeat) {
          put(result, at, std::prev(next)->value);
        } else if (next != one.points.begin() && next != one.points.end()) {
          const auto before = std::prev(next);
          const double share =
              std::chrono::duration<double>(at - before->at) / std::chrono::duration<double>(next->at - before->at);
          put(result, at, before->value + (next->value - before->value) * share);
        }
      }
      return result;
    });
  }

  const MathInput& input_;
  std::size_t values_ = 0;
};

}  // namespace

Result<MathValue> evaluate(const Expression& expression, const MathInput& input) {
  return Evaluator(input).value(expression.root());
}

}  // namespace zeropull::series
