// decode_floor: the least that any conversion must do to the layer files given as arguments: decode them with the product's
// decoder, and hash their bytes before and after. Every layer at once, two threads each, as in the product. Prints JSON. Used by
// cold_conversion.py.
#include <fcntl.h>
#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <vector>

#include "artifact/read_ahead.h"
#include "base/result.h"
#include "codec/compression.h"
#include "codec/stream.h"
#include "os/file.h"
#include "os/usage.h"

namespace zeropull {
namespace {

Result<std::uint64_t> decode(const std::string& path) {
  auto fd = TRY(os::open_file(path, O_RDONLY));
  codec::FdSource file(fd.get());
  codec::HashingSource digest(file);
  auto detected = TRY(codec::open_detected(digest));
  artifact::ReadAhead ahead(*detected.decoded);
  codec::HashingSource diff_id(ahead);
  return codec::drain(diff_id);
}

int run(const std::vector<std::string>& paths) {
  std::vector<Result<std::uint64_t>> sizes;
  for (std::size_t i = 0; i < paths.size(); ++i) sizes.emplace_back(0);
  const auto begin = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < paths.size(); ++i) threads.emplace_back([&, i] { sizes[i] = decode(paths[i]); });
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (!sizes[i].ok()) {
      fmt::print(stderr, "decode_floor: {}: {}\n", paths[i], sizes[i].error().message());
      return 1;
    }
    total += *sizes[i];
  }
  fmt::print(R"({{"seconds": {:.4f}, "processor_s": {:.4f}, "decoded_bytes": {}}})"
             "\n",
             took.count(), os::used_cpu_seconds(), total);
  return 0;
}

}  // namespace
}  // namespace zeropull

int main(int argc, char** argv) { return zeropull::run({argv + 1, argv + argc}); }
