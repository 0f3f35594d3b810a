// Any bytes as a filter of Walk: parsed and, when accepted, matched. It must end quickly, never crash, refuse with one code only
// and answer the same twice.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "snapshot/filter.h"

using zeropull::snapshot::Filter;
using zeropull::snapshot::Info;
using zeropull::snapshot::Kind;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string filters[] = {std::string(reinterpret_cast<const char*>(data), size)};
  auto filter = Filter::parse(filters);
  if (!filter.ok()) {
    CHECK(filter.failed_with(zeropull::Code::kInvalidArgument));
    return 0;
  }
  Info info{.kind = Kind::kCommitted,
            .name = "name",
            .parent = "zeropull/0/sha256:00",
            .labels = {{"containerd.io/snapshot.ref", "sha256:00"}, {"a.b", "c"}},
            .created = {},
            .updated = {}};
  bool first = filter->matches(info);
  CHECK(first == filter->matches(info));
  return 0;
}
