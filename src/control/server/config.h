// ServeConfig: what an operator writes in the file that `zeropull serve --config FILE` names. JSON; unknown keys are refused.
// Every member has a default that works on one machine with no other set-up. The README's table follows this header.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace zeropull::server {

struct ListenConfig {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;        // 0: any free one; agents and instances then find no server that was started anew
  std::string certificate_file;  // PEM chain; plain HTTP when empty, which is refused on any address but loopback
  std::string key_file;
};

// The router: what waits, how long, how much.
struct RequestsConfig {
  bool hold = true;                      // requests wait while a component has no ready copy; false: AWS's error at once
  std::uint32_t hold_s = 300;            // for at most so long, 1 to 3600
  std::uint32_t held_max = 1000;         // requests of one component, 1 to 100,000
  std::uint32_t model_timeout_s = 60;    // a copy's answer, 1 to 3600
  std::uint32_t stream_timeout_s = 480;  // a whole streamed answer, 1 to 86,400
  std::uint64_t body_max = 6'291'456;    // of a request and of an answer that is not streamed, 1 KiB to 100 MiB
  std::uint32_t ramp_up_s = 5;           // until a new copy gets its full share, 0 to 600
};

// What scales by itself, where no tag of an endpoint says another.
struct ScalingConfig {
  std::uint32_t false_alarm_hours = 24;   // mean time between needless scale-outs of one target under steady load, 1 to 8760
  std::uint32_t scale_in_window_s = 180;  // a smaller load must have lasted so long, 30 to 86,400
};

// Where Prometheus may ask: GET /metrics, plain HTTP without a signature.
struct MetricsConfig {
  std::string address = "127.0.0.1";
  std::uint16_t port = 9464;  // 0: nobody may
};

// Provider `local`: instances as process trees of this machine.
struct LocalConfig {
  std::string network = "10.201.0.0/16";  // the bridge has the first address, instances the following ones
  std::uint32_t instances_max = 16;       // at once, 1 to 1000
};

// Provider `static`: machines that join.
struct StaticConfig {
  std::vector<std::string> addresses;  // CIDRs where machines may be although their connections come from elsewhere
};

// What one account's instances may use.
struct AccountConfig {
  struct Registry {
    std::string host;  // "host:port"
    std::string username, password;
    bool plain_http = false;
    std::vector<std::string> mirrors;
    // For a host of Amazon ECR, in place of username and password.
    std::string aws_access_key_id, aws_secret_access_key, aws_session_token;
    std::string ecr_endpoint_url;  // "" for AWS's own
  };
  struct S3 {
    std::string endpoint_url;  // "" for AWS's own
    std::string region = "us-east-1";
    std::string access_key_id, secret_access_key, session_token;  // "" for anonymous
  };
  std::vector<Registry> registries;
  S3 s3;
  std::vector<std::string> model_folders;  // below which file:// may name models
};

struct ServeConfig {
  std::string root = "/var/lib/zeropull-control";  // state, store, volumes, instances; on a local file system
  std::string region = "us-east-1";                // of ARNs and signatures
  ListenConfig listen{.address = "127.0.0.1", .port = 8080, .certificate_file = {}, .key_file = {}};  // the API and the requests
  ListenConfig agents{
      .address = {}, .port = 7444, .certificate_file = {}, .key_file = {}};  // address "": the local network's first
  ListenConfig store{.address = {}, .port = 7443, .certificate_file = {}, .key_file = {}};  // likewise; TLS by our own authority
  std::string admin_socket;        // "<root>/admin.sock" when empty; mode 0600
  std::string provider = "local";  // "local" or "static"
  LocalConfig local;
  StaticConfig static_pool;  // "static"
  RequestsConfig requests;
  ScalingConfig scaling;
  MetricsConfig metrics;
  std::string instance_types_file;                // adds to and overrides the built-in ones
  std::string master_key_file;                    // "<root>/master.key" when empty; made when absent
  std::map<std::string, AccountConfig> accounts;  // by account number; "*" for every one that is not named
  std::vector<std::string> allowed_addresses;     // CIDRs that models and registries may have though they are private
  bool outbound = false;                          // copies may reach the outside
  std::uint32_t idle_release_s = 300;             // an instance without copies is released after, 0 to 86,400
  std::uint32_t crashes_max = 3;                  // ends before ready, in a row, until a copy has failed, 1 to 100
  LogLevel log_level = LogLevel::kInfo;

  static Result<ServeConfig> load(const std::string& path);
  // `where` names the text in errors.
  static Result<ServeConfig> parse(std::string_view text, std::string_view where);
  const AccountConfig& account(const std::string& number) const;
};

}  // namespace zeropull::server
