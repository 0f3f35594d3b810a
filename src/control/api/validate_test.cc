// Every field of every operation with wrong types and out of range, from the tables themselves.
#include "control/api/validate.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "control/api/schema.h"

namespace zeropull::api {
namespace {

using nlohmann::json;

// A good value of a shape, with its required members alone.
json good_value(const Shape& shape);

std::string good_text(const Shape& shape) {
  if (!shape.values.empty()) return std::string(shape.values[0].name);
  for (const auto* text : {"a", "aaaaaaaaaaaaaaaaaaaa", "/metrics", "s3://b/p", "arn:aws:iam::111122223333:role/r", "c-0",
                           "arn:aws:sagemaker:us-east-1:111122223333:model/m",
                           "arn:aws:application-autoscaling:us-east-1:111122223333:scalable-target/0ec5"}) {
    Shape alone = shape;
    json value = text;
    if (!validate(alone, value)) return text;
  }
  ADD_FAILURE() << "no good text for pattern " << shape.pattern;
  return "";
}

json good_value(const Shape& shape) {
  switch (shape.kind) {
    case Kind::kString: return good_text(shape);
    case Kind::kInteger: return static_cast<std::int64_t>(shape.min.value_or(1));
    case Kind::kFloat:
    case Kind::kTimestamp: return shape.min.value_or(1);
    case Kind::kBoolean: return true;
    case Kind::kList: return json::array({good_value(*shape.element)});
    case Kind::kMap: return json{{good_text(*shape.key), good_value(*shape.element)}};
    case Kind::kStructure: break;
  }
  auto object = json::object();
  for (const auto& member : shape.members) {
    if (member.need == Need::kRequired) object[std::string(member.name)] = good_value(*member.shape);
  }
  return object;
}

// Calls visit(shape, replace) for every value below `shape`, where replace(value) makes the whole input with that value in the
// place.
using Replace = std::function<json(json)>;
using Visit = std::function<void(const std::string& path, const Shape& shape, const Replace& replace)>;
void walk(const Shape& shape, const std::string& path, const Replace& replace, const Visit& visit) {
  visit(path, shape, replace);
  if (shape.kind == Kind::kList) {
    walk(*shape.element, path + "[]", [&](json value) { return replace(json::array({std::move(value)})); }, visit);
  }
  if (shape.kind == Kind::kMap) {
    auto key = good_text(*shape.key);
    walk(*shape.element, path + "{}", [&](json value) { return replace(json{{key, std::move(value)}}); }, visit);
  }
  for (const auto& member : shape.members) {
    if (member.need == Need::kRefused) continue;
    walk(
        *member.shape, path + "." + std::string(member.name),
        [&](json value) {
          auto object = good_value(shape);
          object[std::string(member.name)] = std::move(value);
          return replace(std::move(object));
        },
        visit);
  }
}
void walk_all(const Visit& visit) {
  for (auto operation : operations()) {
    walk(*input_shape(operation), std::string(operation), [](json value) { return value; }, visit);
  }
}

std::optional<Rejection::Kind> kind_of(const Shape& root, json input) {
  auto rejection = validate(root, input);
  return rejection ? std::optional(rejection->kind) : std::nullopt;
}
const Shape& root_of(const std::string& path) {
  return *input_shape(path.substr(0, path.find('.', path.starts_with("Zeropull.") ? 9 : 0)));
}

TEST(Validate, the_walk_finds_good_values_for_every_field) {
  int fields = 0;
  walk_all([&](const std::string& path, const Shape& shape, const Replace& replace) {
    auto input = replace(good_value(shape));
    auto rejection = validate(root_of(path), input);
    EXPECT_FALSE(rejection.has_value()) << path << ": " << (rejection ? rejection->message : "");
    ++fields;
  });
  EXPECT_GT(fields, 200);
}

TEST(Validate, every_field_refuses_values_of_other_types) {
  walk_all([](const std::string& path, const Shape& shape, const Replace& replace) {
    for (const auto& value : {json("x"), json(1), json(1.5), json(true), json::array(), json::object()}) {
      bool number = shape.kind == Kind::kFloat || shape.kind == Kind::kTimestamp;
      if (value.type() == good_value(shape).type() || (number && value.is_number()) ||
          (shape.kind == Kind::kInteger && value.is_number_integer())) {
        continue;
      }
      EXPECT_EQ(kind_of(root_of(path), replace(value)), Rejection::Kind::kMalformed) << path << " = " << value;
    }
  });
}

TEST(Validate, every_field_refuses_what_is_out_of_its_range) {
  int ranges = 0;
  auto refused = [&](const std::string& path, const json& input) {
    ++ranges;
    EXPECT_EQ(kind_of(root_of(path), input), Rejection::Kind::kViolated) << path << " in " << input;
  };
  walk_all([&](const std::string& path, const Shape& shape, const Replace& replace) {
    bool number = shape.kind == Kind::kInteger || shape.kind == Kind::kFloat || shape.kind == Kind::kTimestamp;
    if (number) {
      if (shape.min && *shape.min < -1e18) {
        refused(path, replace(*shape.min * 2));
      } else if (shape.min) {
        refused(path, replace(static_cast<std::int64_t>(*shape.min) - 1));
      }
      if (shape.max && shape.kind == Kind::kInteger) refused(path, replace(static_cast<std::int64_t>(*shape.max) + 1));
      if (shape.max && shape.kind != Kind::kInteger) refused(path, replace(*shape.max * 2));
      return;
    }
    if (shape.kind == Kind::kString) {
      if (!shape.values.empty() || !shape.pattern.empty()) refused(path, replace(std::string("\n!?")));
      if (shape.max) refused(path, replace(std::string(static_cast<std::size_t>(*shape.max) + 1, 'a')));
      if (shape.min) refused(path, replace(std::string(static_cast<std::size_t>(*shape.min) - 1, 'a')));
    }
    if (shape.kind == Kind::kList) {
      if (shape.max) refused(path, replace(json(static_cast<std::size_t>(*shape.max) + 1, good_value(*shape.element))));
      if (shape.min) refused(path, replace(json::array()));
    }
  });
  EXPECT_GT(ranges, 300);
}

TEST(Validate, every_required_member_is_missed) {
  walk_all([](const std::string& path, const Shape& shape, const Replace& replace) {
    for (const auto& member : shape.members) {
      if (member.need != Need::kRequired) continue;
      auto object = good_value(shape);
      object[std::string(member.name)] = nullptr;
      auto input = replace(std::move(object));
      auto rejection = validate(root_of(path), input);
      ASSERT_TRUE(rejection.has_value()) << path << "." << member.name;
      EXPECT_EQ(rejection->kind, Rejection::Kind::kMissing);
      EXPECT_NE(rejection->message.find("Member must not be null"), std::string::npos) << rejection->message;
    }
  });
}

TEST(Validate, every_refused_member_and_unknown_ones_are_named) {
  int members = 0;
  walk_all([&](const std::string& path, const Shape& shape, const Replace& replace) {
    if (shape.kind != Kind::kStructure) return;
    std::vector<std::string> names{"NoSuchMember"};
    for (const auto& member : shape.members) {
      if (member.need == Need::kRefused) names.emplace_back(member.name);
    }
    for (const auto& name : names) {
      auto object = good_value(shape);
      object[name] = json::object();
      auto input = replace(std::move(object));
      auto rejection = validate(root_of(path), input);
      ASSERT_TRUE(rejection.has_value()) << path << "." << name;
      EXPECT_EQ(rejection->kind, Rejection::Kind::kUnsupported);
      EXPECT_NE(rejection->message.find(name + " is not supported by Zeropull: "), std::string::npos) << rejection->message;
      ++members;
    }
  });
  EXPECT_GT(members, 80);
}

TEST(Validate, violations_are_in_the_services_words) {
  json input{{"EndpointName", "-bad"}, {"Tags", {{{"Key", ""}, {"Value", "v"}}}}};
  auto rejection = validate(*input_shape("CreateEndpoint"), input);
  ASSERT_TRUE(rejection.has_value());
  EXPECT_EQ(
      rejection->message,
      "3 validation errors detected: Value '-bad' at 'endpointName' failed to satisfy constraint: Member must satisfy regular "
      "expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}; Value '' at 'tags.1.member.key' failed to satisfy constraint: "
      "Member must have length greater than or equal to 1; Value null at 'endpointConfigName' failed to satisfy constraint: "
      "Member must not be null");
}

TEST(Validate, long_lists_of_violations_are_cut) {
  json input{{"ResourceArn", "arn:aws:sagemaker:us-east-1:111122223333:model/m"}, {"TagKeys", json::array()}};
  for (int i = 0; i < 50; ++i) input["TagKeys"].push_back(std::string(1000, '!'));
  auto rejection = validate(*input_shape("DeleteTags"), input);
  ASSERT_TRUE(rejection.has_value());
  EXPECT_LT(rejection->message.size(), 10000u);
  EXPECT_TRUE(rejection->message.starts_with("100 validation errors detected: ")) << rejection->message.substr(0, 60);
}

TEST(Validate, lengths_count_characters) {
  json input{{"ResourceArn", "arn:aws:sagemaker:us-east-1:111122223333:model/m"}, {"TagKeys", json::array()}};
  std::string umlauts;
  for (int i = 0; i < 128; ++i) umlauts += "ü";
  input["TagKeys"].push_back(umlauts);
  EXPECT_FALSE(validate(*input_shape("DeleteTags"), input).has_value());
}

TEST(Validate, good_input_is_put_in_order) {
  json input{{"EndpointName", "e"}, {"DesiredWeightsAndCapacities", {{{"VariantName", "v"}, {"DesiredWeight", 1}}}}};
  input["DesiredWeightsAndCapacities"][0]["DesiredInstanceCount"] = nullptr;
  ASSERT_FALSE(validate(*input_shape("UpdateEndpointWeightsAndCapacities"), input).has_value());
  EXPECT_TRUE(input["DesiredWeightsAndCapacities"][0]["DesiredWeight"].is_number_float());
  EXPECT_FALSE(input["DesiredWeightsAndCapacities"][0].contains("DesiredInstanceCount"));
}

}  // namespace
}  // namespace zeropull::api
