// Question: how far is reading a gzip layer as tar, hashed twice, from inflating it alone, and that from what containerd does
// (one thread of Go's compress/gzip; here its faster relative, the gzip program)? Limit: tar reading costs at most 5 % on top of
// inflating, inflating is at least twice as fast as gzip. The layer is this machine's /usr/lib/x86_64-linux-gnu, up to 100 MB of
// it. bytes_per_second counts uncompressed bytes.
#include <benchmark/benchmark.h>

#include "base/units.h"
#include "codec/compression.h"
#include "codec/tar.h"
#include "os/process.h"

namespace zeropull::codec {
namespace {

constexpr std::string_view kMakeLayer =
    "tar --sort=name -C /usr/lib/x86_64-linux-gnu -cf - . 2>/dev/null | head -c 100000000 | gzip -6 2>/dev/null";

std::string run_shell(std::string_view command, std::string_view input = {}) {
  return MUST(
      os::run_program(Context::root("bench"),
                      {.argv = {"sh", "-c", std::string(command)}, .input = std::string(input), .output_max = 200 << 20}));
}

struct Layer {
  std::string stored;
  std::uint64_t plain_size;
};
const Layer& layer() {
  static const Layer layer = [] {
    std::string stored = run_shell(kMakeLayer);
    MemorySource source(as_bytes(stored));
    const std::uint64_t plain_size = MUST(drain(*open_decoder(Compression::kGzip, source)));
    return Layer{std::move(stored), plain_size};
  }();
  return layer;
}

void report(benchmark::State& state, std::uint64_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * static_cast<std::int64_t>(state.iterations()));
}

void bench_sha256(benchmark::State& state) {
  const Bytes plain(kMiB);
  for (auto _ : state) benchmark::DoNotOptimize(sha256(plain));
  report(state, plain.size());
}
BENCHMARK(bench_sha256);

void bench_inflate(benchmark::State& state) {
  Bytes buffer(kMiB);
  const Layer& stored_layer = layer();
  for (auto _ : state) {
    MemorySource source(as_bytes(stored_layer.stored));
    const auto decoder = open_decoder(Compression::kGzip, source);
    while (MUST(decoder->read(buffer)) > 0) continue;
  }
  report(state, stored_layer.plain_size);
}
BENCHMARK(bench_inflate)->Unit(benchmark::kMillisecond);

// What is left of a layer that was cut off is no archive, and the error ends the loop.
void read_tar(ByteSource& source) {
  TarReader reader(source);
  for (;;) {
    const auto entry = reader.next();
    if (!entry.ok() || !entry.value()) return;
    for (;;) {
      const auto piece = reader.read_data();
      if (!piece.ok() || piece.value().empty()) break;
      benchmark::DoNotOptimize(piece.value().data());
    }
  }
}

void bench_inflate_and_tar(benchmark::State& state) {
  const Layer& stored_layer = layer();
  for (auto _ : state) {
    MemorySource source(as_bytes(stored_layer.stored));
    read_tar(*open_decoder(Compression::kGzip, source));
  }
  report(state, stored_layer.plain_size);
}
BENCHMARK(bench_inflate_and_tar)->Unit(benchmark::kMillisecond);

void bench_inflate_and_tar_and_both_digests(benchmark::State& state) {
  const Layer& stored_layer = layer();
  for (auto _ : state) {
    MemorySource source(as_bytes(stored_layer.stored));
    HashingSource stored(source);
    const auto decoder = open_decoder(Compression::kGzip, stored);
    HashingSource plain(*decoder);
    read_tar(plain);
    benchmark::DoNotOptimize(plain.finish());
    benchmark::DoNotOptimize(stored.finish());
  }
  report(state, stored_layer.plain_size);
}
BENCHMARK(bench_inflate_and_tar_and_both_digests)->Unit(benchmark::kMillisecond);

void bench_rival_gzip(benchmark::State& state) {
  const Layer& stored_layer = layer();
  for (auto _ : state) run_shell("gzip -dc >/dev/null", stored_layer.stored);
  report(state, stored_layer.plain_size);
}
BENCHMARK(bench_rival_gzip)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace zeropull::codec
