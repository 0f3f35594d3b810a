#include "control/autoscaler/metric_writers.h"

#include "control/autoscaler/log.h"

namespace zeropull::autoscaler {

series::Writer& MetricWriters::of(const MetricName& name, const std::string& account, const Dimensions& dimensions) {
  series::SeriesKey key{.account = account, .name_space = name.name_space, .metric = name.metric, .dimensions = dimensions};
  auto known = writers_.find(key);
  if (known != writers_.end()) return known->second;
  auto made = metrics_.writer(key, name.unit);
  if (!made.ok() && !std::exchange(refused_, true)) LOG_WARN(kLog, "metric {}: {}", name.metric, made.error().to_string());
  return writers_.emplace(std::move(key), made.ok() ? std::move(*made) : series::Writer()).first->second;
}

}  // namespace zeropull::autoscaler
