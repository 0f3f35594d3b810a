#include "artifact/layer_paths.h"

#include <gtest/gtest.h>

#include <map>

namespace zeropull::artifact {
namespace {

// A tree of folders and symlinks, spelt as a map from paths to targets; "" is a folder, "-" a file.
class Sample final : public PathTree {
 public:
  explicit Sample(std::map<std::string, std::string> entries) {
    paths_.push_back("");
    targets_.push_back("");
    for (auto& [path, target] : entries) {
      paths_.push_back(path);
      targets_.push_back(target);
    }
  }
  std::optional<std::uint32_t> lookup(std::uint32_t directory, std::string_view name) const override {
    const std::string path = directory == 0 ? std::string(name) : fmt::format("{}/{}", paths_[directory], name);
    for (std::uint32_t node = 1; node < paths_.size(); ++node) {
      if (paths_[node] == path) return node;
    }
    return std::nullopt;
  }
  Kind kind(std::uint32_t node) const override {
    return targets_[node].empty() ? Kind::kDirectory : targets_[node] == "-" ? Kind::kOther : Kind::kSymlink;
  }
  std::string_view target(std::uint32_t symlink) const override { return targets_[symlink]; }

 private:
  std::vector<std::string> paths_, targets_;
};

TEST(CleanPath, is_gos) {
  // From Go's path_test.go.
  const std::pair<const char*, const char*> kCases[] = {{"", "."},
                                                        {"abc", "abc"},
                                                        {"abc/def", "abc/def"},
                                                        {".", "."},
                                                        {"..", ".."},
                                                        {"../..", "../.."},
                                                        {"../../abc", "../../abc"},
                                                        {"/abc", "/abc"},
                                                        {"/", "/"},
                                                        {"abc/", "abc"},
                                                        {"abc/def/", "abc/def"},
                                                        {"./", "."},
                                                        {"../", ".."},
                                                        {"/abc/", "/abc"},
                                                        {"abc//def//ghi", "abc/def/ghi"},
                                                        {"//abc", "/abc"},
                                                        {"///abc", "/abc"},
                                                        {"abc//", "abc"},
                                                        {"abc/./def", "abc/def"},
                                                        {"/./abc/def", "/abc/def"},
                                                        {"abc/.", "abc"},
                                                        {"abc/def/ghi/../jkl", "abc/def/jkl"},
                                                        {"abc/def/../ghi/../jkl", "abc/jkl"},
                                                        {"abc/def/..", "abc"},
                                                        {"abc/def/../..", "."},
                                                        {"/abc/def/../..", "/"},
                                                        {"abc/def/../../..", ".."},
                                                        {"/abc/def/../../..", "/"},
                                                        {"abc/def/../../../ghi/jkl/../../../mno", "../../mno"},
                                                        {"/../abc", "/abc"},
                                                        {"abc/./../def", "def"},
                                                        {"abc//./../def", "def"},
                                                        {"abc/../../././../def", "../../def"}};
  for (const auto& [path, clean] : kCases) EXPECT_EQ(clean_path(path), clean) << path;
}

TEST(ResolveInRoot, follows_links_and_stays_inside) {
  const Sample tree({{"d", ""},
                     {"d/e", ""},
                     {"rel", "d"},
                     {"abs", "/d/e"},
                     {"up", "../../d"},
                     {"d/back", "../rel"},
                     {"to-root", "/"},
                     {"dangling", "no/such"},
                     {"p", "q"},
                     {"q", "d/e"},
                     {"d/e/l", "../z"}});
  const std::pair<const char*, const char*> kCases[] = {
      {"", ""},
      {"d", "d"},
      {"d/e/", "d/e"},
      {"rel/e", "d/e"},
      {"abs/x", "d/e/x"},
      {"up/e", "d/e"},
      {"d/back/back/e", "d/e"},
      {"to-root/d", "d"},
      {"to-root", ""},
      {"dangling/x", "no/such/x"},
      {"missing/../d", "d"},
      {"..", ""},
      {"../../d", "d"},
      {"p/l", "z"}};  // not d/z, where the kernel would go: continuity joins with a folder that is itself still a link
  for (const auto& [path, resolved] : kCases) EXPECT_EQ(MUST(resolve_in_root(tree, path)), resolved) << path;
}

TEST(ResolveInRoot, refuses_loops_and_files_on_the_way) {
  const Sample tree({{"a", "b"}, {"b", "a"}, {"self", "self/x"}, {"grow", "grow/" + std::string(1000, 'x')}, {"file", "-"}});
  for (const char* path : {"a/x", "self", "grow", "file/x/y"}) {
    EXPECT_TRUE(resolve_in_root(tree, path).failed_with(Code::kInvalidArgument)) << path;
  }
}

TEST(FindPath, walks_as_the_kernel_does) {
  const Sample tree({{"d", ""}, {"d/e", ""}, {"rel", "d"}, {"abs", "/d"}, {"loop", "loop"}, {"file", "-"}});
  EXPECT_TRUE(MUST(find_path(tree, "/d/e")).has_value());
  EXPECT_EQ(MUST(find_path(tree, "rel/e")), MUST(find_path(tree, "d/e")));
  EXPECT_EQ(MUST(find_path(tree, "/")), 0U);
  EXPECT_EQ(MUST(find_path(tree, "d/../d/./e")), MUST(find_path(tree, "d/e")));
  EXPECT_NE(MUST(find_path(tree, "rel")), MUST(find_path(tree, "d")));  // the last name is not followed
  EXPECT_EQ(MUST(find_path(tree, "abs/e")), std::nullopt);              // would leave the root
  EXPECT_EQ(MUST(find_path(tree, "../d")), std::nullopt);
  EXPECT_EQ(MUST(find_path(tree, "no/such")), std::nullopt);
  EXPECT_FALSE(find_path(tree, "loop/x").ok());
  EXPECT_FALSE(find_path(tree, "file/x").ok());
}

TEST(PrintablePath, escapes_and_cuts) {
  EXPECT_EQ(printable_path("a b/\xff\n\""), "a b/\\xff\\x0a\\x22");
  EXPECT_EQ(printable_path(std::string(4000, 'x')), std::string(200, 'x') + "... (4000 bytes)");
}

}  // namespace
}  // namespace zeropull::artifact
