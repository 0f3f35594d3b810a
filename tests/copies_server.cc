// For copies.sh: an agent's copies without its catalogues and without a control plane. The one image is containerd's own already,
// a model is a folder that an order names.
//
//   copies_server SOCKET NAMESPACE FOLDER INSTANCE_ADDRESS IMAGE_CONFIG CHAIN CDI_FOLDER
//
// Commands come by standard input, a line each, and each is answered by one line: "apply ORDER" (JSON), "reports", "log ID", both
// answered with JSON. It ends with its input, and leaves the containers running.
#include <fmt/core.h>
#include <signal.h>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "agent/copies.h"
#include "base/units.h"
#include "os/file.h"

using namespace zeropull;
using namespace zeropull::agent;
using nlohmann::json;

namespace {

Copy copy_of(const json& order) {
  Copy copy;
  copy.id = order.at("id");
  copy.component = "tested";
  copy.image = order.value("image", "localhost/serve:1");
  copy.environment = order.value("environment", std::map<std::string, std::string>());
  copy.arguments = {"serve"};
  copy.resources.cpu_cores = order.value("cores", 0.0);
  copy.resources.memory_limit_bytes = order.value("memory", std::uint64_t{0});
  copy.resources.accelerators = order.value("accelerators", std::vector<std::uint32_t>());
  if (order.contains("model")) copy.model.emplace().uri = order.at("model");
  copy.probe.start_timeout = std::chrono::seconds(order.value("start_timeout", 60));
  copy.probe.warm_up_path = order.value("warm_up", "");
  copy.probe.warm_up_body = "warm";
  copy.outbound = order.value("outbound", false) ? Outbound::kAllowed : Outbound::kOff;
  return copy;
}

json json_of(const CopyReport& report) {
  json phases = json::object();
  for (const auto& phase : report.phases) phases[phase.name] = phase.end_unix_ms != 0;
  return {{"id", report.id},
          {"state", copy_state_name(report.state)},
          {"reason", report.reason},
          {"address", report.address},
          {"phases", phases},
          {"model", report.model_identity},
          {"crashes", report.crashes},
          {"log_tail", report.log_tail},
          {"memory", report.memory_bytes}};
}

Result<std::string> execute(const Context& ctx, CopyManager& manager, const std::string& line) {
  auto space = line.find(' ');
  std::string word = line.substr(0, space);
  std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
  if (word == "apply") {
    json wanted = json::parse(rest);
    CopyOrder order;
    order.policy = TRY(parse_policy(wanted.at("routers"), wanted.at("denied")));
    for (const auto& copy : wanted.at("copies")) order.copies.push_back(copy_of(copy));
    TRY(manager.apply(ctx, std::move(order)));
    return std::string("ok");
  }
  if (word == "reports") {
    json out = json::array();
    for (const auto& report : manager.reports()) out.push_back(json_of(report));
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  auto slice = TRY(manager.read_log(rest, 0, kMiB));
  return json(std::string(as_text(slice.data))).dump();
}

Result<void> serve(const std::vector<std::string>& words) {
  auto ctx = Context::root("copies");
  auto client = TRY(runtime::ContainerdClient::create(
      {.socket = words[1], .containerd_namespace = words[2], .state_folder = os::parent_folder(words[1]) + "/state"}));
  auto containers = CopyContainers::over(client, {.snapshotter = "overlayfs",
                                                  .scratch_folder = "/run/zeropull",
                                                  .resolver_file = "/etc/resolv.conf",
                                                  .devices = {.folders = {words[7]}, .kind = "zeropull.test/accelerator"}});
  auto address = TRY(os::Ipv4Address::parse(words[4]));
  auto network = TRY(CopyNetwork::create({.instance_address = address}));
  auto probe = TRY(CopyProbe::create());
  auto config = TRY(os::read_file(words[5], kMiB));
  auto ensure_image = [&](const Context&, const Copy& copy, const PhaseUpdate&) -> Result<ReadyImage> {
    if (copy.image == "missing") return make_error(Code::kNotFound, "no such manifest");
    return ReadyImage{.config = config, .chain = ChainId::parse(words[6]), .digest = "sha256:1"};
  };
  auto ensure_model = [](const Context&, const DesiredModel& model, const PhaseUpdate&) -> Result<ReadyModel> {
    return ReadyModel{.path = model.uri, .identity = "model"};
  };
  CopyTimings timings;
  timings.stop_grace = std::chrono::seconds(3);
  timings.ping_when_ready = std::chrono::milliseconds(250);
  auto manager = TRY(CopyManager::create(ctx, {.folder = words[3], .instance_address = words[4], .timings = timings},
                                         {.containers = *containers,
                                          .network = *network,
                                          .probe = *probe,
                                          .ensure_image = ensure_image,
                                          .ensure_model = ensure_model,
                                          .on_change = {}}));
  for (std::string line; std::getline(std::cin, line);) {
    auto answer = execute(ctx, *manager, line);
    fmt::print("{}\n", answer.ok() ? *answer : "error: " + answer.error().message());
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    fmt::print(stderr, "usage: {} SOCKET NAMESPACE FOLDER INSTANCE_ADDRESS IMAGE_CONFIG CHAIN CDI_FOLDER\n", argv[0]);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  auto served = serve({argv, argv + argc});
  if (served.ok()) return 0;
  fmt::print(stderr, "{}: {}\n", argv[0], served.error().to_string());
  return 1;
}
