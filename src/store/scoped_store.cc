#include "store/scoped_store.h"

namespace zeropull::store {

Result<void> ScopedStore::put(const Context& ctx, const ObjectName& name, ByteView bytes) {
  auto outside = TRY(name.below(folder_));
  return store_.put(ctx, outside, bytes);
}

Result<void> ScopedStore::read(const Context& ctx, const ObjectName& name, std::uint64_t offset, MutableByteView out) {
  auto outside = TRY(name.below(folder_));
  return store_.read(ctx, outside, offset, out);
}

Result<Bytes> ScopedStore::read_whole(const Context& ctx, const ObjectName& name, std::uint64_t size_max) {
  auto outside = TRY(name.below(folder_));
  return store_.read_whole(ctx, outside, size_max);
}

Result<ObjectInfo> ScopedStore::stat(const Context& ctx, const ObjectName& name) {
  auto outside = TRY(name.below(folder_));
  return store_.stat(ctx, outside);
}

Result<ListPage> ScopedStore::list(const Context& ctx, const ListRequest& request) {
  ListRequest outside{.folder = folder_, .after = {}, .limit = request.limit};
  if (request.folder) outside.folder = TRY(request.folder->below(folder_));
  if (request.after) outside.after = TRY(request.after->below(folder_));
  auto page = TRY(store_.list(ctx, outside));
  ListPage inner;
  for (auto& object : page.objects) {
    auto name = TRY(inside(object.name));
    inner.objects.push_back({std::move(name), object.info});
  }
  if (page.continue_after) inner.continue_after = TRY(inside(*page.continue_after));
  return inner;
}

Result<void> ScopedStore::remove(const Context& ctx, const ObjectName& name) {
  auto outside = TRY(name.below(folder_));
  return store_.remove(ctx, outside);
}

std::string ScopedStore::describe() const { return fmt::format("{}, {}/", store_.describe(), folder_); }

Result<ObjectName> ScopedStore::inside(const ObjectName& outside) const {
  std::string_view text = outside.text();
  if (text.size() <= folder_.text().size() + 1 || !text.starts_with(folder_.text() + "/")) {
    return make_error(Code::kDataLoss, "{}: listed {}, which lies outside", describe(), outside);
  }
  return ObjectName::parse(text.substr(folder_.text().size() + 1));
}

}  // namespace zeropull::store
