#include "control/state/record_json.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>

#include "base/check.h"
#include "base/units.h"
#include "codec/json.h"

namespace zeropull::state {

namespace {

using nlohmann::json;

constexpr std::int64_t kVersion = 1;
constexpr std::string_view kVersionMember = "v";
constexpr std::size_t kRecordSizeMax = 16 * kMiB;

// Names of enumerators, by their numbers.
template <typename E>
constexpr std::array<std::string_view, 0> kNames;
template <>
constexpr std::array<std::string_view, 2> kNames<Placement>{"spread", "binpack"};
template <>
constexpr std::array<std::string_view, 3> kNames<Scraping>{"configured", "all", "none"};
template <>
constexpr std::array<std::string_view, 2> kNames<Routing>{"random", "least-outstanding"};
template <>
constexpr std::array<std::string_view, 6> kNames<EndpointStatus>{"creating",     "in-service", "updating",
                                                                 "rolling-back", "failed",     "deleting"};
template <>
constexpr std::array<std::string_view, 5> kNames<ComponentStatus>{"creating", "in-service", "updating", "failed", "deleting"};
template <>
constexpr std::array<std::string_view, 4> kNames<InstanceState>{"launching", "ready", "releasing", "lost"};
template <>
constexpr std::array<std::string_view, 8> kNames<CopyPhase>{"placed",    "preparing", "starting", "ready",
                                                            "unhealthy", "draining",  "stopping", "failed"};
template <>
constexpr std::array<std::string_view, 3> kNames<AlarmValue>{"ok", "alarm", "insufficient-data"};
template <>
constexpr std::array<std::string_view, 6> kNames<ActivityStatus>{"pending",    "in-progress", "successful",
                                                                 "overridden", "unfulfilled", "failed"};

// What a record consists of, for both directions: io(name, member) in turn.
template <typename Io>
void members(Io& io, AccessKey& r) {
  io("id", r.id), io("account", r.account), io("name", r.name), io("wrapped_secret", r.wrapped_secret), io("created", r.created);
  io("revoked", r.revoked);
}

template <typename Io>
void members(Io& io, ModelData& r) {
  io("uri", r.uri), io("prefix", r.prefix), io("gzip", r.gzip);
}

template <typename Io>
void members(Io& io, ContainerMetrics& r) {
  io("path", r.path), io("publish_s", r.publish_s);
}

template <typename Io>
void members(Io& io, Container& r) {
  io("image", r.image), io("resolved_image", r.resolved_image), io("resolved", r.resolved), io("environment", r.environment);
  io("model", r.model), io("model_identity", r.model_identity), io("metrics", r.metrics);
}

template <typename Io>
void members(Io& io, Model& r) {
  io("account", r.account), io("name", r.name), io("body", r.body), io("container", r.container), io("role_arn", r.role_arn);
  io("network_isolation", r.network_isolation), io("created", r.created), io("tags", r.tags);
}

template <typename Io>
void members(Io& io, EndpointConfig& r) {
  io("account", r.account), io("name", r.name), io("body", r.body), io("created", r.created), io("tags", r.tags);
}

template <typename Io>
void members(Io& io, InstancePool& r) {
  io("instance_type", r.instance_type), io("priority", r.priority), io("model_override", r.model_override);
}

template <typename Io>
void members(Io& io, ManagedScaling& r) {
  io("enabled", r.enabled), io("min", r.min), io("max", r.max);
}

template <typename Io>
void members(Io& io, Variant& r) {
  io("name", r.name), io("model_name", r.model_name), io("pools", r.pools), io("desired_instances", r.desired_instances);
  io("desired_weight", r.desired_weight), io("current_weight", r.current_weight), io("scaling", r.scaling);
  io("routing", r.routing), io("download_timeout_s", r.download_timeout_s), io("start_timeout_s", r.start_timeout_s);
  io("provision_timeout_s", r.provision_timeout_s), io("status_message", r.status_message);
  io("network_isolation", r.network_isolation);
}

template <typename Io>
void members(Io& io, MetricsSettings& r) {
  io("enhanced", r.enhanced), io("publish_s", r.publish_s), io("scraping", r.scraping);
}

template <typename Io>
void members(Io& io, Endpoint& r) {
  io("account", r.account), io("name", r.name), io("uid", r.uid), io("config_name", r.config_name);
  io("config_body", r.config_body), io("metrics", r.metrics), io("variants", r.variants), io("status", r.status);
  io("failure_reason", r.failure_reason);
  io("wrapped_key", r.wrapped_key), io("update_body", r.update_body), io("pending", r.pending);
  io("pending_config_name", r.pending_config_name), io("pending_config_body", r.pending_config_body);
  io("pending_metrics", r.pending_metrics), io("created", r.created);
  io("modified", r.modified), io("revision_of_spec", r.revision_of_spec), io("tags", r.tags);
}

template <typename Io>
void members(Io& io, ComponentSpec& r) {
  io("instance_type", r.instance_type), io("model_name", r.model_name), io("container", r.container);
  io("cpu_cores", r.cpu_cores), io("accelerators", r.accelerators), io("memory_min_mb", r.memory_min_mb);
  io("memory_max_mb", r.memory_max_mb), io("download_timeout_s", r.download_timeout_s);
  io("start_timeout_s", r.start_timeout_s), io("data_cache", r.data_cache), io("placement", r.placement);
  io("network_isolation", r.network_isolation);
}

template <typename Io>
void members(Io& io, DeployedSpecs& r) {
  io("revision", r.revision), io("specs", r.specs);
}

template <typename Io>
void members(Io& io, ScaleOrder& r) {
  io("onset", r.onset), io("decided", r.decided), io("above", r.above), io("reason", r.reason);
}

template <typename Io>
void members(Io& io, Component& r) {
  io("account", r.account), io("name", r.name), io("uid", r.uid), io("endpoint_name", r.endpoint_name);
  io("endpoint_uid", r.endpoint_uid), io("variant", r.variant), io("body", r.body), io("implicit", r.implicit);
  io("specs", r.specs), io("desired_copies", r.desired_copies), io("status", r.status), io("failure_reason", r.failure_reason);
  io("spec_revision", r.spec_revision), io("deployed", r.deployed), io("good_revision", r.good_revision);
  io("failed_revision", r.failed_revision), io("endpoint_revision", r.endpoint_revision);
  io("deployment_body", r.deployment_body), io("order", r.order), io("created", r.created), io("modified", r.modified);
  io("tags", r.tags);
}

template <typename Io>
void members(Io& io, Instance& r) {
  io("id", r.id), io("account", r.account), io("endpoint_uid", r.endpoint_uid), io("variant", r.variant);
  io("instance_type", r.instance_type), io("state", r.state), io("provider", r.provider), io("handle", r.handle);
  io("address", r.address), io("reason", r.reason), io("launched", r.launched), io("ready", r.ready);
  io("idle_since", r.idle_since), io("volumes", r.volumes);
}

template <typename Io>
void members(Io& io, PhaseRecord& r) {
  io("name", r.name), io("begin", r.begin), io("end", r.end), io("bytes", r.bytes), io("total_bytes", r.total_bytes);
  io("source", r.source), io("reason", r.reason);
}

template <typename Io>
void members(Io& io, Copy& r) {
  io("id", r.id), io("account", r.account), io("endpoint_uid", r.endpoint_uid), io("component_uid", r.component_uid);
  io("component", r.component), io("variant", r.variant), io("instance_id", r.instance_id), io("spec_revision", r.spec_revision);
  io("phase", r.phase), io("address", r.address), io("reason", r.reason), io("log_tail", r.log_tail);
  io("accelerators", r.accelerators), io("phases", r.phases), io("crashes", r.crashes), io("placed", r.placed);
  io("ready", r.ready), io("draining", r.draining);
}

template <typename Io>
void members(Io& io, TimelineEntry& r) {
  io("id", r.id), io("endpoint_uid", r.endpoint_uid), io("component", r.component), io("instance_id", r.instance_id);
  io("instance_type", r.instance_type), io("kind", r.kind), io("outcome", r.outcome);
  io("link_bits_per_s", r.link_bits_per_s), io("begin", r.begin), io("phases", r.phases);
}

template <typename Io>
void members(Io& io, Machine& r) {
  io("id", r.id), io("instance_type", r.instance_type), io("address", r.address), io("host_name", r.host_name);
  io("cpu_cores", r.cpu_cores), io("memory_bytes", r.memory_bytes), io("disk_bytes", r.disk_bytes);
  io("accelerators", r.accelerators), io("instance_id", r.instance_id), io("wiped", r.wiped);
  io("wipe_proof", r.wipe_proof), io("last_proof", r.last_proof), io("joined", r.joined);
}

template <typename Io>
void members(Io& io, JoinToken& r) {
  io("hash", r.hash), io("instance_id", r.instance_id), io("expires", r.expires), io("used", r.used);
  io("request_hash", r.request_hash), io("agent", r.agent);
}

template <typename Io>
void members(Io& io, CooldownRecord& r) {
  io("started", r.started), io("seconds", r.seconds), io("added", r.added);
}

template <typename Io>
void members(Io& io, ScalableTarget& r) {
  io("account", r.account), io("resource_id", r.resource_id), io("dimension", r.dimension), io("id", r.id);
  io("capacity_min", r.capacity_min), io("capacity_max", r.capacity_max), io("out_suspended", r.out_suspended);
  io("in_suspended", r.in_suspended), io("scheduled_suspended", r.scheduled_suspended), io("role_arn", r.role_arn);
  io("cooldown_out", r.cooldown_out), io("cooldown_in", r.cooldown_in), io("created", r.created), io("tags", r.tags);
}

template <typename Io>
void members(Io& io, ScalingPolicy& r) {
  io("account", r.account), io("resource_id", r.resource_id), io("dimension", r.dimension), io("name", r.name);
  io("id", r.id), io("type", r.type), io("body", r.body), io("alarm_high", r.alarm_high), io("alarm_low", r.alarm_low);
  io("created", r.created), io("last_scaled", r.last_scaled);
}

template <typename Io>
void members(Io& io, ScheduledAction& r) {
  io("account", r.account), io("resource_id", r.resource_id), io("dimension", r.dimension), io("name", r.name);
  io("id", r.id), io("body", r.body), io("start", r.start), io("end", r.end), io("last_run", r.last_run);
  io("created", r.created), io("configured", r.configured);
}

template <typename Io>
void members(Io& io, AlarmStatus& r) {
  io("value", r.value), io("reason", r.reason), io("reason_data", r.reason_data), io("updated", r.updated);
  io("transitioned", r.transitioned), io("evaluated", r.evaluated), io("known_since", r.known_since), io("acted", r.acted);
}

template <typename Io>
void members(Io& io, Alarm& r) {
  io("account", r.account), io("name", r.name), io("body", r.body), io("policy_id", r.policy_id);
  io("actions_enabled", r.actions_enabled), io("status", r.status), io("created", r.created), io("configured", r.configured);
  io("tags", r.tags);
}

template <typename Io>
void members(Io& io, NotScaledReason& r) {
  io("code", r.code), io("capacity_max", r.capacity_max), io("capacity_min", r.capacity_min);
  io("capacity_current", r.capacity_current);
}

template <typename Io>
void members(Io& io, ScalingActivity& r) {
  io("account", r.account), io("resource_id", r.resource_id), io("dimension", r.dimension), io("id", r.id);
  io("description", r.description), io("cause", r.cause), io("status", r.status), io("status_message", r.status_message);
  io("details", r.details), io("not_scaled", r.not_scaled), io("begin", r.begin), io("end", r.end), io("policy", r.policy);
  io("detector", r.detector), io("explanation", r.explanation), io("from", r.from), io("to", r.to);
}

class Writer {
 public:
  template <typename T>
  static json of(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      return kNames<T>.at(static_cast<std::size_t>(value));
    } else if constexpr (requires(Writer& io, T& record) { members(io, record); }) {
      Writer writer;
      members(writer, const_cast<T&>(value));  // which only reads it
      return std::move(writer.object_);
    } else {
      return value;
    }
  }
  template <typename T>
  static json of(const std::vector<T>& values) {
    auto array = json::array();
    for (const auto& value : values) array.push_back(of(value));
    return array;
  }
  template <typename T>
  static json of(const std::optional<T>& value) {
    return value ? of(*value) : json(nullptr);
  }

  template <typename T>
  void operator()(const char* name, const T& value) {
    object_[name] = of(value);
  }

 private:
  json object_ = json::object();
};

// Keeps the first error, and reads nothing more after it.
class Reader {
 public:
  Reader(const json& object, std::string where, std::size_t members_beside = 0)
      : object_(object), where_(std::move(where)), read_(members_beside) {}

  template <typename T>
  void operator()(const char* name, T& value) {
    if (error_) return;
    auto found = object_.find(name);
    if (found == object_.end()) return fail(name, "missing");
    ++read_;
    read(*found, where_ + "/" + name, value);
  }
  template <typename T>
  Result<void> run(T& record) {
    if (!object_.is_object()) return make_error(Code::kDataLoss, "{}: not an object", where_);
    members(*this, record);
    if (!error_ && read_ != object_.size()) fail("", "members that this version does not know");
    if (error_) return std::move(*error_);
    return {};
  }

 private:
  void fail(std::string_view name, std::string_view what) {
    error_ = make_error(Code::kDataLoss, "{}/{}: {}", where_, name, what);
  }

  template <typename T>
  void read(const json& value, const std::string& where, T& out) {
    if constexpr (std::is_same_v<T, std::string>) {
      if (!value.is_string()) return fail(where, "not a string");
      out = value.get_ref<const std::string&>();
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!value.is_boolean()) return fail(where, "not a boolean");
      out = value.get<bool>();
    } else if constexpr (std::is_floating_point_v<T>) {
      if (!value.is_number()) return fail(where, "not a number");
      out = value.get<T>();
    } else if constexpr (std::is_integral_v<T>) {
      bool fits = value.is_number_unsigned() ? std::in_range<T>(value.get<std::uint64_t>())
                                             : value.is_number_integer() && std::in_range<T>(value.get<std::int64_t>());
      if (!fits) return fail(where, "not an integer of its range");
      out = value.get<T>();
    } else if constexpr (std::is_enum_v<T>) {
      const auto* name = value.get_ptr<const std::string*>();
      auto found = name == nullptr ? kNames<T>.end() : std::ranges::find(kNames<T>, *name);
      if (found == kNames<T>.end()) return fail(where, "not one of its names");
      out = static_cast<T>(found - kNames<T>.begin());
    } else {
      Reader reader(value, where);
      auto done = reader.run(out);
      if (!done.ok()) error_ = std::move(done).take_error();
    }
  }
  template <typename T>
  void read(const json& value, const std::string& where, std::vector<T>& out) {
    if (!value.is_array()) return fail(where, "not an array");
    out.resize(value.size());
    for (std::size_t i = 0; i < out.size() && !error_; ++i) read(value[i], fmt::format("{}/{}", where, i), out[i]);
  }
  template <typename T>
  void read(const json& value, const std::string& where, std::optional<T>& out) {
    if (!value.is_null()) read(value, where, out.emplace());
  }
  void read(const json& value, const std::string& where, std::map<std::string, std::string>& out) {
    if (!value.is_object()) return fail(where, "not an object");
    for (const auto& [key, text] : value.items()) read(text, where + "/" + key, out[key]);
  }

  const json& object_;
  const std::string where_;
  std::size_t read_;
  std::optional<Error> error_;
};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (auto& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return lower;
}

template <typename T>
std::string scaled_key(std::string_view kind, const T& record) {
  return fmt::format("{}/{}/{}/{}", kind, record.account, record.dimension, record.resource_id);
}

template <typename T>
Result<AnyRecord> parse_as(std::string_view key, const json& object) {
  T record;
  TRY(Reader(object, std::string(key), 1).run(record));  // 1: the version
  if (key_of(record) != key) return make_error(Code::kDataLoss, "{}: holds the record of {}", key, key_of(record));
  return AnyRecord(std::move(record));
}

struct Kind {
  std::string_view prefix;
  Result<AnyRecord> (*parse)(std::string_view, const json&);
};
constexpr std::array kKinds{
    Kind{"access-key/", parse_as<AccessKey>},
    Kind{"model/", parse_as<Model>},
    Kind{"endpoint-config/", parse_as<EndpointConfig>},
    Kind{"endpoint/", parse_as<Endpoint>},
    Kind{"component/", parse_as<Component>},
    Kind{"instance/", parse_as<Instance>},
    Kind{"copy/", parse_as<Copy>},
    Kind{"timeline/", parse_as<TimelineEntry>},
    Kind{"machine/", parse_as<Machine>},
    Kind{"join-token/", parse_as<JoinToken>},
    Kind{"scalable-target/", parse_as<ScalableTarget>},
    Kind{"scaling-policy/", parse_as<ScalingPolicy>},
    Kind{"scheduled-action/", parse_as<ScheduledAction>},
    Kind{"alarm/", parse_as<Alarm>},
    Kind{"scaling-activity/", parse_as<ScalingActivity>},
};

}  // namespace

std::string key_of(const AccessKey& record) { return "access-key/" + record.id; }
std::string key_of(const Model& record) { return fmt::format("model/{}/{}", record.account, record.name); }
std::string key_of(const EndpointConfig& record) { return fmt::format("endpoint-config/{}/{}", record.account, record.name); }
std::string key_of(const Component& record) { return fmt::format("component/{}/{}", record.account, record.name); }
std::string key_of(const Endpoint& record) { return fmt::format("endpoint/{}/{}", record.account, lower_case(record.name)); }
std::string key_of(const Instance& record) { return "instance/" + record.id; }
std::string key_of(const Copy& record) { return "copy/" + record.id; }
std::string key_of(const Machine& record) { return "machine/" + record.id; }
std::string key_of(const JoinToken& record) { return "join-token/" + record.hash; }
std::string key_of(const TimelineEntry& record) { return fmt::format("timeline/{}/{}", record.endpoint_uid, record.id); }
std::string key_of(const ScalableTarget& record) { return scaled_key("scalable-target", record); }
std::string key_of(const ScalingPolicy& record) {
  return fmt::format("{}/{}", scaled_key("scaling-policy", record), key_text(record.name));
}
std::string key_of(const ScheduledAction& record) {
  return fmt::format("{}/{}", scaled_key("scheduled-action", record), key_text(record.name));
}
std::string key_of(const Alarm& record) { return fmt::format("alarm/{}/{}", record.account, key_text(record.name)); }
std::string key_of(const ScalingActivity& record) {
  return fmt::format("{}/{:015}-{}", scaled_key("scaling-activity", record), record.begin, record.id);
}
std::string key_of(const AnyRecord& record) {
  return std::visit([](const auto& one) { return key_of(one); }, record);
}

std::string key_text(std::string_view name) {
  std::string text;
  for (char letter : name) {
    bool plain = letter >= ' ' && letter <= '~' && letter != '%';
    if (plain) {
      text += letter;
    } else {
      text += fmt::format("%{:02x}", static_cast<unsigned char>(letter));
    }
  }
  return text;
}

std::string record_text(const AnyRecord& record) {
  auto object = std::visit([](const auto& one) { return Writer::of(one); }, record);
  object[std::string(kVersionMember)] = kVersion;
  return codec::json_text(object);
}

Result<AnyRecord> parse_record(std::string_view key, std::string_view text) {
  const auto* kind = std::ranges::find_if(kKinds, [&](const Kind& one) { return key.starts_with(one.prefix); });
  if (kind == kKinds.end()) return make_error(Code::kDataLoss, "{}: not a kind of record that this version knows", key);
  auto object = codec::parse_json(text, {.size_max = kRecordSizeMax});
  if (!object.ok()) return make_error(Code::kDataLoss, "{}: {}", key, object.error().message());
  auto version = codec::json_int(*object, kVersionMember);
  if (!version.ok() || *version != kVersion) {
    return make_error(Code::kDataLoss, "{}: not of format version {}: written by another version of zeropull", key, kVersion);
  }
  return kind->parse(key, *object);
}

}  // namespace zeropull::state
