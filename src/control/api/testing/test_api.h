// TestApi: an Api over a state in memory, and signed calls to it. For the tests of this room.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "aws/sigv4.h"
#include "control/api/api.h"
#include "control/api/authenticator.h"
#include "control/state/memory_kv.h"
#include "os/file.h"

namespace zeropull::api {

// `base` with the members of `more`.
inline nlohmann::json with(nlohmann::json base, const nlohmann::json& more) {
  base.update(more);
  return base;
}

inline constexpr std::string_view kAccount = "111122223333";
inline constexpr std::string_view kOtherAccount = "444455556666";

class FixedClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return {}; }
  WallTime wall_now() const override { return now; }
  WallTime now{std::chrono::seconds(1782000000)};
};

struct Answer {
  int status = 0;
  nlohmann::json body;
  std::string request_id;
  std::string query_error;
  std::string type() const { return body.value("__type", ""); }
  std::string message() const { return body.value("message", ""); }
};

class TestApi {
 public:
  Context ctx = Context::root("test");
  FixedClock clock;
  fleet::InstanceTypes types = fleet::InstanceTypes::defaults();
  os::ScratchFolder folder = MUST(os::ScratchFolder::create("/var/tmp", "zp-test-api"));
  std::unique_ptr<series::Store> series =
      MUST(series::Store::open({.path = folder.path() + "/series", .own_thread = false}, clock));
  std::unique_ptr<state::State> state;
  Authenticator authenticator{*state, [](const state::AccessKey& key) -> Result<Secret> { return Secret(key.wrapped_secret); },
                              clock};
  Api api{{.state = state.get(),
           .authenticator = &authenticator,
           .instance_types = &types,
           .series = series.get(),
           .clock = &clock,
           .make_endpoint_key = [](const std::string& uid) -> Result<std::string> { return "key of " + uid; },
           .read_log = [](const Context&, const state::Copy& copy, std::size_t) -> Result<std::string> {
             return "log of " + copy.id;
           }}};

  explicit TestApi(std::unique_ptr<state::Kv> kv = state::make_memory_kv())
      : state(MUST(state::State::create(ctx, std::move(kv)))) {
    add_key(std::string(kAccount));
    add_key(std::string(kOtherAccount));
  }

  // "AKIA" and the account, with "secret" as its secret.
  void add_key(const std::string& account) {
    state::AccessKey key;
    key.id = "AKIA" + account, key.account = account, key.wrapped_secret = "secret";
    state::Changes changes;
    changes.add(key);
    MUST(state->commit(ctx, std::move(changes)));
  }

  http::ServerRequest request(const std::string& target, std::string body, std::string_view account = kAccount) {
    http::ServerRequest made{.method = "POST", .target = "/", .path = "/"};
    made.headers.set("X-Amz-Target", target);
    made.headers.set("Content-Type", "application/x-amz-json-1.1");
    made.body = std::move(body);
    sign(made, account, service_of(target));
    return made;
  }
  // A call in the Query protocol of CloudWatch.
  http::ServerResponse query(std::string form, std::string_view account = kAccount) {
    http::ServerRequest made{.method = "POST", .target = "/", .path = "/"};
    made.headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    made.body = std::move(form);
    sign(made, account, "monitoring");
    return api.handle(ctx, made);
  }
  static std::string service_of(const std::string& target) {
    if (target.starts_with("AnyScaleFrontendService.")) return "application-autoscaling";
    return target.starts_with("GraniteServiceVersion20100801.") ? "monitoring" : "sagemaker";
  }
  // X-Amz-Target of an operation as the tables name it.
  static std::string target_of(const std::string& operation) {
    auto colon = operation.find(':');
    if (colon == std::string::npos) return operation.starts_with("Zeropull.") ? operation : "SageMaker." + operation;
    auto name = operation.substr(colon + 1);
    return (operation.starts_with("cloudwatch") ? "GraniteServiceVersion20100801." : "AnyScaleFrontendService.") + name;
  }
  void sign(http::ServerRequest& made, std::string_view account = kAccount, const std::string& service = "sagemaker") {
    auto url = MUST(http::Url::parse("http://127.0.0.1:8080" + made.target));
    aws::sign(made.method, url, made.headers, as_bytes(made.body),
              {"AKIA" + std::string(account), Secret("secret"), std::nullopt}, {"us-east-1", service, clock.now});
  }
  Answer send(const http::ServerRequest& made) {
    auto response = api.handle(ctx, made);
    return {response.status, nlohmann::json::parse(std::get<std::string>(response.body), nullptr, false),
            std::string(response.headers.find_or("x-amzn-RequestId", "")),
            std::string(response.headers.find_or("x-amzn-query-error", ""))};
  }
  Answer call(const std::string& operation, const nlohmann::json& input, std::string_view account = kAccount) {
    return send(request(target_of(operation), input.dump(), account));
  }
  // A call that is expected to go well.
  nlohmann::json ok(const std::string& operation, const nlohmann::json& input) {
    auto answer = call(operation, input);
    if (answer.status != 200) crash_with(make_error(Code::kInternal, "{}: {}", operation, answer.body.dump()), {});
    return answer.body;
  }

  // A model, a configuration for components and an endpoint of it, named "m", "c" and "e".
  void make_endpoint() {
    ok("CreateModel", model("m"));
    ok("CreateEndpointConfig", config("c"));
    ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
  }
  static nlohmann::json model(const std::string& name) {
    return {{"ModelName", name},
            {"PrimaryContainer", {{"Image", "registry.test/lmi:v15"}, {"ModelDataUrl", "s3://models/m.tar.gz"}}}};
  }
  static nlohmann::json config(const std::string& name) {
    return {{"EndpointConfigName", name},
            {"ProductionVariants",
             {{{"VariantName", "AllTraffic"},
               {"InstanceType", "ml.g6.2xlarge"},
               {"InitialInstanceCount", 1},
               {"ManagedInstanceScaling", {{"Status", "ENABLED"}, {"MinInstanceCount", 0}, {"MaxInstanceCount", 4}}}}}}};
  }
  static nlohmann::json component(const std::string& name) {
    return {{"InferenceComponentName", name},
            {"EndpointName", "e"},
            {"VariantName", "AllTraffic"},
            {"Specification",
             {{"ModelName", "m"},
              {"ComputeResourceRequirements", {{"NumberOfAcceleratorDevicesRequired", 1}, {"MinMemoryRequiredInMb", 8192}}}}},
            {"RuntimeConfig", {{"CopyCount", 1}}}};
  }

  // What a reconciler would do.
  template <typename T>
  void change(const state::Ptr<T>& was, const std::function<void(T&)>& edit) {
    T next = *was;
    edit(next);
    state::Changes changes;
    changes.put(was, std::move(next));
    MUST(state->commit(ctx, std::move(changes)));
  }
  template <typename T>
  void add(T record) {
    state::Changes changes;
    changes.add(std::move(record));
    MUST(state->commit(ctx, std::move(changes)));
  }
  state::Ptr<state::Endpoint> endpoint(std::string_view name = "e") { return state->view().endpoint({kAccount, name}); }
  state::Ptr<state::Component> component_record(std::string_view name) { return state->view().component({kAccount, name}); }
  void set_endpoint_status(state::EndpointStatus status) {
    change<state::Endpoint>(endpoint(), [&](state::Endpoint& next) { next.status = status; });
  }
};

}  // namespace zeropull::api
