// The layer worker: a child process that unpacks one layer in a sandbox. The parent streams the compressed bytes into it and
// gives it two empty files, for the blob and the layer tree table; the child answers with the LayerSummary and ends.
//
// run_layer_worker() is the parent's side, called from the threads of a conversion. layer_worker_main() is the child's, called by
// the hidden command `zeropull layer-worker`; it never returns to anything that could be steered.
#pragma once

#include <cstdint>
#include <functional>

#include "artifact/layer_unpack.h"
#include "base/bytes.h"
#include "base/context.h"
#include "base/result.h"

namespace zeropull::artifact {

struct LayerWorkerInput {
  // Gives the layer's compressed bytes, in order, to the sink; its errors and the sink's end it.
  using Sink = std::function<Result<void>(ByteView)>;
  std::function<Result<void>(const Context&, const Sink&)> stream;
  UnpackOutput output;
  UnpackLimits limits;
};

// The stream's own error is returned, or what the child says of the bytes, or how it died. When the child finds the layer bad the
// rest of the stream is read all the same: bytes that are not those of the layer's digest are the stream's error to tell.
Result<LayerSummary> run_layer_worker(const Context& ctx, const LayerWorkerInput& input);

// The child: reads descriptor 3, writes 4 (blob) and 5 (table), answers on 6. Returns the exit code.
int layer_worker_main(UnpackLimits limits);

// The answer's bytes, exposed for tests. A summary read from a child is outside data: sizes and counts are checked against each
// other.
Bytes encode_worker_answer(const Result<LayerSummary>& answer);
Result<LayerSummary> decode_worker_answer(ByteView bytes);

}  // namespace zeropull::artifact
