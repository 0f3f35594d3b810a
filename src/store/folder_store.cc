#include "store/folder_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "os/file.h"

namespace zeropull::store {

namespace {

constexpr std::string_view kUnfinished = "/_unfinished";
constexpr std::size_t kShardCharacters = 2;

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

ModifiedTime modified_of(const struct stat& info) {
  auto since = std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec);
  return ModifiedTime(std::chrono::duration_cast<std::chrono::milliseconds>(since));
}

// Makes the folder and what is missing above it, each durably in its parent.
Result<void> ensure_durable_folder(const std::string& path) {
  if (os::exists(path)) return {};
  TRY(ensure_durable_folder(parent_of(path)));
  TRY(os::ensure_folder(path));
  return os::sync_folder(parent_of(path));
}

// Removes an unfinished put at the end of scope unless it was renamed away.
class Unfinished {
 public:
  explicit Unfinished(std::string path) : path_(std::move(path)) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }
  void release() { path_.clear(); }

 private:
  std::string path_;
};

// Walks a folder's objects in the order of their names. What can come between the objects of a shard "_ab" are the objects in
// folders whose names begin with the same two characters; so entries are grouped by these characters, the groups taken in order,
// and only within a group single names are sorted. A group that lies before `after` is never read.
class Walk {
 public:
  Walk(const Context& ctx, const ListRequest& request, ListPage& page)
      : ctx_(ctx), limit_(std::min(request.limit, kListMax)), after_(request.after ? request.after->text() : ""), page_(page) {}

  // Adds the objects in the folder at `path`, whose names begin with `prefix`.
  Result<void> add_folder(const std::string& path, const std::string& prefix) {
    TRY(ctx_.check());
    auto entries = TRY(entries_of(path));
    std::map<std::string, std::vector<std::string>> groups;  // by first characters
    for (std::string& entry : entries) {
      std::string_view key = entry;
      bool shard = key.starts_with('_');
      if (shard && key.size() > 1 + kShardCharacters) continue;  // no shard: unfinished puts
      if (shard) key.remove_prefix(1);
      groups[std::string(key.substr(0, kShardCharacters))].push_back(std::move(entry));
    }
    for (const auto& [key, members] : groups) {
      if (!passed(prefix + key)) TRY(add_group(path, prefix, members));
      if (full()) break;
    }
    return {};
  }

 private:
  struct Entry {
    std::string name;  // of an object, or of a folder with its slash
    std::string path;
    bool folder = false;
  };

  bool full() const { return page_.objects.size() >= limit_; }
  // Whether every name that begins with `prefix` was on an earlier page.
  bool passed(const std::string& prefix) const { return after_ > prefix && !after_.starts_with(prefix); }

  static Result<std::vector<std::string>> entries_of(const std::string& path) {
    auto entries = os::list_folder(path);
    if (entries.failed_with(Code::kNotFound)) return std::vector<std::string>{};
    return entries;
  }

  Result<void> add_group(const std::string& path, const std::string& prefix, const std::vector<std::string>& members) {
    std::vector<Entry> sorted;
    for (const std::string& member : members) {
      std::string member_path = path + "/" + member;
      if (!member.starts_with('_')) {
        sorted.push_back({prefix + member + "/", member_path, true});
        continue;
      }
      auto files = TRY(entries_of(member_path));
      for (const std::string& file : files) sorted.push_back({prefix + file, member_path + "/" + file, false});
    }
    std::ranges::sort(sorted, {}, &Entry::name);
    for (const Entry& entry : sorted) {
      if (full()) break;
      if (entry.folder) {
        if (!passed(entry.name)) TRY(add_folder(entry.path, entry.name));
      } else if (entry.name > after_) {
        TRY(add_object(entry));
      }
    }
    return {};
  }

  Result<void> add_object(const Entry& entry) {
    auto name = ObjectName::parse(entry.name);
    if (!name.ok()) return {};  // not ours: no put makes such a file
    auto info = os::stat_path(entry.path);
    if (info.failed_with(Code::kNotFound)) return {};  // removed meanwhile
    auto found = TRY(std::move(info));
    page_.objects.push_back({std::move(name).take(), {static_cast<std::uint64_t>(found.st_size), modified_of(found)}});
    if (full()) page_.continue_after = page_.objects.back().name;
    return {};
  }

  const Context& ctx_;
  const std::size_t limit_;
  const std::string after_;
  ListPage& page_;
};

}  // namespace

Result<std::unique_ptr<FolderStore>> FolderStore::open(const std::string& path, const Clock& clock) {
  TRY(ensure_durable_folder(path).with_context("store folder {}", path));
  std::string unfinished = path + std::string(kUnfinished);
  TRY(os::ensure_folder(unfinished).with_context("store folder {}", path));
  auto names = TRY(os::list_folder(unfinished));
  for (const std::string& name : names) {
    std::string file = unfinished + "/" + name;
    auto info = os::stat_path(file);
    if (info.ok() && clock.wall_now() - modified_of(*info) > kUnfinishedMax) TRY(os::remove_file(file));
  }
  return std::unique_ptr<FolderStore>(new FolderStore(path));
}

std::string FolderStore::file_of(const ObjectName& name) const {
  std::string_view text = name.text();
  auto slash = text.rfind('/');
  auto folder = slash == std::string_view::npos ? std::string_view{} : text.substr(0, slash + 1);
  auto last = text.substr(folder.size());
  return fmt::format("{}/{}_{}/{}", path_, folder, last.substr(0, kShardCharacters), last);
}

Result<void> FolderStore::put(const Context& ctx, const ObjectName& name, ByteView bytes) {
  TRY(ctx.check());
  if (bytes.size() > kObjectSizeMax) {
    return make_error(Code::kResourceExhausted, "put {}: {} bytes are more than {}", name, bytes.size(), kObjectSizeMax);
  }
  auto written = [&]() -> Result<void> {
    Unfinished unfinished(fmt::format("{}{}/{:016x}", path_, kUnfinished, Random::secure().next()));
    auto fd = TRY(os::open_file(unfinished.path(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
    TRY(os::write_all(fd.get(), bytes));
    TRY(os::sync_fd(fd.get()));
    TRY(fd.close());
    std::string file = file_of(name);
    TRY(ensure_durable_folder(parent_of(file)));
    TRY(os::rename_path(unfinished.path(), file));
    unfinished.release();
    return os::sync_folder(parent_of(file));
  }();
  return std::move(written).with_context("{}: put {}", describe(), name);
}

Result<FolderStore::OpenObject> FolderStore::open_object(const ObjectName& name) const {
  auto fd = os::open_file(file_of(name), O_RDONLY | O_NOFOLLOW);
  if (fd.failed_with(Code::kNotFound)) return make_error(Code::kNotFound, "{}: no object {}", describe(), name);
  OpenObject object;
  object.fd = TRY(std::move(fd));
  auto info = TRY(os::stat_fd(object.fd.get()));
  object.info = {static_cast<std::uint64_t>(info.st_size), modified_of(info)};
  return object;
}

Result<void> FolderStore::read(const Context& ctx, const ObjectName& name, std::uint64_t offset, MutableByteView out) {
  TRY(ctx.check());
  auto object = TRY(open_object(name));
  auto end = checked_add(offset, out.size());
  if (!end || *end > object.info.size) {
    return make_error(Code::kOutOfRange, "{}: {} has {} bytes, not {} from {} on", describe(), name, object.info.size, out.size(),
                      offset);
  }
  return os::read_exactly_at(object.fd.get(), out, offset).with_context("{}: read {}", describe(), name);
}

Result<Bytes> FolderStore::read_whole(const Context& ctx, const ObjectName& name, std::uint64_t size_max) {
  TRY(ctx.check());
  auto object = TRY(open_object(name));
  if (object.info.size > size_max) {
    return make_error(Code::kOutOfRange, "{}: {} has {} bytes, more than {}", describe(), name, object.info.size, size_max);
  }
  Bytes bytes(object.info.size);
  TRY(os::read_exactly_at(object.fd.get(), bytes, 0).with_context("{}: read {}", describe(), name));
  return bytes;
}

Result<ObjectInfo> FolderStore::stat(const Context& ctx, const ObjectName& name) {
  TRY(ctx.check());
  auto object = TRY(open_object(name));
  return object.info;
}

Result<ListPage> FolderStore::list(const Context& ctx, const ListRequest& request) {
  ListPage page;
  std::string prefix = request.folder ? request.folder->text() + "/" : "";
  std::string path = request.folder ? path_ + "/" + request.folder->text() : path_;
  Walk walk(ctx, request, page);
  TRY(walk.add_folder(path, prefix).with_context("{}: list", describe()));
  return page;
}

Result<void> FolderStore::remove(const Context& ctx, const ObjectName& name) {
  TRY(ctx.check());
  std::string file = file_of(name);
  TRY(os::remove_file(file).with_context("{}: remove {}", describe(), name));
  auto synced = os::sync_folder(parent_of(file));
  if (synced.failed_with(Code::kNotFound)) return {};
  return synced;
}

}  // namespace zeropull::store
