// read_speed FILE BLOCK_SIZE COUNT SEED: reads COUNT blocks of a file with pread(2), one after the other, and prints the seconds.
// SEED 0: from the beginning on; else at block offsets drawn from that seed. Used by reads.py: a read must cost little beside
// the kernel's work.
#include <fcntl.h>
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <string_view>
#include <vector>

#include "os/file.h"

namespace zeropull {
namespace {

struct Plan {
  std::string path;
  std::uint64_t block_size = 0;
  std::uint64_t count = 0;
  std::uint64_t seed = 0;
};

Result<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ptr != text.data() + text.size()) {
    return make_error(Code::kInvalidArgument, "not a number: {}", text);
  }
  return value;
}

Result<Plan> parse_plan(const std::vector<std::string>& arguments) {
  if (arguments.size() != 4) return make_error(Code::kInvalidArgument, "usage: read_speed FILE BLOCK_SIZE COUNT SEED");
  Plan plan;
  plan.path = arguments[0];
  plan.block_size = TRY(parse_number(arguments[1]));
  plan.count = TRY(parse_number(arguments[2]));
  plan.seed = TRY(parse_number(arguments[3]));
  return plan;
}

// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014: the same offsets from the same seed everywhere.
std::uint64_t splitmix64(std::uint64_t& state) {
  std::uint64_t mixed = state += 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

Result<double> measure(const std::vector<std::string>& arguments) {
  const auto plan = TRY(parse_plan(arguments));
  auto fd = TRY(os::open_file(plan.path, O_RDONLY));
  const auto size = TRY(os::file_size(fd.get()));
  const std::uint64_t blocks = plan.block_size == 0 ? 0 : size / plan.block_size;
  if (blocks < (plan.seed == 0 ? plan.count : 1)) return make_error(Code::kInvalidArgument, "{} is too small", plan.path);
  std::vector<std::uint64_t> offsets(plan.count);
  std::uint64_t state = plan.seed;
  for (std::uint64_t i = 0; i < plan.count; ++i) offsets[i] = (plan.seed == 0 ? i : splitmix64(state) % blocks) * plan.block_size;
  Bytes buffer(plan.block_size);
  const auto begin = std::chrono::steady_clock::now();
  for (const auto offset : offsets) TRY(os::read_exactly_at(fd.get(), buffer, offset));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

int run(const std::vector<std::string>& arguments) {
  const auto seconds = measure(arguments);
  if (!seconds.ok()) {
    fmt::print(stderr, "read_speed: {}\n", seconds.error().message());
    return 1;
  }
  fmt::print("{:.6f}\n", *seconds);
  return 0;
}

}  // namespace
}  // namespace zeropull

int main(int argc, char** argv) { return zeropull::run({argv + 1, argv + argc}); }
