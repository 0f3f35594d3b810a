#include "origin/s3_origin.h"

#include <gtest/gtest.h>

#include "codec/base64.h"
#include "codec/digest.h"
#include "origin/fake_s3.h"

namespace zeropull::origin {
namespace {

using Type = ModelLocation::Type;
using Compression = ModelLocation::Compression;

class S3OriginTest : public testing::Test {
 protected:
  static std::unique_ptr<ModelOrigin> open(const FakeS3& s3, std::string uri, Type type = Type::kPrefix) {
    return MUST(open_origin({.uri = std::move(uri), .type = type}, s3.access()));
  }
  static Result<std::unique_ptr<ModelOrigin>> try_open(const ModelLocation& location, OriginAccess access = {}) {
    return open_origin(location, access);
  }
  Result<std::string> read(ModelOrigin& origin, const ModelFile& file, std::uint64_t offset, std::uint64_t length) {
    std::string out;
    TRY(origin.read(ctx_, file, offset, length, [&](ByteView bytes) -> Result<void> {
      out += as_text(bytes);
      return {};
    }));
    return out;
  }
  Result<std::string> read(ModelOrigin& origin, const ModelFile& file) { return read(origin, file, 0, file.size); }

  static aws::Credentials credentials() {
    return {.access_key_id = "AKIDEXAMPLE", .secret_access_key = Secret("secret"), .session_token = Secret("token")};
  }
  const Context ctx_ = Context::root("test", {}, std::chrono::seconds(30));
};

TEST_F(S3OriginTest, a_prefix_is_a_tree_of_the_keys_below_it) {
  auto s3 = FakeS3::create({.credentials = credentials(), .page_keys = 2});
  const std::vector<std::string> names = {"a b+c/é%20.bin", "config.json", "nested/deep/x", "z&<>\"'"};
  s3->put("llm/", {.bytes = ""});
  s3->put("llm/nested/", {.bytes = ""});
  for (const auto& name : names) s3->put("llm/" + name, {.bytes = "bytes of " + name});
  s3->put("llm-other/x", {.bytes = "no"});
  auto origin = open(*s3, "s3://models/llm/");
  const auto listing = MUST(origin->list(ctx_));
  EXPECT_EQ(listing.form, ModelForm::kTree);
  ASSERT_EQ(listing.files.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(listing.files[i].path, names[i]);
    EXPECT_TRUE(listing.files[i].ranged);
    EXPECT_EQ("\"" + listing.files[i].md5.value_or("") + "\"", listing.files[i].etag);
    EXPECT_EQ(MUST(read(*origin, listing.files[i])), "bytes of " + names[i]);
  }
  EXPECT_EQ(MUST(origin->list(ctx_)).identity, listing.identity);
}

TEST_F(S3OriginTest, keys_are_read_right_from_servers_that_do_not_encode_them) {
  auto s3 = FakeS3::create({.url_encoding = false});
  s3->put("llm/a b+c%20&", {.bytes = "x"});
  auto origin = open(*s3, "s3://models/llm/");
  const auto listing = MUST(origin->list(ctx_));
  EXPECT_EQ(listing.files.at(0).path, "a b+c%20&");
  EXPECT_EQ(MUST(read(*origin, listing.files.at(0))), "x");
}

TEST_F(S3OriginTest, an_object_is_one_file_or_one_tar) {
  auto s3 = FakeS3::create();
  s3->put("llm/model.tar.gz", {.bytes = "tar"});
  auto file = open(*s3, "s3://models/llm/model.tar.gz", Type::kObject);
  const auto as_file = MUST(file->list(ctx_));
  EXPECT_EQ(as_file.form, ModelForm::kTree);
  EXPECT_EQ(as_file.files.at(0).path, "model.tar.gz");
  EXPECT_EQ(MUST(read(*file, as_file.files.at(0))), "tar");
  auto tar = MUST(try_open({"s3://models/llm/model.tar.gz", Type::kObject, Compression::kGzip}, s3->access()));
  EXPECT_EQ(MUST(tar->list(ctx_)).form, ModelForm::kTar);
}

TEST_F(S3OriginTest, states_only_digests_that_are_digests_of_the_bytes) {
  auto s3 = FakeS3::create();
  const auto sha256 = codec::sha256(as_bytes("x"));
  s3->put("m/kms", {.bytes = "x", .headers = {{"x-amz-server-side-encryption", "aws:kms"}}});
  s3->put("m/managed", {.bytes = "x", .headers = {{"x-amz-server-side-encryption", "AES256"}}});
  s3->put("m/multipart", {.bytes = "x", .etag = "\"70ee1738b6b21e2c8a43f3a5ab0eee71-2\""});
  s3->put("m/sha", {.bytes = "x", .headers = {{"x-amz-checksum-sha256", codec::base64_encode(sha256.view())}}});
  s3->put("m/sha-of-parts",
          {.bytes = "x",
           .headers = {{"x-amz-checksum-sha256", codec::base64_encode(sha256.view())}, {"x-amz-checksum-type", "COMPOSITE"}}});
  const auto files = MUST(open(*s3, "s3://models/m/")->list(ctx_)).files;
  ASSERT_EQ(files.size(), 5u);
  EXPECT_EQ(files[0].md5, std::nullopt);
  EXPECT_EQ(files[1].md5, "9dd4e461268c8034f5c8564e155c67a6");
  EXPECT_EQ(files[2].md5, std::nullopt);
  EXPECT_EQ(files[3].sha256, sha256.hex());
  EXPECT_EQ(files[4].sha256, std::nullopt);
}

TEST_F(S3OriginTest, busy_servers_and_broken_transfers_are_outlasted_from_the_byte_reached) {
  auto s3 = FakeS3::create();
  const auto bytes = pattern_bytes(3 << 20);
  s3->put("m/w", {.bytes = bytes});
  auto origin = open(*s3, "s3://models/m/");
  const auto file = MUST(origin->list(ctx_)).files.at(0);
  s3->fail_next({});
  s3->fail_next({.break_after = 0});
  s3->fail_next({.break_after = 100'000});
  s3->fail_next({.status = 500, .code = "InternalError"});
  s3->fail_next({.break_after = 1 << 20});
  EXPECT_TRUE(MUST(read(*origin, file, 1000, bytes.size() - 2000)) == bytes.substr(1000, bytes.size() - 2000));
  const auto requests = s3->requests();
  EXPECT_EQ(requests.at(requests.size() - 6), fmt::format("GET m/w bytes=1000-{}", bytes.size() - 1001));
  EXPECT_NE(requests.back(), requests.at(requests.size() - 6)) << "the last attempt goes on from where the others came";
}

TEST_F(S3OriginTest, gives_up_with_the_servers_words) {
  auto s3 = FakeS3::create();
  s3->put("m/w", {.bytes = "x"});
  auto origin = open(*s3, "s3://models/m/");
  const auto file = MUST(origin->list(ctx_)).files.at(0);
  for (int i = 0; i < 6; ++i) s3->fail_next({});
  const auto failed = read(*origin, file);
  ASSERT_TRUE(failed.failed_with(Code::kUnavailable));
  EXPECT_NE(failed.error().message().find("status 503: SlowDown: as the test wants; gave up after 6 attempts"), std::string::npos)
      << failed.error().message();
  s3->fail_next({.status = 403, .code = "AccessDenied"});
  EXPECT_TRUE(read(*origin, file).failed_with(Code::kPermissionDenied));
  EXPECT_EQ(MUST(read(*origin, file)), "x");
}

TEST_F(S3OriginTest, a_changed_object_aborts_also_without_conditions_and_in_mid_transfer) {
  for (const bool conditions : {true, false}) {
    auto s3 = FakeS3::create({.conditions = conditions});
    s3->put("m/w", {.bytes = pattern_bytes(1 << 20)});
    auto origin = open(*s3, "s3://models/m/");
    const auto file = MUST(origin->list(ctx_)).files.at(0);
    s3->fail_next({.break_after = 300'000});
    bool changed = false;
    auto aborted = origin->read(ctx_, file, 0, file.size, [&](ByteView) -> Result<void> {
      if (!std::exchange(changed, true)) s3->put("m/w", {.bytes = std::string(1 << 20, 'x')});
      return {};
    });
    EXPECT_TRUE(aborted.failed_with(Code::kAborted)) << conditions;
    EXPECT_TRUE(read(*origin, file).failed_with(Code::kAborted)) << conditions;
  }
}

TEST_F(S3OriginTest, the_sinks_error_is_returned_as_it_is_and_not_repeated) {
  auto s3 = FakeS3::create();
  s3->put("m/w", {.bytes = "x"});
  auto origin = open(*s3, "s3://models/m/");
  const auto file = MUST(origin->list(ctx_)).files.at(0);
  const auto before = s3->requests().size();
  const auto failed =
      origin->read(ctx_, file, 0, 1, [](ByteView) -> Result<void> { return make_error(Code::kUnavailable, "disk is away"); });
  EXPECT_TRUE(failed.failed_with(Code::kUnavailable));
  EXPECT_EQ(s3->requests().size(), before + 1);
  EXPECT_TRUE(read(*origin, file, 1, 1).failed_with(Code::kOutOfRange));
  EXPECT_EQ(MUST(read(*origin, file, 1, 0)), "");
}

TEST_F(S3OriginTest, says_what_is_not_there_and_who_may_not) {
  auto s3 = FakeS3::create({.credentials = credentials()});
  s3->put("m/w", {.bytes = "x"});
  EXPECT_TRUE(open(*s3, "s3://models/n/")->list(ctx_).failed_with(Code::kNotFound));
  EXPECT_TRUE(open(*s3, "s3://models/n", Type::kObject)->list(ctx_).failed_with(Code::kNotFound));
  EXPECT_TRUE(open(*s3, "s3://other/m/")->list(ctx_).failed_with(Code::kNotFound));
  auto access = s3->access();
  access.s3.credentials->secret_access_key = Secret("wrong");
  EXPECT_TRUE(MUST(try_open({"s3://models/m/", Type::kPrefix}, access))->list(ctx_).failed_with(Code::kUnauthenticated));
  access.s3.credentials.reset();
  EXPECT_FALSE(MUST(try_open({"s3://models/m/", Type::kPrefix}, access))->list(ctx_).ok());
}

TEST_F(S3OriginTest, refuses_models_that_no_folder_can_hold) {
  for (const auto& keys : std::vector<std::vector<std::string>>{{"m/a//b"}, {"m/../b"}, {"m/a", "m/a/b"}}) {
    auto s3 = FakeS3::create();
    for (const auto& key : keys) s3->put(key, {.bytes = "x"});
    EXPECT_TRUE(open(*s3, "s3://models/m/")->list(ctx_).failed_with(Code::kInvalidArgument)) << keys.front();
  }
}

TEST_F(S3OriginTest, plain_http_reaches_excepted_addresses_alone) {
  auto s3 = FakeS3::create();
  auto access = s3->access();
  access.guard = {};
  EXPECT_TRUE(MUST(try_open({"s3://models/m/", Type::kPrefix}, access))->list(ctx_).failed_with(Code::kPermissionDenied));
}

TEST_F(S3OriginTest, uris_are_parsed_strictly) {
  for (auto uri :
       {"s3://", "s3://ab/x", "s3://Models/x", "s3://mo..del/x", "s3://192.168.1.1/x", "s3://-models/x", "s3://models/",
        "s3://models/x/", "s3://models/..", "s3://models", "gs://models/x", "S3://models/x", "models/x", ""})
    EXPECT_TRUE(try_open({uri, Type::kObject}).failed_with(Code::kInvalidArgument)) << uri;
  EXPECT_TRUE(try_open({"s3://models/x", Type::kPrefix}).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(try_open({"s3://models/x/", Type::kPrefix, Compression::kGzip}).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(try_open({"s3://models/" + std::string(1024, 'x'), Type::kObject}).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(try_open({"s3://models/", Type::kPrefix}).ok());
  OriginAccess access;
  access.s3.region = "evil.example/";
  EXPECT_TRUE(try_open({"s3://models/x", Type::kObject}, access).failed_with(Code::kInvalidArgument));
}

}  // namespace
}  // namespace zeropull::origin
