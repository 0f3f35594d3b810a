// DiskBudget: how much of an instance's disk the endpoint's cached artifacts may take, and what goes when more is needed.
//
// Bytes are counted by the blobs that the cache folder's artifacts name, each once, and by reservations of what is on its way.
// Before something new comes, room is reserved: above the high watermark the least recently used artifacts go, until the low one
// is reached. What is in use (held, or named by an in-use source) or to be kept is never taken. A budget of 0 means no limit but
// the disk's: nothing is evicted.
//
// Thread-safe: finding out what may go and evicting it happen under one lock, which hold() takes too, so that nothing is evicted
// that somebody was just given.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "artifact/cache_folder.h"
#include "base/clock.h"
#include "base/result.h"

namespace zeropull::agent {

// Of the budget. Eviction begins above the high watermark and ends below the low one, so that it is not done for every artifact.
inline constexpr std::uint64_t kHighWatermarkPercent = 95;
inline constexpr std::uint64_t kLowWatermarkPercent = 85;

using Hold = std::shared_ptr<const void>;

class DiskBudget {
 public:
  DiskBudget(artifact::CacheFolder& folder, std::uint64_t budget_bytes, const Clock& clock)
      : folder_(folder), clock_(clock), budget_(budget_bytes) {}

  void set_budget(std::uint64_t bytes);
  std::uint64_t budget() const;
  std::uint64_t used() const { return folder_.named_bytes(); }

  // The artifact is not evicted while the hold lives, and counts as used now. A hold may outlive the budget.
  Hold hold(const artifact::ArtifactName& name);
  bool held(const artifact::ArtifactName& name) const;
  // Stays without being used; replaces what was to be kept of this kind.
  void set_keep(artifact::ArtifactKind kind, std::set<artifact::ArtifactName> names);
  bool keeps(const artifact::ArtifactName& name) const;
  // Asked, under the budget's lock, for more that is in use; an error keeps everything. Added before the first reservation.
  using InUse = std::function<Result<std::set<artifact::ArtifactName>>()>;
  void add_in_use(InUse source);

  // Room for `needed` bytes, evicting for `wished`, of which as much is made room for as goes; released with the object.
  // kResourceExhausted, with what is needed, free and could be freed, when `needed` cannot fit: then nothing was evicted.
  class Reservation;
  Result<Reservation> reserve(std::uint64_t needed, std::uint64_t wished);
  // After something came that turned out larger than its reservation: evicts others; kResourceExhausted when it is too much
  // still.
  Result<void> settle(const artifact::ArtifactName& newest);
  // Evicts this one; kFailedPrecondition while it is in use.
  Result<void> evict(const artifact::ArtifactName& name);

 private:
  using Names = std::set<artifact::ArtifactName>;
  Names held_locked() const;
  Result<Names> pinned_locked() const;
  std::uint64_t evictable_locked(const Names& pinned) const;
  // Evicts what is not pinned, the least recently used first, until at most `target` bytes are used.
  Result<void> evict_down_locked(const Names& pinned, std::uint64_t target);
  Error refuse_locked(const Names& pinned, std::uint64_t needed) const;

  artifact::CacheFolder& folder_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::uint64_t budget_;
  std::uint64_t reserved_ = 0;
  std::map<artifact::ArtifactName, std::weak_ptr<const void>> holds_;
  Names keep_;
  std::vector<InUse> in_use_;
};

class DiskBudget::Reservation {
 public:
  Reservation(Reservation&& other) noexcept : budget_(std::exchange(other.budget_, nullptr)), bytes_(other.bytes_) {}
  Reservation& operator=(Reservation&&) = delete;
  ~Reservation();

 private:
  friend class DiskBudget;
  Reservation(DiskBudget* budget, std::uint64_t bytes) : budget_(budget), bytes_(bytes) {}
  DiskBudget* budget_;
  std::uint64_t bytes_;
};

}  // namespace zeropull::agent
