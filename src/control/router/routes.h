// Routes: a routing table ready to be searched, and the counters that outlive it. Immutable and shared by the I/O threads; a
// request keeps the one by which it was routed.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "control/router/net.h"
#include "control/router/table.h"
#include "control/router/traffic.h"

namespace zeropull::router {

struct CopyState {
  explicit CopyState(std::string copy_id) : id(std::move(copy_id)) {}
  // Whether it was its last request that ended; true once.
  bool take_drained() { return leaving && traffic.in_flight() == 0 && !told_drained.exchange(true); }

  const std::string id;
  Traffic traffic;
  std::atomic<bool> leaving = false;  // it is in no table
  std::atomic<bool> told_drained = false;
  std::atomic<SteadyTime> avoided_until = SteadyTime::min();  // it refused a connection
};

struct ComponentState {
  explicit ComponentState(std::string component_uid) : uid(std::move(component_uid)) {}
  const std::string uid;
  Traffic traffic;
  std::atomic<std::size_t> held_bytes = 0;
};

// All counters by their ids. Locked by apply() and stats() alone.
class TrafficRegistry {
 public:
  std::shared_ptr<ComponentState> component(const std::string& uid);
  std::shared_ptr<CopyState> copy(const std::string& id);
  std::shared_ptr<CopyState> find_copy(std::string_view id);
  // Marks who is in a table and who is not, and forgets the latter once they are idle. Returns copies that are drained already.
  std::vector<std::shared_ptr<CopyState>> set_members(const std::vector<std::string>& component_uids,
                                                      const std::vector<std::string>& copy_ids);
  void read(RouterStats& stats);

 private:
  struct Known {
    std::map<std::string, std::shared_ptr<ComponentState>, std::less<>> components;
    std::map<std::string, std::shared_ptr<CopyState>, std::less<>> copies;
  };
  Guarded<Known> known_;
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <typename T>
using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

class Routes {
 public:
  struct Copy {
    std::shared_ptr<CopyState> state;
    Address address;
    std::string host;  // the Host header
    WallTime ready_since;
    std::uint32_t concurrency_max;
  };
  struct Variant;
  struct Component {
    std::string name;
    std::shared_ptr<ComponentState> state;
    HoldPolicy hold;
    std::vector<Copy> copies;
    const Variant* variant;
  };
  struct Variant {
    std::string name;
    double weight;
    Strategy strategy;
    std::vector<Component> components;
  };
  struct Endpoint {
    EndpointRoute route;  // without its variants
    std::vector<Variant> variants;
    std::vector<double> weights;                  // of the variants, in order
    ByText<const Component*> components_by_name;  // of an endpoint of components
    ByText<const Component*> components_by_uid;
  };

  static Result<std::shared_ptr<const Routes>> create(const RoutingTable& table, TrafficRegistry& registry);

  const Endpoint* find(std::string_view account, std::string_view name) const;
  // The largest request body of all accounts' endpoints of that name: before a body has come nobody knows whose it is.
  std::size_t payload_max(std::string_view name) const;
  const std::vector<std::string>& component_uids() const { return component_uids_; }
  const std::vector<std::string>& copy_ids() const { return copy_ids_; }

 private:
  Result<void> add(const EndpointRoute& route, TrafficRegistry& registry);
  Result<void> add(Endpoint& endpoint, const ComponentRoute& route, Variant& variant, TrafficRegistry& registry);

  ByText<ByText<std::unique_ptr<Endpoint>>> by_account_;
  ByText<std::size_t> payload_max_;
  std::vector<std::string> component_uids_, copy_ids_;  // sorted
};

}  // namespace zeropull::router
