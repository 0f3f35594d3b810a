#include "agent/copies.h"

#include <algorithm>
#include <set>

#include "agent/log.h"

namespace zeropull::agent {

namespace {

// What containerd takes as a name (identifiers.Validate) and a folder can have.
bool is_copy_id(std::string_view id) {
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  if (id.empty() || id.size() > kCopyIdMax || !plain(id.front()) || !plain(id.back())) return false;
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (!plain(id[i]) && (!std::string_view("-_.").contains(id[i]) || !plain(id[i - 1]))) return false;
  }
  return true;
}

}  // namespace

CopyManager::CopyManager(const CopyManagerOptions& options, CopyDependencies dependencies, std::unique_ptr<CopyStore> store)
    : store_(std::move(store)),
      dependencies_(std::move(dependencies)),
      parts_{.containers = dependencies_.containers,
             .network = dependencies_.network,
             .probe = dependencies_.probe,
             .store = *store_,
             .ensure_image = dependencies_.ensure_image,
             .ensure_model = dependencies_.ensure_model,
             .instance_address = options.instance_address,
             .timings = options.timings,
             .on_change = dependencies_.on_change,
             .on_gone = [this] { (void)housekeeping_.post([this] { reap(); }).ok(); }},
      housekeeping_({.name = "zp-copies", .threads = 1}) {}

Result<std::unique_ptr<CopyManager>> CopyManager::create(const Context& ctx, const CopyManagerOptions& options,
                                                         CopyDependencies dependencies) {
  auto store = TRY(CopyStore::create(options.folder));
  std::unique_ptr<CopyManager> manager(new CopyManager(options, std::move(dependencies), std::move(store)));
  TRY(manager->adopt(ctx));
  return manager;
}

CopyManager::~CopyManager() { stop(); }

void CopyManager::stop() {
  {
    auto state = state_.lock();
    state->stopped = true;
    for (auto& [id, life] : state->lives) life->leave();
  }
  housekeeping_.stop();
}

Result<void> CopyManager::adopt(const Context& ctx) {
  auto records = TRY(store_->load());
  std::vector<CopyPort> known;
  std::set<std::string> ids;
  for (const auto& record : records) {
    known.push_back({.id = record.id, .slot = record.slot, .port = record.port, .outbound = record.outbound});
    ids.insert(record.id);
  }
  auto running = TRY(dependencies_.containers.list(ctx));
  for (const auto& id : running) {
    if (ids.contains(id)) continue;
    LOG_WARN(kLog, "remove container {}, of which no record tells", id);
    TRY(dependencies_.containers.remove(ctx, id));
  }
  TRY(dependencies_.network.remove_strangers(ctx, known));
  auto state = state_.lock();
  for (auto& record : records) {
    std::string id = record.id;
    state->lives[id] = std::make_unique<CopyLife>(parts_, std::move(record), std::nullopt);
  }
  return {};
}

Result<void> CopyManager::apply(const Context& ctx, CopyOrder order) {
  TRY(dependencies_.network.set_policy(ctx, order.policy));
  {
    auto state = state_.lock();
    if (state->stopped) return make_error(Code::kFailedPrecondition, "the manager of copies has been stopped");
    state->order = std::move(order);
    state->ordered = true;
    converge_locked(*state);
  }
  if (dependencies_.on_change) dependencies_.on_change();
  return {};
}

Result<CopyRecord> CopyManager::new_record_locked(const State& state, const Copy& copy) {
  if (!is_copy_id(copy.id)) return make_error(Code::kInvalidArgument, "{:?} cannot be a copy's id", copy.id);
  std::set<std::uint32_t> slots;
  std::set<std::uint16_t> ports;
  for (const auto& [id, life] : state.lives) {
    auto port = life->port();
    slots.insert(port.slot);
    ports.insert(port.port);
  }
  CopyRecord record;
  record.id = copy.id;
  record.component = copy.component;
  record.slot = CopyNetwork::kFirstSlot;
  record.outbound = copy.outbound;
  record.probe = copy.probe;
  while (slots.contains(record.slot)) ++record.slot;
  if (record.slot >= dependencies_.network.slots_end()) {
    return make_error(Code::kResourceExhausted, "the network of this instance's copies has no address left: {} copies",
                      slots.size());
  }
  do {
    record.port = TRY(store_->next_port());
  } while (ports.contains(record.port));  // there are more ports than slots
  return record;
}

void CopyManager::converge_locked(State& state) {
  state.refused.clear();
  if (!state.ordered || state.stopped) return;
  std::set<std::string> wanted;
  for (const Copy& copy : state.order.copies) wanted.insert(copy.id);
  for (auto& [id, life] : state.lives) {
    if (!wanted.contains(id)) life->remove();
  }
  for (const Copy& copy : state.order.copies) {
    auto found = state.lives.find(copy.id);
    if (found != state.lives.end()) {
      found->second->set_desired(copy);
      continue;
    }
    auto record = new_record_locked(state, copy);
    if (!record.ok()) {
      LOG_WARN(kLog, "copy {} is not started: {}", copy.id, record.error().message());
      // An address is free again when an earlier copy has gone; then we come here once more.
      bool waits = record.failed_with(Code::kResourceExhausted);
      state.refused[copy.id] = {
          .id = copy.id, .state = waits ? CopyState::kPreparing : CopyState::kFailed, .reason = record.error().message()};
      continue;
    }
    state.lives[copy.id] = std::make_unique<CopyLife>(parts_, std::move(record).take(), copy);
  }
}

void CopyManager::reap() {
  std::vector<std::unique_ptr<CopyLife>> gone;
  {
    auto state = state_.lock();
    for (auto at = state->lives.begin(); at != state->lives.end();) {
      bool done = at->second->gone();
      if (done) gone.push_back(std::move(at->second));
      at = done ? state->lives.erase(at) : std::next(at);
    }
    converge_locked(*state);  // one of that name may be wanted again
  }
  gone.clear();
  if (dependencies_.on_change) dependencies_.on_change();
}

std::vector<CopyReport> CopyManager::reports() const {
  std::vector<CopyReport> reports;
  auto state = state_.lock();
  for (const auto& [id, life] : state->lives) {
    if (!life->gone()) reports.push_back(life->report());
  }
  for (const auto& [id, report] : state->refused) reports.push_back(report);
  return reports;
}

Result<LogSlice> CopyManager::read_log(const std::string& id, std::uint64_t offset, std::uint32_t bytes_max) const {
  if (!state_.lock()->lives.contains(id)) return make_error(Code::kNotFound, "no copy {} on this instance", id);
  return CopyLog(store_->log_file_of(id)).read(offset, bytes_max);
}

}  // namespace zeropull::agent
