// Names, tokens and the master key.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "identity/instance_identity.h"
#include "identity/join_token.h"
#include "identity/limits.h"
#include "identity/master_key.h"
#include "os/file.h"

namespace zeropull::identity {
namespace {

TEST(InstanceIdentity, is_read_back_from_its_uri) {
  const InstanceIdentity leased{"123456789012", "e-04ab", "i-0123456789abcdef"};
  EXPECT_EQ(leased.uri(), "zeropull://instance/123456789012/e-04ab/i-0123456789abcdef");
  EXPECT_EQ(MUST(InstanceIdentity::parse(leased.uri())), leased);
  EXPECT_TRUE(leased.leased());
  const InstanceIdentity free{.instance_id = "i-1"};
  EXPECT_EQ(free.uri(), "zeropull://instance/-/-/i-1");
  EXPECT_EQ(MUST(InstanceIdentity::parse(free.uri())), free);
  EXPECT_FALSE(free.leased());
}

TEST(InstanceIdentity, refuses_uris_that_name_no_instance) {
  const std::string prefix = "zeropull://instance/";
  for (const std::string& bad : {std::string(kControlUri),
                                 prefix,
                                 prefix + "1/e",
                                 prefix + "1/e/",
                                 prefix + "1/e/i/x",
                                 prefix + "1//i",
                                 prefix + "1/../i",
                                 prefix + "1/e/-",
                                 prefix + "-/e/i",
                                 prefix + "1/-/i",
                                 prefix + "1/E/i",
                                 prefix + "1/e/i?x",
                                 prefix + "1/e/i%2f",
                                 prefix + "1/e/-i",
                                 prefix + "1/--/i",
                                 std::string("http://instance/1/e/i"),
                                 " " + prefix + "1/e/i",
                                 prefix + "1/e/i\n",
                                 prefix + "1/e/" + std::string(kNamePartMax + 1, 'i'),
                                 prefix + std::string("1/e/i\0", 6)}) {
    EXPECT_TRUE(InstanceIdentity::parse(bad).failed_with(Code::kInvalidArgument)) << bad;
  }
}

TEST(JoinToken, differs_each_time_and_is_found_by_its_hash) {
  auto one = make_join_token(Random::secure());
  auto two = make_join_token(Random::secure());
  EXPECT_NE(one.text.reveal(), two.text.reveal());
  EXPECT_EQ(one.text.reveal().size(), 4u + 64u);
  EXPECT_EQ(join_token_hash(one.text.reveal()), one.hash);
  EXPECT_NE(join_token_hash(two.text.reveal()), one.hash);
  EXPECT_EQ(fmt::format("{}", one.text), "***");
  // FIPS 180-4's example.
  EXPECT_EQ(join_token_hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

class MasterKeyTest : public testing::Test {
 protected:
  MasterKey load(const std::string& name) { return MUST(MasterKey::load_or_create(path(name), Random::secure())); }
  std::string path(const std::string& name) { return scratch_.path() + "/" + name; }

  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-identity-"));
};

TEST_F(MasterKeyTest, unwraps_after_a_restart_what_it_wrapped) {
  const Secret secret(std::string("\0 32 bytes, or any other number \xff", 33));
  auto wrapped = load("key").wrap(secret, "endpoint/e1", Random::secure());
  EXPECT_EQ(wrapped.find("32 bytes"), std::string::npos);
  EXPECT_EQ(MUST(load("key").unwrap(wrapped, "endpoint/e1")).reveal(), secret.reveal());
  EXPECT_NE(load("key").wrap(secret, "endpoint/e1", Random::secure()), wrapped);  // the nonce is new
  auto empty = load("key").wrap(Secret(), "x", Random::secure());
  EXPECT_TRUE(MUST(load("key").unwrap(empty, "x")).empty());
  EXPECT_EQ(MUST(os::stat_path(path("key"))).st_mode & 07777, 0600u);
}

TEST_F(MasterKeyTest, refuses_every_changed_digit_another_owner_and_another_key) {
  auto key = load("key");
  auto wrapped = key.wrap(Secret("secret"), "endpoint/e1", Random::secure());
  for (std::size_t i = 0; i < wrapped.size(); ++i) {
    auto changed = wrapped;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_TRUE(key.unwrap(changed, "endpoint/e1").failed_with(Code::kDataLoss)) << i;
    EXPECT_TRUE(key.unwrap(wrapped.substr(0, i), "endpoint/e1").failed_with(Code::kDataLoss)) << i;
  }
  EXPECT_TRUE(key.unwrap(wrapped + "00", "endpoint/e1").failed_with(Code::kDataLoss));
  auto moved = key.unwrap(wrapped, "endpoint/e2");
  ASSERT_TRUE(moved.failed_with(Code::kDataLoss));
  EXPECT_EQ(moved.error().message().find(wrapped), std::string::npos);
  EXPECT_TRUE(load("other").unwrap(wrapped, "endpoint/e1").failed_with(Code::kDataLoss));
}

TEST_F(MasterKeyTest, refuses_files_that_are_not_a_secret_key) {
  const auto load_bad = [&](const std::string& name) { return MasterKey::load_or_create(path(name), Random::secure()); };
  MUST(os::create_file(path("short"), Bytes(31)));
  MUST(os::create_file(path("long"), Bytes(33)));
  MUST(os::create_file(path("open"), Bytes(32), 0644));
  for (const auto* name : {"short", "long", "open"}) EXPECT_TRUE(load_bad(name).failed_with(Code::kFailedPrecondition)) << name;
  EXPECT_TRUE(load_bad("absent/key").failed_with(Code::kNotFound));
}

}  // namespace
}  // namespace zeropull::identity
