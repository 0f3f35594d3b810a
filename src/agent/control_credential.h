// ControlCredential: the instance's key and certificate in the link's folder. One file holds both (key first, then the chain), so
// that a crash never parts them; it is replaced whole. Another holds the key of a join that has no answer yet: a join token buys
// one certificate, and only the same request gets it again when the first answer was lost. Not locked: the link serialises
// its use.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "identity/certificate.h"

namespace zeropull::agent {

struct ControlCredential {
  identity::Credential credential;
  identity::InstanceCertificate certificate;
  WallTime renew_at;  // half of its life, counted from when it came

  bool expired(WallTime now) const { return now >= certificate.not_after; }
};

class CredentialFolder {
 public:
  // Writes authority.pem, for whoever connects to the store.
  static Result<CredentialFolder> create(std::string folder, std::string authority_pem);

  const std::string& authority_pem() const { return authority_pem_; }
  std::string credential_file() const { return folder_ + "/credential.pem"; }
  std::string authority_file() const { return folder_ + "/authority.pem"; }
  std::string pending_file() const { return folder_ + "/join.pem"; }

  // nullopt when there is none, or it is not this authority's: then only a join helps. One that has expired is given: it may
  // still be renewed.
  Result<std::optional<ControlCredential>> load(WallTime now) const;
  // What every attempt to join asks with, also after a restart: made once, kept until a certificate is saved.
  Result<identity::KeyAndRequest> ensure_request() const;
  // Checks that the certificate is of this key and this authority before it replaces what is there.
  Result<ControlCredential> save(const identity::KeyAndRequest& key, const std::string& certificate_pem, WallTime now) const;

 private:
  CredentialFolder(std::string folder, std::string authority_pem)
      : folder_(std::move(folder)), authority_pem_(std::move(authority_pem)) {}
  std::string folder_;
  std::string authority_pem_;
};

}  // namespace zeropull::agent
