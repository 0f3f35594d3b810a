#include "cli/api_client.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "aws/credentials.h"
#include "base/units.h"
#include "codec/json.h"
#include "os/file.h"

namespace zeropull::cli {

namespace {

constexpr std::size_t kAnswerMax = 64 * kMiB;
constexpr std::size_t kCredentialsMax = 64 * kKiB;

Result<aws::Credentials> find_credentials(const ApiOptions& options) {
  auto environment = aws::process_environment();
  if (environment("AWS_ACCESS_KEY_ID") || !os::exists(options.credentials_file)) return aws::load_credentials(environment);
  auto text = TRY(os::read_text(options.credentials_file, kCredentialsMax));
  return aws::parse_credentials_file(text, environment("AWS_PROFILE").value_or("default"))
      .with_context("{}", options.credentials_file);
}

// How a service is called: what its operations are known by in X-Amz-Target, and the name in signatures.
struct Service {
  std::string_view name, target, signing_name, content_type;
};
constexpr std::array kServices{
    Service{"sagemaker", "SageMaker.", "sagemaker", "application/x-amz-json-1.1"},
    Service{"application-autoscaling", "AnyScaleFrontendService.", "application-autoscaling", "application/x-amz-json-1.1"},
    Service{"cloudwatch", "GraniteServiceVersion20100801.", "monitoring", "application/x-amz-json-1.0"},
};

// What the API says of a request that it refuses, in either of its forms.
Error api_error(const http::Response& response) {
  auto body = codec::parse_json(response.body, {.size_max = kAnswerMax});
  std::string type(response.headers.find_or("x-amzn-ErrorType", ""));
  std::string message;
  if (body.ok() && body->is_object()) {
    if (type.empty()) type = body->value("__type", "");
    message = body->contains("message") ? body->value("message", "") : body->value("Message", "");
  }
  if (type.empty()) type = fmt::format("HTTP {}", response.status);
  if (message.empty()) message = response.body.substr(0, 500);
  return make_error(Code::kFailedPrecondition, "{}: {}", type, message);
}

}  // namespace

void add_api_options(CLI::App* command, const std::shared_ptr<ApiOptions>& options) {
  command->add_option("--endpoint-url", options->endpoint_url,
                      "the control plane; default: AWS_ENDPOINT_URL, then http://127.0.0.1:8080");
  command->add_option("--region", options->region, "default: AWS_REGION, AWS_DEFAULT_REGION, then us-east-1");
  command->add_option("--credentials", options->credentials_file, "an AWS credentials file, where the environment names no key")
      ->capture_default_str();
  command->add_option("--ca-file", options->ca_file,
                      "PEM of the authority of an https:// control plane; default: AWS_CA_BUNDLE, then the system's");
}

Result<ApiClient> ApiClient::create(const ApiOptions& options) {
  auto environment = aws::process_environment();
  auto text = options.endpoint_url;
  if (text.empty()) text = environment("AWS_ENDPOINT_URL").value_or("http://127.0.0.1:8080");
  auto region = options.region;
  if (region.empty()) region = environment("AWS_REGION").value_or(environment("AWS_DEFAULT_REGION").value_or("us-east-1"));
  auto url = TRY(http::Url::parse(text).with_context("--endpoint-url"));
  auto credentials = TRY(find_credentials(options));
  auto ca_file = options.ca_file.empty() ? environment("AWS_CA_BUNDLE").value_or("") : options.ca_file;
  http::ClientOptions client{.plain = http::Plain::kAllowed, .ca_file = std::move(ca_file)};
  client.progress_timeout = std::chrono::minutes(15);  // a request may be held while a component wakes
  auto http = TRY(http::HttpClient::create(std::move(client)));
  return ApiClient(std::move(http), std::move(url), std::move(credentials), std::move(region));
}

Result<http::Response> ApiClient::send(const Context& ctx, const http::Url& url, http::Headers headers, const std::string& body,
                                       std::string_view service) {
  auto bytes = as_bytes(body);
  aws::sign("POST", url, headers, bytes, credentials_,
            {.region = region_, .service = std::string(service), .time = Clock::system().wall_now()});
  auto response = TRY(http_->request(
      ctx, {.method = "POST", .url = url, .headers = std::move(headers), .body = bytes, .response_max = kAnswerMax}));
  if (!response.ok()) return api_error(response);
  return response;
}

Result<nlohmann::json> ApiClient::call(const Context& ctx, const std::string& operation, const nlohmann::json& input) {
  auto colon = operation.find(':');
  auto name = colon == std::string::npos ? "sagemaker" : operation.substr(0, colon);
  const auto* service = std::ranges::find(kServices, name, &Service::name);
  if (service == kServices.end()) {
    return make_error(Code::kInvalidArgument,
                      "{}: there is no service {}; known are sagemaker, application-autoscaling, cloudwatch", operation, name);
  }
  auto own = operation.substr(colon == std::string::npos ? 0 : colon + 1);
  http::Headers headers;
  headers.set("X-Amz-Target", own.find('.') == std::string::npos ? fmt::format("{}{}", service->target, own) : own);
  headers.set("Content-Type", std::string(service->content_type));
  auto sent = send(ctx, url_.with_path("/"), std::move(headers), codec::json_text(input), service->signing_name);
  auto response = TRY(std::move(sent).with_context("{}", operation));
  if (response.body.empty()) return nlohmann::json::object();
  return codec::parse_json(response.body, {.size_max = kAnswerMax}).with_context("{}", operation);
}

Result<std::string> ApiClient::invoke(const Context& ctx, const std::string& endpoint, const std::string& component,
                                      const std::string& body) {
  http::Headers headers;
  headers.set("Content-Type", "application/json");
  if (!component.empty()) headers.set("X-Amzn-SageMaker-Inference-Component", component);
  auto url = url_.with_path("/endpoints/" + http::percent_encode(endpoint) + "/invocations");
  auto response = TRY(send(ctx, url, std::move(headers), body).with_context("InvokeEndpoint"));
  return std::move(response.body);
}

}  // namespace zeropull::cli
