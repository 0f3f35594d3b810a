// Metric math: the expressions of GetMetricData, of alarms on metric math and of customized target tracking (CloudWatch User
// Guide, "Using math expressions with CloudWatch metrics" and "Using search expressions in graphs"), in the subset that the
// samples for endpoints use. Pure: the series come from a MathInput.
//
//   + - * / ^ and unary -, < <= > >= == != (1 or 0), AND && OR ||, numbers, ids, parentheses
//   ABS CEIL FLOOR RATE PERIOD IF FILL(m, number|REPEAT|LINEAR) SUM AVG MIN MAX METRICS() METRICS("part of an id")
//   SEARCH('{Namespace,Dimension..} MetricName="x" Dimension=("a" OR "b") NOT word', 'Statistic', period)
//
// A value is a number, one series or an array of series. Between two series an operator gives the times that both have; between a
// series and an array, or a number and either, it is applied to each. SUM, AVG, MIN and MAX of a series give a number, of an
// array a series. Everything is bounded (limits.h); errors name the place.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "control/series/series.h"

namespace zeropull::series {

struct TimeSeries {
  std::string label{};
  std::chrono::seconds period{60};
  std::vector<Datapoint> points{};  // oldest first
};
using MathValue = std::variant<double, TimeSeries, std::vector<TimeSeries>>;

// SEARCH's three arguments.
struct Search {
  std::string name_space{};             // of a schema {Namespace,..}; "" without one
  std::vector<std::string> dimensions;  // of the schema: exactly these; empty without one
  struct Term {
    std::string property{};           // "MetricName", "Namespace" or a dimension's name; "" finds it in any of them
    std::vector<std::string> values;  // one of these
    bool exact = false;               // the whole value (it was quoted), else words of it
    bool negated = false;
  };
  std::vector<Term> terms;  // all must hold
  Statistic statistic{};
  std::chrono::seconds period{300};
};
// Whether a metric is one that the search looks for.
bool matches(const Search& search, const SeriesKey& key);

struct MathNode;
class Expression {
 public:
  // kInvalidArgument, "..at character 12" for what is no expression; kUnimplemented for a function that is not supported.
  static Result<Expression> parse(std::string_view text);
  const std::vector<std::string>& ids() const { return ids_; }  // that it names, each once
  bool uses_metrics() const { return uses_metrics_; }           // METRICS()
  const MathNode& root() const { return *root_; }

 private:
  std::shared_ptr<const MathNode> root_;
  std::vector<std::string> ids_;
  bool uses_metrics_ = false;
};

struct MathInput {
  // The value of an id that the expression names; it is there.
  std::function<const MathValue&(const std::string& id)> value_of;
  // METRICS(part): the series of all metrics (not expressions) whose id has this part; "" for all.
  std::function<std::vector<TimeSeries>(const std::string& part)> metrics;
  std::function<Result<std::vector<TimeSeries>>(const Search& search)> search;
  // The periods that FILL fills: those that begin in [from, to).
  WallTime from{};
  WallTime to{};
};

// kInvalidArgument: an operator or function that does not take such values; kResourceExhausted: past kMathValuesMax.
Result<MathValue> evaluate(const Expression& expression, const MathInput& input);

}  // namespace zeropull::series
