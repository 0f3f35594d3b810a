#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/timeline_chart.h"

namespace zeropull::cli {

namespace {

constexpr std::size_t kBarWidth = 40;

struct TimelineCommand {
  std::string endpoint;
  bool json = false;
  std::shared_ptr<ApiOptions> api = std::make_shared<ApiOptions>();
};

ChartPhase phase_of(const nlohmann::json& phase) {
  return {.name = phase.value("Name", ""),
          .begin_s = phase.value("BeginTime", 0.0),
          .end_s = phase.value("EndTime", 0.0),
          .bytes = phase.value("Bytes", std::uint64_t{0}),
          .source = phase.value("Source", ""),
          .reason = phase.value("Reason", "")};
}

ChartStart start_of(const nlohmann::json& entry) {
  ChartStart start;
  auto type = entry.value("InstanceType", "");
  auto component = entry.value("InferenceComponentName", "");
  start.title = entry.value("Kind", "") == "copy" ? fmt::format("copy {} of {} on {} ({})", entry.value("Id", ""), component,
                                                                entry.value("InstanceId", ""), type)
                                                  : fmt::format("instance {} ({})", entry.value("Id", ""), type);
  start.outcome = entry.value("Outcome", "");
  if (start.outcome.empty()) start.outcome = "in progress";
  start.link_bits_per_s = entry.value("LinkBitsPerSecond", std::uint64_t{0});
  for (const auto& phase : entry.value("Phases", nlohmann::json::array())) start.phases.push_back(phase_of(phase));
  return start;
}

int show(const TimelineCommand& command) {
  Output output(Output::choose(command.json));
  Interrupt interrupt;
  auto client = ApiClient::create(*command.api);
  if (!client.ok()) return output.fail(client.error());
  auto answer = client->call(interrupt.context("timeline", std::chrono::minutes(1)), "Zeropull.DescribeTimeline",
                             {{"EndpointName", command.endpoint}});
  if (!answer.ok()) return output.fail(answer.error());
  std::vector<ChartStart> starts;
  for (const auto& entry : answer->value("Entries", nlohmann::json::array())) starts.push_back(start_of(entry));
  auto now_s = std::chrono::duration<double>(Clock::system().wall_now().time_since_epoch()).count();
  output.result(starts.empty() ? "nothing was started yet" : draw_timeline(starts, now_s, kBarWidth), *answer);
  return 0;
}

}  // namespace

void add_timeline(CommandLine line) {
  auto options = std::make_shared<TimelineCommand>();
  CLI::App* command = line.parent.add_subcommand("timeline", "Draw where the time of each start of an instance or copy went");
  command->add_option("ENDPOINT", options->endpoint, "the endpoint")->required();
  command->add_flag("--json", options->json, "one JSON object a line");
  add_api_options(command, options->api);
  command->callback([options, &exit_code = line.exit_code] { exit_code = show(*options); });
}

}  // namespace zeropull::cli
