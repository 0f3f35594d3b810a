#include "artifact/layer_worker.h"

#include <fcntl.h>
#include <signal.h>

#include <cerrno>
#include <optional>
#include <stop_token>

#include "codec/stream.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/process.h"
#include "os/sandbox.h"

namespace zeropull::artifact {

namespace {

constexpr int kInputFd = 3;
constexpr int kBlobFd = 4;
constexpr int kTableFd = 5;
constexpr int kAnswerFd = 6;

constexpr std::uint32_t kAnswerOk = 0x4b4f505a;     // "ZPOK"
constexpr std::uint32_t kAnswerError = 0x5245505a;  // "ZPER"
constexpr std::size_t kMessageMax = 4096;
// 32 bytes for each MiB of the largest blob and table.
constexpr std::size_t kAnswerMax = 64 * kMiB;

class Writer {
 public:
  template <typename T>
  void number(T value) {
    auto at = bytes_.size();
    bytes_.resize(at + sizeof value);
    store_le(bytes_.data() + at, value);
  }
  void raw(ByteView view) { bytes_.insert(bytes_.end(), view.begin(), view.end()); }
  void blob(const FramedBlob& blob) {
    number(blob.size);
    for (const auto& frame : blob.frames) raw(frame.view());
  }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}
  template <typename T>
  Result<T> number() {
    auto bytes = TRY(raw(sizeof(T)));
    return load_le<T>(bytes.data());
  }
  Result<ByteView> raw(std::size_t size) {
    if (rest_.size() < size) return make_error(Code::kDataLoss, "the layer worker's answer ends early");
    auto view = rest_.first(size);
    rest_ = rest_.subspan(size);
    return view;
  }
  Result<Sha256> hash() {
    auto bytes = TRY(raw(Sha256::kSize));
    Sha256 value;
    std::copy(bytes.begin(), bytes.end(), value.bytes.begin());
    return value;
  }
  Result<FramedBlob> blob() {
    FramedBlob blob;
    blob.size = TRY(number<std::uint64_t>());
    auto frames = frame_count(blob.size, kFrameSize);
    if (frames > rest_.size() / Sha256::kSize) return make_error(Code::kDataLoss, "the layer worker's answer ends early");
    blob.frames.reserve(frames);
    for (std::uint64_t i = 0; i < frames; ++i) {
      auto frame = TRY(hash());
      blob.frames.push_back(frame);
    }
    return blob;
  }
  ByteView rest() const { return rest_; }

 private:
  ByteView rest_;
};

Result<Bytes> read_answer(int fd) {
  Bytes answer;
  while (answer.size() <= kAnswerMax) {
    auto filled = answer.size();
    answer.resize(filled + 64 * kKiB);
    auto n = TRY(os::read_some(fd, MutableByteView(answer).subspan(filled)));
    answer.resize(filled + n);
    if (n == 0) return answer;
  }
  return make_error(Code::kDataLoss, "the layer worker's answer is too long");
}

bool is_bad_layer(const Result<LayerSummary>& summary) {
  return summary.failed_with(Code::kDataLoss) || summary.failed_with(Code::kInvalidArgument);
}

// Streams the layer into the child and reads its answer. That comes after the last byte of input was read, or at once when the
// child refuses the layer: nothing is read meanwhile.
Result<Bytes> exchange(const Context& ctx, const LayerWorkerInput& input, os::UniqueFd layer, int answer_fd) {
  std::optional<Result<Bytes>> early;  // the answer of a child that stopped reading
  bool refused = false;                // by it, for another reason than the bytes: no more are wanted
  auto streamed = input.stream(ctx, [&](ByteView bytes) -> Result<void> {
    if (early) return {};
    auto written = os::write_all(layer.get(), bytes);
    if (written.ok() || written.error().errno_value() != EPIPE) return written;
    early = read_answer(answer_fd);
    refused = !early->ok() || early->value().empty() || !is_bad_layer(decode_worker_answer(early->value()));
    if (refused) return written;
    return {};
  });
  layer.reset();
  if (!streamed.ok() && !refused) return std::move(streamed).take_error();  // the child is killed with its object
  return early ? std::move(*early) : read_answer(answer_fd);
}

}  // namespace

Bytes encode_worker_answer(const Result<LayerSummary>& answer) {
  Writer out;
  if (!answer.ok()) {
    out.number(kAnswerError);
    out.number(static_cast<std::uint32_t>(answer.error().code()));
    out.raw(as_bytes(answer.error().message().substr(0, kMessageMax)));
    return out.take();
  }
  out.number(kAnswerOk);
  out.number(static_cast<std::uint32_t>(answer->compression));
  out.raw(answer->diff_id.value.view());
  out.number(answer->expanded_size);
  out.number(answer->entry_count);
  out.blob(answer->blob);
  out.blob(answer->table);
  return out.take();
}

Result<LayerSummary> decode_worker_answer(ByteView bytes) {
  Reader in(bytes);
  auto kind = TRY(in.number<std::uint32_t>());
  if (kind == kAnswerError) {
    auto code = TRY(in.number<std::uint32_t>());
    if (code < 1 || code > 16) return make_error(Code::kDataLoss, "the layer worker's answer makes no sense");
    return Error(static_cast<Code>(code), std::string(as_text(in.rest())));
  }
  if (kind != kAnswerOk) return make_error(Code::kDataLoss, "the layer worker's answer makes no sense");
  LayerSummary summary;
  auto compression = TRY(in.number<std::uint32_t>());
  if (compression > static_cast<std::uint32_t>(codec::Compression::kZstd)) {
    return make_error(Code::kDataLoss, "the layer worker names an unknown compression");
  }
  summary.compression = static_cast<codec::Compression>(compression);
  summary.diff_id.value = TRY(in.hash());
  summary.expanded_size = TRY(in.number<std::uint64_t>());
  summary.entry_count = TRY(in.number<std::uint64_t>());
  summary.blob = TRY(in.blob());
  summary.table = TRY(in.blob());
  if (!in.rest().empty()) return make_error(Code::kDataLoss, "the layer worker's answer is too long");
  return summary;
}

Result<LayerSummary> run_layer_worker(const Context& ctx, const LayerWorkerInput& input) {
  auto data = TRY(os::create_pipe(os::PipeSize::kLarge));
  auto answer = TRY(os::create_pipe());
  os::SpawnOptions options;
  auto self = TRY(os::self_executable());
  options.argv = {self,
                  "layer-worker",
                  "--expanded-max",
                  std::to_string(input.limits.expanded_max),
                  "--zstd-window-log-max",
                  std::to_string(input.limits.zstd_window_log_max)};
  options.environment = std::vector<std::string>{};
  options.own_group = true;
  options.descriptors = {{kInputFd, data.read_end.get()},
                         {kBlobFd, input.output.blob_fd},
                         {kTableFd, input.output.table_fd},
                         {kAnswerFd, answer.write_end.get()}};
  auto child = TRY(os::Child::spawn(options).with_context("start the layer worker"));
  data.read_end.reset();
  answer.write_end.reset();

  Bytes bytes;
  {
    // The pipes have no deadline of their own: a child that neither reads nor answers is ended by the stop.
    std::stop_callback end_child(ctx.stop(), [&] { (void)child.signal(SIGKILL); });
    auto answered = exchange(ctx, input, std::move(data.write_end), answer.read_end.get());
    TRY(ctx.check());
    bytes = TRY(std::move(answered));
  }
  auto status = TRY(child.wait(ctx));
  if (!status.success() && bytes.empty()) {
    return make_error(Code::kInternal, "the layer worker ended with {}{}", status.describe(),
                      status.signal == SIGKILL ? ": is the machine short of memory?" : "");
  }
  auto summary = decode_worker_answer(bytes);
  if (!is_bad_layer(summary)) return summary;
  return make_error(summary.error().code(), "{}; build or push the image again", summary.error().message());
}

int layer_worker_main(UnpackLimits limits) {
  codec::sha256({});  // OpenSSL reads its configuration before the door closes
  auto answer = [&]() -> Result<LayerSummary> {
    TRY(os::enter_sandbox());
    codec::FdSource source(kInputFd);
    auto ctx = Context::root("layer-worker", {}, std::chrono::hours(24));
    return unpack_layer(ctx, source, {.blob_fd = kBlobFd, .table_fd = kTableFd}, limits);
  }();
  auto written = os::write_all(kAnswerFd, encode_worker_answer(answer));
  return written.ok() && answer.ok() ? 0 : 1;
}

}  // namespace zeropull::artifact
