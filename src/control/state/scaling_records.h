// Records of scaling: what may scale and within which bounds, by which policies, schedules and alarms, and what became of it.
// See records.h for what all records have in common. The API writes them as callers ask; the autoscaler keeps what changes by
// itself (an alarm's status, cooldowns, when something ran last, activities). Names and ARNs are in scaling_names.h.
//
// A resource that scales is named by account, dimension and resource id, as Application Auto Scaling does it:
//   "sagemaker:variant:DesiredInstanceCount"            "endpoint/<endpoint>/variant/<variant>"
//   "sagemaker:inference-component:DesiredCopyCount"    "inference-component/<component>"
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/state/records.h"

namespace zeropull::state {

using Seconds = std::int64_t;  // since the epoch, or as long; what control/scaler computes with

// A cooldown that runs, as scaler::Cooldown has it.
struct CooldownRecord {
  Seconds started = 0;
  Seconds seconds = 0;  // 0: none
  int added = 0;        // by the scale-out that began it
};

struct ScalableTarget {
  std::string account, resource_id, dimension;
  std::string id;  // the end of its ARN
  int capacity_min = 0, capacity_max = 0;
  bool out_suspended = false, in_suspended = false, scheduled_suspended = false;
  std::string role_arn;  // as given; "": the service's own
  CooldownRecord cooldown_out, cooldown_in;
  Millis created = 0;
  Tags tags;
};

struct ScalingPolicy {
  std::string account, resource_id, dimension, name;
  std::string id;    // a UUID, part of its ARN; stays when the policy is put again
  std::string type;  // "TargetTrackingScaling", "StepScaling"
  std::string body;  // TargetTrackingScalingPolicyConfiguration or StepScalingPolicyConfiguration as given
  // Of target tracking: the names of the alarms that it made; alarm_low is there with DisableScaleIn too. "" else.
  std::string alarm_high, alarm_low;
  Millis created = 0;
  Millis last_scaled = 0;  // when it changed the capacity last; 0: never
};

struct ScheduledAction {
  std::string account, resource_id, dimension, name;
  std::string id;         // a UUID, part of its ARN
  std::string body;       // PutScheduledAction's input: Schedule, Timezone, ScalableTargetAction
  Millis start = 0;       // StartTime; 0: none
  Millis end = 0;         // EndTime; 0: none
  Millis last_run = 0;    // the last time that was due and is done; 0: never
  Millis created = 0;     // the first time that is due comes after `configured`
  Millis configured = 0;  // when it was put last
};

// In the order of scaler::AlarmStateValue.
enum class AlarmValue { kOk, kAlarm, kInsufficientData };

// What scaler::AlarmState holds.
struct AlarmStatus {
  AlarmValue value = AlarmValue::kInsufficientData;
  std::string reason = "Unchecked: Initial alarm creation";
  std::string reason_data;
  Seconds updated = 0, transitioned = 0;
  Seconds evaluated = 0;    // 0: never
  Seconds known_since = 0;  // points before belong to a time that a clock's jump took back
  Seconds acted = 0;        // when Auto Scaling actions ran last in this state; 0: not yet
};

struct Alarm {
  std::string account, name;
  std::string body;       // PutMetricAlarm's input, without Tags and ActionsEnabled
  std::string policy_id;  // of the policy whose target tracking owns it; "" where a caller made it
  bool actions_enabled = true;
  AlarmStatus status;
  Millis created = 0;
  Millis configured = 0;  // AlarmConfigurationUpdatedTimestamp
  Tags tags;
};

// In the order of the API's StatusCode.
enum class ActivityStatus { kPending, kInProgress, kSuccessful, kOverridden, kUnfulfilled, kFailed };

struct NotScaledReason {
  std::string code;  // "AlreadyAtMaxCapacity"
  std::optional<int> capacity_max, capacity_min, capacity_current;
};

// Kept for kActivitiesPerTargetMax of a resource, the newest; also when the target is deregistered.
struct ScalingActivity {
  std::string account, resource_id, dimension;
  std::string id;  // a UUID
  std::string description, cause;
  ActivityStatus status = ActivityStatus::kInProgress;
  std::string status_message;
  std::string details;                      // "" for none
  std::vector<NotScaledReason> not_scaled;  // empty: it scaled
  Millis begin = 0, end = 0;                // 0: it has not ended
  // For `zeropull scaling`.
  std::string policy;       // its name; "" of bounds and scheduled actions
  std::string detector;     // "own", "aws"
  std::string explanation;  // one sentence: what was seen, over which window, what was predicted, done, and is pending
  int from = 0, to = 0;     // capacities
};

}  // namespace zeropull::state
