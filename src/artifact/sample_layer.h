// Layers for tests, and what a test program needs whose code converts them: conversions start the running program as the
// sandboxed child (layer_worker.h), so its main() must be that child when it is asked to.
#pragma once

#include <optional>
#include <string>

namespace zeropull::artifact {

// A tar of one file with mode 0644.
std::string one_file_layer(const std::string& name, const std::string& data);

// The exit code when the program was started as a layer worker; nullopt when it is to run its tests. An unknown form of that
// command line is an exit code too: the tests must never run in a child that a test started.
std::optional<int> run_as_layer_worker(int argc, char** argv);

}  // namespace zeropull::artifact
