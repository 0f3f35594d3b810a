#include "control/autoscaler/loads.h"

#include <gtest/gtest.h>

#include "control/state/memory_kv.h"

namespace zeropull::autoscaler {
namespace {

TEST(Loads, what_the_router_forgets_stays_counted) {
  auto state = MUST(state::State::create(Context::root("test"), state::make_memory_kv()));
  state::Component component;
  component.account = "1", component.name = "qwen", component.uid = "u", component.endpoint_uid = "e1";
  state::Copy copy;
  copy.id = "c1", copy.component_uid = "u", copy.endpoint_uid = "e1";
  state::Changes changes;
  changes.add(component);
  changes.add(copy);
  MUST(state->commit(Context::root("test"), std::move(changes)));
  Loads loads;
  router::RouterStats stats;
  stats.components.push_back({"u", {}});
  stats.copies.push_back({"c1", false, {}});
  stats.components[0].traffic.arrivals = 10;
  stats.copies[0].traffic.completed[0] = 10;
  loads.take(stats, state->view());
  stats.copies.clear();
  loads.take(stats, state->view());
  EXPECT_EQ(loads.of("u").copies.completed_all(), 10u);
  stats.components[0].traffic.arrivals = 3;  // it began anew
  stats.copies.push_back({"c1", false, {}});
  stats.copies[0].traffic.completed[0] = 2;
  loads.take(stats, state->view());
  EXPECT_EQ(loads.of("u").requests.arrivals, 13u);
  EXPECT_EQ(loads.of("u").copies.completed_all(), 12u);
}

}  // namespace
}  // namespace zeropull::autoscaler
