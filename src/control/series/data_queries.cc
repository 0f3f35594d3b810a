#include "control/series/data_queries.h"

#include <algorithm>
#include <map>

#include "control/series/limits.h"
#include "control/series/metric_math.h"
#include "control/series/seconds.h"

namespace zeropull::series {

namespace {

bool is_id(std::string_view text) {
  auto rest = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && text.size() <= kMetricMax && text[0] >= 'a' && text[0] <= 'z' && std::ranges::all_of(text, rest);
}

// Queries with their expressions parsed, in an order in which each comes after those that it uses.
struct Plan {
  std::map<std::string, Expression, std::less<>> expressions;
  std::vector<const DataQuery*> order;
};

class Planner {
 public:
  explicit Planner(const std::vector<DataQuery>& queries) : queries_(queries) {}

  Result<Plan> plan() {
    if (queries_.size() > kQueriesMax) return make_error(Code::kInvalidArgument, "more than {} queries", kQueriesMax);
    for (const auto& query : queries_) {
      if (!is_id(query.id)) return make_error(Code::kInvalidArgument, "'{}' is no id of a query", query.id.substr(0, 64));
      if (!by_id_.emplace(query.id, &query).second)
        return make_error(Code::kInvalidArgument, "two queries have the id {}", query.id);
      if (query.stat.has_value() == !query.expression.empty()) {
        return make_error(Code::kInvalidArgument, "the query {} has to have a metric or an expression", query.id);
      }
      if (query.stat) continue;
      auto expression = TRY(Expression::parse(query.expression).with_context("the query {}", query.id));
      plan_.expressions.emplace(query.id, std::move(expression));
    }
    for (const auto& query : queries_) TRY(add(query));
    return std::move(plan_);
  }

 private:
  enum class Mark { kBegun, kDone };

  Result<void> add(const DataQuery& query) {
    const auto [mark, fresh] = marks_.emplace(query.id, Mark::kBegun);
    if (!fresh && mark->second == Mark::kDone) return {};
    if (!fresh) return make_error(Code::kInvalidArgument, "the query {} uses itself", query.id);
    const auto expression = plan_.expressions.find(query.id);
    if (expression != plan_.expressions.end()) {
      for (const auto& id : expression->second.ids()) {
        const auto used = by_id_.find(id);
        if (used == by_id_.end())
          return make_error(Code::kInvalidArgument, "the query {} uses {}, which is not there", query.id, id);
        TRY(add(*used->second));
      }
      for (const auto& other : queries_) {
        if (!expression->second.uses_metrics() || !other.stat) continue;
        TRY(add(other));
      }
    }
    mark->second = Mark::kDone;
    plan_.order.push_back(&query);
    return {};
  }

  const std::vector<DataQuery>& queries_;
  std::map<std::string, const DataQuery*, std::less<>> by_id_;
  std::map<std::string, Mark, std::less<>> marks_;
  Plan plan_;
};

class Run {
 public:
  Run(const Store& store, const std::string& account, const std::vector<DataQuery>& queries, WallTime from, WallTime to)
      : store_(store), account_(account), queries_(queries), from_(from), to_(to) {}

  Result<std::vector<DataResult>> run(const Plan& plan) {
    for (const auto* query : plan.order) {
      auto value = query->stat ? metric(*query) : expression(plan.expressions.find(query->id)->second);
      if (!value.ok()) return std::move(value).take_error().with(fmt::format("the query {}", query->id));
      values_.emplace(query->id, std::move(value).take());
    }
    std::vector<DataResult> results;
    for (const auto& query : queries_) {
      if (!query.return_data) continue;
      auto& value = values_.at(query.id);
      const auto label = query.label.empty() ? query.id : query.label;
      if (auto* many = std::get_if<std::vector<TimeSeries>>(&value)) {
        for (auto& one : *many) {
          results.push_back({query.id, query.label.empty() ? one.label : query.label + " " + one.label, one.points});
        }
      } else if (auto* one = std::get_if<TimeSeries>(&value)) {
        results.push_back({query.id, query.stat && query.label.empty() ? one->label : label, one->points});
      } else {
        results.push_back({query.id, label, constant(query, std::get<double>(value))});
      }
    }
    return results;
  }

 private:
  Result<std::vector<Datapoint>> points(SeriesKey key, const Statistic& statistic, std::chrono::seconds period) {
    key.account = account_;
    auto found = TRY(store_.get(key, statistic, period, from_, to_));
    read_ += found.size() + 1;
    if (read_ > kMathValuesMax) return make_error(Code::kResourceExhausted, "the queries read too many values");
    return found;
  }

  Result<MathValue> metric(const DataQuery& query) {
    TimeSeries series{query.stat->key.metric, query.stat->period, {}};
    series.points = TRY(points(query.stat->key, query.stat->statistic, query.stat->period));
    return MathValue(std::move(series));
  }

  Result<MathValue> expression(const Expression& parsed) {
    MathInput input;
    input.from = from_;
    input.to = std::min(to_, store_.now());  // nothing is missing yet of what is to come
    input.value_of = [&](const std::string& id) -> const MathValue& { return values_.at(id); };
    input.metrics = [&](const std::string& part) {
      std::vector<TimeSeries> all;
      for (const auto& other : queries_) {
        if (other.stat && other.id.contains(part)) all.push_back(std::get<TimeSeries>(values_.at(other.id)));
      }
      return all;
    };
    input.search = [&](const Search& wanted) { return search(wanted); };
    auto value = TRY(evaluate(parsed, input));
    if (const auto* series = std::get_if<TimeSeries>(&value)) read_ += series->points.size();
    if (const auto* many = std::get_if<std::vector<TimeSeries>>(&value)) {
      for (const auto& one : *many) read_ += one.points.size();
    }
    if (read_ > kMathValuesMax) return make_error(Code::kResourceExhausted, "the queries work on too many values");
    return value;
  }

  Result<std::vector<TimeSeries>> search(const Search& wanted) {
    std::vector<TimeSeries> found;
    const ListFilter filter{.account = account_, .name_space = wanted.name_space};
    std::string next;
    do {
      auto page = store_.list(filter, next, kListPageMax);
      for (const auto& key : page.keys) {
        if (!matches(wanted, key)) continue;
        if (found.size() == kSearchSeriesMax) return found;
        TimeSeries series{key.metric, wanted.period, {}};
        for (const auto& [name, value] : key.dimensions) series.label += " " + value;
        series.points = TRY(points(key, wanted.statistic, wanted.period));
        found.push_back(std::move(series));
      }
      next = std::move(page.next);
    } while (!next.empty());
    return found;
  }

  // A number is a line: a value in each period.
  std::vector<Datapoint> constant(const DataQuery& query, double value) const {
    std::vector<Datapoint> points;
    if (!(value - value == 0)) return points;
    auto period = query.period.value_or(std::chrono::seconds(0)).count();
    for (const auto& other : queries_) {
      if (period < 1 && other.stat) period = other.stat->period.count();
    }
    if (period < 1) period = 60;
    const auto end = std::min(to_, store_.now());
    const auto begin =
        std::max(round_down(seconds_of(from_), period), round_down(seconds_of(end), period) - kDatapointsMax * period);
    for (auto at = begin; time_of(at) < end; at += period) points.push_back({time_of(at), value});
    return points;
  }

  const Store& store_;
  const std::string& account_;
  const std::vector<DataQuery>& queries_;
  const WallTime from_, to_;
  std::map<std::string, MathValue, std::less<>> values_;
  std::size_t read_ = 0;
};

}  // namespace

Result<std::vector<DataResult>> evaluate_queries(const Store& store, const std::string& account,
                                                 const std::vector<DataQuery>& queries, WallTime from, WallTime to) {
  const auto plan = TRY(Planner(queries).plan());
  return Run(store, account, queries, from, to).run(plan);
}

Result<void> check_queries(const std::vector<DataQuery>& queries) {
  TRY(Planner(queries).plan());
  return {};
}

}  // namespace zeropull::series
