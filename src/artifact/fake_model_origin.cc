#include "artifact/fake_model_origin.h"

#include <algorithm>

#include "base/units.h"
#include "codec/digest.h"

namespace zeropull::artifact {

void FakeModelOrigin::add(const std::string& path, std::string bytes) {
  codec::Md5Hasher md5;
  md5.update(as_bytes(bytes));
  auto digest = to_hex(md5.finish());
  stated_[path] = {.path = path, .size = bytes.size(), .etag = digest, .md5 = digest, .sha256 = {}, .ranged = ranged_};
  bytes_[path] = std::move(bytes);
}

void FakeModelOrigin::flip_bit(const std::string& path, std::size_t at) {
  char& byte = bytes_.at(path).at(at);
  byte = static_cast<char>(byte ^ 1);
}

Result<origin::ModelListing> FakeModelOrigin::list(const Context&) {
  origin::ModelListing listing{.form = form_, .files = {}, .identity = {}};
  std::string text;
  for (const auto& [path, file] : stated_) {
    listing.files.push_back(file);
    text += path + "\n" + file.etag + "\n";
  }
  listing.identity = codec::sha256(as_bytes(text)).hex();
  return listing;
}

Result<void> FakeModelOrigin::read(const Context& ctx, const origin::ModelFile& file, std::uint64_t offset, std::uint64_t length,
                                   const origin::ByteSink& sink) {
  if (!file.ranged && offset != 0) return make_error(Code::kInternal, "{} is read from the front alone", file.path);
  auto left = as_bytes(bytes_.at(file.path)).subspan(offset, length);
  while (!left.empty()) {
    TRY(ctx.check());
    auto piece = left.first(std::min<std::size_t>(left.size(), 48 * kKiB + 1));  // never a frame's boundary
    TRY(sink(piece));
    bytes_read_ += piece.size();
    left = left.subspan(piece.size());
  }
  return {};
}

}  // namespace zeropull::artifact
