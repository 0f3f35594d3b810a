// Records: what the control plane knows, one struct a kind of object. Each is one value in the Kv (JSON, see record_json.h),
// under the key that key_of() says. Times are milliseconds since the epoch. `*_uid` are random and never used again: a name that
// is deleted and created anew is another endpoint, with another key and an empty cache.
//
// What a caller wrote is kept as he wrote it (`body`, the request's JSON without Tags) for the Describe operations; what the
// reconcilers decide by is parsed once, when the object is created, into typed members.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/state/fleet_records.h"

namespace zeropull::state {

using Tags = std::map<std::string, std::string>;

struct AccessKey {
  std::string id;              // "AKIA.."
  std::string account;         // twelve digits
  std::string name;            // whose it is, for people
  std::string wrapped_secret;  // under the master key, see identity/key_wrap.h
  Millis created = 0;
  Millis revoked = 0;  // 0: valid
};

// Where a model's files come from, as the API names them.
struct ModelData {
  std::string uri;  // "" for none
  bool prefix = false;
  bool gzip = false;
};

// Where a container shows metrics of its own: ContainerMetricsConfig's only endpoint.
struct ContainerMetrics {
  std::string path;   // on the port that it serves on; "": it says nothing of that
  int publish_s = 0;  // seconds from scrape to scrape; 0: the default
};

struct Container {
  std::string image;           // as the caller wrote it
  std::string resolved_image;  // "host/repo@sha256:.."; "" until it was resolved at deployment
  Millis resolved = 0;
  std::map<std::string, std::string> environment;
  ModelData model;
  std::string model_identity;  // of artifact and listing; "" until an instance has listed it
  ContainerMetrics metrics;
};

struct Model {
  std::string account, name, body;
  Container container;
  std::string role_arn;
  bool network_isolation = false;
  Millis created = 0;
  Tags tags;
};

struct EndpointConfig {
  std::string account, name, body;
  Millis created = 0;
  Tags tags;
};

enum class Placement { kSpread, kBinpack };
enum class Routing { kRandom, kLeastOutstanding };

struct InstancePool {
  std::string instance_type;
  int priority = 1;            // 1 is asked first
  std::string model_override;  // "" for none
};

struct ManagedScaling {
  bool enabled = false;
  int min = 0;
  int max = 1;
};

struct Variant {
  std::string name;
  std::string model_name;           // "": the variant of inference components
  std::vector<InstancePool> pools;  // by priority; one for a plain InstanceType
  int desired_instances = 1;
  double desired_weight = 1;
  double current_weight = 1;
  ManagedScaling scaling;
  Routing routing = Routing::kRandom;
  int download_timeout_s = 0;  // 0: the default
  int start_timeout_s = 0;
  int provision_timeout_s = 0;
  std::string status_message;      // why it has not what it should have: a blocked scale-out
  bool network_isolation = false;  // its copies have no outbound traffic, whatever the operator allows
};

// Whose own metrics are collected: of containers that say where these are, of all, of none.
enum class Scraping { kConfigured, kAll, kNone };

// What a configuration says of metrics, see docs/metrics.md.
struct MetricsSettings {
  bool enhanced = false;  // each instance and each container has series of its own too
  int publish_s = 0;      // seconds from point to point of what it governs; 0: as fine as it is measured
  Scraping scraping = Scraping::kConfigured;
};

enum class EndpointStatus { kCreating, kInService, kUpdating, kRollingBack, kFailed, kDeleting };
enum class ComponentStatus { kCreating, kInService, kUpdating, kFailed, kDeleting };

struct Endpoint {
  std::string account, name, uid;
  std::string config_name;
  std::string config_body;  // the endpoint's own copy: the configuration may be deleted
  MetricsSettings metrics;
  std::vector<Variant> variants;
  EndpointStatus status = EndpointStatus::kCreating;
  std::string failure_reason;
  std::string wrapped_key;                      // the data key, under the master key
  std::string update_body;                      // UpdateEndpoint's request while it is carried out; "" else
  std::optional<std::vector<Variant>> pending;  // the variants that it goes to
  std::string pending_config_name, pending_config_body;
  MetricsSettings pending_metrics;  // of the pending configuration
  Millis created = 0, modified = 0;
  std::uint64_t revision_of_spec = 1;  // grows with each update: copies of an older one are replaced
  Tags tags;
};

struct ComponentSpec {
  std::string instance_type;  // "" for any
  std::string model_name;     // "" where `container` was given
  Container container;
  double cpu_cores = 0;
  double accelerators = 0;
  std::int64_t memory_min_mb = 0;
  std::int64_t memory_max_mb = 0;  // 0: no limit
  int download_timeout_s = 0;
  int start_timeout_s = 0;
  bool data_cache = false;
  Placement placement = Placement::kSpread;
  bool network_isolation = false;  // of the model; see Variant
};

// What copies of an earlier or the present `spec_revision` were made of.
struct DeployedSpecs {
  std::uint64_t revision = 0;
  std::vector<ComponentSpec> specs;
};

// The autoscaler's last order of more copies: those beyond `above` are for demand that began at `onset`. Kept until they serve,
// so that their timelines can tell how long the detection took.
struct ScaleOrder {
  Millis onset = 0, decided = 0;  // 0: there is none
  int above = 0;
  std::string reason;  // one sentence
  bool operator==(const ScaleOrder&) const = default;
};

struct Component {
  std::string account, name, uid;
  std::string endpoint_name, endpoint_uid, variant;
  std::string body;                  // Specification or Specifications and the rest, as last given
  bool implicit = false;             // stands for a variant with a model: one copy an instance, not shown by the API
  std::vector<ComponentSpec> specs;  // one, or one an instance type
  int desired_copies = 0;
  ComponentStatus status = ComponentStatus::kCreating;
  std::string failure_reason;
  std::uint64_t spec_revision = 1;  // grows with each change of `specs`
  // Kept by the reconciler: revisions that copies run, the last that was in service (0: none) and the last that failed.
  std::vector<DeployedSpecs> deployed;
  std::uint64_t good_revision = 0, failed_revision = 0;
  std::uint64_t endpoint_revision = 0;  // of an implicit one: the endpoint's revision_of_spec that `specs` are of
  std::string deployment_body;          // DeploymentConfig of the last update; "" before
  ScaleOrder order;
  Millis created = 0, modified = 0;
  Tags tags;
};

}  // namespace zeropull::state
