#include "agent/managed_agent.h"

#include <optional>
#include <thread>

#include "agent/control_link.h"
#include "agent/lease.h"
#include "agent/log.h"
#include "agent/wipe.h"
#include "base/guarded.h"
#include "base/units.h"
#include "os/file.h"
#include "os/machine.h"
#include "os/process.h"

namespace zeropull::agent {

namespace {

constexpr Duration kApplyTimeout = std::chrono::minutes(10);  // a wipe unmounts and deletes what may be large
constexpr Duration kRetry = std::chrono::seconds(2);          // of a desired state that could not be reached
constexpr std::size_t kUidMax = 256;
constexpr std::size_t kPemMax = 64 * kKiB;

Result<Machine> this_machine(const AgentConfig& config) {
  Machine machine;
  machine.host_name = TRY(os::host_name());
  machine.address = config.control.instance_address;
  machine.instance_type = config.control.instance_type;
  machine.cpu_cores = static_cast<double>(std::thread::hardware_concurrency());
  machine.memory_bytes = TRY(os::memory_bytes());
  machine.accelerators = config.control.accelerators;
  machine.disk_bytes = TRY(os::disk_bytes(config.root));
  return machine;
}

// Which endpoint the machine is leased to, where it outlives the agent: its uid, and the key of the proof that it was wiped;
// after the wipe, until the next lease, the proof. Where both are there, a crash came between: the lease counts.
class LeaseRecord {
 public:
  explicit LeaseRecord(std::string folder) : folder_(std::move(folder)) {}

  struct Held {
    std::string endpoint_uid;
    std::string wipe_key;
  };
  Result<std::optional<Held>> read() const {
    if (!os::exists(path())) return std::optional<Held>();
    auto text = TRY(os::read_text(path(), 2 * kUidMax));
    auto newline = text.find('\n');
    if (newline == std::string::npos)
      return make_error(Code::kDataLoss, "{} is cut short: remove it once the machine is clean", path());
    return std::optional(Held{text.substr(0, newline), text.substr(newline + 1)});
  }
  Result<void> begin(const Endpoint& endpoint) const {
    TRY(os::replace_file(path(), as_bytes(endpoint.uid + "\n" + wipe_key(endpoint.key)), 0600));
    return os::remove_file(proof_path());
  }
  Result<void> end(const std::string& proof) const {
    TRY(os::replace_file(proof_path(), as_bytes(proof), 0600));
    return os::remove_file(path());
  }
  // Of the last lease that this machine was told of; "" before the first.
  Result<std::string> proof() const {
    if (!os::exists(proof_path())) return std::string();
    return os::read_text(proof_path(), kUidMax);
  }

 private:
  std::string path() const { return folder_ + "/leased-to"; }
  std::string proof_path() const { return folder_ + "/wiped"; }
  const std::string folder_;
};

class Managed final : public Agent {
 public:
  explicit Managed(const AgentConfig& config) : config_(config), record_(config.root) {}
  ~Managed() override { stop(); }

  Result<void> start() {
    TRY(os::ensure_folder(config_.root));
    machine_ = TRY(this_machine(config_));
    boot_id_ = TRY(os::boot_id());
    ControlLinkOptions options;
    options.target = config_.control.address;
    options.machine = machine_;
    options.folder = config_.root + "/identity";
    options.authority_pem = TRY(os::read_text(config_.control.authority_file, kPemMax).with_context("control: authority_file"));
    const auto& token_file = config_.control.token_file;
    if (!token_file.empty() && os::exists(token_file)) {
      auto text = TRY(os::read_text(token_file, kPemMax).with_context("control: token_file"));
      while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
      options.join_token = Secret(std::move(text));
    }
    LinkEvents events;
    events.desired = [this](const DesiredState& desired) {
      auto inbox = inbox_.lock();
      inbox->emplace(desired);
      inbox.notify_all();
    };
    events.report = [this] { return report(); };
    events.read_log = [this](const LogRequest& request) -> Result<LogChunk> {
      auto state = state_.lock();
      if (!state->lease) return make_error(Code::kNotFound, "no copy {} on this instance", request.copy_id);
      return state->lease->read_log(request);
    };
    auto link = TRY(ControlLink::create(std::move(options), std::move(events)));
    *link_.lock() = std::move(link);
    worker_ = std::jthread([this](const std::stop_token& stop) { converge(stop); });  // which needs the link
    return {};
  }

  void stop() override {
    worker_.request_stop();
    if (worker_.joinable()) worker_.join();
    if (auto link = link_.lock(); *link) (*link)->stop();
    auto state = state_.lock();
    if (state->lease) state->lease->stop();
  }

 private:
  struct State {
    std::shared_ptr<Lease> lease;
    std::uint64_t generation = 0;
    Report::Wiped wiped = Report::Wiped::kNo;
    std::string wipe_proof;
    std::string error;
  };

  void report_soon() {
    auto link = link_.lock();
    if (*link) (*link)->report_soon();
  }

  // The worker: the newest desired state, again after a while when it could not be reached.
  void converge(const std::stop_token& stop) {
    std::optional<DesiredState> desired;
    bool reached = true;
    while (!stop.stop_requested()) {
      auto wait = Context::root("agent", stop, reached ? std::chrono::hours(1) : kRetry);
      {
        auto inbox = inbox_.lock();
        inbox.wait(wait, [&] { return inbox->has_value(); });
        if (inbox->has_value()) {
          desired = std::move(*inbox);
          inbox->reset();
        }
      }
      if (stop.stop_requested() || !desired) continue;
      auto done = apply(Context::root("agent", stop, kApplyTimeout), *desired);
      reached = done.ok();
      if (!done.ok()) LOG_ERROR(kLog, "desired state {}: {}", desired->generation, done.error().to_string());
      {
        auto state = state_.lock();
        state->generation = desired->generation;
        state->error = done.ok() ? "" : done.error().message();
      }
      report_soon();
    }
  }

  Result<void> apply(const Context& ctx, const DesiredState& desired) {
    auto held = TRY(record_.read());
    if (held && (!desired.endpoint || desired.endpoint->uid != held->endpoint_uid)) {
      TRY(wipe(ctx, *held));
      held.reset();
    }
    if (!desired.endpoint) {
      auto proof = TRY(record_.proof());
      auto state = state_.lock();
      state->wiped = Report::Wiped::kYes;
      state->wipe_proof = std::move(proof);
      return {};
    }
    auto lease = state_.lock()->lease;
    if (lease && !lease->suits(*desired.endpoint)) {
      state_.lock()->lease.reset();
      lease->stop();
      lease.reset();
    }
    if (!lease) {
      if (!held) TRY(record_.begin(*desired.endpoint));
      auto link = link_.lock();
      LeaseOptions options{.config = config_,
                           .credential_file = (*link)->credential_file(),
                           .authority_file = (*link)->authority_file(),
                           .on_change = [this] { report_soon(); }};
      lease = TRY(Lease::create(ctx, std::move(options), *desired.endpoint));
      auto state = state_.lock();
      state->lease = lease;
      state->wiped = Report::Wiped::kNo;
      state->wipe_proof.clear();
      LOG_INFO(kLog, "leased to endpoint {}", desired.endpoint->uid);
    }
    return lease->apply(ctx, desired);
  }

  Result<void> wipe(const Context& ctx, const LeaseRecord::Held& held) {
    std::shared_ptr<Lease> lease = std::move(state_.lock()->lease);
    if (lease) lease->stop();
    lease.reset();
    TRY(wipe_lease(ctx, config_, held.endpoint_uid).with_context("wipe what endpoint {} left", held.endpoint_uid));
    std::string instance;
    {
      auto link = link_.lock();
      if (auto identity = (*link)->status().identity) instance = identity->instance_id;
    }
    TRY(record_.end(agent::wipe_proof(held.wipe_key, instance, held.endpoint_uid)));
    LOG_INFO(kLog, "wiped what endpoint {} left", held.endpoint_uid);
    return {};
  }

  Report report() const {
    std::shared_ptr<Lease> lease = state_.lock()->lease;
    Report report = lease ? lease->report() : Report{};
    auto state = state_.lock();
    report.generation = state->generation;
    report.wiped = state->wiped;
    report.wipe_proof = state->wipe_proof;
    if (!state->error.empty()) report.error = state->error;
    report.boot_id = boot_id_;
    report.machine = machine_;
    return report;
  }

  const AgentConfig config_;
  const LeaseRecord record_;
  Machine machine_;
  std::string boot_id_;
  mutable Guarded<State> state_;
  Guarded<std::optional<DesiredState>> inbox_;
  Guarded<std::unique_ptr<ControlLink>> link_;
  std::jthread worker_;
};

}  // namespace

Result<std::unique_ptr<Agent>> create_managed_agent(const Context&, const AgentConfig& config) {
  auto agent = std::make_unique<Managed>(config);
  TRY(agent->start().with_context("start the agent"));
  return std::unique_ptr<Agent>(std::move(agent));
}

}  // namespace zeropull::agent
