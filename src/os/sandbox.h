// The cell in which untrusted bytes are parsed: no capability, no network, no file but the descriptors that are open already, no
// new program, no way back. Called by a child process of ours on itself, before its first untrusted byte.
#pragma once

#include "base/result.h"

namespace zeropull::os {

// Irreversible. Sets no_new_privs, moves to an empty network namespace, becomes nobody (65534) without capabilities, and installs
// a seccomp filter: memory, threads, reads and writes on open descriptors, clocks and exit; opening a file answers EACCES; any
// other call kills the process. Needs root. Libraries that read files at start (OpenSSL's configuration) are initialised before.
Result<void> enter_sandbox();

}  // namespace zeropull::os
