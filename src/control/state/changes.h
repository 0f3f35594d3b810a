// Changes: what one commit does to records, and the records as they were read. See state.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/state/kv.h"
#include "control/state/record_json.h"

namespace zeropull::state {

// A record as it was committed.
template <typename T>
struct Held : T {
  Revision revision = 0;
};
template <typename T>
using Ptr = std::shared_ptr<const Held<T>>;
template <typename T>
using List = std::vector<Ptr<T>>;  // in the order of keys

// What is to be changed at once, or not at all.
class Changes {
 public:
  // A record that must not be there yet.
  template <typename T>
  void add(T record) {
    put_at(0, AnyRecord(std::move(record)));
  }
  // In place of `was`, which must not have changed since. The key stays.
  template <typename T>
  void put(const Ptr<T>& was, T record) {
    put_at(was->revision, AnyRecord(std::move(record)));
  }
  // In place of `was`, or a new record where there is none.
  template <typename T>
  void put_or_add(const Ptr<T>& was, T record) {
    put_at(was == nullptr ? 0 : was->revision, AnyRecord(std::move(record)));
  }
  template <typename T>
  void remove(const Ptr<T>& was) {
    entries_.push_back({key_of(static_cast<const T&>(*was)), was->revision, std::nullopt, true});
  }
  // Writes nothing to `was`, but commits only if it has not changed since.
  template <typename T>
  void expect(const Ptr<T>& was) {
    entries_.push_back({key_of(static_cast<const T&>(*was)), was->revision, std::nullopt, false});
  }
  bool empty() const { return entries_.empty(); }

 private:
  friend class State;
  struct Entry {
    std::string key;
    Revision expected;
    std::optional<AnyRecord> record;
    bool removed;
  };
  void put_at(Revision expected, AnyRecord record) {
    auto key = key_of(record);
    entries_.push_back({std::move(key), expected, std::move(record), false});
  }
  std::vector<Entry> entries_;
};

// One record that a commit wrote or removed.
struct Changed {
  std::string key;           // see record_json.h; its first part is the kind
  std::string endpoint_uid;  // of endpoints, components, instances, copies and timelines; "" else, so of what scales
  bool removed = false;
};

}  // namespace zeropull::state
