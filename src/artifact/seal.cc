#include "artifact/seal.h"

#include <fcntl.h>

#include "codec/digest.h"

namespace zeropull::artifact {

Sha256 compute_seal(const EndpointKey& key, ByteView index) { return codec::hmac_sha256(key.seal_key().view(), {index}); }

Result<void> check_seal(const EndpointKey& key, ByteView index, ByteView seal) {
  if (codec::constant_time_equal(compute_seal(key, index).view(), seal)) return {};
  return make_error(
      Code::kDataLoss,
      "the seal does not match the index: one of them was changed, or it was sealed with another key; check --key-file, "
      "or convert the image again");
}

Result<SealedIndex> read_sealed(const os::UniqueFd& image_folder) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW;
  auto index_fd = TRY(os::open_at(image_folder, "index", kFlags, os::Resolve::kBeneath));
  auto seal_fd = TRY(os::open_at(image_folder, "seal", kFlags, os::Resolve::kBeneath));
  auto index = TRY(os::MappedFile::map(index_fd.get()).with_context("index"));
  auto size = TRY(os::file_size(seal_fd.get()));
  if (size != Sha256::kSize)
    return make_error(Code::kDataLoss, "its seal has {} bytes instead of {}; convert the image again", size, Sha256::kSize);
  Bytes seal(Sha256::kSize);
  TRY(os::read_exactly_at(seal_fd.get(), seal, 0).with_context("seal"));
  return SealedIndex{std::move(index), std::move(seal)};
}

}  // namespace zeropull::artifact
