// BlobTransfer: one blob on its way, over as many attempts and hosts as it takes. It keeps what was delivered and hashed, so that
// the next attempt goes on from there. Belongs to one thread.
#pragma once

#include <optional>

#include "codec/digest.h"
#include "http/range.h"
#include "oci/endpoint.h"
#include "oci/image_source.h"

namespace zeropull::oci {

class BlobTransfer {
 public:
  BlobTransfer(const Sha256& digest, std::uint64_t size, const BlobSink& sink) : digest_(digest), size_(size), sink_(sink) {}

  // One attempt at one host. kUnavailable: broken before the end, worth another one; kDataLoss: the host does not have the blob
  // as the manifest says; kAborted: the sink refused, see sink_error().
  Result<http::Response> attempt(const Context& ctx, Endpoint& endpoint);
  bool complete() const { return delivered_ == size_; }
  std::uint64_t delivered() const { return delivered_; }
  std::optional<Error>& sink_error() { return sink_error_; }
  // Of a complete transfer.
  Result<void> verify();

 private:
  Result<void> check_head(const http::Response& head);
  Result<void> take(ByteView data);
  Error ended_early(Error why);

  const Sha256 digest_;
  const std::uint64_t size_;
  const BlobSink& sink_;
  codec::Sha256Hasher hasher_;
  std::uint64_t delivered_ = 0;  // given to the sink and hashed
  std::optional<Error> sink_error_;
  std::uint64_t skip_ = 0;  // of this attempt: bytes that come again and were delivered before
  std::uint64_t ended_at_ = 0;
  int ends_there_ = 0;  // answered attempts in a row that ended at ended_at_
};

}  // namespace zeropull::oci
