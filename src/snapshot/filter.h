// Filter: what Walk selects, in containerd's filter language (package filters, and adaptSnapshot in snapshots/storage):
//
//   selectors := selector ("," selector)*                  all must match
//   selector  := fieldpath (operator value)?               without an operator: the field is present
//   fieldpath := field ("." field)*                        name, parent, kind (view, active, committed), labels.<key>
//   field     := quoted | [A-Za-z0-9_]+
//   operator  := "==" | "!=" | "~="                        ~= is an unanchored regular expression
//   value     := quoted | [^\s,]+
//   quoted    := a Go string between "", or between // or || as the value of ~=
//
// Several filters: any may match; none: everything does. An expression that does not compile matches nothing, as there. Parsed
// once from a client's bytes, with limits (limits.h). Expressions are RE2's, whose time is linear in the text and whose
// memory is bounded. Immutable and thread-safe.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "snapshot/info.h"

namespace zeropull::snapshot {

class Filter {
 public:
  // kInvalidArgument, with the place in the text where it goes wrong.
  static Result<Filter> parse(std::span<const std::string> filters);
  static Filter everything() { return Filter(std::vector<All>()); }

  bool matches(const Info& info) const;

 private:
  struct Selector;
  using All = std::vector<std::shared_ptr<const Selector>>;  // empty: everything
  explicit Filter(std::vector<All> any) : any_(std::move(any)) {}
  friend class FilterParser;
  std::vector<All> any_;
};

}  // namespace zeropull::snapshot
