#include "artifact/prefix_image.h"

#include <fcntl.h>

#include <algorithm>

#include "artifact/layer_merge.h"
#include "artifact/layer_table.h"
#include "artifact/verify.h"
#include "codec/stream.h"
#include "erofs/builder.h"
#include "os/file.h"

namespace zeropull::artifact {

namespace {

// The frames of a file that was just written: from the page cache.
Result<FramedBlob> hash_frames(int fd, std::uint64_t size) {
  FrameHasher hasher;
  Bytes buffer(kFrameSize);
  for (std::uint64_t at = 0; at < size; at += kFrameSize) {
    auto piece = MutableByteView(buffer).first(std::min(kFrameSize, size - at));
    TRY(os::read_exactly_at(fd, piece, at));
    hasher.update(piece);
  }
  return hasher.finish();
}

}  // namespace

Result<FramedBlob> write_merged_image(const Context& ctx, const std::vector<std::string>& table_paths, int fd) {
  std::vector<os::MappedFile> files;  // the tables view them
  std::vector<LayerTable> tables;
  files.reserve(table_paths.size());
  tables.reserve(table_paths.size());
  for (const auto& path : table_paths) {
    auto file = TRY(os::MappedFile::open(path));
    auto table = TRY(LayerTable::open(file.bytes()).with_context("layer {} of {}", tables.size() + 1, table_paths.size()));
    files.push_back(std::move(file));
    tables.push_back(std::move(table));
  }
  auto merged = TRY(merge_layers(ctx, tables).with_context("merge the layers"));
  std::vector<erofs::DeviceInfo> devices;
  devices.reserve(merged.devices.size());
  for (const auto& blob : merged.devices) devices.push_back({.size_bytes = blob.size});
  auto written = TRY(erofs::write_image(merged.tree, devices, fd).with_context("write the metadata image"));
  return hash_frames(fd, written.size_bytes);
}

Result<void> build_prefix_image(const Context& ctx, const CacheFolder& folder, const ArtifactIndex& index, std::size_t layers,
                                const std::string& path) {
  std::vector<std::string> tables;
  for (std::size_t i = 0; i < layers; ++i) {
    auto blob = index.image().layers[i].tree_blob;
    TRY(check_blob(ctx, folder, index, blob));
    tables.push_back(folder.blob_path(index.blobs()[blob].id));
  }
  auto fd = TRY(os::open_file(path, O_RDWR | O_CREAT | O_EXCL));
  TRY(write_merged_image(ctx, tables, fd.get()));
  TRY(os::sync_fd(fd.get()));
  return fd.close();
}

Result<Sha256> hash_file(const std::string& path) {
  auto fd = TRY(os::open_file(path, O_RDONLY));
  codec::FdSource file(fd.get());
  codec::HashingSource hashing(file);
  TRY(codec::drain(hashing).with_context("{}", path));
  return hashing.finish();
}

}  // namespace zeropull::artifact
