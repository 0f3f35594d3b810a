// The suite that every ObjectStore passes. An implementation's test makes a StoreUnderTest and instantiates StoreConformance with
// a factory.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "store/object_store.h"

namespace zeropull::store {

// A fresh, empty store and whatever it needs to live.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual ObjectStore& store() = 0;
};

struct StoreFactory {
  std::string name;
  std::unique_ptr<StoreUnderTest> (*make)();
};

class StoreConformance : public testing::TestWithParam<StoreFactory> {
 protected:
  void put(const std::string& name, std::string_view text);
  Result<std::string> get(const std::string& name);
  std::vector<std::string> names(std::optional<ObjectName> folder = {});
  ObjectStore& store() { return under_test_->store(); }

  Context ctx_ = Context::root("test", {}, std::chrono::minutes(2));
  std::unique_ptr<StoreUnderTest> under_test_ = GetParam().make();
};

ObjectName object_name(std::string_view text);  // crashes on a bad one

}  // namespace zeropull::store
