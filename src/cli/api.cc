#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "codec/json.h"
#include "os/file.h"

namespace zeropull::cli {

namespace {

struct ApiCommand {
  std::string operation;
  std::string input = "{}";
  std::shared_ptr<ApiOptions> api = std::make_shared<ApiOptions>();
};

constexpr std::size_t kInputMax = 100 * kMiB;

Result<std::string> run(const Context& ctx, const ApiCommand& command) {
  auto text = command.input;
  if (text.starts_with('@')) text = TRY(os::read_text(text.substr(1), kInputMax));
  auto input = TRY(codec::parse_json(text, {.size_max = kInputMax}).with_context("JSON"));
  auto client = TRY(ApiClient::create(*command.api));
  if (command.operation == "InvokeEndpoint") {
    auto endpoint = TRY(codec::json_string(input, "EndpointName"));
    auto component = TRY(codec::json_optional_string(input, "InferenceComponentName"));
    auto body = TRY(codec::json_optional_string(input, "Body"));
    return client.invoke(ctx, endpoint, component.value_or(""), body.value_or(""));
  }
  auto answer = TRY(client.call(ctx, command.operation, input));
  return codec::json_text(answer, 2);
}

}  // namespace

void add_api(CommandLine line) {
  auto options = std::make_shared<ApiCommand>();
  CLI::App* command = line.parent.add_subcommand("api", "Call one operation of the API, signed");
  command
      ->add_option("OPERATION", options->operation,
                   "DescribeEndpoint, InvokeEndpoint, cloudwatch:DescribeAlarms, application-autoscaling:PutScalingPolicy, "
                   "Zeropull.ListInstances ..")
      ->required();
  command
      ->add_option("JSON", options->input, "its input, or @FILE; InvokeEndpoint takes EndpointName, InferenceComponentName, Body")
      ->capture_default_str();
  add_api_options(command, options->api);
  command->callback([options, &exit_code = line.exit_code] {
    Output output(OutputForm::kLines);
    Interrupt interrupt;
    auto answer = run(interrupt.context("api", std::chrono::minutes(20)), *options);
    if (!answer.ok()) {
      exit_code = output.fail(answer.error());
      return;
    }
    output.result(*answer, {});
  });
}

}  // namespace zeropull::cli
