// MetricWriters: writers of series by their names, found again without asking the store. One thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "control/series/series.h"

namespace zeropull::autoscaler {

using Dimensions = std::map<std::string, std::string>;

inline constexpr const char* kSageMakerNamespace = "AWS/SageMaker";
inline constexpr const char* kComponentNamespace = "/aws/sagemaker/InferenceComponents";
inline constexpr const char* kEndpointNamespace = "/aws/sagemaker/Endpoints";
inline constexpr const char* kOwnNamespace = "Zeropull";

struct MetricName {
  const char* name_space;
  const char* metric;
  const char* unit;  // CloudWatch's
};

class MetricWriters {
 public:
  explicit MetricWriters(series::Store& metrics) : metrics_(metrics) {}
  // One that goes nowhere where the store takes no more series; that is logged once.
  series::Writer& of(const MetricName& name, const std::string& account, const Dimensions& dimensions);
  // Forgets all; they are found anew. For a caller that sees components come and go.
  void clear() { writers_.clear(); }
  std::size_t size() const { return writers_.size(); }

 private:
  series::Store& metrics_;
  std::map<series::SeriesKey, series::Writer> writers_;
  bool refused_ = false;
};

}  // namespace zeropull::autoscaler
