// The question: what does it cost to keep 100,000 series of which 10,000 change in each second? Half a core and 1 GiB are the
// limits. Two loads, because they are hard in different places: `same`, where the same 10,000 change each second (most 1 s
// points), and `rotating`, where each series changes every ten seconds (most points on disk). All others put the value that they
// had, each second. Time is told by the bench, 1,000 seconds of it for each load as fast as they go; CPU seconds of the whole
// process are counted against those 1,000, the store's own flushes at their pace included.
//
//   series_bench FOLDER        the database goes there, and is removed
#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "base/units.h"
#include "control/series/seconds.h"
#include "control/series/series.h"
#include "os/usage.h"

namespace {

using namespace zeropull;
using namespace zeropull::series;

constexpr std::size_t kSeries = 100'000, kChanging = 10'000;
// Past the 15 minutes of 1 s points, so that memory is at its highest; sixteen ends of a minute, three of 5 minutes.
constexpr std::int64_t kSeconds = 1000;
constexpr double kCoresMax = 0.5;
constexpr std::uint64_t kResidentMax = kGiB;

class ToldClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return SteadyTime(std::chrono::seconds(second)); }
  WallTime wall_now() const override { return time_of(second); }
  std::atomic<std::int64_t> second{1'800'000'000};
};

bool measure(const std::string& name, const std::string& folder, bool rotating) {
  const auto path = folder + "/series_bench.db";
  auto remove = [&] {
    for (const auto* suffix : {"", "-wal"}) std::filesystem::remove(path + suffix);
  };
  remove();
  ToldClock clock;
  double cpu = 0, longest = 0;
  std::uint64_t resident = 0, disk = 0;
  {
    auto store = MUST(Store::open({.path = path, .own_thread = false}, clock));
    std::vector<Writer> writers;
    for (std::size_t i = 0; i < kSeries; ++i) {
      const SeriesKey key{
          "111122223333",
          "AWS/SageMaker",
          fmt::format("Metric{}", i % 20),
          {{"InferenceComponentName", fmt::format("component-{}", i / 200)}, {"InstanceId", fmt::format("i-{}", i / 20 % 10)}}};
      writers.push_back(MUST(store->writer(key, "Count")));
    }
    std::vector<double> values(kSeries, 0.5);
    const auto begin = os::used_cpu_seconds();
    for (std::int64_t second = 0; second < kSeconds; ++second) {
      ++clock.second;
      const auto first = rotating ? static_cast<std::size_t>(second) * kChanging % kSeries : 0;
      for (std::size_t i = first; i < first + kChanging; ++i) {
        values[i] = static_cast<double>((static_cast<std::size_t>(second) * 2654435761U + i * 40503U) % 1000003) / 997.0;
      }
      const auto at = clock.wall_now();
      for (std::size_t i = 0; i < kSeries; ++i) writers[i].put(at, values[i]);
      if (second % 2 == 0) {
        const auto before = os::used_cpu_seconds();
        MUST(store->flush());
        longest = std::max(longest, os::used_cpu_seconds() - before);
      }
      resident = std::max(resident, MUST(os::resident_bytes()));
    }
    cpu = (os::used_cpu_seconds() - begin) / static_cast<double>(kSeconds);
    disk = std::filesystem::file_size(path);
    const auto usage = store->usage();
    fmt::print(
        "{:9} {:.3f} cores (limit {}), {} resident (limit {}), {} of it 1 s points; {} on disk, {} transactions, longest {:.2f} "
        "s\n",
        name, cpu, kCoresMax, format_bytes(resident), format_bytes(kResidentMax), format_bytes(usage.memory_bytes),
        format_bytes(disk), usage.flushes, longest);
  }
  remove();
  const bool fine = cpu <= kCoresMax && resident <= kResidentMax;
  if (!fine) fmt::print("{:9} misses a limit\n", name);
  return fine;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: series_bench FOLDER\n");
    return 2;
  }
  const bool same = measure("same", argv[1], false);
  const bool rotating = measure("rotating", argv[1], true);
  return same && rotating ? 0 : 1;
}
