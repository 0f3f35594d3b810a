#include "oci/image_source.h"

namespace zeropull::oci {

Result<std::string> fetch_small_blob(const Context& ctx, ImageSource& source, const Sha256& digest, std::uint64_t size) {
  for (;;) {
    std::string bytes;
    auto fetched = source.fetch_blob(ctx, digest, size, [&](ByteView piece) -> Result<void> {
      bytes += as_text(piece);
      return {};
    });
    if (fetched.failed_with(Code::kAborted)) continue;
    TRY(std::move(fetched));
    return bytes;
  }
}

namespace {

Result<Image> resolve(const Context& ctx, ImageSource& source, const Platform& platform) {
  auto raw = TRY(source.fetch_manifest(ctx, std::nullopt));
  auto document = TRY(parse_manifest(std::move(raw.bytes), raw.media_type).with_context("manifest"));
  if (const auto* index = std::get_if<Index>(&document)) {
    const auto entry = TRY(select_platform(*index, platform));
    raw = TRY(source.fetch_manifest(ctx, entry.digest));
    if (raw.bytes.size() != entry.size)
      return make_error(Code::kDataLoss, "manifest {} has {} bytes, its index says {}", entry.digest, raw.bytes.size(),
                        entry.size);
    document = TRY(parse_manifest(std::move(raw.bytes), entry.media_type).with_context("manifest {}", entry.digest));
  }
  auto* manifest = std::get_if<Manifest>(&document);
  if (manifest == nullptr) return make_error(Code::kInvalidArgument, "the entry for {} is an index again", platform.text());
  auto config_bytes = TRY(fetch_small_blob(ctx, source, manifest->config.value, manifest->config_size)
                              .with_context("configuration {}", manifest->config));
  auto config = TRY(parse_config(std::move(config_bytes)).with_context("configuration {}", manifest->config));
  TRY(check_layers(*manifest, config));
  return Image{std::move(*manifest), std::move(config)};
}

}  // namespace

Result<Image> resolve_image(const Context& ctx, ImageSource& source, const Platform& platform) {
  return resolve(ctx, source, platform).with_context("{}", source.describe());
}

}  // namespace zeropull::oci
