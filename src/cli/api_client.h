// ApiClient: the commands' side of the control plane's API, signed as boto3 signs. Where it goes and as whom is taken from the
// command line, then from AWS's own environment variables, then from what `zeropull serve` left in its folder.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "aws/sigv4.h"
#include "base/context.h"
#include "base/result.h"
#include "http/client.h"

namespace CLI {
class App;
}

namespace zeropull::cli {

struct ApiOptions {
  std::string endpoint_url;                                                // AWS_ENDPOINT_URL, http://127.0.0.1:8080
  std::string region;                                                      // AWS_REGION, AWS_DEFAULT_REGION, us-east-1
  std::string credentials_file = "/var/lib/zeropull-control/credentials";  // used when the environment names none
  std::string ca_file;
};
// --endpoint-url, --region, --credentials, --ca-file.
void add_api_options(CLI::App* command, const std::shared_ptr<ApiOptions>& options);

class ApiClient {
 public:
  static Result<ApiClient> create(const ApiOptions& options);
  // In JSON. `operation`: "DescribeEndpoint", one of another service, "application-autoscaling:PutScalingPolicy" or
  // "cloudwatch:DescribeAlarms", or one of ours, "Zeropull.ListInstances". An API error becomes an error with its type and
  // message. kInvalidArgument: there is no such service.
  Result<nlohmann::json> call(const Context& ctx, const std::string& operation, const nlohmann::json& input);
  // InvokeEndpoint; `component` may be empty. The answer's body.
  Result<std::string> invoke(const Context& ctx, const std::string& endpoint, const std::string& component,
                             const std::string& body);

 private:
  ApiClient(std::unique_ptr<http::HttpClient> http, http::Url url, aws::Credentials credentials, std::string region)
      : http_(std::move(http)), url_(std::move(url)), credentials_(std::move(credentials)), region_(std::move(region)) {}
  Result<http::Response> send(const Context& ctx, const http::Url& url, http::Headers headers, const std::string& body,
                              std::string_view service = "sagemaker");

  std::unique_ptr<http::HttpClient> http_;
  http::Url url_;
  aws::Credentials credentials_;
  std::string region_;
};

}  // namespace zeropull::cli
