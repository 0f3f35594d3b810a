#include "origin/file_origin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

namespace zeropull::origin {
namespace {

using Type = ModelLocation::Type;
using Compression = ModelLocation::Compression;

class FileOriginTest : public testing::Test {
 protected:
  FileOriginTest() {
    MUST(os::ensure_folder(path("allowed/llm/nested")));
    MUST(os::ensure_folder(path("allowed-not")));
    write("allowed/llm/config.json", "config");
    write("allowed/llm/nested/weights", std::string(3 << 20, 'w'));
    write("allowed/shared", "shared");
    write("secret", "secret");
    write("allowed-not/x", "x");
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  void write(const std::string& name, const std::string& text) { MUST(os::replace_file(path(name), as_bytes(text))); }
  void link(const std::string& to, const std::string& name) { ASSERT_EQ(::symlink(to.c_str(), path(name).c_str()), 0); }

  Result<std::unique_ptr<ModelOrigin>> try_open(const std::string& uri, Type type = Type::kPrefix) {
    OriginAccess access;
    access.folders = {"/nowhere", path("allowed/")};
    return open_origin({.uri = uri, .type = type}, access);
  }
  std::unique_ptr<ModelOrigin> open(const std::string& name, Type type = Type::kPrefix) {
    return MUST(try_open("file://" + path(name), type));
  }
  Result<std::string> read(ModelOrigin& origin, const ModelFile& file, std::uint64_t offset, std::uint64_t length) {
    std::string out;
    TRY(origin.read(ctx_, file, offset, length, [&](ByteView bytes) -> Result<void> {
      out += as_text(bytes);
      return {};
    }));
    return out;
  }

  const os::ScratchFolder folder_ = MUST(os::ScratchFolder::create("/tmp", "zp-file-origin-"));
  const Context ctx_ = Context::root("test", {}, std::chrono::seconds(30));
};

TEST_F(FileOriginTest, a_folder_is_a_tree_and_a_file_a_file) {
  for (auto name : {"allowed/llm", "allowed/llm/"}) {
    auto origin = open(name);
    const auto files = MUST(origin->list(ctx_)).files;
    ASSERT_EQ(files.size(), 2u);
    EXPECT_EQ(files[0].path, "config.json");
    EXPECT_EQ(MUST(read(*origin, files[0], 0, 6)), "config");
    EXPECT_EQ(files[1].path, "nested/weights");
    EXPECT_EQ(MUST(read(*origin, files[1], 1'000'000, 2'000'000)), std::string(2'000'000, 'w'));
    EXPECT_TRUE(read(*origin, files[0], 0, 7).failed_with(Code::kOutOfRange));
  }
  auto one = open("allowed/llm/config.json", Type::kObject);
  const auto file = MUST(one->list(ctx_)).files.at(0);
  EXPECT_EQ(file.path, "config.json");
  EXPECT_EQ(MUST(read(*one, file, 3, 3)), "fig");
  EXPECT_EQ(MUST(open("allowed")->list(ctx_)).files.size(), 3u) << "an allowed folder itself may be the model";
}

TEST_F(FileOriginTest, nothing_outside_the_allowed_folders_is_reached) {
  for (auto name : {"secret", "allowed-not/x", "allowed"})
    EXPECT_TRUE(try_open("file://" + path(name), Type::kObject).failed_with(Code::kPermissionDenied)) << name;
  for (auto name : {"allowed/../secret", "allowed/%2e%2e/secret", "allowed/./llm", "allowed//llm", "allowed/a%00b"})
    EXPECT_TRUE(try_open("file://" + path(name), Type::kObject).failed_with(Code::kInvalidArgument)) << name;
  link(path("secret"), "allowed/llm/absolute");
  EXPECT_FALSE(open("allowed/llm")->list(ctx_).ok());
  ::unlink(path("allowed/llm/absolute").c_str());
  link("../../secret", "allowed/llm/relative");
  EXPECT_THAT(open("allowed/llm")->list(ctx_).error().message(), testing::HasSubstr("a symbolic link leads out of"));
  link("..", "allowed/up");
  EXPECT_FALSE(open("allowed/up/secret", Type::kObject)->list(ctx_).ok());
  OriginAccess none;
  EXPECT_TRUE(open_origin({.uri = "file:///etc/passwd"}, none).failed_with(Code::kPermissionDenied));
}

TEST_F(FileOriginTest, symlinks_inside_are_files_and_specials_are_refused) {
  link("../shared", "allowed/llm/linked");
  auto origin = open("allowed/llm");
  const auto files = MUST(origin->list(ctx_)).files;
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[1].path, "linked");
  EXPECT_EQ(MUST(read(*origin, files[1], 0, 6)), "shared");
  ASSERT_EQ(::mkfifo(path("allowed/llm/pipe").c_str(), 0600), 0);
  EXPECT_TRUE(origin->list(ctx_).failed_with(Code::kInvalidArgument));
  ::unlink(path("allowed/llm/pipe").c_str());
  link("nested", "allowed/llm/folder-link");
  EXPECT_TRUE(origin->list(ctx_).failed_with(Code::kInvalidArgument)) << "a loop of folders would have no end";
}

TEST_F(FileOriginTest, a_changed_file_aborts) {
  auto origin = open("allowed/llm");
  const auto listing = MUST(origin->list(ctx_));
  write("allowed/llm/config.json", "CONFIG");
  EXPECT_TRUE(read(*origin, listing.files[0], 0, 6).failed_with(Code::kAborted));
  EXPECT_NE(MUST(origin->list(ctx_)).identity, listing.identity);
  auto cut = origin->read(ctx_, listing.files[1], 0, listing.files[1].size, [&](ByteView) -> Result<void> {
    EXPECT_EQ(::truncate(path("allowed/llm/nested/weights").c_str(), 5), 0);
    return {};
  });
  EXPECT_TRUE(cut.failed_with(Code::kAborted));
}

TEST_F(FileOriginTest, absent_files_and_odd_uris_are_refused) {
  EXPECT_TRUE(open("allowed/none")->list(ctx_).failed_with(Code::kNotFound));
  EXPECT_FALSE(open("allowed/llm", Type::kObject)->list(ctx_).ok());
  EXPECT_FALSE(open("allowed/shared")->list(ctx_).ok());
  for (auto uri : {"file://", "file:///", "file://localhost/x", "file://host/x", "file:///a?b", "file:///a#b", "file:///%zz"})
    EXPECT_TRUE(try_open(uri, Type::kObject).failed_with(Code::kInvalidArgument)) << uri;
}

}  // namespace
}  // namespace zeropull::origin
