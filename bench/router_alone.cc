// The router alone, for bench/router.py: one endpoint "llm" of account 000000000000 with one copy at a fixed address.
//
//   router_alone THREADS HOST:PORT [ACCESS_KEY_ID SECRET]     with a key, requests must be signed with it
//
// Prints its port and serves until standard input ends.
#include <cstdio>
#include <string>

#include "aws/sigv4_verify.h"
#include "base/log.h"
#include "control/router/router.h"

namespace {

using namespace zeropull;

router::Authenticate check_signatures(aws::Credentials credentials) {
  auto verifier = std::make_shared<aws::SignatureVerifier>();
  return [verifier, keys = std::make_shared<aws::Credentials>(std::move(credentials))](
             const router::SignedRequest& signed_request, std::string& account) -> std::optional<router::Refusal> {
    const auto refusal = [](const aws::AuthFailure& failure) {
      return router::Refusal{aws::kAuthFailureStatus, std::string(code_of(failure.fault, aws::ErrorDialect::kJson)),
                             failure.message};
    };
    const auto parsed = aws::parse_authorization(signed_request.request.headers);
    if (const auto* failure = std::get_if<aws::AuthFailure>(&parsed)) return refusal(*failure);
    const auto& claims = std::get<aws::Authorization>(parsed);
    if (claims.access_key_id != keys->access_key_id) return refusal(aws::unknown_key());
    account = "000000000000";
    if (signed_request.body_sha256 == nullptr) return std::nullopt;
    const auto failure = verifier->verify(signed_request.request, claims, *signed_request.body_sha256, *keys,
                                          {.service = "sagemaker"}, Clock::system().wall_now());
    return failure ? std::optional(refusal(*failure)) : std::nullopt;
  };
}

Result<void> serve(std::size_t threads, const std::string& upstream, router::Authenticate authenticate) {
  router::RouterParts parts;
  parts.authenticate = std::move(authenticate);
  auto router = TRY(router::Router::create({.io_threads = threads}, std::move(parts)));
  router::EndpointRoute endpoint{.account = "000000000000", .name = "llm", .kind = router::EndpointKind::kModels};
  endpoint.variants = {
      {.name = "AllTraffic",
       .strategy = router::Strategy::kLeastOutstanding,
       .components = {{.name = "model", .uid = "bench", .targets = {{.copy_id = "copy", .address = upstream}}}}}};
  TRY(router->apply({{endpoint}}));
  fmt::print("{}\n", router->port());
  std::fflush(stdout);
  while (std::fgetc(stdin) != EOF) {
  }
  router->stop();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 5) {
    fmt::print(stderr, "usage: router_alone THREADS HOST:PORT [ACCESS_KEY_ID SECRET]\n");
    return 2;
  }
  router::Authenticate authenticate;
  if (argc == 5)
    authenticate = check_signatures({.access_key_id = argv[3], .secret_access_key = Secret(argv[4]), .session_token = {}});
  auto served = serve(static_cast<std::size_t>(std::strtoul(argv[1], nullptr, 10)), argv[2], std::move(authenticate));
  if (served) return 0;
  fmt::print(stderr, "router_alone: {}\n", served.error().to_string());
  return 1;
}
