#include "agent/disk_budget.h"

#include <algorithm>

#include "agent/log.h"
#include "base/units.h"

namespace zeropull::agent {

namespace {

std::uint64_t percent_of(std::uint64_t bytes, std::uint64_t percent) { return bytes / 100 * percent; }

}  // namespace

void DiskBudget::set_budget(std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  budget_ = bytes;
}

std::uint64_t DiskBudget::budget() const {
  std::lock_guard lock(mutex_);
  return budget_;
}

Hold DiskBudget::hold(const artifact::ArtifactName& name) {
  std::lock_guard lock(mutex_);
  auto touched = folder_.touch(name, clock_.wall_now());
  if (!touched.ok() && !touched.failed_with(Code::kNotFound)) LOG_WARN(kLog, "{}: {}", name, touched.error().to_string());
  auto& known = holds_[name];
  Hold hold = known.lock();
  if (!hold) known = hold = std::make_shared<char>();
  return hold;
}

bool DiskBudget::held(const artifact::ArtifactName& name) const {
  std::lock_guard lock(mutex_);
  return held_locked().contains(name);
}

DiskBudget::Names DiskBudget::held_locked() const {
  Names names;
  for (const auto& [name, hold] : holds_) {
    if (!hold.expired()) names.insert(name);
  }
  return names;
}

void DiskBudget::set_keep(artifact::ArtifactKind kind, Names names) {
  std::lock_guard lock(mutex_);
  std::erase_if(keep_, [&](const auto& name) { return name.kind == kind; });
  keep_.merge(names);
}

bool DiskBudget::keeps(const artifact::ArtifactName& name) const {
  std::lock_guard lock(mutex_);
  return keep_.contains(name);
}

void DiskBudget::add_in_use(InUse source) {
  std::lock_guard lock(mutex_);
  in_use_.push_back(std::move(source));
}

Result<DiskBudget::Names> DiskBudget::pinned_locked() const {
  Names pinned = held_locked();
  pinned.insert(keep_.begin(), keep_.end());
  for (const auto& source : in_use_) {
    auto names = TRY(source().with_context("what of the cache is in use"));
    pinned.merge(names);
  }
  return pinned;
}

std::uint64_t DiskBudget::evictable_locked(const Names& pinned) const {
  std::set<BlobId> staying;
  std::map<BlobId, std::uint64_t> going;
  for (const auto& one : folder_.artifacts()) {
    for (const auto& blob : one->blobs()) {
      if (pinned.contains(one->name())) {
        staying.insert(blob.id);
      } else {
        going.emplace(blob.id, blob.size);
      }
    }
  }
  std::uint64_t bytes = 0;
  for (const auto& [id, size] : going) bytes += staying.contains(id) ? 0 : size;
  return bytes;
}

Result<void> DiskBudget::evict_down_locked(const Names& pinned, std::uint64_t target) {
  std::vector<std::pair<WallTime, artifact::ArtifactName>> candidates;
  for (const auto& one : folder_.artifacts()) {
    if (pinned.contains(one->name())) continue;
    auto used = TRY(folder_.last_used(one->name()));
    candidates.emplace_back(used, one->name());
  }
  std::ranges::sort(candidates);
  for (const auto& [used_at, name] : candidates) {
    if (used() <= target) break;
    auto freed = TRY(folder_.evict(name).with_context("evict {}", name));
    LOG_INFO(kLog, "evicted {}, the least recently used: {} freed", name, format_bytes(freed));
  }
  return {};
}

Error DiskBudget::refuse_locked(const Names& pinned, std::uint64_t needed) const {
  auto taken = used() + reserved_;
  return make_error(Code::kResourceExhausted,
                    "{} needed; of the disk budget of {} {} are free and {} could be freed, the rest is in use or to be kept: "
                    "raise the budget, or stop copies",
                    format_bytes(needed), format_bytes(budget_), format_bytes(budget_ - std::min(budget_, taken)),
                    format_bytes(evictable_locked(pinned)));
}

Result<DiskBudget::Reservation> DiskBudget::reserve(std::uint64_t needed, std::uint64_t wished) {
  std::lock_guard lock(mutex_);
  wished = std::max(wished, needed);
  if (budget_ > 0) {
    auto taken = used() + reserved_;
    if (taken + wished > percent_of(budget_, kHighWatermarkPercent)) {
      auto pinned = TRY(pinned_locked());
      if (taken - evictable_locked(pinned) + needed > budget_) return refuse_locked(pinned, needed);
      auto low = percent_of(budget_, kLowWatermarkPercent);
      auto others = reserved_ + wished;
      TRY(evict_down_locked(pinned, low > others ? low - others : 0));
      // Blobs that a writer holds were not freed.
      if (used() + reserved_ + needed > budget_) return refuse_locked(pinned, needed);
    }
  }
  reserved_ += wished;
  return Reservation(this, wished);
}

DiskBudget::Reservation::~Reservation() {
  if (budget_ == nullptr) return;
  std::lock_guard lock(budget_->mutex_);
  budget_->reserved_ -= bytes_;
}

Result<void> DiskBudget::settle(const artifact::ArtifactName& newest) {
  std::lock_guard lock(mutex_);
  if (budget_ == 0 || used() + reserved_ <= budget_) return {};
  auto pinned = TRY(pinned_locked());
  pinned.insert(newest);
  auto low = percent_of(budget_, kLowWatermarkPercent);
  TRY(evict_down_locked(pinned, low > reserved_ ? low - reserved_ : 0));
  if (used() + reserved_ <= budget_) return {};
  return refuse_locked(pinned, used() + reserved_ - budget_);
}

Result<void> DiskBudget::evict(const artifact::ArtifactName& name) {
  std::lock_guard lock(mutex_);
  auto keep = held_locked();
  for (const auto& source : in_use_) {
    auto names = TRY(source());
    keep.merge(names);
  }
  if (keep.contains(name)) return make_error(Code::kFailedPrecondition, "{} is in use", name);
  (void)TRY(folder_.evict(name));
  return {};
}

}  // namespace zeropull::agent
