#include "artifact/model_layout.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "artifact/limits.h"
#include "base/units.h"
#include "codec/tar.h"

namespace zeropull::artifact {

namespace {

constexpr std::size_t kNameMax = 255;
constexpr std::string_view kWhiteout = ".wh.";
constexpr std::uint32_t kFileMode = 0644;
constexpr std::uint32_t kFolderMode = 0755;

Result<void> check_name(std::string_view name) {
  if (name.empty() || name == "." || name == "..")
    return make_error(Code::kInvalidArgument, "an empty, \".\" or \"..\" name in it");
  if (name.size() > kNameMax) return make_error(Code::kInvalidArgument, "a name of more than {} bytes in it", kNameMax);
  if (name.contains('\0')) return make_error(Code::kInvalidArgument, "a NUL in it");
  if (name.starts_with(kWhiteout)) return make_error(Code::kInvalidArgument, "names with {} in front are not kept", kWhiteout);
  return {};
}

std::uint64_t end_of(const ModelLayout& layout, std::size_t file) { return layout.offsets[file] + layout.files[file].size; }

// Where a run that begins in the file `first`, or before it, ends.
std::uint64_t run_end(const ModelLayout& layout, std::uint64_t begin, std::size_t first) {
  const std::uint64_t part = align_up(layout.blob_size / kOriginReads, kFrameSize);
  std::uint64_t end = begin + std::clamp(part, kOriginReadMin, kOriginReadMax);
  std::size_t count = 0;
  for (std::size_t i = first; i < layout.files.size() && layout.offsets[i] < end; ++i) {
    // A file that its origin reads from the front alone is not cut.
    if (!layout.files[i].ranged && end_of(layout, i) > end) end = align_up(end_of(layout, i), kFrameSize);
    if (++count == kOriginFilesMax) end = std::min(end, align_up(end_of(layout, i), kFrameSize));
  }
  return std::min(end, layout.blob_size);
}

codec::TarEntry entry_of(codec::TarType type, std::string path, std::uint64_t size) {
  codec::TarEntry entry;
  entry.type = type;
  entry.path = std::move(path);
  entry.mode = type == codec::TarType::kDirectory ? kFolderMode : kFileMode;
  entry.size = size;
  return entry;
}

std::set<std::string> folders_of(const std::vector<origin::ModelFile>& files) {
  std::set<std::string> folders;
  for (const auto& file : files) {
    for (auto slash = file.path.find('/'); slash != std::string::npos; slash = file.path.find('/', slash + 1)) {
      folders.insert(file.path.substr(0, slash));
    }
  }
  return folders;
}

Result<void> check_path(std::string_view path) {
  for (std::size_t begin = 0;;) {
    auto slash = path.find('/', begin);
    TRY(check_name(path.substr(begin, slash - begin)));
    if (slash == std::string_view::npos) return {};
    begin = slash + 1;
  }
}

}  // namespace

Result<ModelLayout> ModelLayout::create(const origin::ModelListing& listing) {
  if (listing.files.empty()) return make_error(Code::kInvalidArgument, "the model has no file");
  if (listing.files.size() > kModelFilesMax) {
    return make_error(Code::kInvalidArgument, "the model has {} files, more than {}", listing.files.size(), kModelFilesMax);
  }
  ModelLayout layout;
  layout.files = listing.files;
  std::ranges::sort(layout.files, {}, &origin::ModelFile::path);
  auto folders = folders_of(layout.files);
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < layout.files.size(); ++i) {
    const auto& file = layout.files[i];
    TRY(check_path(file.path).with_context("model file {:?}", file.path));
    if ((i > 0 && layout.files[i - 1].path == file.path) || folders.contains(file.path)) {
      return make_error(Code::kInvalidArgument, "model file {:?}: another file or a folder has its name", file.path);
    }
    constexpr std::uint64_t kSizeMax = kFramesMax * kFrameSize;
    if (file.size > kSizeMax || at + file.size > kSizeMax) {
      return make_error(Code::kInvalidArgument, "the model has more than {}", format_bytes(kSizeMax));
    }
    layout.offsets.push_back(at);
    layout.files_size += file.size;
    at = align_up(at + file.size, kBlockSize);
  }
  layout.blob_size = at;
  return layout;
}

Result<LayerTree> ModelLayout::tree() const {
  LayerTree tree;
  for (const auto& folder : folders_of(files)) {  // a folder comes before what is in it
    (void)TRY(tree.apply(entry_of(codec::TarType::kDirectory, folder, 0), 0));
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto applied = tree.apply(entry_of(codec::TarType::kRegular, files[i].path, files[i].size), offsets[i]);
    (void)TRY(std::move(applied).with_context("model file {:?}", files[i].path));
  }
  TRY(tree.finish());
  return tree;
}

std::vector<ModelRun> ModelLayout::runs() const {
  std::vector<ModelRun> runs;
  std::size_t first = 0;  // with bytes behind the last run
  for (std::uint64_t begin = 0; begin < blob_size; begin = runs.back().end) {
    ModelRun run{.begin = begin, .end = run_end(*this, begin, first), .pieces = {}};
    for (std::size_t i = first; i < files.size() && offsets[i] < run.end; ++i) {
      auto from = std::max(offsets[i], run.begin);
      auto to = std::min(end_of(*this, i), run.end);
      if (from < to)
        run.pieces.push_back({.file = i, .file_offset = from - offsets[i], .blob_offset = from, .length = to - from});
    }
    while (first < files.size() && end_of(*this, first) <= run.end) ++first;
    runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace zeropull::artifact
