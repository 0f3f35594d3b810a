#include "control/server/joins.h"

#include <gtest/gtest.h>

#include "control/server/access_keys.h"
#include "control/state/memory_kv.h"
#include "identity/certificate.h"
#include "oci/fake_clock.h"
#include "os/file.h"

namespace zeropull::server {
namespace {

class ServerIdentityTest : public testing::Test {
 protected:
  void SetUp() override {
    scratch_.emplace(MUST(os::ScratchFolder::create("/tmp", "zp-server-")));
    state_ = MUST(state::State::create(ctx_, state::make_memory_kv()));
    authority_.emplace(MUST(identity::Authority::load_or_create(scratch_->path() + "/authority", clock_)));
    master_key_.emplace(MUST(identity::MasterKey::load_or_create(scratch_->path() + "/master.key", Random::secure())));
    joins_.emplace(*state_, *authority_, clock_, Random::secure());
  }
  fleet::JoinCall call(const std::string& token, const std::string& csr) {
    fleet::JoinCall call;
    call.token = token;
    call.csr_pem = csr;
    call.machine.instance_type = "ml.lab.xlarge";
    call.machine.address = "10.0.0.7";
    call.peer = "10.0.0.7";
    return call;
  }

  const Context ctx_ = Context::root("test");
  oci::FakeClock clock_;
  std::optional<os::ScratchFolder> scratch_;
  std::unique_ptr<state::State> state_;
  std::optional<identity::Authority> authority_;
  std::optional<identity::MasterKey> master_key_;
  std::optional<Joins> joins_;
};

TEST_F(ServerIdentityTest, a_token_buys_one_machine_and_its_lost_answer_may_be_asked_for_again) {
  auto token = MUST(joins_->issue(ctx_, std::chrono::hours(1)));
  auto request = MUST(identity::make_key_and_request());
  auto first = joins_->join(ctx_, call(token.text.reveal(), request.csr_pem));
  ASSERT_TRUE(first.ok()) << first.error().to_string();
  auto again = joins_->join(ctx_, call(token.text.reveal(), request.csr_pem));
  ASSERT_TRUE(again.ok()) << again.error().to_string();
  EXPECT_EQ(again->instance_id, first->instance_id);
  EXPECT_EQ(state_->view().machines().size(), 1u);

  auto other = MUST(identity::make_key_and_request());
  EXPECT_TRUE(joins_->join(ctx_, call(token.text.reveal(), other.csr_pem)).failed_with(Code::kPermissionDenied));
}

TEST_F(ServerIdentityTest, unknown_and_old_tokens_are_refused) {
  auto request = MUST(identity::make_key_and_request());
  EXPECT_TRUE(joins_->join(ctx_, call("zpj-00", request.csr_pem)).failed_with(Code::kPermissionDenied));
  auto token = MUST(joins_->issue(ctx_, std::chrono::minutes(1)));
  clock_.advance(std::chrono::minutes(2));
  EXPECT_TRUE(joins_->join(ctx_, call(token.text.reveal(), request.csr_pem)).failed_with(Code::kPermissionDenied));
}

TEST_F(ServerIdentityTest, a_machine_is_where_it_is_seen_to_be_or_where_the_operator_says) {
  auto token = MUST(joins_->issue(ctx_, std::chrono::hours(1)));
  auto request = MUST(identity::make_key_and_request());
  auto elsewhere = call(token.text.reveal(), request.csr_pem);
  elsewhere.machine.address = "10.0.1.8";
  auto refused = joins_->join(ctx_, elsewhere);
  ASSERT_TRUE(refused.failed_with(Code::kPermissionDenied));
  EXPECT_EQ(refused.error().message(),
            "the machine says that it is reached at 10.0.1.8, and its connection comes from 10.0.0.7: correct its "
            "instance_address, or list the address in static.addresses of the server's configuration");
  for (const char* address : {"", "host", "10.0.0.7:80"}) {
    elsewhere.machine.address = address;
    EXPECT_TRUE(joins_->join(ctx_, elsewhere).failed_with(Code::kInvalidArgument)) << address;
  }
  EXPECT_TRUE(state_->view().machines().empty());

  Joins listed(*state_, *authority_, clock_, Random::secure(), {MUST(http::IpNetwork::parse("10.0.1.0/24"))});
  elsewhere.machine.address = "10.0.1.8";
  auto joined = listed.join(ctx_, elsewhere);  // the token was not used up
  ASSERT_TRUE(joined.ok()) << joined.error().to_string();
  EXPECT_EQ(state_->view().machines().front()->address, "10.0.1.8");
}

TEST_F(ServerIdentityTest, a_certificate_is_renewed_for_whom_the_machine_is_leased_to_now) {
  auto token = MUST(joins_->issue(ctx_, std::chrono::hours(1)));
  auto request = MUST(identity::make_key_and_request());
  auto machine = MUST(joins_->join(ctx_, call(token.text.reveal(), request.csr_pem))).instance_id;
  state::Instance instance;
  instance.id = "i-1", instance.account = "111122223333", instance.endpoint_uid = "e1";
  state::Changes lease;
  auto was = state_->view().machine(machine);
  state::Machine leased = *was;
  leased.instance_id = "i-1";
  lease.add(instance);
  lease.put(was, leased);
  ASSERT_TRUE(state_->commit(ctx_, std::move(lease)).ok());

  fleet::RenewCall renew;
  renew.identity.instance_id = machine;
  renew.csr_pem = request.csr_pem;
  auto renewed = joins_->renew(ctx_, renew);
  ASSERT_TRUE(renewed.ok()) << renewed.error().to_string();
  auto shown = identity::verify_instance_certificate(renewed->certificate_pem,
                                                     {.authority_pem = authority_->certificate_pem(), .at = clock_.wall_now()});
  ASSERT_TRUE(shown.ok()) << shown.error().to_string();
  EXPECT_EQ(shown->identity.endpoint_uid, "e1");

  renew.identity.instance_id = "i-gone";
  EXPECT_TRUE(joins_->renew(ctx_, renew).failed_with(Code::kPermissionDenied));
}

TEST_F(ServerIdentityTest, access_keys_keep_their_secret_wrapped_and_can_be_revoked) {
  AccessKeys keys(*state_, *master_key_, clock_, Random::secure());
  auto made = MUST(keys.create(ctx_, "", "first"));
  auto kept = state_->view().access_key(made.key.id);
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->wrapped_secret.find(made.secret.reveal()), std::string::npos);
  EXPECT_EQ(MUST(master_key_->unwrap(kept->wrapped_secret, "access-key/" + kept->id)).reveal(), made.secret.reveal());
  auto second = MUST(keys.create(ctx_, made.key.account, "second"));
  EXPECT_EQ(second.key.account, made.key.account);
  EXPECT_TRUE(keys.create(ctx_, "12", "").failed_with(Code::kInvalidArgument));
  ASSERT_TRUE(keys.revoke(ctx_, made.key.id).ok());
  EXPECT_NE(state_->view().access_key(made.key.id)->revoked, 0);
  EXPECT_TRUE(keys.revoke(ctx_, "AKIANONE").failed_with(Code::kNotFound));
}

}  // namespace
}  // namespace zeropull::server
