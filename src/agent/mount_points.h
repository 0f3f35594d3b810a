// MountPoints: EROFS mounts below one folder, each under a name of ours, with the cache folder that each stands on. Mounts
// outlive the agent: a new one finds them in /proc/self/mountinfo, and what they stand on in a file beside them. Not thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "artifact/image_mount.h"
#include "base/result.h"

namespace zeropull::agent {

class MountPoints {
 public:
  // Mounts go to <folder>/<name>; where they come from is written in <folder>-sources/<name>.
  static Result<MountPoints> open(std::string folder, artifact::FileDirectIo file_direct_io);

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  bool mounted(const std::string& name) const { return mounted_.contains(name); }
  // The cache folder that it was mounted from; empty when that is not known any more.
  const std::string& source(const std::string& name) const { return mounted_.at(name); }
  std::vector<std::string> names() const;  // mounted, and folders of mounts that are gone

  // `name` is not mounted.
  Result<void> mount(const std::string& name, const artifact::ImageFiles& files, const std::string& source);
  // Lazily: what still runs on it goes on. Absent is fine.
  Result<void> unmount(const std::string& name);

 private:
  MountPoints(std::string folder, artifact::FileDirectIo file_direct_io)
      : folder_(std::move(folder)), file_direct_io_(file_direct_io) {}
  std::string source_file(const std::string& name) const { return folder_ + "-sources/" + name; }
  std::string folder_;
  artifact::FileDirectIo file_direct_io_;
  std::map<std::string, std::string> mounted_;  // name -> source
};

}  // namespace zeropull::agent
