#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace zeropull::cli {

namespace {

struct LogsCommand {
  std::string component;
  std::string copy;
  bool json = false;
  std::shared_ptr<ApiOptions> api = std::make_shared<ApiOptions>();
};

int show(const LogsCommand& command) {
  Output output(Output::choose(command.json));
  Interrupt interrupt;
  auto client = ApiClient::create(*command.api);
  if (!client.ok()) return output.fail(client.error());
  nlohmann::json input{{"InferenceComponentName", command.component}};
  if (!command.copy.empty()) input["CopyId"] = command.copy;
  auto answer = client->call(interrupt.context("logs", std::chrono::minutes(1)), "Zeropull.GetLogs", input);
  if (!answer.ok()) return output.fail(answer.error());
  std::string text;
  for (const auto& copy : answer->value("Copies", nlohmann::json::array())) {
    if (!text.empty()) text += '\n';
    text += fmt::format("==> {} on {}: {} <==\n{}", copy.value("CopyId", ""), copy.value("InstanceId", ""),
                        copy.value("Phase", ""), copy.value("Log", ""));
    if (copy.contains("LogError")) text += fmt::format("(its instance did not answer: {})", copy.value("LogError", ""));
  }
  output.result(text.empty() ? "no copy of it is known" : text, *answer);
  return 0;
}

}  // namespace

void add_logs(CommandLine line) {
  auto options = std::make_shared<LogsCommand>();
  CLI::App* command = line.parent.add_subcommand("logs", "Show what the copies of an inference component wrote");
  command->add_option("COMPONENT", options->component, "the inference component")->required();
  command->add_option("--copy", options->copy, "this copy's alone");
  command->add_flag("--json", options->json, "one JSON object a line");
  add_api_options(command, options->api);
  command->callback([options, &exit_code = line.exit_code] { exit_code = show(*options); });
}

}  // namespace zeropull::cli
