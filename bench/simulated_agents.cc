// Agents without machines, for bench/api.py: each joins a control plane of provider static with a token of its own, over mutual
// TLS, keeps its stream, and answers every desired state with a report in which all copies are ready.
//
//   simulated_agents TARGET AUTHORITY_FILE TOKENS_FILE FOLDER INSTANCE_TYPE    one agent a line of TOKENS_FILE
//
// Prints "connected" when all of them are, and goes on until standard input ends.
#include <fmt/core.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>

#include "agent/control_link.h"
#include "base/guarded.h"
#include "base/log.h"
#include "os/file.h"

namespace {

using namespace zeropull;

constexpr std::size_t kFileMax = 1 << 20;

std::uint64_t now_ms() {
  auto since = Clock::system().wall_now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

class SimulatedAgent {
 public:
  explicit SimulatedAgent(std::string address) : address_(std::move(address)) {}

  Result<void> start(agent::ControlLinkOptions options) {
    options.machine.address = address_;
    agent::LinkEvents events;
    events.desired = [this](const agent::DesiredState& desired) { take(desired); };
    events.report = [this] { return *report_.lock(); };
    events.read_log = [](const agent::LogRequest&) -> Result<agent::LogChunk> { return agent::LogChunk{}; };
    auto link = TRY(agent::ControlLink::create(std::move(options), std::move(events)));
    *link_.lock() = std::move(link);
    return {};
  }
  bool connected() {
    auto link = link_.lock();
    return *link && (*link)->status().connected;
  }

 private:
  void take(const agent::DesiredState& desired) {
    {
      auto report = report_.lock();
      report->generation = desired.generation;
      report->wiped = desired.endpoint ? agent::Report::Wiped::kNo : agent::Report::Wiped::kYes;
      report->copies.clear();
      std::uint32_t port = 20000;
      for (const auto& copy : desired.copies) report->copies.push_back(ready(copy, port++));
    }
    auto link = link_.lock();
    if (*link) (*link)->report_soon();
  }
  // Begun and ended when it was first seen: what is reported again is the same.
  agent::CopyReport ready(const agent::Copy& copy, std::uint32_t port) {
    const auto at = begun_.try_emplace(copy.id, now_ms()).first->second;
    agent::CopyReport report{.id = copy.id, .state = agent::CopyState::kReady, .address = fmt::format("{}:{}", address_, port)};
    for (const char* name : {"image", "start", "healthy"}) {
      report.phases.push_back({.name = name, .begin_unix_ms = at, .end_unix_ms = at});
    }
    return report;
  }

  const std::string address_;
  Guarded<agent::Report> report_;
  std::map<std::string, std::uint64_t> begun_;  // of the link's reading thread alone
  Guarded<std::unique_ptr<agent::ControlLink>> link_;
};

Result<void> run(const std::vector<std::string>& words) {
  auto authority = TRY(os::read_text(words[2], kFileMax));
  auto tokens = TRY(os::read_text(words[3], kFileMax));
  std::vector<std::unique_ptr<SimulatedAgent>> agents;
  std::istringstream lines(tokens);
  for (std::string token; std::getline(lines, token);) {
    agent::ControlLinkOptions options;
    options.target = words[1];
    options.authority_pem = authority;
    options.join_token = Secret(token);
    options.folder = fmt::format("{}/{}", words[4], agents.size());
    options.machine.host_name = fmt::format("simulated-{}", agents.size());
    options.machine.instance_type = words[5];
    agents.push_back(std::make_unique<SimulatedAgent>("127.0.0.1"));
    TRY(agents.back()->start(std::move(options)));
  }
  auto ctx = Context::root("connect", {}, std::chrono::minutes(5));
  for (const auto& one : agents) {
    while (!one->connected()) TRY(ctx.sleep(std::chrono::milliseconds(20)).with_context("not all agents could connect"));
  }
  fmt::print("connected\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    fmt::print(stderr, "usage: {} TARGET AUTHORITY_FILE TOKENS_FILE FOLDER INSTANCE_TYPE\n", argv[0]);
    return 2;
  }
  zeropull::set_log_level(zeropull::LogLevel::kError);
  auto done = run({argv, argv + argc});
  if (!done.ok()) fmt::print(stderr, "{}: {}\n", argv[0], done.error().to_string());
  std::fflush(stdout);
  std::_Exit(done.ok() ? 0 : 1);  // a thousand links have no good-bye to say
}
