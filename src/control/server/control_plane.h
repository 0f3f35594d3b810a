// ControlPlane: what `zeropull serve` runs: state, store, agents' hub, provider, reconciler, router and API in one process,
// wired.
//
//   root/state.db  root/authority/  root/master.key   what the control plane knows, and its secrets
//   root/metrics.db                 points of metrics (control/series)
//   root/store/<endpoint uid>/      objects, encrypted with the endpoint's key; served to its instances over mutual TLS
//   root/volumes/<endpoint uid>/    the endpoint's cache volume: its artifacts complete and sealed
//   root/instances/                 instances of provider local
//
// One process owns the root. stop() and a kill leave instances and copies running; the next start goes on from the state.
#pragma once

#include <memory>
#include <string>

#include "base/context.h"
#include "base/result.h"
#include "control/server/config.h"

namespace zeropull::server {

class ControlPlane {
 public:
  // Returns once the API answers. A third of the files that this process may have open is for callers' connections, another for
  // those to copies: whoever calls this has raised that limit, see os::raise_open_files(). On a first start it makes an account
  // with an access key and leaves it in root/credentials, a file as the AWS CLI reads it.
  static Result<std::unique_ptr<ControlPlane>> create(const Context& ctx, const ServeConfig& config);
  virtual ~ControlPlane() = default;  // stop()
  virtual std::string url() const = 0;
  virtual void stop() = 0;  // idempotent
};

// Ends every instance of provider local that the root has, without a control plane: what is left when one is taken away for good.
Result<void> release_all(const Context& ctx, const ServeConfig& config);

}  // namespace zeropull::server
