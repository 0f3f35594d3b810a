// AttachedVolume: a cache volume as an instance uses it: a folder that the operator attached, or an ext4 or EROFS image of one,
// which is mounted read-only over a loop device on `mount_point`. Nothing of a volume is used before its seals, its images'
// metadata and its blobs' sizes were checked; images that fail are left out and named in the log, the others are served.
//
// After the start the agent's background check re-reads every frame (verify_all); a mismatch withdraws the whole volume: images()
// is empty from then on. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "artifact/cache_folder.h"
#include "artifact/keys.h"
#include "base/context.h"
#include "base/result.h"

namespace zeropull::artifact {

class AttachedVolume {
 public:
  // `mount_point` is made and used only when `path` is an image file. kFailedPrecondition when no image of it can be used.
  static Result<std::unique_ptr<AttachedVolume>> attach(const Context& ctx, const std::string& path, const EndpointKey& key,
                                                        const std::string& mount_point);
  // A mount made by attach() stays: containers may run from it. detach() takes it away.
  ~AttachedVolume() = default;

  const std::string& path() const { return path_; }
  const CacheFolder& folder() const { return *folder_; }
  bool withdrawn() const { return withdrawn_; }
  // The checked images; none once withdrawn.
  std::vector<ImagePtr> images() const;

  // Reads and hashes every frame of every image, slowly enough to leave the disk to what starts meanwhile; kDataLoss names the
  // first wrong one, and the volume is withdrawn.
  Result<void> verify_all(const Context& ctx);
  Result<void> detach();

 private:
  AttachedVolume(std::string path, std::string mount_point) : path_(std::move(path)), mount_point_(std::move(mount_point)) {}
  const std::string path_;
  std::string mount_point_;  // empty for a folder
  std::unique_ptr<CacheFolder> folder_;
  std::vector<ImagePtr> images_;
  std::atomic<bool> withdrawn_ = false;
};

}  // namespace zeropull::artifact
