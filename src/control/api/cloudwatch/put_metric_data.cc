#include <nlohmann/json.hpp>
#include <vector>

#include "control/api/cloudwatch/limits.h"
#include "control/api/cloudwatch/metrics.h"
#include "control/api/cloudwatch/operations.h"
#include "control/api/input.h"
#include "control/api/metric_queries.h"

namespace zeropull::api::cloudwatch {

using nlohmann::json;

namespace {

// One element of MetricData, checked.
struct Datum {
  series::SeriesKey key;
  std::string unit;
  WallTime at;
  std::vector<series::Observation> observations;
  std::optional<series::StatisticSet> set;
};

Error bad(std::size_t index, std::string_view member, std::string_view what) {
  return make_error(Code::kInvalidArgument, "The parameter MetricData.member.{}.{} {}.", index + 1, member, what);
}

// Metrics under these names are made by the server, and scaling believes them.
bool is_reserved(std::string_view name) {
  return name.starts_with("AWS/") || name.starts_with("/aws/") || name == "Zeropull" || name.starts_with("Zeropull/");
}

Result<WallTime> time_of(const Call& call, const json& given, std::size_t index) {
  auto now = wall_time(seconds_of(call.now));
  auto at = has(given, "Timestamp") ? wall_time(number_or(given, "Timestamp", 0)) : now;
  if (at > now + kFutureMax) return bad(index, "Timestamp", "must specify a time no more than two hours in the future");
  if (at < now - kPastMax) return bad(index, "Timestamp", "must specify a time within the past two weeks");
  int resolution = int_or(given, "StorageResolution", 60);
  if (resolution != 1 && resolution != 60) return bad(index, "StorageResolution", "must be 1 or 60");
  // A metric of standard resolution has its values at whole minutes.
  return resolution == 1 ? at : std::chrono::floor<std::chrono::minutes>(at);
}

Result<void> read_values(const json& given, std::size_t index, Datum& datum) {
  const auto& values = given["Values"];
  const json counts = given.value("Counts", json::array());
  if (!counts.empty() && counts.size() != values.size()) {
    return bad(index, "Counts", "must be as long as Values");
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    series::Observation observation{values[i].get<double>(), counts.empty() ? 1.0 : counts[i].get<double>()};
    if (observation.count <= 0) return bad(index, "Counts", "must be greater than 0");
    datum.observations.push_back(observation);
  }
  return {};
}

Result<void> read_set(const json& given, std::size_t index, Datum& datum) {
  const auto& set = given["StatisticValues"];
  datum.set = series::StatisticSet{.sample_count = number_or(set, "SampleCount", 0),
                                   .sum = number_or(set, "Sum", 0),
                                   .minimum = number_or(set, "Minimum", 0),
                                   .maximum = number_or(set, "Maximum", 0)};
  if (datum.set->sample_count <= 0) return bad(index, "StatisticValues.SampleCount", "must be greater than 0");
  if (datum.set->minimum > datum.set->maximum) {
    return bad(index, "StatisticValues.Minimum", "must be less than or equal to Maximum");
  }
  return {};
}

Result<Datum> datum_of(const Call& call, const json& given, std::size_t index) {
  Datum datum;
  datum.key = TRY(series_key(call.account, given));
  datum.key.name_space = text_or(call.input, "Namespace");
  TRY(series::canonical(datum.key));
  datum.unit = text_or(given, "Unit", "None");
  datum.at = TRY(time_of(call, given, index));
  int forms = (has(given, "Value") ? 1 : 0) + (has(given, "Values") ? 1 : 0) + (has(given, "StatisticValues") ? 1 : 0);
  if (forms != 1) {
    return make_error(Code::kFailedPrecondition,
                      "MetricData.member.{} must have one of Value, Values and StatisticValues, and no other.", index + 1);
  }
  if (has(given, "Counts") && !has(given, "Values")) return bad(index, "Counts", "needs Values");
  if (has(given, "Value")) datum.observations.push_back({number_or(given, "Value", 0), 1});
  if (has(given, "Values")) TRY(read_values(given, index, datum));
  if (has(given, "StatisticValues")) TRY(read_set(given, index, datum));
  return datum;
}

}  // namespace

// All or nothing, as far as the values can be judged beforehand.
Result<json> put_metric_data(const Call& call) {
  auto* store = TRY(store_of(call));
  auto name = text_or(call.input, "Namespace");
  if (is_reserved(name)) {
    return make_error(Code::kInvalidArgument, "The value {} for parameter Namespace is invalid: it is reserved.", name);
  }
  if (!has(call.input, "MetricData")) return make_error(Code::kInvalidArgument, "The parameter MetricData is required.");
  const auto& given = call.input["MetricData"];
  std::vector<Datum> data;
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto datum = TRY(datum_of(call, given[i], i));
    data.push_back(std::move(datum));
  }
  for (const auto& datum : data) {
    auto writer = TRY(store->writer(datum.key, datum.unit));
    if (datum.set) {
      writer.put_set(datum.at, *datum.set);
    } else {
      writer.put(datum.at, datum.observations);
    }
  }
  return json(nullptr);
}

}  // namespace zeropull::api::cloudwatch
