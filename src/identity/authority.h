// Authority: the certificate authority of one control plane. It signs instances' certificates (short-lived, one URI name, clients
// alone) and the control plane's own (servers alone), each with ECDSA P-256. Its key and certificate rest in a folder of mode
// 0700 as ca.key (0600) and ca.pem; whoever has the key is every instance. Immutable once made: any thread.
//
//   auto authority = TRY(Authority::load_or_create(root + "/authority", Clock::system()));
//   auto signed_one = TRY(authority.sign_instance(csr, {.account = "1", .endpoint_uid = "e1", .instance_id = "i-1"}));
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "identity/certificate.h"
#include "identity/instance_identity.h"
#include "identity/limits.h"

struct evp_pkey_st;
struct x509_st;

namespace zeropull::identity {

// What an instance is given for its request.
struct SignedCertificate {
  std::string certificate_pem;  // chain, leaf first
  std::string authority_pem;
  std::string instance_id;
  WallTime not_after;
};

class Authority {
 public:
  // Reads the folder, or makes key and certificate in it. kFailedPrecondition for a key that others may read or that is not the
  // certificate's.
  static Result<Authority> load_or_create(const std::string& folder, const Clock& clock);

  const std::string& certificate_pem() const { return certificate_pem_; }
  const std::string& certificate_file() const { return certificate_file_; }  // for servers that take client authorities by file

  // Of a request only the key counts: it must be P-256 and have signed the request. Names come from `identity` alone.
  Result<SignedCertificate> sign_instance(std::string_view csr_pem, const InstanceIdentity& identity,
                                          Duration lifetime = kInstanceLifetime) const;
  // A new key and a certificate for a server of the control plane; `names` are DNS names and IP addresses, at least one.
  Result<Credential> issue_server(const std::vector<std::string>& names, Duration lifetime = kServerLifetime) const;

 private:
  Authority(std::shared_ptr<evp_pkey_st> key, std::shared_ptr<x509_st> certificate, std::string certificate_pem,
            std::string certificate_file, const Clock& clock)
      : key_(std::move(key)),
        certificate_(std::move(certificate)),
        certificate_pem_(std::move(certificate_pem)),
        certificate_file_(std::move(certificate_file)),
        clock_(&clock) {}
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> certificate_;
  std::string certificate_pem_;
  std::string certificate_file_;
  const Clock* clock_;
};

}  // namespace zeropull::identity
