// What an account may use of registries, as options of the registry client. The instance's catalogue and the control plane, which
// resolves tags, ask registries in the same way.
#pragma once

#include <string>
#include <vector>

#include "agent/desired_state.h"
#include "oci/registry.h"

namespace zeropull::agent {

// Sets login, transport and mirrors for a reference on this host; `accesses` win over what the options say already.
void use_accesses(const std::vector<RegistryAccess>& accesses, const std::string& host, oci::RegistryOptions& options);

}  // namespace zeropull::agent
