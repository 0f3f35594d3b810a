// DesiredState: everything that an instance shall be, as the control plane says it: whose it is and which copies run. Plain
// values, the mirror of proto/zeropull/control/v1/control.proto, so that what converges on them (copies.h, the catalogues) knows
// no gRPC. Who reads the stream checks the fields against limits.h; every DesiredState is complete and replaces the one before.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"

namespace zeropull::agent {

struct S3Access {
  std::string endpoint_url;  // "" for AWS
  std::string region;
  std::string access_key_id;  // "" for anonymous
  Secret secret_access_key;
  Secret session_token;
};

struct DesiredModel {
  std::string identity;  // hex; "" while it was never listed
  std::string uri;       // s3://bucket/key, https://.., file:///..
  enum class Type { kObject, kPrefix } type = Type::kObject;
  enum class Compression { kNone, kGzip } compression = Compression::kNone;
  S3Access s3;
  std::vector<std::string> allowed_folders;  // for file://
  std::chrono::seconds download_timeout{3600};
  enum class Retention { kWithCopy, kKeep } retention = Retention::kWithCopy;  // kKeep: EnableCaching
};

struct Resources {
  double cpu_cores = 0;                     // 0: no share of its own
  std::uint64_t memory_limit_bytes = 0;     // 0: none
  std::vector<std::uint32_t> accelerators;  // device numbers on the instance
};

struct Probe {
  std::chrono::seconds start_timeout{480};  // until /ping answers 200
  std::string warm_up_path;                 // "" for none: a POST that must succeed before the copy is ready
  std::string warm_up_body;
  std::string warm_up_content_type;
  std::uint32_t crashes_max = 3;  // ends before ready, in a row, until the copy has failed; at least 1
};

enum class Outbound { kOff, kAllowed };

struct Copy {
  std::string id;  // unique for ever
  std::string component;
  std::string image;  // "host/repo@sha256:.."
  std::map<std::string, std::string> environment;
  std::vector<std::string> arguments;  // after the image's entrypoint
  Resources resources;
  std::optional<DesiredModel> model;
  Probe probe;
  Outbound outbound = Outbound::kOff;
  std::string host_name;  // "" for one of the id
};

struct RegistryAccess {
  std::string host;  // "host:port"
  std::string username;
  Secret password;
  enum class Transport { kTls, kPlain } transport = Transport::kTls;
  std::vector<std::string> mirrors;
  // For a host of Amazon ECR, in place of username and password.
  struct Aws {
    std::string access_key_id = {};  // "" for none
    Secret secret_access_key = {}, session_token = {};
    std::string endpoint_url = {};  // of ECR's API; "" for AWS's own
    bool operator==(const Aws& other) const {
      return access_key_id == other.access_key_id && secret_access_key.reveal() == other.secret_access_key.reveal() &&
             session_token.reveal() == other.session_token.reveal() && endpoint_url == other.endpoint_url;
    }
  };
  Aws aws = {};
  bool operator==(const RegistryAccess& other) const {
    return host == other.host && username == other.username && password.reveal() == other.password.reveal() &&
           transport == other.transport && mirrors == other.mirrors && aws == other.aws;
  }
};

enum class Caching { kOn, kOff };

struct Endpoint {
  std::string uid;  // of this creation of the endpoint
  std::string account;
  Secret key;  // 32 bytes
  std::string store_url;
  std::vector<std::string> volumes;  // folders or image files, read-only
  Caching image_cache = Caching::kOn;
  Caching model_cache = Caching::kOn;
  std::vector<std::string> router_addresses;   // who may reach the copies
  std::vector<std::string> denied_networks;    // CIDR: what copies and origins never reach
  std::vector<std::string> allowed_addresses;  // CIDR: the operator's exceptions for origins and registries
  std::vector<RegistryAccess> registries;
  std::uint64_t disk_budget_bytes = 0;  // 0: half the disk
  std::uint64_t link_bits_per_s = 0;    // 0: not known
};

struct DesiredState {
  std::uint64_t generation = 0;
  std::optional<Endpoint> endpoint;  // absent: leased to nobody, everything of an earlier lease is wiped
  std::vector<Copy> copies;
  std::vector<std::string> keep_models;  // identities
  std::vector<std::string> keep_images;  // manifest digests
};

}  // namespace zeropull::agent
