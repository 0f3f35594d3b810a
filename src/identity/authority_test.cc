// The authority, and what its certificates pass and do not pass for.
#include "identity/authority.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "identity/limits.h"
#include "identity/openssl.h"
#include "os/file.h"

namespace zeropull::identity {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class SetClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return {}; }
  WallTime wall_now() const override { return now; }
  WallTime now = WallTime(std::chrono::days(20000));
};

const InstanceIdentity kOne{"123456789012", "e1", "i-1"};

class AuthorityTest : public testing::Test {
 protected:
  Result<Authority> open(const std::string& name) { return Authority::load_or_create(folder(name), clock_); }
  std::string folder(const std::string& name) { return scratch_.path() + "/" + name; }
  CertificateCheck check(Purpose purpose = Purpose::kClient) {
    return {.authority_pem = authority_.certificate_pem(), .purpose = purpose, .at = clock_.now};
  }
  SignedCertificate sign(const InstanceIdentity& identity = kOne) {
    return MUST(authority_.sign_instance(request_.csr_pem, identity));
  }

  SetClock clock_;
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-identity-"));
  Authority authority_ = MUST(open("one"));
  KeyAndRequest request_ = MUST(make_key_and_request());
};

TEST_F(AuthorityTest, signs_an_instances_key_under_its_name) {
  auto made = sign();
  EXPECT_EQ(made.instance_id, "i-1");
  EXPECT_EQ(made.authority_pem, authority_.certificate_pem());
  EXPECT_EQ(made.not_after, clock_.now + hours(1));
  auto seen = MUST(verify_instance_certificate(made.certificate_pem, check()));
  EXPECT_EQ(seen.identity, kOne);
  EXPECT_EQ(seen.not_after, made.not_after);
  EXPECT_EQ(seen.not_before, clock_.now - kBackdating);
  MUST(check_key_belongs({made.certificate_pem, request_.key_pem}));
  auto other = MUST(make_key_and_request());
  EXPECT_TRUE(check_key_belongs({made.certificate_pem, other.key_pem}).failed_with(Code::kFailedPrecondition));
}

TEST_F(AuthorityTest, a_certificate_passes_only_in_its_time) {
  auto made = sign();
  auto at = check();
  at.at = clock_.now + hours(1) - std::chrono::seconds(1);
  EXPECT_TRUE(verify_certificate(made.certificate_pem, at).ok());
  at.at = clock_.now + hours(1);
  EXPECT_TRUE(verify_certificate(made.certificate_pem, at).failed_with(Code::kUnauthenticated));
  at.expired_max = minutes(1);
  EXPECT_TRUE(verify_certificate(made.certificate_pem, at).ok());
  at.at = clock_.now + hours(1) + minutes(1);
  EXPECT_TRUE(verify_certificate(made.certificate_pem, at).failed_with(Code::kUnauthenticated));
  at.at = clock_.now - kBackdating - std::chrono::seconds(1);
  EXPECT_TRUE(verify_certificate(made.certificate_pem, at).failed_with(Code::kUnauthenticated));
}

TEST_F(AuthorityTest, a_foreign_authoritys_certificate_is_refused_whatever_it_says) {
  auto foreign = MUST(open("two"));
  auto made = MUST(foreign.sign_instance(request_.csr_pem, kOne));
  EXPECT_TRUE(verify_certificate(made.certificate_pem, check()).failed_with(Code::kUnauthenticated));
  auto expired = check();
  expired.expired_max = hours(10000);
  EXPECT_TRUE(verify_certificate(made.certificate_pem, expired).failed_with(Code::kUnauthenticated));
  // Neither is an authority's own certificate one of an instance or a server.
  for (auto purpose : {Purpose::kClient, Purpose::kServer}) {
    EXPECT_TRUE(verify_certificate(authority_.certificate_pem(), check(purpose)).failed_with(Code::kUnauthenticated));
  }
}

TEST_F(AuthorityTest, servers_and_instances_do_not_pass_for_each_other) {
  auto server = MUST(authority_.issue_server({"localhost", "127.0.0.1", "::1"}));
  EXPECT_EQ(MUST(verify_certificate(server.certificate_pem, check(Purpose::kServer))).uri, kControlUri);
  MUST(check_key_belongs(server));
  EXPECT_TRUE(verify_certificate(server.certificate_pem, check(Purpose::kClient)).failed_with(Code::kUnauthenticated));
  EXPECT_TRUE(verify_instance_certificate(server.certificate_pem, check(Purpose::kServer)).failed_with(Code::kUnauthenticated));
  EXPECT_TRUE(verify_certificate(sign().certificate_pem, check(Purpose::kServer)).failed_with(Code::kUnauthenticated));
}

TEST_F(AuthorityTest, an_instance_signs_no_certificate_of_another) {
  auto made = sign();
  auto as_authority = check();
  as_authority.authority_pem = made.certificate_pem;
  EXPECT_TRUE(verify_certificate(sign({"1", "e2", "i-2"}).certificate_pem, as_authority).failed_with(Code::kUnauthenticated));
}

TEST_F(AuthorityTest, survives_a_restart_and_a_crash_between_its_two_files) {
  auto again = MUST(open("one"));
  EXPECT_EQ(again.certificate_pem(), authority_.certificate_pem());
  EXPECT_TRUE(verify_certificate(MUST(again.sign_instance(request_.csr_pem, kOne)).certificate_pem, check()).ok());
  EXPECT_EQ(MUST(os::stat_path(folder("one/ca.key"))).st_mode & 07777, 0600u);
  EXPECT_EQ(MUST(os::stat_path(folder("one"))).st_mode & 07777, 0700u);
  MUST(open("crashed"));
  MUST(os::remove_file(folder("crashed/ca.pem")));
  auto repaired = MUST(open("crashed"));
  EXPECT_EQ(MUST(os::read_text(repaired.certificate_file(), kPemMax)), repaired.certificate_pem());
}

TEST_F(AuthorityTest, refuses_a_folder_that_is_not_whole) {
  MUST(open("two"));
  MUST(os::rename_path(folder("two/ca.key"), folder("two/other.key")));
  EXPECT_TRUE(open("two").failed_with(Code::kFailedPrecondition));
  MUST(os::replace_file(folder("two/ca.key"), as_bytes(request_.key_pem.reveal())));
  EXPECT_TRUE(open("two").failed_with(Code::kFailedPrecondition));
  MUST(os::rename_path(folder("two/other.key"), folder("two/ca.key")));
  MUST(open("two"));
  ASSERT_EQ(::chmod(folder("two/ca.key").c_str(), 0644), 0);
  EXPECT_TRUE(open("two").failed_with(Code::kFailedPrecondition));
}

// A request made by `key` but signed by `signer`.
std::string request_text(EVP_PKEY* key, EVP_PKEY* signer) {
  Owned<X509_REQ> request(X509_REQ_new());
  X509_REQ_set_pubkey(request.get(), key);
  EXPECT_GT(X509_REQ_sign(request.get(), signer, EVP_sha256()), 0);
  Owned<BIO> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_REQ(out.get(), request.get());
  return contents_of(out.get());
}

TEST_F(AuthorityTest, refuses_requests_that_prove_no_key_of_ours) {
  auto mine = MUST(make_key());
  auto other = MUST(make_key());
  Owned<EVP_PKEY> p384(EVP_EC_gen("P-384"));
  Owned<EVP_PKEY> rsa(EVP_RSA_gen(2048));
  const std::vector<std::string> bad{"",
                                     "no PEM",
                                     std::string(kPemMax + 1, 'x'),
                                     sign().certificate_pem,
                                     request_.csr_pem.substr(0, 200),
                                     request_text(mine.get(), other.get()),
                                     request_text(p384.get(), p384.get()),
                                     request_text(rsa.get(), rsa.get())};
  for (const auto& csr : bad) {
    EXPECT_TRUE(authority_.sign_instance(csr, kOne).failed_with(Code::kInvalidArgument)) << csr;
  }
  EXPECT_TRUE(authority_.sign_instance(request_text(mine.get(), mine.get()), kOne).ok());
  EXPECT_TRUE(authority_.sign_instance(request_.csr_pem, {"1", "e,URI:x", "i"}).failed_with(Code::kInvalidArgument));
}

TEST_F(AuthorityTest, refuses_server_names_that_are_none) {
  EXPECT_TRUE(authority_.issue_server({}).failed_with(Code::kInvalidArgument));
  for (const auto* bad : {"", "a,URI:zeropull://instance/1/e/i", "a b", "a:b"}) {
    EXPECT_TRUE(authority_.issue_server({bad}).failed_with(Code::kInvalidArgument)) << bad;
  }
}

TEST_F(AuthorityTest, what_is_no_certificate_is_refused_as_such) {
  for (const std::string& bad : {std::string(), std::string("x"), std::string(kPemMax + 1, 'x'), request_.csr_pem}) {
    EXPECT_TRUE(verify_certificate(bad, check()).failed_with(Code::kInvalidArgument));
  }
}

}  // namespace
}  // namespace zeropull::identity
