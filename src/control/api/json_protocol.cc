#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "control/api/limits.h"
#include "control/api/protocol.h"

namespace zeropull::api {

namespace {

using nlohmann::json;

std::variant<json, Rejection> parse(const Shape& /*shape*/, const std::string& body) {
  auto input = codec::parse_json(body.empty() ? "{}" : body, {.size_max = kRequestBytesMax, .depth_max = kRequestDepthMax});
  if (!input.ok()) {
    return Rejection{Rejection::Kind::kMalformed, fmt::format("The body is not JSON: {}", input.error().message())};
  }
  return std::move(*input);
}

std::string answer(std::string_view /*operation*/, const json& result, const std::string& /*request_id*/) {
  return result.is_null() ? "{}" : codec::json_text(result);
}

// Services differ in how they write "message"; clients read either.
std::string error(const Refused& refused, const std::string& /*request_id*/) {
  return codec::json_text({{"__type", refused.type}, {"message", refused.message}, {"Message", refused.message}});
}

constexpr Protocol with_type(std::string_view content_type) {
  return {.content_type = content_type, .dialect = aws::ErrorDialect::kJson, .parse = parse, .answer = answer, .error = error};
}
constexpr Protocol kJson10 = with_type("application/x-amz-json-1.0");
constexpr Protocol kJson11 = with_type("application/x-amz-json-1.1");

}  // namespace

const Protocol& json_1_0() { return kJson10; }
const Protocol& json_1_1() { return kJson11; }

}  // namespace zeropull::api
