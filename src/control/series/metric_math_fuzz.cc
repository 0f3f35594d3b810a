// Whatever is written as an expression is parsed or refused, and what was parsed is evaluated over three series of which two have
// gaps, one values at the edge.
#include <limits>

#include "base/check.h"
#include "control/series/metric_math.h"

using namespace zeropull;
using namespace zeropull::series;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = Expression::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!parsed.ok()) return 0;
  auto at = [](int second) { return WallTime(std::chrono::seconds(1'800'000'000 + second)); };
  const std::vector<TimeSeries> all{
      {"dense", std::chrono::seconds(10), {{at(0), 1}, {at(10), -2}, {at(20), 3}, {at(30), 0}}},
      {"gaps", std::chrono::seconds(10), {{at(10), 1e300}, {at(40), std::numeric_limits<double>::denorm_min()}}},
      {"empty", std::chrono::seconds(60), {}}};
  const MathValue dense = all[0], gaps = all[1], many = all;
  MathInput input;
  input.from = at(0);
  input.to = at(60);
  input.value_of = [&](const std::string& id) -> const MathValue& {
    return id.size() == 1 ? dense : id.size() == 2 ? gaps : many;
  };
  input.metrics = [&](const std::string& part) { return part.empty() ? all : std::vector<TimeSeries>(); };
  input.search = [&](const Search& search) -> Result<std::vector<TimeSeries>> {
    const SeriesKey key{"a", "AWS/SageMaker", "ConcurrentRequestsPerCopy", {{"InferenceComponentName", "one"}}};
    return matches(search, key) ? all : std::vector<TimeSeries>();
  };
  const auto result = evaluate(parsed.value(), input);
  if (!result.ok()) return 0;
  if (const auto* one = std::get_if<TimeSeries>(&result.value())) {
    for (std::size_t i = 1; i < one->points.size(); ++i) CHECK(one->points[i - 1].at < one->points[i].at);
  }
  return 0;
}
