// Fakes of what a copy's life stands on, for tests: containers that start and end at a test's will, a network that remembers who
// is attached, a probe that answers as it is told. All ring one bell when something has happened. Thread-safe.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/copy_containers.h"
#include "agent/copy_log.h"
#include "agent/copy_network.h"
#include "agent/copy_probe.h"
#include "base/guarded.h"
#include "os/file.h"

namespace zeropull::agent {

// What all fakes and the manager tell: something has changed.
struct Bell {
  Guarded<int> rings;
  void ring() {
    auto handle = rings.lock();
    ++*handle;
    handle.notify_all();
  }
  void wait_until(const std::function<bool()>& holds) {
    auto ctx = Context::root("test", {}, std::chrono::seconds(20));
    while (!holds()) {
      auto handle = rings.lock();
      int before = *handle;
      handle.wait(ctx.with_timeout(std::chrono::milliseconds(20)), [&] { return *handle != before; });
      ASSERT_FALSE(ctx.done()) << "never came true";
    }
  }
};

class FakeContainers final : public CopyContainers {
 public:
  struct State {
    std::map<std::string, std::optional<std::uint32_t>> containers;  // the exit code of one that has ended
    std::vector<std::string> events;
    std::optional<std::uint32_t> dies_at_start;
    std::optional<Code> start_fails;
    bool start_hangs = false;
    std::function<void()> at_removal;
  };
  explicit FakeContainers(Bell& bell) : bell_(bell) {}

  Result<void> start(const Context& ctx, const NewContainer& container) override {
    auto state = state_.lock();
    state->events.push_back("start " + container.copy.id);
    bell_.ring();
    if (state->start_hangs) {
      state.wait(ctx, [] { return false; });
      TRY(ctx.check());
    }
    if (state->start_fails) return make_error(*state->start_fails, "no such file");
    if (state->containers.contains(container.copy.id)) return make_error(Code::kAlreadyExists, "started twice");
    state->containers[container.copy.id] = state->dies_at_start;
    if (state->dies_at_start) MUST(os::replace_file(container.log_file, as_bytes("the container's last words\n")));
    return {};
  }
  Result<ContainerState> state(const Context&, const std::string& id) override {
    auto state = state_.lock();
    auto found = state->containers.find(id);
    if (found == state->containers.end()) return ContainerState{};
    if (!found->second) return ContainerState{.status = ContainerStatus::kRunning};
    return ContainerState{.status = ContainerStatus::kEnded, .exit_code = *found->second};
  }
  Result<std::uint32_t> wait(const Context& ctx, const std::string& id) override {
    auto state = state_.lock();
    state.wait(ctx, [&] { return !state->containers.contains(id) || state->containers[id].has_value(); });
    TRY(ctx.check());
    if (!state->containers.contains(id)) return make_error(Code::kNotFound, "no container");
    return *state->containers[id];
  }
  Result<void> stop(const Context&, const std::string& id, Duration grace) override {
    state_.lock()->events.push_back(fmt::format("stop {} {}", id, grace / std::chrono::seconds(1)));
    exit(id, 143);
    return {};
  }
  Result<void> remove(const Context&, const std::string& id) override {
    auto state = state_.lock();
    if (state->at_removal) state->at_removal();
    if (state->containers.erase(id) > 0) state->events.push_back("remove " + id);
    state.notify_all();
    return {};
  }
  Result<std::vector<std::string>> list(const Context&) override {
    std::vector<std::string> ids;
    for (const auto& [id, code] : state_.lock()->containers) ids.push_back(id);
    return ids;
  }
  Result<os::CgroupUsage> usage(const Context&, const std::string&) override {
    return os::CgroupUsage{.cpu_seconds = 1.5, .memory_bytes = 4096};
  }

  void exit(const std::string& id, std::uint32_t code) {
    auto state = state_.lock();
    if (state->containers.contains(id)) state->containers[id] = code;
    state.notify_all();
  }
  auto lock() { return state_.lock(); }
  std::vector<std::string> events() { return state_.lock()->events; }

 private:
  Bell& bell_;
  Guarded<State> state_;
};

class FakeNetwork final : public CopyNetwork {
 public:
  std::uint32_t slots_end() const override { return 6; }
  std::string address_of(std::uint32_t slot) const override { return fmt::format("172.31.255.{}", slot); }
  std::string netns_of(const std::string& id) const override { return "/netns/" + id; }
  Result<void> set_policy(const Context&, const NetworkPolicy&) override { return {}; }
  Result<void> attach(const Context&, const CopyPort& port) override {
    (*attached.lock())[port.id] = port.slot;
    return {};
  }
  Result<void> detach(const Context&, const CopyPort& port) override {
    attached.lock()->erase(port.id);
    return {};
  }
  Result<void> remove_strangers(const Context&, const std::vector<CopyPort>&) override { return {}; }
  Guarded<std::map<std::string, std::uint32_t>> attached;
};

class FakeProbe final : public CopyProbe {
 public:
  explicit FakeProbe(Bell& bell) : bell_(bell) {}
  Result<void> ping(const Context& ctx, const std::string&) override {
    bell_.ring();
    auto answer = *ping_answer.lock();
    if (answer == Code::kDeadlineExceeded) {  // hangs
      auto handle = ping_answer.lock();
      handle.wait(ctx, [] { return false; });
      return ctx.check();
    }
    if (answer) return make_error(*answer, "the fake's answer");
    return {};
  }
  Result<void> warm_up(const Context&, const std::string&, const Probe&) override {
    bell_.ring();
    if (*warm_up_fails.lock()) return make_error(Code::kFailedPrecondition, "the warm-up answered 503");
    return {};
  }
  Guarded<std::optional<Code>> ping_answer;
  Guarded<bool> warm_up_fails{false};

 private:
  Bell& bell_;
};

}  // namespace zeropull::agent
