// ObjectName: what an object in a store is called. Segments of lower-case letters and digits, joined by slashes: "packs/04ab..".
// Such a name is a safe path, a safe URL path and a safe S3 key without any escaping. Nothing in it tells what the object holds:
// our names are HMACs.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zeropull::store {

class ObjectName {
 public:
  // kInvalidArgument for empty names or segments, other characters, and more than kNameMax or kNameSegmentMax of them.
  static Result<ObjectName> parse(std::string_view text);
  const std::string& text() const { return text_; }
  // The same name below `folder`; too long a result is kInvalidArgument.
  Result<ObjectName> below(const ObjectName& folder) const;
  auto operator<=>(const ObjectName&) const = default;

 private:
  explicit ObjectName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace zeropull::store

template <>
struct fmt::formatter<zeropull::store::ObjectName> : fmt::formatter<std::string_view> {
  auto format(const zeropull::store::ObjectName& name, format_context& ctx) const {
    return fmt::format_to(ctx.out(), "{}", name.text());
  }
};
