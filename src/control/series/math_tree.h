// The parsed form of an expression, between metric_math's parser and its evaluator.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/series/metric_math.h"

namespace zeropull::series {

enum class MathFunction { kAbs, kCeil, kFloor, kRate, kPeriod, kIf, kFill, kSum, kAverage, kMinimum, kMaximum, kMetrics };
enum class MathOperator {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kPower,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kEqual,
  kNotEqual,
  kAnd,
  kOr
};

struct MathNode {
  enum class Kind { kNumber, kId, kText, kNegate, kOperator, kFunction, kSearch };
  Kind kind = Kind::kNumber;
  std::size_t at = 0;       // its place in the text, from 0
  double number = 0;        // kNumber
  std::string text;         // kId, kText; a function's name
  MathOperator op{};        // kOperator
  MathFunction function{};  // kFunction
  Search search;            // kSearch
  std::vector<std::unique_ptr<MathNode>> children;
};

// "... at character 12 of the expression", counted from 1.
Error error_at(std::size_t place, std::string_view message);

// SEARCH's first argument. Places in errors are those of the expression: its text begins at `offset`.
Result<Search> parse_search(std::string_view text, std::size_t offset);

}  // namespace zeropull::series
