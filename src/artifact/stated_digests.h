// StatedDigests: compares a stream of bytes with the MD5 and SHA-256 that an origin states of it. One thread at a time.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/digest.h"
#include "origin/origin.h"

namespace zeropull::artifact {

class StatedDigests {
 public:
  explicit StatedDigests(const origin::ModelFile& file) : file_(file) {
    if (file.md5) md5_.emplace();
    if (file.sha256) sha256_.emplace();
  }
  bool any() const { return md5_ || sha256_; }
  void update(ByteView bytes) {
    if (md5_) md5_->update(bytes);
    if (sha256_) sha256_->update(bytes);
  }
  // After the last byte. kDataLoss names the file and both digests.
  Result<void> finish() {
    if (md5_) TRY(compare("MD5", *file_.md5, to_hex(md5_->finish())));
    if (sha256_) TRY(compare("SHA-256", *file_.sha256, sha256_->finish().hex()));
    return {};
  }

 private:
  Result<void> compare(std::string_view what, const std::string& stated, const std::string& actual) const {
    if (actual == stated) return {};
    return make_error(Code::kDataLoss, "model file {:?}: its bytes have the {} {}, its origin states {}: upload it again",
                      file_.path, what, actual, stated);
  }
  const origin::ModelFile& file_;
  std::optional<codec::Md5Hasher> md5_;
  std::optional<codec::Sha256Hasher> sha256_;
};

}  // namespace zeropull::artifact
