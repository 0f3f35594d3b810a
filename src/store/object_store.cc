#include "store/object_store.h"

#include <algorithm>

namespace zeropull::store {

namespace {

bool is_name_character(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

Result<ObjectName> ObjectName::parse(std::string_view text) {
  if (text.empty() || text.size() > kNameMax) return make_error(Code::kInvalidArgument, "object name of {} bytes", text.size());
  std::size_t segment = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '/') {
      if (!is_name_character(text[i]))
        return make_error(Code::kInvalidArgument, "object name with other characters than a-z, 0-9 and /");
      ++segment;
      continue;
    }
    if (segment == 0 || segment > kNameSegmentMax) {
      return make_error(Code::kInvalidArgument, "object name with a segment of {} bytes", segment);
    }
    segment = 0;
  }
  return ObjectName(std::string(text));
}

Result<ObjectName> ObjectName::below(const ObjectName& folder) const { return parse(folder.text_ + "/" + text_); }

Result<std::vector<ListedObject>> list_all(const Context& ctx, ObjectStore& store, std::optional<ObjectName> folder) {
  std::vector<ListedObject> all;
  ListRequest request;
  request.folder = std::move(folder);
  do {
    auto page = TRY(store.list(ctx, request));
    if (all.size() + page.objects.size() > kListAllMax) {
      return make_error(Code::kOutOfRange, "{}: more than {} objects", store.describe(), kListAllMax);
    }
    std::ranges::move(page.objects, std::back_inserter(all));
    request.after = std::move(page.continue_after);
  } while (request.after);
  return all;
}

}  // namespace zeropull::store
