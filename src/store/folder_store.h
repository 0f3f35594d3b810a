// FolderStore: an ObjectStore in a folder of this machine. The object "packs/04ab9c" is the file packs/_04/04ab9c: the last
// segment lies in a subfolder of its first two characters, so that no folder grows to hundreds of thousands of entries, and the
// underscore keeps these subfolders apart from segments. Puts are written to _unfinished/ and renamed; what a process that died
// left there is removed when the store is opened a day later. Thread-safe; several processes may share the folder.
#pragma once

#include <memory>
#include <string>

#include "os/fd.h"
#include "store/object_store.h"

namespace zeropull::store {

class FolderStore final : public ObjectStore {
 public:
  // Makes the folder, mode 0700, when it is absent.
  static Result<std::unique_ptr<FolderStore>> open(const std::string& path, const Clock& clock = Clock::system());

  Result<void> put(const Context& ctx, const ObjectName& name, ByteView bytes) override;
  Result<void> read(const Context& ctx, const ObjectName& name, std::uint64_t offset, MutableByteView out) override;
  Result<Bytes> read_whole(const Context& ctx, const ObjectName& name, std::uint64_t size_max) override;
  Result<ObjectInfo> stat(const Context& ctx, const ObjectName& name) override;
  Result<ListPage> list(const Context& ctx, const ListRequest& request) override;
  Result<void> remove(const Context& ctx, const ObjectName& name) override;
  std::string describe() const override { return "folder " + path_; }

  // The object's bytes as they are now, also when the name is replaced or removed afterwards: for a server that streams them.
  struct OpenObject {
    os::UniqueFd fd;
    ObjectInfo info;
  };
  Result<OpenObject> open_object(const ObjectName& name) const;

 private:
  explicit FolderStore(std::string path) : path_(std::move(path)) {}
  std::string file_of(const ObjectName& name) const;
  const std::string path_;
};

}  // namespace zeropull::store
