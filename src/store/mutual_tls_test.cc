// A served store and instances that show certificates: the conformance suite over mutual TLS, and what they may not do.
#include <gtest/gtest.h>

#include <set>

#include "base/guarded.h"
#include "identity/authority.h"
#include "os/file.h"
#include "store/conformance.h"
#include "store/folder_store.h"
#include "store/http_store.h"
#include "store/instance_grant.h"
#include "store/scoped_store.h"
#include "store/server.h"

namespace zeropull::store {
namespace {

using std::chrono::hours;

constexpr std::string_view kToken = "a-token-for-endpoint-one";

CertificateGrant granting(HoldsLease holds_lease) {
  return [holds_lease = std::move(holds_lease)](const http::Peer& peer) { return instance_grant(peer, holds_lease); };
}

void save(const identity::Credential& credential, const std::string& path) {
  // Key and chain in one file, as the agent's link keeps them.
  MUST(os::replace_file(path, as_bytes(credential.key_pem.reveal() + credential.certificate_pem)));
}

class Served {
 public:
  Served() {
    save(MUST(authority_.issue_server({"127.0.0.1"})), scratch_.path() + "/server.pem");
    StoreServerOptions options{.certificate_file = scratch_.path() + "/server.pem", .key_file = scratch_.path() + "/server.pem"};
    options.client_ca_file = authority_.certificate_file();
    options.certificate_grant =
        granting([this](const identity::InstanceIdentity& who) { return !ended_.lock()->contains(who.instance_id); });
    server_ = MUST(StoreServer::create(MUST(FolderStore::open(scratch_.path() + "/store")),
                                       MUST(Tokens::parse(fmt::format("{} read e1", kToken))), options));
  }
  // A client with a certificate of this identity that `authority` signed.
  std::unique_ptr<HttpStore> client(const identity::Authority& authority, const identity::InstanceIdentity& identity,
                                    std::string token = {}) {
    auto key = MUST(identity::make_key_and_request());
    auto made = MUST(authority.sign_instance(key.csr_pem, identity));
    return client_with(identity::Credential{.certificate_pem = made.certificate_pem, .key_pem = key.key_pem}, std::move(token));
  }
  std::unique_ptr<HttpStore> client(const identity::InstanceIdentity& identity) { return client(authority_, identity); }
  std::unique_ptr<HttpStore> client_with(const std::optional<identity::Credential>& credential, std::string token = {}) {
    HttpStoreOptions options{.url = server_->url(), .token = std::move(token)};
    options.client.ca_file = authority_.certificate_file();
    options.retry.attempts_max = 1;
    if (credential) {
      options.client.certificate_file = options.client.key_file = fmt::format("{}/client-{}.pem", scratch_.path(), ++clients_);
      save(*credential, options.client.key_file);
    }
    return MUST(HttpStore::create(std::move(options)));
  }
  void end_lease(const std::string& instance_id) { ended_.lock()->insert(instance_id); }
  const identity::Authority& authority() const { return authority_; }
  std::string folder(const std::string& name) const { return scratch_.path() + "/" + name; }

 private:
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-store-"));
  identity::Authority authority_ = MUST(identity::Authority::load_or_create(scratch_.path() + "/authority", Clock::system()));
  Guarded<std::set<std::string>> ended_;
  std::unique_ptr<StoreServer> server_;
  int clients_ = 0;
};

const identity::InstanceIdentity kOne{"123456789012", "e1", "i-1"};
const identity::InstanceIdentity kTwo{"123456789012", "e2", "i-2"};

class MutualUnderTest final : public StoreUnderTest {
 public:
  ObjectStore& store() override { return store_; }

 private:
  Served served_;
  std::unique_ptr<HttpStore> client_ = served_.client(kOne);
  ScopedStore store_{*client_, object_name("e1")};
};

INSTANTIATE_TEST_SUITE_P(MutualTls, StoreConformance,
                         testing::Values(StoreFactory{
                             "instance",
                             []() -> std::unique_ptr<StoreUnderTest> { return std::make_unique<MutualUnderTest>(); }}),
                         [](const auto& param) { return param.param.name; });

Context context() { return Context::root("test", {}, std::chrono::seconds(30)); }

// That none of the store's operations reaches anything of `folder`.
void expect_refused(ObjectStore& store, const std::string& folder, Code code) {
  auto name = object_name(folder + "/a");
  EXPECT_TRUE(store.put(context(), name, as_bytes("x")).failed_with(code));
  EXPECT_TRUE(store.read_whole(context(), name, 10).failed_with(code));
  EXPECT_TRUE(store.stat(context(), name).failed_with(code));
  EXPECT_TRUE(store.remove(context(), name).failed_with(code));
  EXPECT_TRUE(store.list(context(), {.folder = object_name(folder)}).failed_with(code));
  EXPECT_TRUE(store.list(context(), {}).failed_with(code));
}

TEST(MutualTls, an_instance_sees_its_endpoints_folder_and_no_other) {
  Served served;
  auto one = served.client(kOne);
  auto two = served.client(kTwo);
  MUST(one->put(context(), object_name("e1/a"), as_bytes("one")));
  MUST(two->put(context(), object_name("e2/a"), as_bytes("two")));
  EXPECT_EQ(as_text(MUST(one->read_whole(context(), object_name("e1/a"), 10))), "one");
  expect_refused(*one, "e2", Code::kPermissionDenied);
  expect_refused(*two, "e1", Code::kPermissionDenied);
  expect_refused(*one, "e10", Code::kPermissionDenied);
  EXPECT_EQ(as_text(MUST(two->read_whole(context(), object_name("e2/a"), 10))), "two");
}

TEST(MutualTls, nobody_else_sees_anything) {
  Served served;
  MUST(served.client(kOne)->put(context(), object_name("e1/a"), as_bytes("one")));
  expect_refused(*served.client_with(std::nullopt), "e1", Code::kUnauthenticated);
  expect_refused(*served.client(identity::InstanceIdentity{.instance_id = "i-3"}), "e1", Code::kUnauthenticated);
  // These certificates do not pass TLS: a foreign authority's, and the server's own.
  auto foreign = MUST(identity::Authority::load_or_create(served.folder("foreign"), Clock::system()));
  EXPECT_FALSE(served.client(foreign, kOne)->stat(context(), object_name("e1/a")).ok());
  auto server = MUST(served.authority().issue_server({"127.0.0.1"}));
  EXPECT_FALSE(served.client_with(server)->stat(context(), object_name("e1/a")).ok());
}

TEST(MutualTls, an_instance_whose_lease_has_ended_sees_nothing_by_a_certificate_that_is_still_valid) {
  Served served;
  auto one = served.client(kOne);
  MUST(one->put(context(), object_name("e1/a"), as_bytes("one")));
  served.end_lease(kOne.instance_id);
  expect_refused(*one, "e1", Code::kUnauthenticated);
}

TEST(MutualTls, a_token_that_is_shown_counts_alone) {
  Served served;
  MUST(served.client(kOne)->put(context(), object_name("e1/a"), as_bytes("one")));
  auto reader = served.client_with(std::nullopt, std::string(kToken));
  EXPECT_EQ(as_text(MUST(reader->read_whole(context(), object_name("e1/a"), 10))), "one");
  auto both = served.client(served.authority(), kOne, std::string(kToken));
  EXPECT_TRUE(both->put(context(), object_name("e1/a"), as_bytes("x")).failed_with(Code::kPermissionDenied));
  auto wrong = served.client(served.authority(), kOne, "a-token-that-nobody-knows");
  expect_refused(*wrong, "e1", Code::kUnauthenticated);
}

TEST(MutualTls, an_expired_certificate_is_refused_also_on_an_open_connection) {
  Served served;
  auto key = MUST(identity::make_key_and_request());
  auto made = MUST(served.authority().sign_instance(key.csr_pem, kOne, std::chrono::seconds(1)));
  auto client = served.client_with(identity::Credential{.certificate_pem = made.certificate_pem, .key_pem = key.key_pem});
  static_cast<void>(client->put(context(), object_name("e1/a"), as_bytes("one")));
  for (auto ctx = context(); Clock::system().wall_now() <= made.not_after + std::chrono::seconds(1);) {
    MUST(ctx.sleep(std::chrono::milliseconds(20)));
  }
  EXPECT_FALSE(client->stat(context(), object_name("e1/a")).ok());
}

TEST(MutualTls, options_that_would_let_nobody_or_anybody_in_are_refused) {
  auto scratch = MUST(os::ScratchFolder::create("/tmp", "zp-store-"));
  const auto create = [&](const StoreServerOptions& options) {
    return StoreServer::create(MUST(FolderStore::open(scratch.path())), MUST(Tokens::parse("")), options);
  };
  StoreServerOptions options;
  options.client_ca_file = "/does/not/exist";
  EXPECT_TRUE(create(options).failed_with(Code::kInvalidArgument));
  options.certificate_grant = granting([](const auto&) { return true; });
  EXPECT_TRUE(create(options).failed_with(Code::kInvalidArgument));  // without TLS
  options.client_ca_file.clear();
  EXPECT_TRUE(create(options).failed_with(Code::kInvalidArgument));
}

TEST(InstanceGrant, is_given_to_one_leased_instance_alone) {
  const auto peer = [](std::vector<std::string> uris) {
    return http::Peer{.address = "",
                      .authenticated = true,
                      .certificate_subject = "",
                      .certificate_uris = std::move(uris),
                      .certificate_expires = {}};
  };
  const auto anybody = [](const identity::InstanceIdentity&) { return true; };
  EXPECT_EQ(instance_grant(peer({kOne.uri()}), anybody)->folder, object_name("e1"));
  EXPECT_FALSE(instance_grant(peer({}), anybody).has_value());
  EXPECT_FALSE(instance_grant(peer({kOne.uri(), kTwo.uri()}), anybody).has_value());
  EXPECT_FALSE(instance_grant(peer({"zeropull://control"}), anybody).has_value());
  EXPECT_FALSE(instance_grant(peer({"zeropull://instance/-/-/i-1"}), anybody).has_value());
  auto unverified = peer({kOne.uri()});
  unverified.authenticated = false;
  EXPECT_FALSE(instance_grant(unverified, anybody).has_value());
}

}  // namespace
}  // namespace zeropull::store
