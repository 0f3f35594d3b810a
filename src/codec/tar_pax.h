// The records of a PAX extended header ("<length> <key>=<value>\n") and the times in them. Follows Go's archive/tar (parsePAX,
// mergePAX, parsePAXTime). Internal to the codec room; stateless.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/tar.h"

namespace zeropull::codec {

struct PaxRecords {
  // The last of several records with one key; GNU.sparse 0.0's repeated records are joined into the one map of 0.1.
  std::map<std::string, std::string, std::less<>> values;

  // The value of a key; empty when it is absent, which PAX takes for the same.
  std::string_view get(std::string_view key) const;
};
Result<PaxRecords> parse_pax(std::string_view body);

// What the records say in the header's stead; nullopt where they say nothing.
struct PaxOverlay {
  std::optional<std::string> path;
  std::optional<std::string> link_target;
  std::optional<std::uint64_t> size;
  std::optional<std::int64_t> uid;
  std::optional<std::int64_t> gid;
  std::optional<TarTime> mtime;
  std::vector<TarXattr> xattrs;
};
Result<PaxOverlay> read_pax(const PaxRecords& records);

}  // namespace zeropull::codec
