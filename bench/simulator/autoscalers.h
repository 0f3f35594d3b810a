// The autoscalers that are compared: ours and AWS's alarms, both the product's own code, and two rivals by their documents.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/scaler/detector.h"
#include "control/scaler/target_tracking.h"
#include "world.h"

namespace zeropull::simulator {

struct Contestant {
  std::string name;
  std::unique_ptr<Autoscaler> (*create)(const ServiceModel& model);
};
// Ours first.
const std::vector<Contestant>& contestants();

std::unique_ptr<Autoscaler> own_detector(const ServiceModel& model);
std::unique_ptr<Autoscaler> aws_alarms_10s(const ServiceModel& model);
std::unique_ptr<Autoscaler> aws_alarms_60s(const ServiceModel& model);
std::unique_ptr<Autoscaler> knative_kpa(const ServiceModel& model);
std::unique_ptr<Autoscaler> kubernetes_hpa(const ServiceModel& model);

}  // namespace zeropull::simulator
