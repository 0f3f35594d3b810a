// ObjectStore: where an endpoint's encrypted artifacts rest. A store keeps whole objects under names, no more: what they hold,
// and whether they are right, is their reader's business (every byte is authenticated there). Implementations: FolderStore,
// HttpStore, ScopedStore; S3 fits the same contract, which store/conformance.h checks.
//
// Thread-safe: many calls run at once, and that is how a link is filled. Every call blocks at most until its context ends.
// Errors: kNotFound, kOutOfRange, kPermissionDenied and kUnauthenticated (the credentials), kResourceExhausted (the disk is full,
// the object is too large), kUnavailable (after the implementation's own retries), kCancelled and kDeadlineExceeded, kDataLoss
// (the store answered nonsense).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/context.h"
#include "base/result.h"
#include "store/limits.h"
#include "store/object_name.h"

namespace zeropull::store {

using ModifiedTime = std::chrono::sys_time<std::chrono::milliseconds>;

struct ObjectInfo {
  std::uint64_t size = 0;
  ModifiedTime modified;  // by the store's clock
};

struct ListedObject {
  ObjectName name;
  ObjectInfo info;
};

struct ListPage {
  std::vector<ListedObject> objects;         // ascending by name, as bytes
  std::optional<ObjectName> continue_after;  // more may follow behind this name; nullopt at the end
};

struct ListRequest {
  std::optional<ObjectName> folder = {};  // names below "folder/"; all when absent
  std::optional<ObjectName> after = {};   // names greater than this
  std::size_t limit = kListMax;           // 1 to kListMax
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // Puts the object whole, replacing one of that name at once: readers see the old or the new one, also after a crash. When put()
  // has returned, the object is durable and every later call sees it. At most kObjectSizeMax bytes.
  virtual Result<void> put(const Context& ctx, const ObjectName& name, ByteView bytes) = 0;
  // Fills `out` from the object's byte `offset` on; kOutOfRange when it ends before. `out` is not empty.
  virtual Result<void> read(const Context& ctx, const ObjectName& name, std::uint64_t offset, MutableByteView out) = 0;
  // The whole object; kOutOfRange when it is larger than `size_max`.
  virtual Result<Bytes> read_whole(const Context& ctx, const ObjectName& name, std::uint64_t size_max) = 0;
  virtual Result<ObjectInfo> stat(const Context& ctx, const ObjectName& name) = 0;
  // An object that is there during the whole listing is in it exactly once; one that comes or goes meanwhile may be.
  virtual Result<ListPage> list(const Context& ctx, const ListRequest& request) = 0;
  // An absent one is fine.
  virtual Result<void> remove(const Context& ctx, const ObjectName& name) = 0;
  // For messages: "folder /var/lib/x", "https://host:port/".
  virtual std::string describe() const = 0;
};

// All pages of a listing; kOutOfRange above kListAllMax objects.
Result<std::vector<ListedObject>> list_all(const Context& ctx, ObjectStore& store, std::optional<ObjectName> folder);

}  // namespace zeropull::store
