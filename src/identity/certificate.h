// Keys, requests and the check of certificates: the half of identity that needs no authority's key. Agents use it for theirs, the
// hub for what a peer shows. Keys are ECDSA P-256; PEM everywhere. All functions are pure and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "identity/instance_identity.h"

namespace zeropull::identity {

struct KeyAndRequest {
  Secret key_pem;       // PKCS #8
  std::string csr_pem;  // PKCS #10: proves the key, names nobody
};
Result<KeyAndRequest> make_key_and_request();

// A certificate with its key, as a TLS endpoint takes them.
struct Credential {
  std::string certificate_pem;  // chain, leaf first
  Secret key_pem;
};

enum class Purpose { kClient, kServer };

struct CertificateCheck {
  std::string_view authority_pem;
  Purpose purpose = Purpose::kClient;
  WallTime at;
  Duration expired_max = Duration::zero();  // how long ago it may have ended: 0 but for a renewal after an outage
};

// What a certificate that passed says.
struct CertificateInfo {
  std::string uri;  // its one URI name
  WallTime not_before;
  WallTime not_after;
};

// kUnauthenticated for a certificate that this authority has not signed, for another purpose, out of its time, or without exactly
// one URI name; kInvalidArgument for what is no certificate. Only the first certificate of a chain is looked at: ours are signed
// by the authority itself. Costs one ECDSA verification, 0.1 ms.
Result<CertificateInfo> verify_certificate(std::string_view certificate_pem, const CertificateCheck& check);
// The same, and that the URI names an instance.
struct InstanceCertificate {
  InstanceIdentity identity;
  WallTime not_before;
  WallTime not_after;
};
Result<InstanceCertificate> verify_instance_certificate(std::string_view certificate_pem, const CertificateCheck& check);

// kFailedPrecondition unless the key is the one of the certificate.
Result<void> check_key_belongs(const Credential& credential);

}  // namespace zeropull::identity
