// AWS's Query protocol. In: a flat form, "MetricData.member.1.Dimensions.member.2.Name=x", whose texts become what the shape
// says they are; what the shape does not have stays text, for the validation to refuse by name. Out: XML, in which lists are
// <member> elements, maps are entries, and times are in ISO 8601.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "control/api/form.h"
#include "control/api/limits.h"
#include "control/api/protocol.h"
#include "control/api/times.h"

namespace zeropull::api {

namespace {

using nlohmann::json;

// The form as a tree: fields by the parts of their names.
struct Node {
  std::string text;
  std::map<std::string, Node, std::less<>> children;
};

constexpr std::string_view kMember = "member";

bool insert(Node& root, std::string_view name, std::string text) {
  auto* at = &root;
  for (std::size_t depth = 0;; ++depth) {
    if (depth == 2 * kRequestDepthMax) return false;  // a list takes two parts
    auto dot = name.find('.');
    at = &at->children[std::string(name.substr(0, dot))];
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
  }
  at->text = std::move(text);
  return true;
}

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

json scalar(Kind kind, const std::string& text) {
  switch (kind) {
    case Kind::kInteger:
      if (auto number = parse_number<std::int64_t>(text)) return *number;
      break;
    case Kind::kFloat:
      if (auto number = parse_number<double>(text); number && std::isfinite(*number)) return *number;
      break;
    case Kind::kTimestamp:
      if (auto time = parse_iso_time(text)) return *time;
      break;
    case Kind::kBoolean:
      if (text == "true" || text == "false") return text == "true";
      break;
    default: break;
  }
  return text;  // of another type than it should have, which the validation says
}

// What the tables do not have: only its name matters.
json untyped(const Node& node) {
  if (node.children.empty()) return node.text;
  return json::object();
}

json value_of(const Shape& shape, const Node& node);

json list_of(const Shape& shape, const Node& node) {
  auto members = node.children.find(kMember);
  if (members == node.children.end()) return node.text.empty() && node.children.empty() ? json::array() : untyped(node);
  std::map<std::int64_t, const Node*> by_number;
  for (const auto& [name, child] : members->second.children) {
    auto number = parse_number<std::int64_t>(name);
    if (!number) return untyped(node);
    by_number.emplace(*number, &child);
  }
  auto list = json::array();
  for (const auto& [number, child] : by_number) list.push_back(value_of(*shape.element, *child));
  return list;
}

json value_of(const Shape& shape, const Node& node) {
  if (shape.kind == Kind::kList) return list_of(shape, node);
  if (shape.kind == Kind::kMap) return untyped(node);  // no operation of a Query service here takes one
  if (shape.kind != Kind::kStructure) return node.children.empty() ? scalar(shape.kind, node.text) : untyped(node);
  auto object = json::object();
  for (const auto& [name, child] : node.children) {
    auto member = std::ranges::find(shape.members, name, &Member::name);
    bool known = member != shape.members.end() && member->shape != nullptr;
    object[name] = known ? value_of(*member->shape, child) : untyped(child);
  }
  return object;
}

std::variant<json, Rejection> parse(const Shape& shape, const std::string& body) {
  auto malformed = [](std::string_view what) { return Rejection{Rejection::Kind::kMalformed, std::string(what)}; };
  if (body.size() > kRequestBytesMax) return malformed("The body is too long.");
  auto fields = parse_form(body);
  if (!fields) return malformed("The body is not a form.");
  Node root;
  for (auto& [name, text] : *fields) {
    if (name == "Action" || name == "Version") continue;
    if (!insert(root, name, std::move(text))) return malformed(fmt::format("{}: too deep", name.substr(0, kShownValueMax)));
  }
  return value_of(shape, root);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char letter : text) {
    switch (letter) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      // XML 1.0 has no other control characters.
      default: out += letter >= ' ' || letter < 0 || letter == '\n' || letter == '\t' ? letter : '?';
    }
  }
  return out;
}

// CloudWatch's times are called so, and nothing else is.
bool is_time(std::string_view name) { return name.ends_with("Timestamp") || name == "Timestamps"; }
constexpr std::string_view kMapName = "ExtendedStatistics";  // its one map in an answer

std::string scalar_text(std::string_view name, const json& value) {
  if (value.is_string()) return escaped(value.get_ref<const std::string&>());
  if (value.is_number() && is_time(name)) return iso_time(value.get<double>());
  return codec::json_text(value);
}

void write_members(const json& object, std::string& out);

void write_element(std::string_view tag, std::string_view name, const json& value, std::string& out) {
  out += fmt::format("<{}>", tag);
  if (value.is_array()) {
    for (const auto& one : value) write_element(kMember, name, one, out);
  } else if (value.is_object() && name == kMapName) {
    for (const auto& [key, one] : value.items()) {
      out += fmt::format("<entry><key>{}</key><value>{}</value></entry>", escaped(key), scalar_text("", one));
    }
  } else if (value.is_object()) {
    write_members(value, out);
  } else {
    out += scalar_text(name, value);
  }
  out += fmt::format("</{}>", tag);
}

void write_members(const json& object, std::string& out) {
  for (const auto& [name, value] : object.items()) {
    if (!value.is_null()) write_element(name, name, value, out);
  }
}

constexpr std::string_view kNamespace = "http://monitoring.amazonaws.com/doc/2010-08-01/";

std::string answer(std::string_view operation, const json& result, const std::string& request_id) {
  auto name = operation.substr(operation.find(':') + 1);
  auto out = fmt::format("<{}Response xmlns=\"{}\">", name, kNamespace);
  if (!result.is_null()) {
    out += fmt::format("<{}Result>", name);
    write_members(result, out);
    out += fmt::format("</{}Result>", name);
  }
  return out +
         fmt::format("<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{}Response>", escaped(request_id), name);
}

std::string error(const Refused& refused, const std::string& request_id) {
  return fmt::format(
      "<ErrorResponse xmlns=\"{}\"><Error><Type>{}</Type><Code>{}</Code><Message>{}</Message></Error>"
      "<RequestId>{}</RequestId></ErrorResponse>",
      kNamespace, refused.status < 500 ? "Sender" : "Receiver",
      escaped(refused.query_code.empty() ? refused.type : refused.query_code), escaped(refused.message), escaped(request_id));
}

constexpr Protocol kQuery{
    .content_type = "text/xml", .dialect = aws::ErrorDialect::kQuery, .parse = parse, .answer = answer, .error = error};

}  // namespace

const Protocol& query() { return kQuery; }

}  // namespace zeropull::api
