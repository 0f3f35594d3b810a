// TestAuthority: a certificate authority of one test, and certificates it signed, as PEM files in a folder of the test's own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

struct evp_pkey_st;
struct x509_st;

namespace zeropull::http {

struct TestCertificate {
  std::string certificate_file;
  std::string key_file;
};

class TestAuthority {
 public:
  static Result<TestAuthority> create(const std::string& folder, const std::string& name = "test authority");
  const std::string& ca_file() const { return ca_file_; }
  // `names` are subjectAltName entries as OpenSSL writes them: "DNS:localhost", "IP:127.0.0.1", "URI:zeropull://account/a".
  Result<TestCertificate> issue(const std::string& common_name, const std::vector<std::string>& names) const;

 private:
  TestAuthority(std::string folder, std::string ca_file, std::shared_ptr<evp_pkey_st> key, std::shared_ptr<x509_st> certificate)
      : folder_(std::move(folder)), ca_file_(std::move(ca_file)), key_(std::move(key)), certificate_(std::move(certificate)) {}
  std::string folder_, ca_file_;
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> certificate_;
};

}  // namespace zeropull::http
