#include "artifact/keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "artifact/sample_image.h"

namespace zeropull::artifact {
namespace {

class KeyFile : public testing::Test {
 protected:
  os::ScratchFolder folder_ = MUST(os::ScratchFolder::create("/tmp", "zp-keys-"));
  std::string path_ = folder_.path() + "/key";
};

TEST_F(KeyFile, is_made_when_asked_and_stays_the_same) {
  EXPECT_TRUE(EndpointKey::load(path_).failed_with(Code::kNotFound));
  auto made = MUST(EndpointKey::load_or_create(path_, Random::secure()));
  auto info = MUST(os::stat_path(path_));
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_EQ(info.st_size, 32);
  auto again = MUST(EndpointKey::load_or_create(path_, Random::secure()));
  EXPECT_TRUE(std::ranges::equal(made.data_key().view(), again.data_key().view()));
}

TEST_F(KeyFile, that_others_may_read_is_refused_with_the_remedy) {
  MUST(EndpointKey::load_or_create(path_, Random::secure()));
  ASSERT_EQ(chmod(path_.c_str(), 0640), 0);
  auto loaded = EndpointKey::load(path_);
  ASSERT_TRUE(loaded.failed_with(Code::kFailedPrecondition));
  EXPECT_NE(loaded.error().message().find("chmod 0600"), std::string::npos);
  EXPECT_FALSE(EndpointKey::load_or_create(path_, Random::secure()).ok());
}

TEST_F(KeyFile, of_another_size_is_refused) {
  for (std::size_t size : {0UL, 31UL, 33UL, 64UL}) {
    MUST(os::replace_file(path_, Bytes(size)));
    EXPECT_TRUE(EndpointKey::load(path_).failed_with(Code::kFailedPrecondition)) << size;
  }
}

TEST(EndpointKey, derives_a_different_key_for_each_use) {
  auto key = sample_key();
  EXPECT_FALSE(std::ranges::equal(key.seal_key().view(), key.name_key().view()));
  EXPECT_FALSE(std::ranges::equal(key.name_key().view(), key.data_key().view()));
  EXPECT_FALSE(std::ranges::equal(key.seal_key().view(), key.data_key().view()));
}

TEST(EndpointKey, prints_stars) {
  auto key = sample_key();
  EXPECT_EQ(fmt::format("{} {}", key, key.seal_key()), "*** ***");
}

}  // namespace
}  // namespace zeropull::artifact
