#include <fmt/chrono.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "control/server/admin.h"

namespace zeropull::cli {

namespace {

struct CredentialsOptions {
  std::string socket = "/var/lib/zeropull-control/admin.sock";
  std::string account;
  std::string name;
  std::string id;
  std::uint32_t lifetime_s = 3600;
  bool json = false;
};

constexpr Duration kTimeout = std::chrono::minutes(1);

std::string when(state::Millis millis) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", std::chrono::sys_seconds(std::chrono::seconds(millis / 1000)));
}

int create_key(const CredentialsOptions& options) {
  Output output(Output::choose(options.json));
  Interrupt interrupt;
  auto made = server::AdminClient::create(options.socket)
                  ->create_access_key(interrupt.context("credentials create", kTimeout), options.account, options.name);
  if (!made.ok()) return output.fail(made.error());
  const auto& secret = made->secret.reveal();
  output.result(fmt::format("# account {}; the secret is shown this once\nexport AWS_ACCESS_KEY_ID={}\n"
                            "export AWS_SECRET_ACCESS_KEY={}",
                            made->key.account, made->key.id, secret),
                {{"account", made->key.account}, {"access_key_id", made->key.id}, {"secret_access_key", secret}});
  return 0;
}

int list_keys(const CredentialsOptions& options) {
  Output output(Output::choose(options.json));
  Interrupt interrupt;
  auto keys = server::AdminClient::create(options.socket)->list_access_keys(interrupt.context("credentials list", kTimeout));
  if (!keys.ok()) return output.fail(keys.error());
  nlohmann::json list = nlohmann::json::array();
  std::string text = fmt::format("{:<20}  {:<12}  {:<20}  {:<20}  {}", "ACCESS KEY", "ACCOUNT", "CREATED", "REVOKED", "NAME");
  for (const auto& key : *keys) {
    list.push_back({{"access_key_id", key.id},
                    {"account", key.account},
                    {"created", when(key.created)},
                    {"revoked", key.revoked == 0 ? nlohmann::json() : nlohmann::json(when(key.revoked))},
                    {"name", key.name}});
    text += fmt::format("\n{:<20}  {:<12}  {:<20}  {:<20}  {}", key.id, key.account, when(key.created),
                        key.revoked == 0 ? "-" : when(key.revoked), key.name);
  }
  output.result(text, {{"keys", list}});
  return 0;
}

int revoke_key(const CredentialsOptions& options) {
  Output output(Output::choose(options.json));
  Interrupt interrupt;
  auto client = server::AdminClient::create(options.socket);
  auto revoked = client->revoke_access_key(interrupt.context("credentials revoke", kTimeout), options.id);
  if (!revoked.ok()) return output.fail(revoked.error());
  output.result("revoked " + options.id, {{"access_key_id", options.id}});
  return 0;
}

int create_token(const CredentialsOptions& options) {
  Output output(Output::choose(options.json));
  Interrupt interrupt;
  auto issued =
      server::AdminClient::create(options.socket)
          ->create_join_token(interrupt.context("credentials join-token", kTimeout), std::chrono::seconds(options.lifetime_s));
  if (!issued.ok()) return output.fail(issued.error());
  nlohmann::json value{
      {"control_address", issued->control_address}, {"token", issued->token.reveal()}, {"authority_pem", issued->authority_pem}};
  // What a machine's agent takes as the member "control" of its configuration.
  output.result(value.dump(2), value);
  return 0;
}

}  // namespace

void add_credentials(CommandLine line) {
  auto options = std::make_shared<CredentialsOptions>();
  CLI::App* command =
      line.parent.add_subcommand("credentials", "Make and revoke access keys of the API, and tokens by which machines join");
  command->require_subcommand(1);
  auto add = [&](const char* name, const char* text, int (*work)(const CredentialsOptions&)) {
    CLI::App* sub = command->add_subcommand(name, text);
    sub->add_option("--admin", options->socket, "the control plane's socket on this machine")->capture_default_str();
    sub->add_flag("--json", options->json, "one JSON object a line");
    sub->callback([options, work, &exit_code = line.exit_code] { exit_code = work(*options); });
    return sub;
  };
  CLI::App* create = add("create", "Make an access key; its secret is shown once", create_key);
  create->add_option("--account", options->account, "its account, twelve digits; a new one when absent");
  create->add_option("--name", options->name, "a note whose it is");
  add("list", "List all keys, without secrets", list_keys);
  CLI::App* revoke = add("revoke", "Refuse a key from now on", revoke_key);
  revoke->add_option("ACCESS_KEY_ID", options->id, "as `credentials list` shows it")->required();
  CLI::App* token = add("join-token", "Make a single-use token for a machine of provider static", create_token);
  token->add_option("--lifetime", options->lifetime_s, "seconds until it expires, at most a week")->capture_default_str();
}

}  // namespace zeropull::cli
