#include "origin/file_origin.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "origin/limits.h"
#include "origin/listing.h"
#include "os/file.h"

namespace zeropull::origin {

namespace {

std::string version_of_file(const struct stat& info) {
  return fmt::format("{}:{}:{}.{:09}:{}.{:09}", info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                     info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
}

class FileOrigin final : public ModelOrigin {
 public:
  // `path` is below `folder`, "." for the folder itself.
  FileOrigin(ModelLocation location, std::string folder, std::string path)
      : location_(std::move(location)), folder_(std::move(folder)), path_(std::move(path)) {}

  Result<ModelListing> list(const Context& ctx) override { return list_files(ctx).with_context("model {}", location_.uri); }
  Result<void> read(const Context& ctx, const ModelFile& file, std::uint64_t offset, std::uint64_t length,
                    const ByteSink& sink) override {
    return read_file(ctx, file, offset, length, sink).with_context("model {}: {}", location_.uri, file.path);
  }

 private:
  bool is_prefix() const { return location_.type == ModelLocation::Type::kPrefix; }
  std::string below(const std::string& path) const { return is_prefix() ? path_ + "/" + path : path_; }
  Result<os::UniqueFd> open(const std::string& path, int flags) const {
    const auto folder = TRY(os::open_file(folder_, O_PATH | O_DIRECTORY));
    auto opened = os::open_at(folder, path, flags, os::Resolve::kBeneath);
    if (!opened.ok() && opened.error().errno_value() == EXDEV) {
      return make_error(Code::kPermissionDenied, "{}: a symbolic link leads out of {}, below which models may lie", path,
                        folder_);
    }
    return opened;
  }

  Result<ModelListing> list_files(const Context& ctx) const {
    std::vector<ModelFile> files;
    if (is_prefix()) {
      TRY(list_folder(ctx, "", 0, files));
      return make_listing(location_.uri, ModelForm::kTree, std::move(files));
    }
    TRY(add_file(std::string(last_part(path_)), path_, files));
    const auto form = location_.compression == ModelLocation::Compression::kGzip ? ModelForm::kTar : ModelForm::kTree;
    return make_listing(location_.uri, form, std::move(files));
  }

  // O_PATH opens neither a device nor the other end of a pipe.
  Result<void> add_file(std::string path, const std::string& name, std::vector<ModelFile>& files) const {
    const auto fd = TRY(open(name, O_PATH));
    const auto info = TRY(os::stat_fd(fd.get()));
    if (!S_ISREG(info.st_mode))
      return make_error(Code::kInvalidArgument, "{} is neither a file nor a folder, nor a symlink to a file", name);
    if (files.size() == kFilesMax) return make_error(Code::kOutOfRange, "there are more than {} files", kFilesMax);
    files.push_back({.path = std::move(path), .size = static_cast<std::uint64_t>(info.st_size), .etag = version_of_file(info)});
    return {};
  }

  // `path` is "" or ends with "/".
  Result<void> list_folder(const Context& ctx, const std::string& path, int depth, std::vector<ModelFile>& files) const {
    TRY(ctx.check());
    if (depth > kFolderDepthMax)
      return make_error(Code::kOutOfRange, "there are more than {} folders within one another", kFolderDepthMax);
    const auto folder = TRY(open(below(path), O_RDONLY | O_DIRECTORY));
    const auto names = TRY(os::list_folder(fmt::format("/proc/self/fd/{}", folder.get())));
    for (const auto& name : names) {
      const auto entry = TRY(os::open_at(folder, name, O_PATH | O_NOFOLLOW, os::Resolve::kBeneath));
      const auto info = TRY(os::stat_fd(entry.get()));
      if (S_ISDIR(info.st_mode)) {
        TRY(list_folder(ctx, path + name + "/", depth + 1, files));
      } else {
        TRY(add_file(path + name, below(path + name), files));
      }
    }
    return {};
  }

  Result<void> read_file(const Context& ctx, const ModelFile& file, std::uint64_t offset, std::uint64_t length,
                         const ByteSink& sink) const {
    const auto end = checked_add(offset, length);
    if (!end || *end > file.size)
      return make_error(Code::kOutOfRange, "bytes from {} to {} of {} bytes", offset, end.value_or(UINT64_MAX), file.size);
    const auto fd = TRY(open(below(file.path), O_RDONLY | O_NONBLOCK));
    TRY(check_version(fd, file));
    Bytes piece(std::min<std::uint64_t>(length, kFilePiece));
    for (std::uint64_t at = offset; at < *end;) {
      TRY(ctx.check());
      const auto part = MutableByteView(piece).first(std::min<std::uint64_t>(piece.size(), *end - at));
      auto got = os::read_exactly_at(fd.get(), part, at);
      // Before the bytes are believed: what changed them moved the file's times.
      TRY(check_version(fd, file));
      TRY(std::move(got));
      TRY(sink(part));
      at += part.size();
    }
    return {};
  }

  static Result<void> check_version(const os::UniqueFd& fd, const ModelFile& file) {
    const auto info = TRY(os::stat_fd(fd.get()));
    if (S_ISREG(info.st_mode) && version_of_file(info) == file.etag) return {};
    return make_error(Code::kAborted, "the file changed since it was listed");
  }

  const ModelLocation location_;
  const std::string folder_;
  const std::string path_;
};

}  // namespace

Result<std::unique_ptr<ModelOrigin>> open_file_origin(const ModelLocation& location, const OriginAccess& access) {
  const auto refuse = [&](std::string_view why) {
    return make_error(Code::kInvalidArgument, "\"{}\" is no file URI: {}", location.uri, why);
  };
  const auto decoded = http::percent_decode(std::string_view(location.uri).substr(std::string_view("file://").size()));
  const bool prefix = location.type == ModelLocation::Type::kPrefix;
  if (!decoded || location.uri.find_first_of("?#") != std::string::npos) return refuse("write %3F for \"?\" and %23 for \"#\"");
  if (!decoded->starts_with('/')) return refuse("write file:///PATH, without a host");
  if (prefix && location.compression == ModelLocation::Compression::kGzip) return refuse("compression Gzip goes with one file");
  std::string_view path = *decoded;
  if (prefix && path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (auto plain = check_path(path.substr(1)); !plain) return std::move(plain).take_error().with("file URI");

  for (std::string_view folder : access.folders) {
    while (folder.ends_with('/')) folder.remove_suffix(1);
    if (path != folder && !(path.starts_with(folder) && path.substr(folder.size()).starts_with('/'))) continue;
    if (path == folder && !prefix) continue;
    std::string below(path == folder ? "." : path.substr(folder.size() + 1));
    return std::unique_ptr<ModelOrigin>(
        std::make_unique<FileOrigin>(location, folder.empty() ? "/" : std::string(folder), std::move(below)));
  }
  return make_error(Code::kPermissionDenied, "{} is below none of the folders that models may come from", location.uri);
}

}  // namespace zeropull::origin
