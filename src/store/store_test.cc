// The conformance suite over each implementation, and what only one of them does.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "store/conformance.h"
#include "store/folder_store.h"
#include "store/http_store.h"
#include "store/scoped_store.h"
#include "store/self_signed.h"
#include "store/server.h"

namespace zeropull::store {
namespace {

constexpr std::string_view kWriteAll = "write-everything-token";
constexpr std::string_view kReadOne = "read-endpoint-one-token";
constexpr std::string_view kWriteOne = "write-endpoint-one-token";
constexpr std::string_view kTokens =
    "# the tests' tokens\n"
    "write-everything-token write *\n"
    "\n"
    "  read-endpoint-one-token\tread one\r\n"
    "write-endpoint-one-token write one";

class FolderUnderTest final : public StoreUnderTest {
 public:
  ObjectStore& store() override { return *store_; }

 private:
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-store-"));
  std::unique_ptr<FolderStore> store_ = MUST(FolderStore::open(scratch_.path() + "/store"));
};

class ScopedUnderTest final : public StoreUnderTest {
 public:
  ScopedUnderTest() {
    // A neighbour that must never show.
    MUST(folder_.store().put(Context::root("test"), object_name("endpoint10/packs/04ab"), as_bytes("secret")));
  }
  ObjectStore& store() override { return store_; }

 private:
  FolderUnderTest folder_;
  ScopedStore store_{folder_.store(), object_name("endpoint1")};
};

// A server with a self-signed certificate, and clients of it.
class ServedFolder {
 public:
  ServedFolder() {
    MUST(create_self_signed({.certificate_file = certificate_, .key_file = key_, .names = {"localhost", "127.0.0.1"}}));
    server_ = MUST(StoreServer::create(MUST(FolderStore::open(scratch_.path() + "/store")), MUST(Tokens::parse(kTokens)),
                                       {.certificate_file = certificate_, .key_file = key_}));
  }
  std::unique_ptr<HttpStore> client(std::string_view token) {
    HttpStoreOptions options{.url = server_->url(), .token = std::string(token)};
    options.client.ca_file = certificate_;
    return MUST(HttpStore::create(std::move(options)));
  }
  StoreServer& server() { return *server_; }

 private:
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-served-"));
  std::string certificate_ = scratch_.path() + "/certificate.pem";
  std::string key_ = scratch_.path() + "/key.pem";
  std::unique_ptr<StoreServer> server_;
};

class HttpUnderTest final : public StoreUnderTest {
 public:
  ObjectStore& store() override { return *client_; }

 private:
  ServedFolder served_;
  std::unique_ptr<HttpStore> client_ = served_.client(kWriteAll);
};

template <typename T>
std::unique_ptr<StoreUnderTest> make() {
  return std::make_unique<T>();
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance,
                         testing::Values(StoreFactory{"folder", make<FolderUnderTest>},
                                         StoreFactory{"scoped", make<ScopedUnderTest>},
                                         StoreFactory{"http", make<HttpUnderTest>}),
                         [](const auto& param) { return param.param.name; });

TEST(ObjectName, takes_only_safe_names) {
  for (const auto* good : {"a", "packs/04ab", "a/b/c/0"}) EXPECT_TRUE(ObjectName::parse(good).ok()) << good;
  for (const auto* bad : {"", "/", "/a", "a/", "a//b", "..", "a/../b", "A", "a_b", "a.b", "a b", "a%2fb", "\xc3\xa4"}) {
    EXPECT_TRUE(ObjectName::parse(bad).failed_with(Code::kInvalidArgument)) << bad;
  }
  EXPECT_FALSE(ObjectName::parse(std::string(kNameSegmentMax + 1, 'a')).ok());
  EXPECT_FALSE(ObjectName::parse(std::string_view("a\0b", 3)).ok());
}

TEST(FolderStore, forgets_puts_that_died_and_keeps_puts_in_progress) {
  auto scratch = MUST(os::ScratchFolder::create("/tmp", "zp-store-"));
  std::string unfinished = scratch.path() + "/_unfinished";
  MUST(FolderStore::open(scratch.path()));
  MUST(os::create_file(unfinished + "/old", as_bytes("left")));
  MUST(os::create_file(unfinished + "/new", as_bytes("in progress")));
  timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 1000, .tv_nsec = 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, (unfinished + "/old").c_str(), times, 0), 0);
  auto store = MUST(FolderStore::open(scratch.path()));
  EXPECT_EQ(MUST(os::list_folder(unfinished)), std::vector<std::string>{"new"});
  EXPECT_TRUE(MUST(list_all(Context::root("test"), *store, {})).empty());
}

TEST(StoreServer, answers_no_one_without_a_known_token) {
  ServedFolder served;
  auto stranger = served.client("a-token-nobody-was-given");
  auto ctx = Context::root("test");
  EXPECT_TRUE(stranger->stat(ctx, object_name("one/a")).failed_with(Code::kUnauthenticated));
  EXPECT_TRUE(stranger->list(ctx, {}).failed_with(Code::kUnauthenticated));
  auto put = stranger->put(ctx, object_name("one/a"), as_bytes("x"));
  ASSERT_TRUE(put.failed_with(Code::kUnauthenticated));
  EXPECT_EQ(put.error().message().find("a-token-nobody"), std::string::npos);
}

TEST(StoreServer, holds_each_token_to_its_folder_and_its_access) {
  ServedFolder served;
  auto ctx = Context::root("test");
  auto all = served.client(kWriteAll);
  MUST(all->put(ctx, object_name("one/a"), as_bytes("1")));
  MUST(all->put(ctx, object_name("two/a"), as_bytes("2")));
  MUST(all->put(ctx, object_name("one0/a"), as_bytes("3")));
  auto reader = served.client(kReadOne);
  EXPECT_TRUE(reader->read_whole(ctx, object_name("one/a"), 10).ok());
  EXPECT_TRUE(reader->put(ctx, object_name("one/a"), as_bytes("x")).failed_with(Code::kPermissionDenied));
  EXPECT_TRUE(reader->remove(ctx, object_name("one/a")).failed_with(Code::kPermissionDenied));
  auto writer = served.client(kWriteOne);
  MUST(writer->put(ctx, object_name("one/b"), as_bytes("x")));
  for (const auto* name : {"two/a", "one0/a", "one"}) {
    EXPECT_TRUE(writer->read_whole(ctx, object_name(name), 10).failed_with(Code::kPermissionDenied)) << name;
    EXPECT_TRUE(writer->put(ctx, object_name(name), {}).failed_with(Code::kPermissionDenied)) << name;
    EXPECT_TRUE(writer->remove(ctx, object_name(name)).failed_with(Code::kPermissionDenied)) << name;
  }
  EXPECT_TRUE(writer->list(ctx, {}).failed_with(Code::kPermissionDenied));
  EXPECT_TRUE(writer->list(ctx, {.folder = object_name("two")}).failed_with(Code::kPermissionDenied));
  EXPECT_EQ(MUST(writer->list(ctx, {.folder = object_name("one")})).objects.size(), 2U);
}

TEST(HttpStore, refuses_a_server_whose_certificate_it_does_not_know) {
  ServedFolder served;
  HttpStoreOptions options{.url = served.server().url(), .token = std::string(kWriteAll)};
  options.retry.attempts_max = 1;
  auto client = MUST(HttpStore::create(std::move(options)));
  EXPECT_TRUE(client->stat(Context::root("test"), object_name("a")).failed_with(Code::kUnauthenticated));
}

TEST(HttpStore, keeps_its_connection) {
  ServedFolder served;
  auto client = served.client(kWriteAll);
  auto ctx = Context::root("test");
  for (int i = 0; i < 5; ++i) MUST(client->put(ctx, object_name("a"), Bytes(2 * kMiB)));
  EXPECT_EQ(client->counts().connections, 1U);
  EXPECT_EQ(client->counts().requests, 5U);
}

// A server that breaks off, stalls behind 503 and lies, in the order of a script.
class FlakyServer {
 public:
  explicit FlakyServer(std::vector<std::string> script) : script_(std::move(script)) {
    server_ = MUST(
        http::HttpServer::create({}, [this](const Context&, const http::ServerRequest& request) { return answer(request); }));
  }
  std::unique_ptr<HttpStore> client() {
    HttpStoreOptions options{.url = server_->url(), .token = "token-of-the-flaky-server"};
    options.client.plain = http::Plain::kAllowed;
    options.retry.sleep = [](const Context&, Duration) { return Result<void>(); };
    options.retry.attempts_max = 4;
    return MUST(HttpStore::create(std::move(options)));
  }
  static constexpr std::string_view kObject = "0123456789abcdefghij";

 private:
  http::ServerResponse answer(const http::ServerRequest& request) {
    std::string step = "good";
    {
      std::lock_guard lock(mutex_);
      if (next_ < script_.size()) step = script_[next_++];
    }
    if (step == "503") return {.status = 503, .headers = {}, .body = {}};
    if (step == "lie") return {.status = 200, .headers = {}, .body = "<html>welcome</html>"};
    return http::respond_with_range(request, kObject.size(), [&](http::ByteRange range) -> Result<http::ServerBody> {
      if (step == "other") return http::ServerBody(std::string(range.length, '?'));
      if (step != "break") return http::ServerBody(std::string(kObject.substr(range.offset, range.length)));
      http::Generated half{.length = range.length, .read = {}};
      half.read = [range, sent = std::size_t{0}](MutableByteView out) mutable -> Result<std::size_t> {
        if (sent >= range.length / 2) return std::size_t{0};
        out[0] = as_bytes(kObject)[range.offset + sent++];
        return std::size_t{1};
      };
      return http::ServerBody(std::move(half));
    });
  }
  std::mutex mutex_;
  std::size_t next_ = 0;  // guarded by mutex_
  const std::vector<std::string> script_;
  std::unique_ptr<http::HttpServer> server_;
};

TEST(HttpStore, goes_on_where_a_broken_read_ended) {
  FlakyServer server({"break", "503", "break", "503", "503", "break"});
  auto client = server.client();
  std::string out(18, '?');
  MUST(client->read(Context::root("test"), object_name("a"), 1, {reinterpret_cast<std::byte*>(out.data()), out.size()}));
  EXPECT_EQ(out, FlakyServer::kObject.substr(1, 18));
  EXPECT_EQ(client->counts().body_bytes, 18U);  // no byte twice
}

TEST(HttpStore, gives_up_after_so_many_attempts_without_progress) {
  FlakyServer server({"503", "503", "503", "503", "503"});
  auto client = server.client();
  std::byte byte{};
  auto read = client->read(Context::root("test"), object_name("a"), 0, {&byte, 1});
  EXPECT_TRUE(read.failed_with(Code::kUnavailable));
  EXPECT_EQ(client->counts().requests, 4U);
}

TEST(HttpStore, refuses_an_answer_that_is_not_the_range) {
  FlakyServer server({"lie", "lie"});
  auto client = server.client();
  Bytes out(5);
  EXPECT_TRUE(client->read(Context::root("test"), object_name("a"), 0, out).failed_with(Code::kDataLoss));
  EXPECT_TRUE(client->list(Context::root("test"), {}).failed_with(Code::kDataLoss));
}

TEST(Tokens, refuses_lines_that_say_nothing_clear) {
  for (const auto* bad : {"short read *", "a-token-of-good-length read", "a-token-of-good-length admin *",
                          "a-token-of-good-length read ../x", "a-token-of-good-length read a b"}) {
    EXPECT_TRUE(Tokens::parse(bad).failed_with(Code::kInvalidArgument)) << bad;
  }
  EXPECT_FALSE(MUST(Tokens::parse("")).find("").has_value());
}

TEST(Tokens, are_read_from_a_file_of_mode_0600_alone) {
  auto scratch = MUST(os::ScratchFolder::create("/tmp", "zp-store-"));
  std::string path = scratch.path() + "/tokens";
  MUST(os::create_file(path, as_bytes(kTokens)));
  auto tokens = MUST(Tokens::load(path));
  EXPECT_EQ(tokens.find(kReadOne)->access, TokenAccess::kRead);
  EXPECT_EQ(tokens.find(kWriteOne)->folder, object_name("one"));
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  EXPECT_TRUE(Tokens::load(path).failed_with(Code::kFailedPrecondition));
}

TEST(SelfSigned, refuses_names_that_are_none) {
  EXPECT_TRUE(create_self_signed({.certificate_file = "/dev/null/x", .key_file = "/dev/null/y", .names = {"a,URI:b"}})
                  .failed_with(Code::kInvalidArgument));
}

}  // namespace
}  // namespace zeropull::store
