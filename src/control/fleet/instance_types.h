// InstanceTypes: what an instance type offers: accelerators, cores, memory and the rate of its link. The defaults are the
// accelerator families of the SageMaker API and its plain CPU types, with AWS's published figures (instance_types_default.cc says
// which); an operator's file overrides and adds. Built at start, immutable afterwards: any thread.
//
//   {"instance_types": [{"name": "ml.lab.xlarge", "vcpus": 16, "memory_mib": 65536, "accelerators": 2, "accelerator": "NVIDIA
//   L4",
//                        "accelerator_memory_mib": 24576, "network_mbit": 10000}]}
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zeropull::fleet {

// An amount of what copies share an instance by.
struct Resources {
  double accelerators = 0;  // whole devices
  double cpu_cores = 0;
  std::int64_t memory_mb = 0;

  bool covers(const Resources& need) const;
  Resources operator+(const Resources& other) const;
  Resources operator-(const Resources& other) const;
  bool operator==(const Resources&) const = default;
  std::string describe() const;  // "1 accelerator, 2 CPU cores, 8192 MiB of memory"
};

struct InstanceType {
  std::string name;  // "ml.g6.2xlarge"
  double cpu_cores = 0;
  std::int64_t memory_mb = 0;
  std::uint32_t accelerators = 0;
  std::string accelerator = {};  // "NVIDIA L4"
  std::int64_t accelerator_memory_mb = 0;
  std::uint64_t link_bits_per_s = 0;

  // What copies may reserve: all but the memory that the instance's own programs need.
  Resources schedulable() const;
};

class InstanceTypes {
 public:
  static InstanceTypes defaults();

  // Adds or replaces the types of an operator's file. Unknown members are refused, so that a misspelt one is found at start.
  Result<void> load(const std::string& path);
  Result<void> parse(std::string_view text, std::string_view where);

  const InstanceType* find(std::string_view name) const;  // nullptr: there is none
  // kInvalidArgument with the text of a ValidationException.
  Result<const InstanceType*> require(std::string_view name) const;
  const std::map<std::string, InstanceType, std::less<>>& all() const { return types_; }

 private:
  std::map<std::string, InstanceType, std::less<>> types_;
};

}  // namespace zeropull::fleet
