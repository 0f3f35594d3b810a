#include "artifact/cache_writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>

#include "artifact/references.h"
#include "artifact/seal.h"

namespace zeropull::artifact {

namespace {

// Puts `from` in the place of `to`, which may be absent. When it was there it is at `from` afterwards.
Result<void> exchange_folder(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno == EEXIST && renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return {};
  return os::errno_error(errno, fmt::format("rename {} to {}", from, to));
}

}  // namespace

PendingBlob::~PendingBlob() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

CacheWriter::~CacheWriter() {
  if (!held_) return;
  auto mine = held_->lock();
  auto all = folder_->held_.lock();
  for (const BlobId& id : *mine) all->extract(id);  // one of them
}

bool CacheWriter::hold(const BlobId& id, std::uint64_t size) {
  held_->lock()->push_back(id);
  folder_->held_.lock()->insert(id);
  return folder_->has_blob(id, size);  // after that: an eviction has removed it by now, or will not
}

Result<PendingBlob> CacheWriter::create_blob(BlobWrites writes) {
  std::string path = folder_->temporary_path("blob");
  auto fd = TRY(os::open_file(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  PendingBlob blob(std::move(fd), path);
  if (writes == BlobWrites::kCached) return blob;
  auto direct = os::open_file(path, O_RDWR | O_NOFOLLOW | O_DIRECT);
  if (direct.ok()) blob.fd_ = std::move(direct).take();
  if (!direct.ok() && direct.error().errno_value() != EINVAL) return std::move(direct).take_error();
  return blob;
}

Result<void> CacheWriter::adopt(PendingBlob blob, const BlobId& id, std::uint64_t size) {
  auto written = TRY(os::file_size(blob.fd()));
  if (written != size) return make_error(Code::kInternal, "blob {} was written with {} bytes instead of {}", id, written, size);
  folder_->step("sync blob");
  TRY(os::sync_fd(blob.fd()).with_context("blob {}", id));
  folder_->step("rename blob");
  (void)hold(id, size);
  TRY(os::rename_path(blob.path(), folder_->blob_path(id)));
  blob.path_.clear();
  return blob.fd_.close().with_context("blob {}", id);
}

Result<void> CacheWriter::publish(IndexContents contents) {
  auto name = contents.name();
  return folder_->publish(std::move(contents)).with_context("publish {} in {}", name, folder_->path());
}

Result<void> CacheFolder::publish(IndexContents contents) {
  step("sync blobs");
  TRY(os::sync_folder(path_ + "/blobs"));
  {
    auto lock = TRY(lock_artifacts());
    TRY(replace_locked(std::move(contents)));
  }
  return refresh();
}

Result<void> CacheFolder::replace_locked(IndexContents contents) {
  for (const BlobContents& blob : contents.blobs) {
    if (has_blob(blob.id, blob.size)) continue;
    return make_error(Code::kFailedPrecondition, "blob {} ({}) is not here with its {} bytes", blob.id, role_name(blob.role),
                      blob.size);
  }
  std::string place = artifact_path(contents.name());
  if (auto* image = std::get_if<ImageDescription>(&contents.description)) {
    auto older = load(place);  // a broken one is replaced like none
    merge_references(image->references, older.ok() ? (*older)->image().references : std::vector<ResolvedReference>{});
  }
  auto index = TRY(encode_index(contents));
  std::string temporary = temporary_path("artifact");
  step("make artifact's folder");
  TRY(os::ensure_folder(temporary));
  step("write index");
  TRY(os::create_file(temporary + "/index", index));
  step("write seal");
  TRY(os::create_file(temporary + "/seal", compute_seal(*options_.key, index).view()));
  step("rename artifact");
  TRY(exchange_folder(temporary, place));
  step("sync artifacts");
  TRY(os::sync_folder(os::parent_folder(place)));
  step("remove older artifact");
  return os::remove_tree(temporary);
}

}  // namespace zeropull::artifact
