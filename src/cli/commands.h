// The commands of `zeropull`, the table of contents of this room. Each add_*() puts one command with its options under its
// parent; when the user gave it, its work runs inside CLI11's parse and leaves the exit code in `exit_code`: 0 done, 1 failed,
// and of `run` the container's own, or kRunFailed.
#pragma once

namespace CLI {
class App;
}

namespace zeropull::cli {

// What `run` leaves when it fails itself, its command line included: docker's and podman's code for it, which containers avoid.
inline constexpr int kRunFailed = 125;

struct CommandLine {
  CLI::App& parent;
  int& exit_code;
};

void add_image_convert(CommandLine line);
void add_image_inspect(CommandLine line);
void add_image_verify(CommandLine line);
void add_image_mount(CommandLine line);  // and unmount
void add_store_serve(CommandLine line);
void add_store_collect(CommandLine line);  // and remove, purge
void add_agent(CommandLine line);
void add_run(CommandLine line);
void add_images(CommandLine line);  // what an agent holds: list, remove
void add_serve(CommandLine line);
void add_credentials(CommandLine line);  // create, list, revoke, join-token
void add_instances(CommandLine line);
void add_logs(CommandLine line);
void add_timeline(CommandLine line);
void add_scaling(CommandLine line);
void add_api(CommandLine line);
void add_layer_worker(CommandLine line);   // hidden: the sandboxed child of a conversion
void add_instance_init(CommandLine line);  // hidden: the first process of an instance of provider local

// Parses the arguments, runs the command and returns the exit code; 2 for a command line that is not understood
// (kRunFailed after `run`).
int run_command_line(int argc, char** argv);

}  // namespace zeropull::cli
