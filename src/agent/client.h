// AgentClient: the commands' side of the agent's service. Calls block; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "artifact/progress.h"
#include "base/context.h"
#include "base/result.h"

namespace zeropull::agent {

struct AgentImage {
  std::string reference;
  std::string manifest_digest;
  std::string chain_id;  // of the whole image; empty for one without layers
  std::string config;    // the configuration's bytes
  std::string source;    // "cache" | "volume" | "store" | "registry"
  std::uint64_t unpacked_bytes = 0;
};

class AgentClient {
 public:
  // kUnavailable on the first call when no agent listens there.
  static std::unique_ptr<AgentClient> create(const std::string& socket);
  virtual ~AgentClient() = default;

  virtual Result<AgentImage> ensure_image(const Context& ctx, const std::string& reference, bool plain_http,
                                          const artifact::Progress& progress) = 0;
  virtual Result<std::vector<AgentImage>> list_images(const Context& ctx) = 0;
  virtual Result<void> remove_image(const Context& ctx, const std::string& reference) = 0;
};

}  // namespace zeropull::agent
