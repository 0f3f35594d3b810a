#include "artifact/index.h"

#include <cstring>
#include <set>

#include "artifact/index_head.h"
#include "base/check.h"
#include "codec/digest.h"

namespace zeropull::artifact {

namespace {

// magic 8, version 4, head length 4; then the head, zeros up to a multiple of kTableAlignment, the table, the end.
constexpr std::string_view kMagic{"ZPINDEX\0", 8};
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kHeadLengthAt = 12;
constexpr std::size_t kPrefixSize = 16;
constexpr std::uint64_t kTableAlignment = 64;

ByteView view_of(const std::variant<Bytes, os::MappedFile>& storage) {
  if (const auto* bytes = std::get_if<Bytes>(&storage)) return *bytes;
  return std::get_if<os::MappedFile>(&storage)->bytes();
}

std::span<const std::byte, kFrameEntrySize> entry_at(ByteView table, std::uint64_t number) {
  return table.subspan(number * kFrameEntrySize).first<kFrameEntrySize>();
}

// Where a frame rests must lie in a pack of its blob, and no frame is stored larger than plain.
Result<void> check_place(const FrameEntry& frame, const BlobDescription& blob, std::uint64_t length) {
  if (!frame.in_pack()) return {};
  if (frame.pack >= blob.packs.size()) return make_error(Code::kInvalidArgument, "no pack {}", frame.pack);
  if (std::uint64_t{frame.offset} + frame.stored_length > kPackSizeMax) {
    return make_error(Code::kInvalidArgument, "its place is beyond a pack's end");
  }
  if (frame.stored_length > length + kTagSize) return make_error(Code::kInvalidArgument, "stored larger than it is");
  bool exact = frame.stored_length == length + kTagSize;
  if (exact != (frame.codec == FrameCodec::kStored)) return make_error(Code::kInvalidArgument, "stored with a wrong length");
  return {};
}

// Decodes every frame of the table, and holds each blob's id against its frames' hashes.
Result<void> check_table(ByteView table, const std::vector<BlobDescription>& blobs) {
  std::vector<Sha256> hashes;
  for (const BlobDescription& blob : blobs) {
    hashes.clear();
    for (std::uint64_t number = 0; number < blob.frames(); ++number) {
      auto frame = TRY(decode_frame(entry_at(table, blob.first_frame + number)).with_context("{} frame {}", blob.id, number));
      auto length = frame_length(blob.size, blob.frame_size, number);
      TRY(check_place(frame, blob, length).with_context("{} frame {}", blob.id, number));
      hashes.push_back(frame.sha256);
    }
    if (compute_blob_id(blob.size, blob.frame_size, hashes) != blob.id) {
      return make_error(Code::kInvalidArgument, "the frame hashes are not those of {}", blob.id);
    }
  }
  return {};
}

}  // namespace

BlobContents BlobContents::local(BlobRole role, std::uint64_t size, std::span<const Sha256> hashes) {
  CHECK(hashes.size() == frame_count(size, kFrameSize));
  BlobContents blob;
  blob.role = role;
  blob.id = compute_blob_id(size, kFrameSize, hashes);
  blob.size = size;
  blob.frames.reserve(hashes.size());
  for (const Sha256& hash : hashes) {
    FrameEntry frame;
    frame.sha256 = hash;
    blob.frames.push_back(frame);
  }
  return blob;
}

ChainId next_chain_id(const std::optional<ChainId>& parent, const DiffId& layer) {
  if (!parent) return ChainId{layer.value};
  return ChainId{codec::sha256(as_bytes(parent->text() + " " + layer.text()))};
}

std::vector<BlobNumber> prefix_devices(const ImageDescription& image, std::size_t layers) {
  std::vector<BlobNumber> devices;
  std::set<BlobNumber> seen;
  for (std::size_t i = 0; i < layers; ++i) {
    const auto& blob = image.layers[i].data_blob;
    if (blob && seen.insert(*blob).second) devices.push_back(*blob);
  }
  return devices;
}

ArtifactName name_of(const Description& description) {
  if (const auto* image = std::get_if<ImageDescription>(&description)) return image->manifest_digest;
  return std::get_if<ModelDescription>(&description)->identity;
}

Result<Bytes> encode_index(const IndexContents& contents) {
  IndexHead head;
  head.description = contents.description;
  for (const BlobContents& blob : contents.blobs) {
    BlobDescription description;
    description.role = blob.role;
    description.id = blob.id;
    description.size = blob.size;
    description.first_frame = head.frames;
    description.packs = blob.packs;
    if (blob.frames.size() != description.frames()) {
      return make_error(Code::kInvalidArgument, "index: {} has {} frames instead of {}", blob.id, blob.frames.size(),
                        description.frames());
    }
    head.frames += description.frames();
    head.blobs.push_back(std::move(description));
  }
  std::string text = encode_head(head);
  std::uint64_t table_offset = align_up(kPrefixSize + text.size(), kTableAlignment);
  Bytes bytes(table_offset + head.frames * kFrameEntrySize);
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  store_le<std::uint32_t>(bytes.data() + kVersionAt, kIndexVersion);
  store_le<std::uint32_t>(bytes.data() + kHeadLengthAt, static_cast<std::uint32_t>(text.size()));
  std::memcpy(bytes.data() + kPrefixSize, text.data(), text.size());
  auto out = MutableByteView(bytes).subspan(table_offset);
  for (const BlobContents& blob : contents.blobs) {
    for (const FrameEntry& frame : blob.frames) {
      encode_frame(frame, out.first<kFrameEntrySize>());
      out = out.subspan(kFrameEntrySize);
    }
  }
  // What we write must be what we read: the reader's checks are the writer's too.
  auto read_back = ArtifactIndex::from_bytes(std::move(bytes));
  if (!read_back.ok()) return Error(Code::kInvalidArgument, read_back.error().message());
  return to_bytes(read_back->bytes());
}

Result<ArtifactIndex> ArtifactIndex::open(const std::string& path) {
  auto file = TRY(os::MappedFile::open(path));
  return from_file(std::move(file)).with_context("{}", path);
}

Result<ArtifactIndex> ArtifactIndex::from_file(os::MappedFile file) { return parse(Storage(std::move(file))); }

Result<ArtifactIndex> ArtifactIndex::from_bytes(Bytes bytes) { return parse(Storage(std::move(bytes))); }

Result<ArtifactIndex> ArtifactIndex::parse(Storage storage) {
  ArtifactIndex index(std::move(storage));
  ByteView bytes = index.bytes();
  if (bytes.size() < kPrefixSize || as_text(bytes.first(kMagic.size())) != kMagic) {
    return make_error(Code::kDataLoss, "not an artifact index");
  }
  auto version = load_le<std::uint32_t>(bytes.data() + kVersionAt);
  if (version != kIndexVersion) {
    return make_error(Code::kUnimplemented,
                      "artifact index of version {}; this program knows version {}: upgrade it, or convert the image again",
                      version, kIndexVersion);
  }
  std::uint64_t head_length = load_le<std::uint32_t>(bytes.data() + kHeadLengthAt);
  index.table_offset_ = align_up(kPrefixSize + head_length, kTableAlignment);
  if (head_length > kIndexHeadMax || index.table_offset_ > bytes.size()) {
    return make_error(Code::kDataLoss, "artifact index: its head ends beyond its end");
  }
  if (!all_zero(bytes.subspan(kPrefixSize + head_length, index.table_offset_ - kPrefixSize - head_length))) {
    return make_error(Code::kDataLoss, "artifact index: padding is not zero");
  }
  auto checked = [&]() -> Result<IndexHead> {
    auto head = TRY(parse_head(as_text(bytes.subspan(kPrefixSize, head_length))));
    TRY(check_head(head));
    if (bytes.size() - index.table_offset_ != head.frames * kFrameEntrySize) {
      return make_error(Code::kDataLoss, "the frame table has {} bytes, {} frames need {}", bytes.size() - index.table_offset_,
                        head.frames, head.frames * kFrameEntrySize);
    }
    TRY(check_table(bytes.subspan(index.table_offset_), head.blobs));
    return head;
  }();
  if (!checked.ok()) return Error(Code::kDataLoss, "artifact index: " + checked.error().message());
  index.frames_ = checked->frames;
  index.description_ = std::move(checked->description);
  index.blobs_ = std::move(checked->blobs);
  return index;
}

BlobNumber ArtifactIndex::metadata_number() const {
  if (const auto* image = std::get_if<ImageDescription>(&description_)) return image->metadata_blob;
  return model().metadata_blob;
}

std::vector<BlobNumber> ArtifactIndex::devices() const {
  if (const auto* image = std::get_if<ImageDescription>(&description_)) return prefix_devices(*image, image->layers.size());
  std::vector<BlobNumber> devices;
  if (model().data_blob) devices.push_back(*model().data_blob);
  return devices;
}

ByteView ArtifactIndex::bytes() const { return view_of(storage_); }

FrameEntry ArtifactIndex::frame(const BlobDescription& blob, std::uint64_t number) const {
  CHECK(number < blob.frames() && blob.first_frame + number < frames_);
  return MUST(decode_frame(entry_at(bytes().subspan(table_offset_), blob.first_frame + number)));
}

std::optional<BlobNumber> ArtifactIndex::find_blob(const BlobId& id) const {
  for (BlobNumber number = 0; number < blobs_.size(); ++number) {
    if (blobs_[number].id == id) return number;
  }
  return std::nullopt;
}

std::uint64_t ArtifactIndex::total_size() const {
  std::uint64_t total = 0;
  for (const auto& blob : blobs_) total += blob.size;
  return total;
}

BlobContents ArtifactIndex::blob_contents(BlobNumber number) const {
  CHECK(number < blobs_.size());
  const BlobDescription& blob = blobs_[number];
  BlobContents contents;
  contents.role = blob.role;
  contents.id = blob.id;
  contents.size = blob.size;
  contents.packs = blob.packs;
  contents.frames.reserve(blob.frames());
  for (std::uint64_t i = 0; i < blob.frames(); ++i) contents.frames.push_back(frame(blob, i));
  return contents;
}

IndexContents ArtifactIndex::contents() const {
  IndexContents contents;
  contents.description = description_;
  contents.blobs.reserve(blobs_.size());
  for (BlobNumber number = 0; number < blobs_.size(); ++number) contents.blobs.push_back(blob_contents(number));
  return contents;
}

}  // namespace zeropull::artifact
