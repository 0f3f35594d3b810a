// containerd_probe SOCKET NAMESPACE COMMAND ...: the runtime room's client for the test scripts.
//   version                  prints containerd's version
//   record ID                prints a container's record as JSON, the specification in it as containerd holds it
//   create|run|start ID [options] [-- ARGS]
//   stop ID | remove ID
//   watch                    prints "ID CODE" of the next task that ends
//   leases                   prints their ids
// Options: --image NAME --config FILE --chain DIGEST --snapshotter NAME --cwd FOLDER --net-host --seccomp --read-only
// --interactive
// --timing --env NAME=VALUE --label NAME=VALUE --mount SOURCE=DESTINATION (read-only) --log FILE --timeout SECONDS
// --grace SECONDS.
// run exits as the container does; SIGTERM stops the container.
#include <fmt/core.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "os/file.h"
#include "runtime/containers.h"
#include "runtime/events.h"
#include "runtime/leases.h"
#include "runtime/run.h"

namespace zeropull::runtime {
namespace {

// Blocked from the start, before gRPC has threads; the thread that waits for them takes them.
const sigset_t kStopSignals = [] {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  return signals;
}();

struct Request {
  RunOptions run;
  Stdio stdio = {.output = 1, .error = 2};
  std::string log_file;
  Duration timeout = std::chrono::minutes(2);
  bool timing = false;
};

std::pair<std::string, std::string> split_pair(const std::string& text) {
  auto at = text.find('=');
  return {text.substr(0, at), at == std::string::npos ? "true" : text.substr(at + 1)};
}

Duration seconds(const std::string& text) { return std::chrono::milliseconds(static_cast<int>(std::stod(text) * 1000)); }

Result<Request> parse(std::vector<std::string> words) {
  Request request;
  RunOptions& run = request.run;
  run.scratch_folder = "/run/zeropull-probe";
  run.spec.container_id = words.front();
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      run.spec.args.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      return request;
    }
    if (word == "--net-host")
      run.spec.network = Network::kHost;
    else if (word == "--seccomp")
      run.spec.seccomp = Seccomp::kDefault;
    else if (word == "--read-only")
      run.spec.root_access = RootAccess::kReadOnly;
    else if (word == "--interactive")
      request.stdio.input = 0;
    else if (word == "--timing")
      request.timing = true;
    else if (i + 1 == words.size())
      return make_error(Code::kInvalidArgument, "{} takes a value", word);
    else {
      const std::string& value = words[++i];
      if (word == "--image")
        run.image = value;
      else if (word == "--snapshotter")
        run.snapshotter = value;
      else if (word == "--cwd")
        run.spec.working_folder = value;
      else if (word == "--log")
        request.log_file = value;
      else if (word == "--grace")
        run.stop_grace = seconds(value);
      else if (word == "--timeout")
        request.timeout = seconds(value);
      else if (word == "--env")
        run.spec.environment.push_back(value);
      else if (word == "--label")
        run.spec.labels.insert(split_pair(value));
      else if (word == "--chain")
        run.layers = ChainId::parse(value);
      else if (word == "--mount") {
        auto [source, destination] = split_pair(value);
        run.spec.mounts.push_back({destination, "bind", source, {"rbind", "ro"}});
      } else if (word == "--config") {
        auto bytes = TRY(os::read_file(value, 1 << 22));
        run.config = TRY(parse_image_config(bytes));
      } else {
        return make_error(Code::kInvalidArgument, "unknown option {}", word);
      }
    }
  }
  return request;
}

Result<int> print_record(const Context& ctx, const ContainerdClient& client, const std::string& id) {
  auto record = TRY(Containers(client).get(ctx, id));
  nlohmann::json out = {{"id", record.id},
                        {"labels", record.labels},
                        {"image", record.image},
                        {"runtime", record.runtime},
                        {"runtime_options", record.runtime_options_type},
                        {"snapshotter", record.snapshotter},
                        {"snapshot_key", record.snapshot_key},
                        {"spec", nlohmann::json::parse(record.spec)}};
  fmt::print("{}\n", out.dump(1));
  return 0;
}

Result<int> run(const Context& root, const ContainerdClient& client, const Request& request) {
  auto begin = Clock::system().steady_now();
  auto mark = [&](const char* what) {
    if (!request.timing) return std::function<void()>();
    return std::function<void()>([begin, what] {
      fmt::print(stderr, "{} {:.1f} ms\n", what,
                 std::chrono::duration<double, std::milli>(Clock::system().steady_now() - begin).count());
    });
  };
  std::stop_source stop;
  std::jthread watcher([&](const std::stop_token& done) {
    timespec tick{.tv_sec = 0, .tv_nsec = 20'000'000};
    while (!done.stop_requested()) {
      if (sigtimedwait(&kStopSignals, nullptr, &tick) == SIGTERM) stop.request_stop();
    }
  });
  auto ctx = root.with_stop(stop.get_token()).with_timeout(request.timeout);
  RunProgress progress{.image_ready = mark("image_ready"),
                       .created = mark("created"),
                       .started = mark("started"),
                       .first_output = mark("first_output")};
  auto outcome = TRY(run_container(ctx, client, request.run, request.stdio, progress));
  if (outcome.end == RunEnd::kStopped) fmt::print(stderr, "stopped\n");
  return static_cast<int>(outcome.exit_code);
}

Result<int> execute(const std::vector<std::string>& words) {
  if (words.size() < 4) return make_error(Code::kInvalidArgument, "usage: containerd_probe SOCKET NAMESPACE COMMAND ...");
  auto client = TRY(ContainerdClient::create({.socket = words[1], .containerd_namespace = words[2]}));
  auto ctx = Context::root("probe", {}, std::chrono::minutes(3));
  const std::string& command = words[3];
  if (command == "version") {
    auto version = TRY(client.version(ctx));
    fmt::print("{}\n", version.version);
    return 0;
  }
  if (command == "leases") {
    auto leases = TRY(Leases(client).list(ctx));
    for (const auto& lease : leases) fmt::print("{}\n", lease);
    return 0;
  }
  if (command == "watch") {
    std::stop_source seen;
    auto ended = watch_task_exits(ctx.with_stop(seen.get_token()), client, [&](const TaskExit& exit) {
      fmt::print("{} {}\n", exit.container_id, exit.exit_status);
      seen.request_stop();
    });
    return ended.failed_with(Code::kCancelled) ? 0 : 1;
  }
  if (words.size() < 5) return make_error(Code::kInvalidArgument, "{} takes a container", command);
  const std::string& id = words[4];
  if (command == "record") return print_record(ctx, client, id);
  if (command == "stop") {
    auto exit_code = TRY(stop_container(ctx, client, {.container_id = id, .signal = SIGTERM}));
    return static_cast<int>(exit_code);
  }
  if (command == "remove") {
    TRY(remove_container(ctx, client, id));
    return 0;
  }
  auto request = TRY(parse({words.begin() + 4, words.end()}));
  if (command == "create") {
    TRY(create_container(ctx, client, request.run));
    return 0;
  }
  if (command == "start") {
    TRY(start_container(ctx, client, request.run, request.log_file));
    return 0;
  }
  if (command == "run") return run(ctx, client, request);
  return make_error(Code::kInvalidArgument, "unknown command {}", command);
}

}  // namespace
}  // namespace zeropull::runtime

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  pthread_sigmask(SIG_BLOCK, &zeropull::runtime::kStopSignals, nullptr);
  auto result = zeropull::runtime::execute({argv, argv + argc});
  if (result.ok()) return *result;
  fmt::print(stderr, "containerd_probe: {}\n", result.error().to_string());
  return 125;
}
