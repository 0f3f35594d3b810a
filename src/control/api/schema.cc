#include "control/api/schema.h"

#include <algorithm>
#include <vector>

#include "control/api/shapes.h"

namespace zeropull::api {

namespace {

const std::vector<Input>& all_inputs() {
  static const std::vector<Input> all = [] {
    std::vector<Input> inputs;
    for (auto family :
         {model_inputs(), endpoint_inputs(), component_inputs(), autoscaling_inputs(), cloudwatch_inputs(), own_inputs()}) {
      inputs.insert(inputs.end(), family.begin(), family.end());
    }
    return inputs;
  }();
  return all;
}

}  // namespace

const Shape* input_shape(std::string_view operation) {
  auto found = std::ranges::find(all_inputs(), operation, &Input::operation);
  return found == all_inputs().end() ? nullptr : found->shape;
}

std::span<const std::string_view> operations() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const auto& input : all_inputs()) all.push_back(input.operation);
    return all;
  }();
  return names;
}

}  // namespace zeropull::api
