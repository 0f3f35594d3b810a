#include "origin/listing.h"

#include <gtest/gtest.h>

namespace zeropull::origin {
namespace {

ModelFile file(std::string path, std::uint64_t size = 1, std::string etag = "\"e\"") {
  return {.path = std::move(path), .size = size, .etag = std::move(etag)};
}
Result<ModelListing> listing(std::vector<ModelFile> files, std::string_view uri = "s3://bucket/m/",
                             ModelForm form = ModelForm::kTree) {
  return make_listing(uri, form, std::move(files));
}
std::string identity(std::vector<ModelFile> files, std::string_view uri = "s3://bucket/m/", ModelForm form = ModelForm::kTree) {
  return MUST(listing(std::move(files), uri, form)).identity;
}

TEST(Listing, refuses_names_that_no_folder_can_hold) {
  for (const auto& path : {std::string(), std::string("a//b"), std::string("/a"), std::string("a/"), std::string("."),
                           std::string("a/../b"), std::string("a/./b"), std::string("a\0b", 3), std::string(256, 'x'),
                           "d/" + std::string(256, 'x'), std::string(" "), std::string("a/ \t/b")})
    EXPECT_TRUE(check_path(path).failed_with(Code::kInvalidArgument)) << path;
  for (const auto& path : {std::string("a"), std::string("a/b/c"), std::string("..a"), std::string("a b"), std::string(255, 'x')})
    EXPECT_TRUE(check_path(path).ok()) << path;
}

TEST(Listing, refuses_files_that_clash_with_folders_or_one_another) {
  EXPECT_TRUE(listing({file("weights"), file("weights/part1")}).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(listing({file("a/b"), file("a-b"), file("a/b/c/d")}).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(listing({file("a"), file("a")}).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(listing({file("a"), file("a-b"), file("ab/c")}).ok());
  EXPECT_TRUE(listing({}).failed_with(Code::kNotFound));
}

TEST(Listing, identity_depends_on_everything_but_the_order) {
  const auto base = identity({file("a"), file("b")});
  EXPECT_EQ(base.size(), 64u);
  EXPECT_EQ(identity({file("b"), file("a")}), base);
  EXPECT_EQ(MUST(listing({file("b"), file("a")})).files.front().path, "a");
  EXPECT_NE(identity({file("a"), file("c")}), base);
  EXPECT_NE(identity({file("a"), file("b", 2)}), base);
  EXPECT_NE(identity({file("a"), file("b", 1, "\"f\"")}), base);
  EXPECT_NE(identity({file("a"), file("b")}, "s3://bucket/n/"), base);
  EXPECT_NE(identity({file("a"), file("b")}, "s3://bucket/m/", ModelForm::kTar), base);
}

}  // namespace
}  // namespace zeropull::origin
