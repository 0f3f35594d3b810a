#include "oci/reference.h"

#include <gtest/gtest.h>

namespace zeropull::oci {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(Reference, normalises_names_as_docker_does) {
  const std::pair<std::string, std::string> cases[] = {
      {"debian", "docker.io/library/debian:latest"},
      {"debian:12", "docker.io/library/debian:12"},
      {"team/app", "docker.io/team/app:latest"},
      {"index.docker.io/team/app:1", "docker.io/team/app:1"},
      {"docker.io/debian", "docker.io/library/debian:latest"},
      {"localhost/app", "localhost/app:latest"},
      {"host:5000/a/b-c/d__e.f:v1.0_x", "host:5000/a/b-c/d__e.f:v1.0_x"},
      {"[::1]:5000/app", "[::1]:5000/app:latest"},
      {"ghcr.io/a/b@" + kDigest, "ghcr.io/a/b@" + kDigest},
      {"ghcr.io/a/b:tag@" + kDigest, "ghcr.io/a/b:tag@" + kDigest},
  };
  for (const auto& [text, name] : cases) EXPECT_EQ(MUST(parse_image_name(text)).name(), name) << text;
}

TEST(Reference, refuses_what_the_grammar_does_not_have) {
  for (const std::string text : {"",
                                 "Upper",
                                 "host.io/Upper",
                                 "host.io/",
                                 "host.io//a",
                                 "host.io/a/",
                                 "a/../b",
                                 "host.io/-a",
                                 "host.io/a-",
                                 "host.io/a..b",
                                 "host.io/a___b",
                                 "a:",
                                 "a:-x",
                                 "a:b:c",
                                 "a b",
                                 "a@sha256:1",
                                 "a@sha512:aa",
                                 "a@",
                                 "host.io:0/a",
                                 "user@host.io/a",
                                 "a\n",
                                 "host.io/a?b",
                                 "https://host.io/a"})
    EXPECT_TRUE(parse_image_name(text).failed_with(Code::kInvalidArgument)) << text;
  EXPECT_FALSE(parse_image_name("host.io/" + std::string(300, 'a')).ok());
  EXPECT_FALSE(parse_image_name("a:" + std::string(129, 't')).ok());
}

TEST(Reference, tells_registries_and_layouts_apart_by_scheme) {
  auto image = MUST(parse_reference("docker://127.0.0.1:5000/team/app:1"));
  ASSERT_TRUE(std::holds_alternative<RegistryReference>(image));
  EXPECT_EQ(describe(image), "docker://127.0.0.1:5000/team/app:1");
  auto layout = std::get<LayoutReference>(MUST(parse_reference("oci:/a/b:c/d:v1")));
  EXPECT_EQ(layout.folder, "/a/b:c/d");
  EXPECT_EQ(layout.tag, "v1");
  layout = std::get<LayoutReference>(MUST(parse_reference("oci:/a/b:c/d")));
  EXPECT_EQ(layout.folder, "/a/b:c/d");
  EXPECT_EQ(layout.tag, "");
  for (const char* text : {"debian", "oci:", "oci::tag", "dir:/x", "docker:debian"})
    EXPECT_TRUE(parse_reference(text).failed_with(Code::kInvalidArgument)) << text;
}

}  // namespace
}  // namespace zeropull::oci
