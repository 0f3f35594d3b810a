#include "artifact/layer_unpack.h"

#include <algorithm>
#include <utility>

#include "artifact/blob_writer.h"
#include "artifact/layer_paths.h"
#include "artifact/layer_table.h"
#include "artifact/layer_tree.h"
#include "artifact/read_ahead.h"
#include "codec/tar.h"

namespace zeropull::artifact {
namespace {

// Ends the stream with an error when it becomes longer than allowed.
class LimitedSource final : public codec::ByteSource {
 public:
  LimitedSource(codec::ByteSource& source, std::uint64_t size_max) : source_(source), size_max_(size_max) {}
  Result<std::size_t> read(MutableByteView out) override {
    const auto size = TRY(source_.read(out));
    size_ += size;
    if (size_ > size_max_) {
      return make_error(Code::kResourceExhausted,
                        "the layer expands to more than {}, the configured limit; raise it if that is meant",
                        format_bytes(size_max_));
    }
    return size;
  }

 private:
  codec::ByteSource& source_;
  const std::uint64_t size_max_;
  std::uint64_t size_ = 0;
};

class Unpacker {
 public:
  Unpacker(codec::ByteSource& tar, UnpackOutput output, UnpackLimits limits)
      : reader_(tar), blob_(output.blob_fd), table_(output.table_fd), limits_(limits) {}

  Result<void> read_entries(const Context& ctx, LayerSummary& summary) {
    for (;;) {
      TRY(ctx.check());
      const auto entry = TRY(reader_.next());
      if (!entry) break;
      ++summary.entry_count;
      TRY(add_entry(ctx, *entry).with_context("tar entry \"{}\"", printable_path(entry->path)));
    }
    TRY(reader_.drain_rest());
    return tree_.finish();
  }

  Result<void> write_outputs(LayerSummary& summary) {
    summary.blob = TRY(blob_.finish());
    TRY(write_layer_table(tree_, {summary.blob.id(), summary.blob.size}, table_));
    summary.table = TRY(table_.finish());
    return {};
  }

 private:
  Result<void> add_entry(const Context& ctx, const codec::TarEntry& entry) {
    const auto content = TRY(tree_.apply(entry, blob_.size()));
    if (content == LayerTree::Content::kIgnore) return {};
    if (entry.size > limits_.expanded_max || blob_.size() > limits_.expanded_max - entry.size) {
      return make_error(Code::kResourceExhausted,
                        "the layer's files come to more than {}, the configured limit; raise it if that is meant",
                        format_bytes(limits_.expanded_max));
    }
    const std::uint64_t begin = blob_.size();
    if (entry.sparse) {
      for (const codec::SparseRegion& region : entry.regions) {
        TRY(blob_.append_zeros(begin + region.offset - blob_.size()));
        TRY(copy_data(ctx, region.length));
      }
    } else {
      TRY(copy_data(ctx, entry.size));
    }
    TRY(blob_.append_zeros(begin + entry.size - blob_.size()));
    return blob_.align();
  }

  Result<void> copy_data(const Context& ctx, std::uint64_t size) {
    while (size > 0) {
      TRY(ctx.check());
      const auto piece = TRY(reader_.read_data(size));
      if (piece.empty()) return make_error(Code::kDataLoss, "its data ends early");
      TRY(blob_.append(piece));
      size -= piece.size();
    }
    return {};
  }

  codec::TarReader reader_;
  LayerTree tree_;
  BlobWriter blob_;
  BlobWriter table_;
  const UnpackLimits limits_;
};

}  // namespace

Result<LayerSummary> unpack_layer(const Context& ctx, codec::ByteSource& compressed, UnpackOutput output, UnpackLimits limits) {
  LayerSummary summary;
  const auto detected = TRY(codec::open_detected(compressed, limits.zstd_window_log_max));
  summary.compression = detected.compression;
  LimitedSource limited(*detected.decoded, limits.expanded_max);
  {
    ReadAhead ahead(limited);             // decodes, on a thread of its own
    codec::HashingSource diff_id(ahead);  // this and the tar on this one; the blob's writer has the third
    Unpacker unpacker(diff_id, output, limits);
    TRY(unpacker.read_entries(ctx, summary));
    summary.expanded_size = diff_id.size();
    summary.diff_id = DiffId{diff_id.finish()};
    TRY(unpacker.write_outputs(summary));
  }
  TRY(codec::drain(compressed));
  return summary;
}

}  // namespace zeropull::artifact
