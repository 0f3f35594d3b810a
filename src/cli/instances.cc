#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace zeropull::cli {

namespace {

struct InstancesCommand {
  std::string endpoint;
  bool json = false;
  std::shared_ptr<ApiOptions> api = std::make_shared<ApiOptions>();
};

// All pages.
Result<nlohmann::json> fetch(const Context& ctx, const InstancesCommand& command) {
  auto client = TRY(ApiClient::create(*command.api));
  nlohmann::json instances = nlohmann::json::array(), input{{"MaxResults", 100}};
  if (!command.endpoint.empty()) input["EndpointName"] = command.endpoint;
  while (true) {
    auto page = TRY(client.call(ctx, "Zeropull.ListInstances", input));
    for (auto& instance : page["Instances"]) instances.push_back(std::move(instance));
    auto next = page.value("NextToken", "");
    if (next.empty()) return instances;
    input["NextToken"] = next;
  }
}

int show(const InstancesCommand& command) {
  Output output(Output::choose(command.json));
  Interrupt interrupt;
  auto instances = fetch(interrupt.context("instances", std::chrono::minutes(1)), command);
  if (!instances.ok()) return output.fail(instances.error());
  auto text = fmt::format("{:<20} {:<20} {:<18} {:<10} {:<16} {}", "INSTANCE", "ENDPOINT", "TYPE", "STATE", "ADDRESS", "COPIES");
  for (const auto& instance : *instances) {
    text += fmt::format("\n{:<20} {:<20} {:<18} {:<10} {:<16} {}", instance.value("InstanceId", ""),
                        instance.value("EndpointName", ""), instance.value("InstanceType", ""), instance.value("State", ""),
                        instance.value("Address", ""), instance["Copies"].size());
    for (const auto& copy : instance["Copies"]) {
      text += fmt::format("\n  {} of {}: {}", copy.value("CopyId", ""), copy.value("InferenceComponentName", ""),
                          copy.value("Phase", ""));
      if (copy.contains("Reason")) text += fmt::format(", {}", copy.value("Reason", ""));
    }
  }
  output.result(text, {{"instances", *instances}});
  return 0;
}

}  // namespace

void add_instances(CommandLine line) {
  auto options = std::make_shared<InstancesCommand>();
  CLI::App* command =
      line.parent.add_subcommand("instances", "List the instances of the account's endpoints, and the copies on them");
  command->add_option("ENDPOINT", options->endpoint, "this endpoint's alone");
  command->add_flag("--json", options->json, "one JSON object a line");
  add_api_options(command, options->api);
  command->callback([options, &exit_code = line.exit_code] { exit_code = show(*options); });
}

}  // namespace zeropull::cli
