#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "codec/base64.h"
#include "control/api/cloudwatch/limits.h"
#include "control/api/cloudwatch/metrics.h"
#include "control/api/cloudwatch/operations.h"
#include "control/api/input.h"
#include "control/api/key_pages.h"
#include "control/api/metric_queries.h"

namespace zeropull::api::cloudwatch {

using nlohmann::json;

namespace {

constexpr std::string_view kDataList = "MetricDataResults";

// How many datapoints the pages before had.
Result<std::size_t> points_before(const std::string& token) {
  if (token.empty()) return std::size_t{0};
  auto text = TRY(read_token(kDataList, token));
  std::size_t count = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size()) {
    return make_error(Code::kOutOfRange, "The NextToken is not of this list.");
  }
  return count;
}

// One result from its point `from` on, at most `count` of them.
json shown(const series::DataResult& result, bool newest_first, std::size_t from, std::size_t count) {
  auto times = json::array();
  auto values = json::array();
  auto size = result.points.size();
  for (auto i = from; i < from + count; ++i) {
    const auto& point = result.points[newest_first ? size - 1 - i : i];
    times.push_back(epoch_seconds(point.at));
    values.push_back(point.value);
  }
  return {{"Id", result.id},
          {"Label", result.label},
          {"Timestamps", std::move(times)},
          {"Values", std::move(values)},
          {"StatusCode", from + count < size ? "PartialData" : "Complete"}};
}

// The names of statistics in requests and in datapoints.
struct Wanted {
  std::string name;
  series::Statistic statistic;
  bool extended = false;
};

Result<std::vector<Wanted>> wanted_statistics(const json& input) {
  if (has(input, "Statistics") == has(input, "ExtendedStatistics")) {
    return make_error(Code::kFailedPrecondition, "The request needs either Statistics or ExtendedStatistics.");
  }
  bool extended = has(input, "ExtendedStatistics");
  std::vector<Wanted> wanted;
  for (const auto& name : input[extended ? "ExtendedStatistics" : "Statistics"]) {
    auto statistic = TRY(series::parse_statistic(name.get<std::string>()));
    if (extended && statistic.kind != series::Statistic::Kind::kPercentile) {
      return make_error(Code::kInvalidArgument, "The value {} for parameter ExtendedStatistics is not a percentile.",
                        name.get<std::string>());
    }
    wanted.push_back({name.get<std::string>(), statistic, extended});
  }
  return wanted;
}

}  // namespace

// Pages go through the results one after the other, point by point. A page is computed anew.
Result<json> get_metric_data(const Call& call) {
  auto* store = TRY(store_of(call));
  auto span = TRY(span_of(call));
  auto queries = TRY(data_queries(call.account, call.input["MetricDataQueries"]));
  auto skipped = TRY(points_before(text_or(call.input, "NextToken")));
  auto results = TRY(series::evaluate_queries(*store, call.account, queries, span.from, span.to));
  bool newest_first = text_or(call.input, "ScanBy") != "TimestampAscending";
  auto room = static_cast<std::size_t>(int_or(call.input, "MaxDatapoints", kDataPointsMax));
  auto list = json::array();
  auto given = skipped;
  bool later_page = skipped != 0;
  for (const auto& result : results) {
    auto size = result.points.size();
    // What the pages before had.
    if (skipped > size || (skipped == size && skipped != 0) || (later_page && list.empty() && size == 0)) {
      skipped -= size;
      continue;
    }
    auto from = std::exchange(skipped, 0);
    auto count = std::min(size - from, room);
    if (count == 0 && from < size) break;
    list.push_back(shown(result, newest_first, from, count));
    room -= count;
    given += count;
    if (from + count < size) break;
  }
  std::size_t all = 0;
  for (const auto& result : results) all += result.points.size();
  json answer{{kDataList, std::move(list)}, {"Messages", json::array()}};
  if (given < all) answer["NextToken"] = make_token(kDataList, std::to_string(given));
  return answer;
}

Result<json> get_metric_statistics(const Call& call) {
  auto* store = TRY(store_of(call));
  auto span = TRY(span_of(call));
  auto period = TRY(check_period(int_or(call.input, "Period", 60)));
  auto wanted = TRY(wanted_statistics(call.input));
  auto key = TRY(series_key(call.account, call.input));
  auto periods = static_cast<std::size_t>((span.to - span.from) / period) + 1;
  if (periods > kStatisticPointsMax + 1) {
    return make_error(Code::kFailedPrecondition,
                      "You have requested up to {} datapoints, which exceeds the limit of {}. You may reduce the datapoints "
                      "requested by increasing Period, or decreasing the time range.",
                      periods, kStatisticPointsMax);
  }
  json answer{{"Label", key.metric}, {"Datapoints", json::array()}};
  auto unit = store->unit(key);
  if (has(call.input, "Unit") && text_or(call.input, "Unit") != unit) return answer;  // there is none of that unit
  auto points = TRY(store->points(key, period, span.from, span.to));
  for (const auto& point : points) {
    json shown{{"Timestamp", epoch_seconds(point.at)}, {"Unit", unit}};
    bool any = false;
    for (const auto& one : wanted) {
      auto value = point.point.statistic(one.statistic);
      if (!value) continue;
      any = true;
      (one.extended ? shown["ExtendedStatistics"][one.name] : shown[one.name]) = *value;
    }
    if (any) answer["Datapoints"].push_back(std::move(shown));
  }
  return answer;
}

Result<json> list_metrics(const Call& call) {
  constexpr std::string_view kList = "Metrics";
  auto* store = TRY(store_of(call));
  series::ListFilter filter;
  filter.account = call.account;
  filter.name_space = text_or(call.input, "Namespace");
  filter.metric = text_or(call.input, "MetricName");
  if (has(call.input, "RecentlyActive")) filter.active_within = std::chrono::hours(3);
  if (has(call.input, "Dimensions")) {
    for (const auto& given : call.input["Dimensions"]) {
      series::ListFilter::Dimension dimension{.name = text_or(given, "Name"), .value = std::nullopt};
      if (has(given, "Value")) dimension.value = text_or(given, "Value");
      filter.dimensions.push_back(std::move(dimension));
    }
  }
  std::string next;
  // What the store calls its place may be any bytes.
  if (auto token = text_or(call.input, "NextToken"); !token.empty()) {
    auto place = TRY(read_token(kList, token));
    auto bytes = codec::base64_decode(place);
    if (!bytes) return make_error(Code::kOutOfRange, "The NextToken is not of this list.");
    next = as_text(*bytes);
  }
  auto page = store->list(filter, next, kListMetricsPage);
  json answer{{kList, json::array()}};
  for (const auto& key : page.keys) {
    auto dimensions = json::array();
    for (const auto& [name, value] : key.dimensions) dimensions.push_back({{"Name", name}, {"Value", value}});
    answer[kList].push_back({{"Namespace", key.name_space}, {"MetricName", key.metric}, {"Dimensions", std::move(dimensions)}});
  }
  if (!page.next.empty()) answer["NextToken"] = make_token(kList, codec::base64_encode(as_bytes(page.next)));
  return answer;
}

}  // namespace zeropull::api::cloudwatch
