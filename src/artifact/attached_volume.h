// AttachedVolume: a cache volume as an instance uses it: a folder that the operator attached, or an ext4 or EROFS image of one,
// which is mounted read-only over a loop device on `mount_point`. Nothing of a volume is used before its seals, its images'
// metadata and its blobs' sizes were checked; images that fail are left out and named in the log, the others are served.
//
// After the start the agent's background check re-reads every frame (verify_all); a mismatch withdraws the whole volume:
// images(), and models() are empty from then on. Thread-safe.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "artifact/cache_folder.h"
#include "artifact/keys.h"
#include "base/context.h"
#include "base/guarded.h"
#include "base/result.h"

namespace zeropull::artifact {

class AttachedVolume {
 public:
  // `mount_point` is made and used only when `path` is an image file. kFailedPrecondition when nothing of it can be used.
  static Result<std::unique_ptr<AttachedVolume>> attach(const Context& ctx, const std::string& path, const EndpointKey& key,
                                                        const std::string& mount_point);
  // A mount made by attach() stays: containers may run from it. detach() takes it away.
  ~AttachedVolume() = default;

  const std::string& path() const { return path_; }
  const CacheFolder& folder() const { return *folder_; }
  bool withdrawn() const { return withdrawn_; }
  // What was checked; nothing once withdrawn.
  std::vector<ImagePtr> images() const;
  ArtifactPtr find(const ArtifactName& name) const;
  // Why find() gives none: "not found", "withdrawn", or what is wrong with it.
  std::string why_not(const ArtifactName& name) const;
  // Looks again: whoever owns the volume may have added artifacts. Those that were checked already are not checked again.
  Result<void> refresh(const Context& ctx);

  // Reads and hashes every frame of everything, slowly enough to leave the disk to what starts meanwhile; kDataLoss names the
  // first wrong one, and the volume is withdrawn.
  Result<void> verify_all(const Context& ctx);
  Result<void> detach();

 private:
  AttachedVolume(std::string path, std::string mount_point) : path_(std::move(path)), mount_point_(std::move(mount_point)) {}
  Result<void> check_all(const Context& ctx);
  const std::string path_;
  std::string mount_point_;  // empty for a folder
  std::unique_ptr<CacheFolder> folder_;
  struct Checked {
    std::map<ArtifactName, ArtifactPtr> good;
    std::map<std::string, std::string> bad;  // path of the artifact's folder, and what is wrong
  };
  mutable Guarded<Checked> checked_;
  std::atomic<bool> withdrawn_ = false;
};

}  // namespace zeropull::artifact
