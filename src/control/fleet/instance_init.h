// The first process of an instance of provider `local`: `zeropull instance-init`, a hidden command. In namespaces of its own, it
// gives the instance its root: this machine's programs read-only, a disk and nothing else of it; then it keeps containerd and the
// agent running and reaps. Killing it ends every process and mount of the instance.
//
// What it is to do comes as JSON on standard input, whole, so that no secret of it is on a disk. It answers "up" or what failed
// on standard output. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zeropull::fleet {

struct InitMount {
  std::string from;  // on the server's machine
  std::string to;    // in the instance
};
struct InitFile {
  std::string path;  // in the instance, below /run
  std::string content;
};
struct InitProgram {
  std::string name;  // its output goes to /var/log/NAME.log
  std::vector<std::string> argv;
};

struct InitSpec {
  std::string root;     // an empty folder to build on
  std::string disk;     // becomes /var
  std::string program;  // becomes kInstanceProgram
  std::string host_name;
  std::string resolver;               // text of /etc/resolv.conf; "" keeps this machine's
  std::vector<InitMount> cgroups;     // read and write
  std::vector<InitMount> volumes;     // read-only
  std::vector<InitFile> files;        // mode 0600
  std::vector<InitProgram> programs;  // started in this order, and again when they end
};

inline constexpr const char* kInstanceProgram = "/opt/zeropull/bin/zeropull";
inline constexpr std::string_view kInitUp = "up\n";

std::string init_spec_text(const InitSpec& spec);
Result<InitSpec> parse_init_spec(std::string_view text);

// Runs as process 1; returns only when it cannot begin.
int instance_init_main();

}  // namespace zeropull::fleet
