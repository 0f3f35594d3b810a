#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "os/file.h"
#include "store/self_signed.h"
#include "store/server.h"

namespace zeropull::cli {

namespace {

struct StoreServeCommand {
  std::string folder;
  std::string listen = "127.0.0.1:7443";
  std::string token_file;
  std::string certificate_folder;
  std::vector<std::string> names;
  bool json = false;
};

struct Listen {
  std::string address;
  std::uint16_t port = 0;
};

Result<Listen> parse_listen(const std::string& text) {
  auto colon = text.rfind(':');
  std::uint16_t port = 0;
  if (colon == std::string::npos || colon == 0 || !CLI::detail::lexical_cast(text.substr(colon + 1), port)) {
    return make_error(Code::kInvalidArgument, "--listen {:?}: give ADDRESS:PORT", text);
  }
  return Listen{text.substr(0, colon), port};
}

// cert.pem and key.pem in the folder, made for the address and the names when absent.
Result<void> ensure_certificate(const StoreServeCommand& command, const Listen& listen, store::StoreServerOptions& options) {
  TRY(os::ensure_folder(command.certificate_folder));
  options.certificate_file = command.certificate_folder + "/cert.pem";
  options.key_file = command.certificate_folder + "/key.pem";
  if (os::exists(options.certificate_file) && os::exists(options.key_file)) return {};
  auto names = command.names;
  if (names.empty()) names.push_back(listen.address);
  return store::create_self_signed(
      {.certificate_file = options.certificate_file, .key_file = options.key_file, .names = std::move(names)});
}

Result<std::unique_ptr<store::StoreServer>> serve(const StoreServeCommand& command) {
  auto listen = TRY(parse_listen(command.listen));
  store::StoreServerOptions options{.address = listen.address, .port = listen.port, .certificate_file = {}, .key_file = {}};
  TRY(ensure_certificate(command, listen, options).with_context("certificate"));
  auto tokens = TRY(store::Tokens::load(command.token_file).with_context("--token-file"));
  auto folder = TRY(store::FolderStore::open(command.folder));
  return store::StoreServer::create(std::move(folder), std::move(tokens), options);
}

}  // namespace

void add_store_serve(CommandLine line) {
  auto options = std::make_shared<StoreServeCommand>();
  CLI::App* command = line.parent.add_subcommand("serve", "Serve a store's folder to instances over HTTPS");
  command->add_option("--dir", options->folder, "the store's folder; made when absent")->required();
  command->add_option("--listen", options->listen, "ADDRESS:PORT, port 0 takes any")->capture_default_str();
  command->add_option("--token-file", options->token_file, "lines of \"TOKEN read|write FOLDER|*\", mode 0600")->required();
  command->add_option("--cert-dir", options->certificate_folder, "cert.pem and key.pem; made self-signed when absent")
      ->required();
  command->add_option("--name", options->names, "name or address in a certificate that is made; the listening address by default")
      ->allow_extra_args(false);
  command->add_flag("--json", options->json, "one JSON object a line");
  command->callback([options, &exit_code = line.exit_code] {
    Output output(Output::choose(options->json));
    Interrupt interrupt;
    auto server = serve(*options);
    if (!server.ok()) {
      exit_code = output.fail(server.error());
      return;
    }
    output.result(fmt::format("serve {} on {}", options->folder, (*server)->url()), {{"url", (*server)->url()}});
    interrupt.wait();
    (*server)->stop();
  });
}

}  // namespace zeropull::cli
