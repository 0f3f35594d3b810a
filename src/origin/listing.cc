#include "origin/listing.h"

#include <algorithm>
#include <set>

#include "codec/digest.h"
#include "origin/limits.h"

namespace zeropull::origin {

namespace {

// Length first, so that no two lists of texts hash alike.
void add_text(codec::Sha256Hasher& hasher, std::string_view text) {
  std::array<std::byte, sizeof(std::uint64_t)> size;
  store_le<std::uint64_t>(size.data(), text.size());
  hasher.update(size);
  hasher.update(as_bytes(text));
}

std::string identity_of(std::string_view uri, ModelForm form, const std::vector<ModelFile>& files) {
  codec::Sha256Hasher hasher;
  add_text(hasher, "zeropull-model-v1");
  add_text(hasher, uri);
  add_text(hasher, form == ModelForm::kTar ? "tar" : "tree");
  for (const auto& file : files) {
    add_text(hasher, file.path);
    add_text(hasher, std::to_string(file.size));
    add_text(hasher, file.etag);
  }
  return hasher.finish().hex();
}

bool is_blank(std::string_view name) { return name.find_first_not_of(" \t") == std::string_view::npos; }

// No path twice, and none that is a folder of another.
Result<void> check_clashes(const std::vector<ModelFile>& files) {
  std::set<std::string_view> paths;
  for (const auto& file : files) {
    if (!paths.insert(file.path).second)
      return make_error(Code::kInvalidArgument, "the model has \"{}\" twice; rename one", file.path);
  }
  for (const auto& file : files) {
    const std::string_view path = file.path;
    for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
      if (paths.contains(path.substr(0, slash)))
        return make_error(Code::kInvalidArgument, "the model has \"{}\" both as a file and as a folder; rename one",
                          path.substr(0, slash));
    }
  }
  return {};
}

}  // namespace

Result<void> check_path(std::string_view path) {
  const auto refuse = [&](std::string_view why) {
    return make_error(Code::kInvalidArgument, "\"{}\" cannot be a model's file: {}; rename it", path.substr(0, 300), why);
  };
  if (path.size() > kPathMax) return refuse("its path is too long");
  if (path.contains('\0')) return refuse("it has a NUL character");
  for (std::size_t at = 0; at <= path.size();) {
    const auto name = path.substr(at, path.find('/', at) - at);
    if (is_blank(name)) return refuse("it has an empty name");
    if (name == "." || name == "..") return refuse("it has \".\" or \"..\" as a name");
    if (name.size() > kNameMax) return refuse("it has a name of more than 255 bytes");
    at += name.size() + 1;
  }
  return {};
}

Result<ModelListing> make_listing(std::string_view uri, ModelForm form, std::vector<ModelFile> files) {
  if (files.empty()) return make_error(Code::kNotFound, "there is no file");
  if (files.size() > kFilesMax) return make_error(Code::kOutOfRange, "there are more than {} files", kFilesMax);
  for (const auto& file : files) TRY(check_path(file.path));
  std::ranges::sort(files, {}, &ModelFile::path);
  TRY(check_clashes(files));
  auto identity = identity_of(uri, form, files);
  return ModelListing{.form = form, .files = std::move(files), .identity = std::move(identity)};
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace zeropull::origin
