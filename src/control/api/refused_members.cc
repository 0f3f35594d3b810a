// docs/api-members.md, from the tables.
#include <fmt/format.h>

#include <string>

#include "control/api/api.h"
#include "control/api/schema.h"

namespace zeropull::api {

namespace {

void add_line(std::string_view operation, std::string_view what, std::string_view why, std::string& lines) {
  lines += fmt::format("| {} | `{}` | {} |\n", operation, what, why);
}

void walk(const Shape& shape, std::string_view operation, const std::string& path, std::string& lines) {
  for (const auto& value : shape.values) {
    if (!value.refused.empty()) add_line(operation, fmt::format("{} = {}", path, value.name), value.refused, lines);
  }
  for (const auto& member : shape.members) {
    auto at = path.empty() ? std::string(member.name) : fmt::format("{}.{}", path, member.name);
    if (member.need == Need::kRefused) {
      add_line(operation, at, member.reason, lines);
    } else {
      walk(*member.shape, operation, at, lines);
    }
  }
  if (shape.kind == Kind::kList) walk(*shape.element, operation, path + "[]", lines);
}

}  // namespace

std::string refused_members_text() {
  std::string lines =
      "# Members of the API that are refused\n"
      "\n"
      "Every other member of the operations that Zeropull has is implemented. A request with one of these is answered by a\n"
      "ValidationException (of CloudWatch: an InvalidParameterValue) that names it; none is accepted and ignored. Operations of\n"
      "SageMaker have no prefix here. A test compares this page with the tables in `src/control/api`.\n"
      "\n"
      "| Operation | Member | Why, and what to do |\n"
      "|---|---|---|\n";
  for (auto operation : operations()) walk(*input_shape(operation), operation, "", lines);
  return lines;
}

}  // namespace zeropull::api
