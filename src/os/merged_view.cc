#include "os/merged_view.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "os/file.h"
#include "os/mount.h"

namespace zeropull::os {

namespace {

constexpr int kFolderFlags = O_PATH | O_DIRECTORY;

// The lower folders go to overlayfs as descriptors, since mount(2) takes one page of options and fsconfig(2), before Linux 6.7,
// 255 bytes for all of them together.
Result<std::string> lower_option(const std::vector<UniqueFd>& folders) {
  std::string option = "lowerdir=";
  for (const UniqueFd& folder : folders) {
    if (!option.ends_with('=')) option += ':';
    option += fmt::format("/proc/self/fd/{}", folder.get());
  }
  auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  if (option.size() >= page) return make_error(Code::kOutOfRange, "{} folders are too many for one overlay", folders.size());
  return option;
}

}  // namespace

Result<UniqueFd> open_merged_view(const std::vector<std::string>& folders, const std::string& scratch_parent) {
  std::vector<UniqueFd> opened;
  for (const std::string& name : folders) {
    auto folder = TRY(open_file(name, kFolderFlags));
    opened.push_back(std::move(folder));
  }
  if (opened.empty()) return make_error(Code::kInvalidArgument, "no folders to merge");
  if (opened.size() == 1) return std::move(opened.front());

  std::string option = TRY(lower_option(opened));
  auto scratch = TRY(ScratchFolder::create(scratch_parent, "zeropull-view-"));
  if (::mount("overlay", scratch.path().c_str(), "overlay", MS_RDONLY, option.c_str()) != 0) {
    return errno_error(errno, fmt::format("mount a read-only overlay of {} folders", folders.size()));
  }
  auto view = open_file(scratch.path(), kFolderFlags);
  TRY(unmount(scratch.path(), Unmount::kLazily));
  return view;
}

}  // namespace zeropull::os
