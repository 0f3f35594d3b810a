// Authenticator: whose a request is, by its signature (SigV4, for the service that it calls) under an access key of the state.
// The API and the router ask it alike. Thread-safe; never waits.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "aws/sigv4_verify.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"
#include "control/state/state.h"

namespace zeropull::api {

// Why a request is not served, in the words of the service.
struct Refused {
  int status = 403;
  std::string type;  // "InvalidSignatureException"
  std::string message;
  std::string query_code = {};  // what Query-compatible services call it; "" else
};

// Whose call a request is to be signed for, and how that service calls its refusals.
struct Addressee {
  std::string_view service = "sagemaker";
  aws::ErrorDialect dialect = aws::ErrorDialect::kJson;
};

class Authenticator {
 public:
  // The secret of an access key, from its wrapped form.
  using Unwrap = std::function<Result<Secret>(const state::AccessKey&)>;
  // State and clock outlive it.
  Authenticator(const state::State& state, Unwrap unwrap, Clock& clock)
      : state_(state), unwrap_(std::move(unwrap)), clock_(clock) {}

  // Sets `account` to the caller's, or says why not. Without the body's digest (it is still on its way) only what the headers
  // tell is judged: a caller who passes must be asked again with it.
  std::optional<Refused> authenticate(const aws::RequestView& request, const Sha256* body, std::string& account,
                                      const Addressee& addressee = {}) const;

 private:
  const state::State& state_;
  const Unwrap unwrap_;
  Clock& clock_;
  mutable aws::SignatureVerifier verifier_;
};

}  // namespace zeropull::api
