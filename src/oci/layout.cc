#include "oci/layout.h"

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "codec/digest.h"
#include "codec/json.h"
#include "oci/limits.h"
#include "os/file.h"

namespace zeropull::oci {

namespace {

constexpr std::size_t kReadSize = 256 * kKiB;
constexpr const char* kRefName = "org.opencontainers.image.ref.name";

// A regular file of the layout; a fifo or device in its place would block or lie about its size.
Result<os::UniqueFd> open_regular(const os::UniqueFd& folder, const std::string& name) {
  auto fd = TRY(os::open_at(folder, name, O_RDONLY | O_NONBLOCK, os::Resolve::kBeneath));
  const auto status = TRY(os::stat_fd(fd.get()));
  if (!S_ISREG(status.st_mode)) return make_error(Code::kInvalidArgument, "{} is not a regular file", name);
  return fd;
}

Result<std::string> read_small(const os::UniqueFd& fd, std::uint64_t size_max) {
  const auto size = TRY(os::file_size(fd.get()));
  if (size > size_max) return make_error(Code::kInvalidArgument, "{} bytes, at most {} are read", size, size_max);
  std::string text(size, '\0');
  TRY(os::read_exactly_at(fd.get(), {reinterpret_cast<std::byte*>(text.data()), text.size()}, 0));
  return text;
}

// containerd writes a full name into the annotation, skopeo the tag alone.
bool carries_tag(const IndexEntry& entry, const std::string& tag) {
  const auto found = entry.annotations.find(kRefName);
  return found != entry.annotations.end() && (found->second == tag || found->second.ends_with(":" + tag));
}

Result<IndexEntry> choose(const Index& index, const std::string& tag) {
  if (tag.empty() && index.entries.size() == 1) return index.entries.front();
  std::string names;
  std::size_t matches = 0;
  for (const auto& entry : index.entries) {
    if (!tag.empty() && carries_tag(entry, tag)) ++matches;
    const auto name = entry.annotations.find(kRefName);
    if (name != entry.annotations.end() && names.size() < 512) names += (names.empty() ? "" : ", ") + name->second;
  }
  if (matches == 1)
    for (const auto& entry : index.entries)
      if (carries_tag(entry, tag)) return entry;
  if (names.empty()) names = "none";
  if (tag.empty())
    return make_error(Code::kInvalidArgument, "holds {} images; name one by its tag ({})", index.entries.size(), names);
  if (matches > 1) return make_error(Code::kInvalidArgument, "holds several images tagged {}", tag);
  return make_error(Code::kNotFound, "no image tagged {}; its tags: {}", tag, names);
}

}  // namespace

Result<std::unique_ptr<ImageSource>> LayoutSource::create(const LayoutReference& reference) {
  const auto open = [&]() -> Result<std::unique_ptr<ImageSource>> {
    auto folder = TRY(os::open_file(reference.folder, O_RDONLY | O_DIRECTORY));
    auto marker = TRY(open_regular(folder, "oci-layout").with_context("is this an OCI image layout?"));
    auto marker_text = TRY(read_small(marker, kKiB).with_context("oci-layout"));
    const auto document = TRY(codec::parse_json(marker_text, {.size_max = kKiB}).with_context("oci-layout"));
    auto version = TRY(codec::json_string(document, "imageLayoutVersion").with_context("oci-layout"));
    if (version != "1.0.0") return make_error(Code::kUnimplemented, "layout version \"{}\"; version 1.0.0 is read", version);
    auto index_file = TRY(open_regular(folder, "index.json"));
    auto index_text = TRY(read_small(index_file, kManifestSizeMax).with_context("index.json"));
    const auto index = TRY(parse_index(index_text).with_context("index.json"));
    auto root = TRY(choose(index, reference.tag));
    return std::unique_ptr<ImageSource>(new LayoutSource(reference, std::move(folder), std::move(root)));
  };
  return open().with_context("{}", oci::describe(reference));
}

Result<os::UniqueFd> LayoutSource::open_blob(const Sha256& digest) const {
  return open_regular(folder_, "blobs/sha256/" + digest.hex());
}

Result<RawManifest> LayoutSource::fetch_manifest(const Context& ctx, const std::optional<ManifestDigest>& digest) {
  TRY(ctx.check());
  const auto& wanted = digest ? *digest : root_.digest;
  auto fd = TRY(open_blob(wanted.value).with_context("manifest {}", wanted));
  auto bytes = TRY(read_small(fd, kManifestSizeMax).with_context("manifest {}", wanted));
  if (codec::sha256(as_bytes(bytes)) != wanted.value)
    return make_error(Code::kDataLoss, "manifest {}: the file holds other bytes; copy the layout again", wanted);
  return RawManifest{std::move(bytes), digest ? "" : root_.media_type};
}

Result<void> LayoutSource::fetch_blob(const Context& ctx, const Sha256& digest, std::uint64_t size, const BlobSink& sink) {
  auto fd = TRY(open_blob(digest));
  const auto present = TRY(os::file_size(fd.get()));
  if (present != size)
    return make_error(Code::kDataLoss, "the file has {} bytes, its manifest says {}; copy the layout again", present, size);
  codec::Sha256Hasher hasher;
  Bytes buffer(std::min<std::uint64_t>(size, kReadSize));
  for (std::uint64_t offset = 0; offset < size;) {
    TRY(ctx.check());
    auto piece = MutableByteView(buffer).first(std::min<std::uint64_t>(buffer.size(), size - offset));
    TRY(os::read_exactly_at(fd.get(), piece, offset));
    hasher.update(piece);
    TRY(sink(piece));
    offset += piece.size();
  }
  if (hasher.finish() != digest) return make_error(Code::kDataLoss, "the file holds other bytes; copy the layout again");
  return {};
}

}  // namespace zeropull::oci
