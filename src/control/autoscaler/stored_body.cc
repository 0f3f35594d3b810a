#include "control/autoscaler/stored_body.h"

#include <nlohmann/json.hpp>

#include "codec/json.h"

namespace zeropull::autoscaler {

std::string text_at(const nlohmann::json& body, std::string_view at) {
  const auto* found = codec::json_find(body, at);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace zeropull::autoscaler
