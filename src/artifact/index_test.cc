#include "artifact/index.h"

#include <gtest/gtest.h>

#include "artifact/sample_image.h"
#include "codec/digest.h"

namespace zeropull::artifact {
namespace {

// The sample as if it were in a store: frames of every codec.
IndexContents placed_contents() {
  auto contents = make_sample(3).contents;
  BlobContents& blob = contents.blobs[2];
  blob.packs = {codec::sha256(as_bytes("first")), codec::sha256(as_bytes("second"))};
  blob.frames[0].codec = FrameCodec::kStored;
  blob.frames[0].stored_length = static_cast<std::uint32_t>(kFrameSize + kTagSize);
  blob.frames[0].nonce.fill(std::byte{9});
  blob.frames[1].codec = FrameCodec::kZstd;
  blob.frames[1].pack = 1;
  blob.frames[1].offset = 1234;
  blob.frames[1].stored_length = 5678;
  blob.frames[2].codec = FrameCodec::kZero;
  return contents;
}

TEST(Index, reads_what_it_wrote) {
  auto contents = placed_contents();
  auto index = MUST(ArtifactIndex::from_bytes(MUST(encode_index(contents))));
  EXPECT_EQ(index.contents(), contents);
  EXPECT_EQ(index.frame(index.blobs()[2], 1), contents.blobs[2].frames[1]);
  EXPECT_EQ(index.find_blob(contents.blobs[4].id), BlobNumber{4});
  EXPECT_EQ(index.metadata_blob().role, BlobRole::kMetadata);
}

TEST(Index, bytes_are_the_golden_ones) {
  auto bytes = MUST(encode_index(placed_contents()));
  std::string path = std::string(ZP_SOURCE_DIR) + "/tests/data/artifact-index-v1";
  if (std::getenv("ZP_UPDATE_GOLDEN") != nullptr) MUST(os::replace_file(path, bytes, 0644));
  EXPECT_EQ(bytes, MUST(os::read_file(path, kMiB))) << "the format changed: raise kIndexVersion and keep reading version 1";
}

IndexContents model_contents() {
  auto sample = placed_contents();
  IndexContents contents;
  ModelDescription model;
  model.identity = ModelIdentity{sample.blobs[0].id.value};
  model.origin_size = 12345;
  model.metadata_blob = 0;
  model.tree_blob = 1;
  model.data_blob = 2;
  contents.description = model;
  contents.blobs = {sample.blobs[0], sample.blobs[1], sample.blobs[2]};
  return contents;
}

TEST(Index, of_a_model_reads_what_it_wrote) {
  for (auto form : {ModelForm::kTree, ModelForm::kTar}) {
    auto contents = model_contents();
    std::get<ModelDescription>(contents.description).form = form;
    auto index = MUST(ArtifactIndex::from_bytes(MUST(encode_index(contents))));
    EXPECT_EQ(index.contents(), contents);
    EXPECT_EQ(index.name(), ArtifactName(contents.model().identity));
    EXPECT_EQ(index.devices(), std::vector<BlobNumber>{2});
  }
  auto empty = model_contents();
  std::get<ModelDescription>(empty.description).data_blob.reset();
  empty.blobs.pop_back();
  EXPECT_TRUE(MUST(ArtifactIndex::from_bytes(MUST(encode_index(empty)))).devices().empty());
}

TEST(Index, of_a_model_refuses_blobs_of_another_role) {
  for (auto member : {&ModelDescription::metadata_blob, &ModelDescription::tree_blob}) {
    auto contents = model_contents();
    std::get<ModelDescription>(contents.description).*member = 2;
    EXPECT_TRUE(encode_index(contents).failed_with(Code::kInvalidArgument));
  }
  auto contents = model_contents();
  std::get<ModelDescription>(contents.description).data_blob = 9;
  EXPECT_TRUE(encode_index(contents).failed_with(Code::kInvalidArgument));
}

TEST(Index, refuses_an_unknown_version_clearly) {
  auto bytes = MUST(encode_index(placed_contents()));
  store_le<std::uint32_t>(bytes.data() + 8, 2);
  auto index = ArtifactIndex::from_bytes(bytes);
  ASSERT_TRUE(index.failed_with(Code::kUnimplemented));
  EXPECT_NE(index.error().message().find("version 2"), std::string::npos);
}

TEST(Index, refuses_every_truncation_and_every_extension) {
  auto bytes = MUST(encode_index(placed_contents()));
  for (std::size_t size = 0; size < bytes.size(); size += size < 64 ? 1 : 61) {
    EXPECT_FALSE(ArtifactIndex::from_bytes(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))).ok()) << size;
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(ArtifactIndex::from_bytes(bytes).ok());
}

TEST(Index, a_changed_frame_hash_does_not_match_the_blob) {
  auto contents = placed_contents();
  auto bytes = MUST(encode_index(contents));
  // The table is the last 64 bytes a frame; each hash stands first in its entry.
  std::size_t frames = 0;
  for (const auto& blob : contents.blobs) frames += blob.frames.size();
  for (std::size_t frame = 0; frame < frames; ++frame) {
    auto changed = bytes;
    changed[bytes.size() - (frames - frame) * kFrameEntrySize + 5] ^= std::byte{4};
    EXPECT_TRUE(ArtifactIndex::from_bytes(changed).failed_with(Code::kDataLoss)) << frame;
  }
}

// Each change makes contents that do not hold together; the writer must refuse them, and with it the reader.
TEST(Index, refuses_contents_that_do_not_hold_together) {
  struct Case {
    const char* name;
    void (*change)(IndexContents&);
  };
  const Case cases[] = {
      {"manifest", [](IndexContents& c) { c.image().manifest += " "; }},
      {"config", [](IndexContents& c) { c.image().config += " "; }},
      {"chain", [](IndexContents& c) { c.image().layers[1].chain_id = c.image().layers[0].chain_id; }},
      {"layer order", [](IndexContents& c) { std::swap(c.image().layers[0], c.image().layers[1]); }},
      {"metadata role", [](IndexContents& c) { c.image().metadata_blob = 1; }},
      {"metadata range", [](IndexContents& c) { c.image().metadata_blob = 99; }},
      {"tree role", [](IndexContents& c) { c.image().layers[0].tree_blob = 2; }},
      {"data range", [](IndexContents& c) { c.image().layers[0].data_blob = 5; }},
      {"blob id", [](IndexContents& c) { c.blobs[1].id = c.blobs[0].id; }},
      {"blob size", [](IndexContents& c) { ++c.blobs[1].size; }},
      {"empty blob", [](IndexContents& c) { c.blobs[1] = BlobContents::local(BlobRole::kLayerTree, 0, {}); }},
      {"missing frame", [](IndexContents& c) { c.blobs[2].frames.pop_back(); }},
      {"swapped frames", [](IndexContents& c) { std::swap(c.blobs[2].frames[0].sha256, c.blobs[2].frames[1].sha256); }},
      {"pack number", [](IndexContents& c) { c.blobs[2].frames[1].pack = 2; }},
      {"pack offset", [](IndexContents& c) { c.blobs[2].frames[1].offset = kPackSizeMax; }},
      {"stored length", [](IndexContents& c) { c.blobs[2].frames[0].stored_length -= 1; }},
      {"zstd larger", [](IndexContents& c) { c.blobs[2].frames[1].stored_length = kFrameSize + kTagSize; }},
      {"empty frame", [](IndexContents& c) { c.blobs[2].frames[1].stored_length = kTagSize; }},
      {"placed zero", [](IndexContents& c) { c.blobs[2].frames[2].offset = 1; }},
      {"layers", [](IndexContents& c) { c.image().layers.resize(kLayersMax + 1, c.image().layers[0]); }},
      {"long reference", [](IndexContents& c) { c.image().references[0].reference.assign(kHeadTextMax + 1, 'a'); }},
      {"large manifest", [](IndexContents& c) { c.image().manifest.assign(kManifestSizeMax + 1, 'a'); }},
  };
  for (const Case& one : cases) {
    auto contents = placed_contents();
    one.change(contents);
    EXPECT_TRUE(encode_index(contents).failed_with(Code::kInvalidArgument)) << one.name;
  }
}

// Whatever one flipped bit makes of an index, reading it must not crash, and what is accepted must hold together (the seal finds
// the rest).
TEST(Index, survives_a_flip_of_any_byte) {
  auto bytes = MUST(encode_index(placed_contents()));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] ^= std::byte{1};
    auto index = ArtifactIndex::from_bytes(changed);
    if (!index.ok()) continue;
    EXPECT_TRUE(encode_index(index->contents()).ok()) << i;
  }
}

TEST(ChainId, follows_the_image_specification) {
  DiffId first{codec::sha256(as_bytes("first"))};
  DiffId second{codec::sha256(as_bytes("second"))};
  EXPECT_EQ(next_chain_id(std::nullopt, first).text(), first.text());
  EXPECT_EQ(next_chain_id(next_chain_id(std::nullopt, first), second).value,
            codec::sha256(as_bytes(first.text() + " " + second.text())));
}

}  // namespace
}  // namespace zeropull::artifact
