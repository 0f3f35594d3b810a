// The one binary: control plane, agent and the operator's commands are its subcommands.

#include <csignal>

#include "cli/commands.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that went is an error of the write, not the end of the program
  return zeropull::cli::run_command_line(argc, argv);
}
