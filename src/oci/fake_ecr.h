// FakeEcr: Amazon ECR's API and its registry in one server of the test: checks the signature of each token request by computing
// it again, gives numbered passwords, and lets only the newest in.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "aws/sigv4.h"
#include "codec/base64.h"
#include "codec/digest.h"
#include "http/server.h"
#include "oci/fake_clock.h"

namespace zeropull::oci {

struct FakeEcr {
  static constexpr const char* kHost = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
  static constexpr const char* kKeyId = "AKIDEXAMPLE";
  static constexpr const char* kSecret = "aws secret";
  static constexpr const char* kSession = "session";

  http::ServerResponse handle(const http::ServerRequest& request) {
    if (request.path == "/") return give_token(request);
    const auto password = "AWS:password-" + std::to_string(tokens);
    if (request.headers.find("Authorization") != "Basic " + codec::base64_encode(as_bytes(password))) {
      return {.status = 401, .headers = {{"WWW-Authenticate", R"(Basic realm="https://ecr/",service="ecr.amazonaws.com")"}}};
    }
    if (refuse_once.exchange(false) || refuse_always) return {.status = 403, .body = "the token has expired"};
    ++served;
    return {.body = blob};
  }

  http::ServerResponse give_token(const http::ServerRequest& request) {
    http::Headers signed_headers;
    for (const char* name : {"Content-Type", "Host", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Target"})
      if (auto value = request.headers.find(name)) signed_headers.add(name, std::string(*value));
    const std::string date(request.headers.find_or("X-Amz-Date", ""));
    const auto payload = codec::sha256(as_bytes(request.body)).hex();
    const aws::SigningScope scope{date.substr(0, 8), "eu-west-1", "ecr"};
    const auto url = MUST(http::Url::parse(server->url() + request.target));
    const auto canonical = aws::canonical_request({request.method, url, signed_headers, payload}, "ecr");
    const auto expected = aws::signature(aws::signing_key(Secret(kSecret), scope), aws::string_to_sign(date, scope, canonical));
    const auto authorization = request.headers.find_or("Authorization", "");
    if (date != aws::amz_date(clock.wall_now()) || !authorization.ends_with("Signature=" + expected) ||
        !authorization.contains("Credential=" + std::string(kKeyId) + "/" + scope.text()) ||
        !authorization.contains("x-amz-security-token"))
      return {.status = 400, .body = R"({"__type":"InvalidSignatureException"})"};
    if (request.headers.find("X-Amz-Target") != "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken")
      return {.status = 404};
    const auto password = "AWS:password-" + std::to_string(++tokens);
    const auto expires = std::chrono::system_clock::to_time_t(clock.wall_now()) + 12 * 3600;
    return {.body = fmt::format(R"({{"authorizationData":[{{"authorizationToken":"{}","expiresAt":{}.5,"proxyEndpoint":"x"}}]}})",
                                codec::base64_encode(as_bytes(password)), expires)};
  }

  const std::string blob = "a layer in ECR";
  FakeClock clock;
  std::atomic<int> tokens = 0, served = 0;
  std::atomic<bool> refuse_once = false, refuse_always = false;
  std::unique_ptr<http::HttpServer> server =
      MUST(http::HttpServer::create({}, [this](const Context&, const http::ServerRequest& request) { return handle(request); }));
};

}  // namespace zeropull::oci
