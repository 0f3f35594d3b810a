// Records as the Kv holds them: a key, and a value in JSON with a format version. Reading is strict: an unknown version, a
// missing or unknown member, or a value of another type is kDataLoss, since nobody but this program writes them. Pure and
// thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "control/state/records.h"
#include "control/state/scaling_records.h"

namespace zeropull::state {

using AnyRecord = std::variant<AccessKey, Model, EndpointConfig, Endpoint, Component, Instance, Copy, TimelineEntry, Machine,
                               JoinToken, ScalableTarget, ScalingPolicy, ScheduledAction, Alarm, ScalingActivity>;

// "access-key/<id>"
std::string key_of(const AccessKey& record);
// "model/<account>/<name>", "endpoint-config/<account>/<name>", "component/<account>/<name>"
std::string key_of(const Model& record);
std::string key_of(const EndpointConfig& record);
std::string key_of(const Component& record);
// "endpoint/<account>/<name in lower case>": names are unique whatever their case
std::string key_of(const Endpoint& record);
// "instance/<id>", "copy/<id>", "machine/<id>", "join-token/<hash>", "timeline/<endpoint uid>/<id>"
std::string key_of(const Instance& record);
std::string key_of(const Copy& record);
std::string key_of(const Machine& record);
std::string key_of(const JoinToken& record);
std::string key_of(const TimelineEntry& record);
// "scalable-target/<account>/<dimension>/<resource id>", "scaling-policy/../<name>", "scheduled-action/../<name>"
std::string key_of(const ScalableTarget& record);
std::string key_of(const ScalingPolicy& record);
std::string key_of(const ScheduledAction& record);
// "alarm/<account>/<name>"
std::string key_of(const Alarm& record);
// "scaling-activity/<account>/<dimension>/<resource id>/<begin>-<id>": in order of time
std::string key_of(const ScalingActivity& record);
std::string key_of(const AnyRecord& record);
// A name as part of a key: what is not printable ASCII, and "%", becomes "%<two hex digits>". A prefix stays one.
std::string key_text(std::string_view name);

std::string record_text(const AnyRecord& record);
// The kind of record is told by the key, with which the record must agree.
Result<AnyRecord> parse_record(std::string_view key, std::string_view text);

}  // namespace zeropull::state
