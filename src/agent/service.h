// AgentService: what the operator's commands ask of the agent (proto/zeropull/agent/v1/agent.proto), on the socket that
// containerd uses too. Calls run on gRPC's threads.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "agent/image_catalog.h"

namespace grpc {
class Service;
}

namespace zeropull::agent {

class AgentService {
 public:
  // `chains_in_use` names what a removal must not take away. Both outlive the service.
  static std::unique_ptr<AgentService> create(ImageCatalog& catalog, std::function<Result<std::vector<ChainId>>()> chains_in_use);
  virtual ~AgentService() = default;
  virtual grpc::Service& service() = 0;
};

}  // namespace zeropull::agent
