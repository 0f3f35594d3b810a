#include "control/fleet/instance_types.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "codec/json.h"
#include "control/fleet/limits.h"
#include "os/file.h"

namespace zeropull::fleet {

namespace {

Result<InstanceType> parse_type(const nlohmann::json& value) {
  static const std::set<std::string, std::less<>> kKnown{
      "name", "vcpus", "memory_mib", "accelerators", "accelerator", "accelerator_memory_mib", "network_mbit"};
  if (!value.is_object()) return make_error(Code::kInvalidArgument, "expected an object");
  for (const auto& member : value.items()) {
    if (!kKnown.contains(member.key())) return make_error(Code::kInvalidArgument, "unknown member \"{}\"", member.key());
  }
  InstanceType type;
  type.name = TRY(codec::json_string(value, "name"));
  if (type.name.empty() || type.name.size() > kTypeNameMax) {
    return make_error(Code::kInvalidArgument, "name: expected 1 to {} characters", kTypeNameMax);
  }
  auto vcpus = TRY(codec::json_int(value, "vcpus", {.min = 1, .max = 4096}));
  type.cpu_cores = static_cast<double>(vcpus);
  type.memory_mb = TRY(codec::json_int(value, "memory_mib", {.min = 1024, .max = std::int64_t{64} << 20}));
  auto accelerators = TRY(codec::json_optional_int(value, "accelerators", {.min = 0, .max = 256}));
  type.accelerators = static_cast<std::uint32_t>(accelerators.value_or(0));
  auto accelerator = TRY(codec::json_optional_string(value, "accelerator"));
  type.accelerator = accelerator.value_or("");
  auto accelerator_memory = TRY(codec::json_optional_int(value, "accelerator_memory_mib", {.min = 0, .max = 1 << 24}));
  type.accelerator_memory_mb = accelerator_memory.value_or(0);
  auto network = TRY(codec::json_int(value, "network_mbit", {.min = 1, .max = 100'000'000}));
  type.link_bits_per_s = static_cast<std::uint64_t>(network) * 1'000'000;
  return type;
}

}  // namespace

bool Resources::covers(const Resources& need) const {
  constexpr double kDust = 1e-9;  // sums of quarters of a core are exact, but callers may write 0.1
  return accelerators + kDust >= need.accelerators && cpu_cores + kDust >= need.cpu_cores && memory_mb >= need.memory_mb;
}

Resources Resources::operator+(const Resources& other) const {
  return {accelerators + other.accelerators, cpu_cores + other.cpu_cores, memory_mb + other.memory_mb};
}

Resources Resources::operator-(const Resources& other) const {
  return {accelerators - other.accelerators, cpu_cores - other.cpu_cores, memory_mb - other.memory_mb};
}

std::string Resources::describe() const {
  return fmt::format("{:g} accelerator{}, {:g} CPU core{}, {} MiB of memory", accelerators, accelerators == 1 ? "" : "s",
                     cpu_cores, cpu_cores == 1 ? "" : "s", memory_mb);
}

Resources InstanceType::schedulable() const {
  return {static_cast<double>(accelerators), cpu_cores, std::max<std::int64_t>(0, memory_mb - kInstanceReserveMb)};
}

Result<void> InstanceTypes::load(const std::string& path) {
  auto text = TRY(os::read_text(path, kTypesFileMax).with_context("instance types"));
  return parse(text, path);
}

Result<void> InstanceTypes::parse(std::string_view text, std::string_view where) {
  auto root = TRY(codec::parse_json(text, {.size_max = kTypesFileMax, .depth_max = 4}).with_context("{}", where));
  if (!root.is_object() || root.size() != 1) {
    return make_error(Code::kInvalidArgument, "{}: expected an object with the one member \"instance_types\"", where);
  }
  const auto* list = TRY(codec::json_array(root, "instance_types").with_context("{}", where));
  std::map<std::string, InstanceType, std::less<>> read;
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto type = TRY(parse_type((*list)[i]).with_context("{}: instance_types[{}]", where, i));
    auto name = type.name;
    if (!read.emplace(name, std::move(type)).second) {
      return make_error(Code::kInvalidArgument, "{}: instance_types[{}]: \"{}\" is given twice", where, i, name);
    }
  }
  for (auto& [name, type] : read) types_.insert_or_assign(name, std::move(type));
  return {};
}

const InstanceType* InstanceTypes::find(std::string_view name) const {
  auto at = types_.find(name);
  return at == types_.end() ? nullptr : &at->second;
}

Result<const InstanceType*> InstanceTypes::require(std::string_view name) const {
  if (const auto* type = find(name)) return type;
  return make_error(
      Code::kInvalidArgument,
      "Unknown instance type \"{}\". This server knows the accelerator and general CPU types of the SageMaker API and "
      "those of its operator's file of instance types.",
      name.substr(0, kTypeNameMax));
}

}  // namespace zeropull::fleet
