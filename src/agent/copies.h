// CopyManager: the copies of an instance. apply() takes the complete list of what shall run and converges on it: what is missing
// is started, what is absent is stopped and removed without a trace; nothing is started twice. reports() tells the complete state
// of every copy, with its true reason where it does not serve; a copy that is no longer reported is gone.
//
// Each copy lives on a thread of its own (copy_life.h), as many as the copies' network has addresses. Killing or stopping the
// manager disturbs no copy: the next one adopts from the records (copy_store.h) and from containerd what runs, and goes on where
// it was. Thread-safe; no call waits for a copy, apply() alone for the packet filter's rules.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/copy_life.h"
#include "base/executor.h"

namespace zeropull::agent {

struct CopyOrder {
  std::vector<Copy> copies;
  NetworkPolicy policy;
};

struct CopyManagerOptions {
  std::string folder;            // for records and logs; made when absent, survives the machine's restart
  std::string instance_address;  // in the reports
  CopyTimings timings = {};
};

// Outlive the manager.
struct CopyDependencies {
  CopyContainers& containers;
  CopyNetwork& network;
  CopyProbe& probe;
  EnsureImage ensure_image;
  EnsureModel ensure_model;
  std::function<void()> on_change;  // a report has changed; called from any thread, may call reports(), must not block
};

class CopyManager {
 public:
  // Adopts what an earlier manager has left and removes what no record names. kUnavailable while containerd is away: try again.
  static Result<std::unique_ptr<CopyManager>> create(const Context& ctx, const CopyManagerOptions& options,
                                                     CopyDependencies dependencies);
  ~CopyManager();  // stop()
  // Leaves all containers running; nothing changes any more, and reports() tells the last state. Idempotent.
  void stop();

  // kInvalidArgument and the like when the rules of the network cannot be set: then nothing has changed.
  Result<void> apply(const Context& ctx, CopyOrder order);
  std::vector<CopyReport> reports() const;
  // kNotFound for a copy that is not, or no longer, known.
  Result<LogSlice> read_log(const std::string& id, std::uint64_t offset, std::uint32_t bytes_max) const;

 private:
  struct State {
    std::map<std::string, std::unique_ptr<CopyLife>> lives;
    std::map<std::string, CopyReport> refused;  // of copies that cannot be started here, or not yet
    CopyOrder order;
    bool ordered = false;  // before the first order nothing is stopped
    bool stopped = false;
  };
  CopyManager(const CopyManagerOptions& options, CopyDependencies dependencies, std::unique_ptr<CopyStore> store);
  Result<void> adopt(const Context& ctx);
  void converge_locked(State& state);
  Result<CopyRecord> new_record_locked(const State& state, const Copy& copy);
  void reap();  // ends lives that are gone

  const std::unique_ptr<CopyStore> store_;
  const CopyDependencies dependencies_;
  const CopyParts parts_;
  mutable Guarded<State> state_;
  ThreadPool housekeeping_;  // one thread: joins the threads of lives that are gone
};

}  // namespace zeropull::agent
