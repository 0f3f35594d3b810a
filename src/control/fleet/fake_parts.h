// What a fleet in memory is made of, for the reconcilers' tests: a clock that the test drives, a provider that launches nothing,
// agents that converge by themselves, and a Kv that can stop at any commit.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/fleet/reconciler.h"
#include "control/state/kv.h"

namespace zeropull::fleet {

class FakeClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return steady_; }
  WallTime wall_now() const override { return wall_; }
  void advance(std::chrono::milliseconds by) { steady_ += by, wall_ += by; }
  void step_wall(std::chrono::milliseconds by) { wall_ += by; }  // as somebody sets it, or a machine wakes up

 private:
  SteadyTime steady_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::hours(24 * 365 * 50)};
};

// Repeats from its seed.
class SeededRandom final : public Random {
 public:
  void fill(MutableByteView out) override {
    for (auto& byte : out) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<std::byte>(state_ >> 56);
    }
  }

 private:
  std::uint64_t state_ = 42;
};

class InlineExecutor final : public Executor {
 public:
  Result<void> post(Job job) override {
    job();
    return {};
  }
};

class FakeProvider final : public Provider {
 public:
  std::string_view name() const override { return "fake"; }
  Result<Launched> launch(const Context&, const LaunchRequest& request) override {
    ++launches;
    auto refusal = refuse.find(request.type.name);
    if (refusal != refuse.end()) return Error(refusal->second, "no " + request.type.name + " left");
    running.insert(request.instance_id);
    return Launched{"h-" + request.instance_id, "10.0.0.1", request.volumes};
  }
  Result<void> release(const Context&, const std::string& id) override {
    running.erase(id);
    return {};
  }
  Result<std::vector<ProviderInstance>> list(const Context&) override {
    std::vector<ProviderInstance> found;
    for (const auto& id : running) found.push_back({id, "h-" + id});
    return found;
  }

  std::map<std::string, Code> refuse;  // by type
  std::set<std::string> running;
  int launches = 0;
};

// Each step() brings every copy one phase further. What a copy does is told by its image.
class FakeAgents final : public AgentLink {
 public:
  explicit FakeAgents(FakeProvider& provider) : provider_(provider) {}
  void send_desired(const std::string& agent, const agent::DesiredState& desired) override {
    desired_.insert_or_assign(agent, desired);
  }
  void forget(const std::string& agent) override { desired_.erase(agent), copies_.erase(agent); }

  void step(Reconciler& reconciler, const FakeClock& clock) {
    for (const auto& id : provider_.running) {
      if (!mute.contains(id)) reconciler.report(id, report_of(id, clock));
    }
    std::erase_if(copies_, [&](const auto& one) { return !provider_.running.contains(one.first); });
  }
  const agent::DesiredState* desired(const std::string& agent) const {
    auto at = desired_.find(agent);
    return at == desired_.end() ? nullptr : &at->second;
  }

  std::set<std::string> mute;
  std::set<std::string> sick;                                      // copies that turn unhealthy
  std::string address = "10.0.0.1:20000";                          // of every copy
  std::map<std::string, std::vector<agent::CopyReport>> invented;  // told by that agent beside its own copies
  std::vector<agent::CachedArtifact> artifacts;                    // on every instance

 private:
  agent::Report report_of(const std::string& id, const FakeClock& clock) {
    agent::Report report;
    report.artifacts = artifacts;
    auto at = desired_.find(id);
    if (at == desired_.end()) return report;
    report.generation = at->second.generation;
    std::map<std::string, agent::CopyReport> next;
    for (const auto& copy : at->second.copies) {
      auto one = copies_[id].contains(copy.id) ? copies_[id][copy.id] : agent::CopyReport{.id = copy.id};
      advance(one, copy, clock);
      next[copy.id] = one;
      report.copies.push_back(one);
    }
    copies_[id] = std::move(next);
    report.copies.insert(report.copies.end(), invented[id].begin(), invented[id].end());
    return report;
  }
  void advance(agent::CopyReport& one, const agent::Copy& copy, const FakeClock& clock) {
    auto now = static_cast<std::uint64_t>(clock.wall_now().time_since_epoch() / std::chrono::milliseconds(1));
    if (sick.contains(copy.id)) {
      one.state = agent::CopyState::kUnhealthy;
    } else if (copy.image.find("crash") != std::string::npos) {
      one.state = agent::CopyState::kFailed;
      one.reason = "the container ended 3 times before it was ready";
      one.log_tail = "CUDA error: no kernel image";
    } else if (one.phases.empty()) {
      one.phases.push_back({.name = "image", .begin_unix_ms = now, .end_unix_ms = now, .source = "registry"});
      one.state = agent::CopyState::kStarting;
    } else if (copy.image.find("slow") == std::string::npos) {
      one.state = agent::CopyState::kReady;
      one.address = address;
      if (copy.model) one.model_identity = "identity-of-" + copy.model->uri;
    }
  }
  FakeProvider& provider_;
  std::map<std::string, agent::DesiredState> desired_;
  std::map<std::string, std::map<std::string, agent::CopyReport>> copies_;
};

// Lets a number of commits through and refuses every later one, as a process that has ended does.
struct CommitBudget {
  int left = 1'000'000;
  int spent = 0;
};
class SharedKv final : public state::Kv {
 public:
  SharedKv(std::shared_ptr<state::Kv> kv, std::shared_ptr<CommitBudget> budget)
      : kv_(std::move(kv)), budget_(std::move(budget)) {}
  Result<std::optional<state::KeyValue>> get(const Context& ctx, const std::string& key) override { return kv_->get(ctx, key); }
  Result<std::vector<state::KeyValue>> list(const Context& ctx, const std::string& prefix) override {
    return kv_->list(ctx, prefix);
  }
  Result<state::Revision> commit(const Context& ctx, const state::Transaction& transaction) override {
    if (budget_->left <= 0) return make_error(Code::kDataLoss, "the process has ended");
    --budget_->left, ++budget_->spent;
    return kv_->commit(ctx, transaction);
  }
  Result<void> scrub(const Context& ctx) override { return kv_->scrub(ctx); }

 private:
  std::shared_ptr<state::Kv> kv_;
  std::shared_ptr<CommitBudget> budget_;
};

}  // namespace zeropull::fleet
