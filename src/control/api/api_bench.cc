// How long does a call take with 1,000 instances and 10,000 components of one account, the state in SQLite on a disk? Limit: 50
// ms at the 99th percentile for every call (the whole of it but the network). No rival: the limit is what it is compared with.
#include <benchmark/benchmark.h>

#include "control/api/testing/test_api.h"
#include "control/state/sqlite_kv.h"
#include "os/file.h"

namespace zeropull::api {
namespace {

constexpr int kInstances = 1000;
constexpr int kComponents = 10000;
constexpr int kEndpoints = 100;

struct Loaded {
  os::ScratchFolder folder = MUST(os::ScratchFolder::create("/var/tmp", "api-bench"));
  TestApi api{MUST(state::open_sqlite_kv(folder.path() + "/state"))};

  Loaded() {
    api.ok("CreateModel", TestApi::model("m"));
    auto config = TestApi::config("c");
    api.ok("CreateEndpointConfig", config);
    for (int i = 0; i < kEndpoints; ++i) api.ok("CreateEndpoint", {{"EndpointName", name("e", i)}, {"EndpointConfigName", "c"}});
    state::Changes changes;
    for (int i = 0; i < kInstances; ++i) changes.add(instance(i));
    for (int i = 0; i < kComponents; ++i) changes.add(component(i)), changes.add(copy(i));
    MUST(api.state->commit(api.ctx, std::move(changes)));
  }
  static std::string name(const char* kind, int i) { return fmt::format("{}{}", kind, i); }
  std::string endpoint_uid(int i) { return api.endpoint(name("e", i % kEndpoints))->uid; }

  state::Instance instance(int i) {
    state::Instance made;
    made.id = name("i-", i), made.endpoint_uid = endpoint_uid(i), made.variant = "AllTraffic";
    made.state = state::InstanceState::kReady, made.instance_type = "ml.g6.2xlarge";
    return made;
  }
  state::Component component(int i) {
    state::Component made;
    made.account = kAccount, made.name = name("ic", i), made.uid = name("k", i), made.created = i;
    made.endpoint_name = name("e", i % kEndpoints), made.endpoint_uid = endpoint_uid(i), made.variant = "AllTraffic";
    made.specs.resize(1);
    made.body = R"({"Specification":{"ModelName":"m"}})";
    return made;
  }
  state::Copy copy(int i) {
    state::Copy made;
    made.id = name("c-", i), made.component_uid = name("k", i), made.endpoint_uid = endpoint_uid(i);
    made.instance_id = name("i-", i % kInstances), made.phase = state::CopyPhase::kReady;
    return made;
  }
};

Loaded& loaded() {
  static Loaded all;
  return all;
}

void run(benchmark::State& bench, const std::string& operation, const std::function<nlohmann::json(int)>& input) {
  auto& all = loaded();
  std::vector<double> times;
  int i = 0;
  for (auto _ : bench) {
    auto request = all.api.request((operation.starts_with("Zeropull.") ? "" : "SageMaker.") + operation, input(i++).dump());
    auto begin = Clock::system().steady_now();
    auto answer = all.api.send(request);
    times.push_back(std::chrono::duration<double, std::milli>(Clock::system().steady_now() - begin).count());
    if (answer.status != 200) return bench.SkipWithError(answer.body.dump().c_str());
  }
  std::ranges::sort(times);
  bench.counters["p99_ms"] = times[times.size() * 99 / 100];
}

const auto kByName = [](int i) -> nlohmann::json { return {{"InferenceComponentName", fmt::format("ic{}", i % kComponents)}}; };

BENCHMARK_CAPTURE(run, describe_component, "DescribeInferenceComponent", kByName)->Iterations(1000);
BENCHMARK_CAPTURE(run, list_components, "ListInferenceComponents", [](int) {
  return nlohmann::json{{"MaxResults", 100}};
})->Iterations(300);
BENCHMARK_CAPTURE(run, describe_endpoint, "DescribeEndpoint", [](int i) {
  return nlohmann::json{{"EndpointName", fmt::format("e{}", i % kEndpoints)}};
})->Iterations(1000);
BENCHMARK_CAPTURE(run, list_instances, "Zeropull.ListInstances", [](int) {
  return nlohmann::json{{"MaxResults", 100}};
})->Iterations(300);
BENCHMARK_CAPTURE(run, set_copy_count, "UpdateInferenceComponentRuntimeConfig", [](int i) {
  auto input = kByName(i);
  input["DesiredRuntimeConfig"]["CopyCount"] = i % 4;
  return input;
})->Iterations(500);

}  // namespace
}  // namespace zeropull::api
