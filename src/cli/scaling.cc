#include <CLI/CLI.hpp>
#include <ctime>
#include <nlohmann/json.hpp>

#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace zeropull::cli {

namespace {

using nlohmann::json;

struct ScalingCommand {
  std::string endpoint;
  int activities = 10;
  bool json = false;
  std::shared_ptr<ApiOptions> api = std::make_shared<ApiOptions>();
};

// "14:03:27" of the day's time in UTC, with the date where it is not today's.
std::string time_text(double seconds, double now_s) {
  auto at = static_cast<std::time_t>(seconds);
  std::tm utc{};
  gmtime_r(&at, &utc);
  auto clock = fmt::format("{:02}:{:02}:{:02}", utc.tm_hour, utc.tm_min, utc.tm_sec);
  if (now_s - seconds < 86'400 / 2 && seconds <= now_s + 60) return clock;
  return fmt::format("{:04}-{:02}-{:02} {}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, clock);
}

std::string heading(const json& target) {
  auto own = target.value("Mode", "") == "own";
  auto text =
      fmt::format("{}: {} of {} ready, {} pending, between {} and {}, seen by {}", target.value("ResourceId", ""),
                  target.value("ReadyCapacity", 0), target.value("DesiredCapacity", 0), target.value("PendingCapacity", 0),
                  target.value("MinCapacity", 0), target.value("MaxCapacity", 0), own ? "our own detector" : "AWS's alarms");
  for (const auto& [member, words] : {std::pair{"ScaleOutSuspended", "scale-out"}, std::pair{"ScaleInSuspended", "scale-in"},
                                      std::pair{"ScheduledSuspended", "scheduled scaling"}}) {
    if (target.value(member, false)) text += fmt::format("; {} is suspended", words);
  }
  if (target.contains("NotScalable")) text += "; not scalable now: " + target.value("NotScalable", "");
  return text;
}

std::string present_load(const json& target) {
  if (!target.contains("InFlight")) return "";
  auto text =
      fmt::format("\n  now: {} requests in flight, {} of them held", target.value("InFlight", 0), target.value("Held", 0));
  if (target.contains("RequestsPerSecond")) {
    text += fmt::format(", {:.2f} a second at {:.2f} s each", target.value("RequestsPerSecond", 0.0),
                        target.value("ServiceSeconds", 0.0));
  }
  return text + "; a copy that is ordered now is expected after " + target.value("ExpectedStart", "");
}

std::string shown_target(const json& target, double now_s) {
  auto text = heading(target) + present_load(target);
  for (const auto& policy : target.value("Policies", json::array())) {
    text += fmt::format("\n  policy {} ({}", policy.value("PolicyName", ""), policy.value("PolicyType", ""));
    if (policy.contains("Metric")) {
      text += fmt::format(", {} at {:g}, detector {}", policy.value("Metric", ""), policy.value("TargetValue", 0.0),
                          policy.value("Detector", ""));
    }
    text += ")";
  }
  for (const auto& alarm : target.value("Alarms", json::array())) {
    text += fmt::format("\n  alarm {}: {}{}", alarm.value("AlarmName", ""), alarm.value("State", ""),
                        alarm.value("ActionsEnabled", true) ? "" : ", its actions are off");
  }
  for (const auto& action : target.value("ScheduledActions", json::array())) {
    text += fmt::format("\n  scheduled action {}", action.value("ScheduledActionName", ""));
    text += action.contains("NextTime") ? ": next at " + time_text(action.value("NextTime", 0.0), now_s) : ": never again";
  }
  auto activities = target.value("Activities", json::array());
  if (activities.empty()) text += "\n  nothing was scaled yet";
  for (const auto& activity : activities) {
    text += fmt::format("\n  {}  {} -> {}, {}", time_text(activity.value("StartTime", 0.0), now_s), activity.value("From", 0),
                        activity.value("To", 0), activity.value("Status", ""));
    if (activity.contains("EndTime") && activity.value("From", 0) != activity.value("To", 0)) {
      text += fmt::format(" after {:.1f} s", activity.value("EndTime", 0.0) - activity.value("StartTime", 0.0));
    }
    text += "\n            " + activity.value("Explanation", "");
    if (activity.value("Status", "") == "Failed") text += "\n            " + activity.value("StatusMessage", "");
  }
  return text;
}

int show(const ScalingCommand& command) {
  Output output(Output::choose(command.json));
  Interrupt interrupt;
  auto client = ApiClient::create(*command.api);
  if (!client.ok()) return output.fail(client.error());
  auto answer = client->call(interrupt.context("scaling", std::chrono::minutes(1)), "Zeropull.DescribeScaling",
                             {{"EndpointName", command.endpoint}, {"MaxResults", command.activities}});
  if (!answer.ok()) return output.fail(answer.error());
  auto now_s = std::chrono::duration<double>(Clock::system().wall_now().time_since_epoch()).count();
  std::string text;
  for (const auto& target : answer->value("Targets", json::array())) {
    text += (text.empty() ? "" : "\n") + shown_target(target, now_s);
  }
  output.result(text.empty() ? "nothing of this endpoint scales by itself: register a scalable target" : text, *answer);
  return 0;
}

}  // namespace

void add_scaling(CommandLine line) {
  auto options = std::make_shared<ScalingCommand>();
  CLI::App* command =
      line.parent.add_subcommand("scaling", "Tell how an endpoint scales by itself, and why each decision was made");
  command->add_option("ENDPOINT", options->endpoint, "the endpoint")->required();
  command->add_option("--activities", options->activities, "as many of the newest decisions of each target")
      ->check(CLI::Range(1, 200))
      ->capture_default_str();
  command->add_flag("--json", options->json, "one JSON object a line");
  add_api_options(command, options->api);
  command->callback([options, &exit_code = line.exit_code] { exit_code = show(*options); });
}

}  // namespace zeropull::cli
