// What every ImageSource must do, as checks that each implementation's test runs on a source of its own that holds this image.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "base/executor.h"
#include "oci/fake_registry.h"
#include "oci/image_source.h"

namespace zeropull::oci {

// Layers of several sizes; the last is empty.
inline std::vector<std::string> conformance_layers() {
  std::string large(3 * kMiB + 5, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761u >> 11);
  return {"first layer", large, ""};
}

inline void check_image_source(ImageSource& source) {
  const auto ctx = Context::root("test", {}, std::chrono::seconds(30));
  const auto layers = conformance_layers();
  const auto config = config_json(layers, {"linux", "amd64"});

  const auto image = MUST(resolve_image(ctx, source, {"linux", "amd64"}));
  EXPECT_EQ(image.config.raw, config);
  EXPECT_EQ(image.manifest.raw, manifest_json(config, layers));
  ASSERT_EQ(image.manifest.layers.size(), layers.size());

  // All layers at once, several times each, from several threads.
  auto fetched = parallel_for(ctx, layers.size() * 4, 6, [&](const Context& each, std::size_t i) -> Result<void> {
    const auto& layer = image.manifest.layers[i % layers.size()];
    auto bytes = TRY(fetch_small_blob(each, source, layer.digest.value, layer.size));
    EXPECT_TRUE(bytes == layers[i % layers.size()]);
    return {};
  });
  EXPECT_TRUE(fetched.ok());

  const BlobSink drop = [](ByteView) -> Result<void> { return {}; };
  const auto& large = image.manifest.layers[1];
  EXPECT_TRUE(source.fetch_blob(ctx, large.digest.value, large.size - 1, drop).failed_with(Code::kDataLoss)) << "wrong size";
  EXPECT_TRUE(source.fetch_blob(ctx, large.digest.value, large.size + 1, drop).failed_with(Code::kDataLoss)) << "wrong size";
  EXPECT_TRUE(source.fetch_blob(ctx, Sha256{}, 5, drop).failed_with(Code::kNotFound));
  EXPECT_TRUE(source.fetch_manifest(ctx, ManifestDigest{}).failed_with(Code::kNotFound));

  int offered = 0;
  auto refused = source.fetch_blob(ctx, large.digest.value, large.size, [&](ByteView) -> Result<void> {
    ++offered;
    return make_error(Code::kUnavailable, "full");
  });
  EXPECT_TRUE(refused.failed_with(Code::kUnavailable)) << "the sink's error is returned";
  EXPECT_EQ(offered, 1) << "and nothing is repeated for it";

  std::stop_source stop;
  const auto stopping = Context::root("test", stop.get_token());
  auto stopped = source.fetch_blob(stopping, large.digest.value, large.size, [&](ByteView) -> Result<void> {
    stop.request_stop();
    return {};
  });
  EXPECT_TRUE(stopped.ok() || stopped.failed_with(Code::kCancelled));
  EXPECT_TRUE(source.fetch_manifest(stopping, std::nullopt).failed_with(Code::kCancelled));
}

}  // namespace zeropull::oci
