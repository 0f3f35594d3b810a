// AgentConfig: what an operator writes in the file that `zeropull agent --config FILE` names. JSON; unknown keys are refused, so
// that a misspelt one is found at start and not in an incident. The README's table follows this header.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "artifact/limits.h"
#include "base/log.h"
#include "base/result.h"

namespace zeropull::agent {

// An endpoint's object store, as this instance reaches it. Exactly one of `url` and `folder`.
struct StoreConfig {
  std::string url;               // "https://host:port" of `zeropull store serve`
  std::string folder;            // a store's folder on this machine
  std::string scope;             // the folder within the store that is the endpoint's; "" where all of it is
  std::string token_file;        // for url: the file with the bearer token; none when empty
  std::string ca_file;           // for url: PEM of the authority that signed the server's certificate; the system's when empty
  std::string certificate_file;  // for url: PEM of the instance's certificate, where the server asks for one; with key_file
  std::string key_file;
  bool publish = true;  // what is converted on this instance are published there
};

struct RegistriesConfig {
  std::vector<std::string> plain_http;                      // "host:port" that may be asked without TLS
  std::map<std::string, std::vector<std::string>> mirrors;  // registry host -> mirror hosts, asked in order before it
  std::string auth_file;                                    // docker's config.json; DOCKER_CONFIG or ~/.docker when empty
  std::uint32_t progress_timeout_s = 30;                    // 1 to 3600: a transfer without a byte for so long is tried again
};

// A managed agent: whose instance this is and what runs on it is told by a control plane. Then key_file, volumes, stores and
// registries are not given: the endpoint's come from there.
struct ControlConfig {
  std::string address;           // "host:port" that the agent dials; "" for an agent that stands alone
  std::string authority_file;    // PEM of what signs the control plane's certificate
  std::string token_file;        // the single-use join token; read until it has bought the first certificate
  std::string instance_type;     // for a machine of provider `static`
  std::string instance_address;  // IPv4 address of this machine where the router reaches its copies
  std::string containerd_socket = "/run/containerd/containerd.sock";
  std::string containerd_state;    // containerd's `state`; the socket's folder when empty
  std::uint32_t accelerators = 0;  // devices for copies, 0 to 256
};

struct AgentConfig {
  std::string root = "/var/lib/zeropull";           // the instance's cache, snapshots and state; on a local file system
  std::string socket = "/run/zeropull/agent.sock";  // where containerd and the commands find the agent; mode 0600
  std::string key_file;                             // the endpoint's key; "<root>/endpoint.key" when empty, made when absent
  std::vector<std::string> volumes;                 // cache volumes: a folder, or an ext4 or EROFS image file; asked in order
  std::vector<StoreConfig> stores;                  // asked in order after the volumes
  RegistriesConfig registries;
  ControlConfig control;
  bool allow_file_directio = false;  // mount EROFS from files with directio where loop devices fail
  std::uint32_t jobs = 0;            // layers converted and connections per fetch at once, 1 to 64; 0: by cores
  std::uint64_t layer_expanded_bytes_max = artifact::kLayerExpandedMax;  // 1 MiB to 16 TiB
  bool verify_volumes = true;                                            // re-read and hash volumes in the background
  std::uint32_t verify_volumes_after_s = 30;  // after the agent's start, 0 to 86,400: first starts have the disk alone
  LogLevel log_level = LogLevel::kInfo;

  static Result<AgentConfig> load(const std::string& path);
  // `where` names the text in errors.
  static Result<AgentConfig> parse(std::string_view text, std::string_view where);
};

}  // namespace zeropull::agent
