#include "aws/credentials.h"

#include <gtest/gtest.h>

#include <map>

#include "os/file.h"

namespace zeropull::aws {
namespace {

Environment variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) -> std::optional<std::string> {
    auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

constexpr std::string_view kFile =
    "# comment\n[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key=s1=+/\r\n\n"
    "[ other ]\nAWS_ACCESS_KEY_ID = AKIDOTHER\naws_secret_access_key = s2\naws_session_token = t2\n[half]\naws_access_key_id = "
    "A\n";

TEST(AwsCredentials, reads_the_profile_asked_for) {
  auto plain = MUST(parse_credentials_file(kFile, "default"));
  EXPECT_EQ(plain.access_key_id, "AKIDDEFAULT");
  EXPECT_EQ(plain.secret_access_key.reveal(), "s1=+/");
  EXPECT_FALSE(plain.session_token);
  auto other = MUST(parse_credentials_file(kFile, "other"));
  EXPECT_EQ(other.access_key_id, "AKIDOTHER");
  EXPECT_EQ(other.session_token->reveal(), "t2");
  EXPECT_TRUE(parse_credentials_file(kFile, "absent").failed_with(Code::kNotFound));
  EXPECT_TRUE(parse_credentials_file(kFile, "half").failed_with(Code::kUnauthenticated));
}

TEST(AwsCredentials, prefers_the_environment_to_the_file) {
  auto folder = MUST(os::ScratchFolder::create("/tmp", "zp-aws-test"));
  const auto path = folder.path() + "/credentials";
  MUST(os::replace_file(path, as_bytes(kFile)));
  std::map<std::string, std::string> set = {{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_PROFILE", "other"}};
  EXPECT_EQ(MUST(load_credentials(variables(set))).access_key_id, "AKIDOTHER");
  set["AWS_ACCESS_KEY_ID"] = "AKIDENV";
  EXPECT_TRUE(load_credentials(variables(set)).failed_with(Code::kUnauthenticated)) << "half a pair is a mistake to report";
  set["AWS_SECRET_ACCESS_KEY"] = "s";
  EXPECT_EQ(MUST(load_credentials(variables(set))).access_key_id, "AKIDENV");
}

TEST(AwsCredentials, looks_below_home_and_says_what_to_do) {
  auto folder = MUST(os::ScratchFolder::create("/tmp", "zp-aws-test"));
  auto missing = load_credentials(variables({{"HOME", folder.path()}}));
  ASSERT_TRUE(missing.failed_with(Code::kUnauthenticated));
  EXPECT_NE(missing.error().message().find("AWS_ACCESS_KEY_ID"), std::string::npos);
  MUST(os::ensure_folder(folder.path() + "/.aws"));
  MUST(os::replace_file(folder.path() + "/.aws/credentials", as_bytes(kFile)));
  EXPECT_EQ(MUST(load_credentials(variables({{"HOME", folder.path()}}))).access_key_id, "AKIDDEFAULT");
}

}  // namespace
}  // namespace zeropull::aws
