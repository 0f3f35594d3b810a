// CopyLife: one copy from its record to its end, as one straight story on one thread of its own:
//
//   record -> image and model, in parallel -> network -> container -> /ping -> warm-up -> ready -> ... -> its end -> again, or
//   failed
//
// It waits in one place at a time, always on something that a removal ends at once; a second thread waits for the container's
// exit while one runs. remove() may come in any phase; the life then takes everything of the copy away and tells on_gone.
// Destruction without it leaves the container running, for the next agent to adopt.
//
// The record is written before a step that it must survive: see copy_store.h. report() and the setters are thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "agent/copy_containers.h"
#include "agent/copy_limits.h"
#include "agent/copy_log.h"
#include "agent/copy_network.h"
#include "agent/copy_probe.h"
#include "agent/copy_sources.h"
#include "agent/copy_store.h"
#include "base/guarded.h"

namespace zeropull::agent {

// What all lives share; outlives them.
struct CopyParts {
  CopyContainers& containers;
  CopyNetwork& network;
  CopyProbe& probe;
  CopyStore& store;
  EnsureImage ensure_image;
  EnsureModel ensure_model;
  std::string instance_address;
  CopyTimings timings = {};
  const Clock& clock = Clock::system();
  // From a life's thread, without a lock held.
  std::function<void()> on_change;
  std::function<void()> on_gone;  // once; the life may be destroyed
};

class CopyLife {
 public:
  // Without `desired` the copy is one of an earlier agent: adopted when it runs, and started again only once it is desired.
  CopyLife(const CopyParts& parts, CopyRecord record, std::optional<Copy> desired);
  ~CopyLife();
  CopyLife(const CopyLife&) = delete;
  CopyLife& operator=(const CopyLife&) = delete;

  void set_desired(const Copy& copy);
  void remove();
  void leave();  // ends the life's waits and leaves the container running; the destructor waits for its thread
  CopyReport report() const;
  bool gone() const;
  CopyPort port() const;

 private:
  struct Shared {
    CopyRecord record;
    CopyState state = CopyState::kPreparing;
    std::string reason;
    std::optional<Copy> desired;
    std::optional<std::uint32_t> exit_code;  // of the container that runs
    os::CgroupUsage usage;
    bool removal = false;
    bool gone = false;
  };
  struct Prepared {
    ReadyImage image;
    std::optional<ReadyModel> model;
  };

  void run();
  void adopt();
  void one_round();
  Result<Prepared> prepare(const Context& ctx, const Copy& copy);
  Result<ReadyImage> prepare_image(const Context& ctx, const Copy& copy);
  Result<ReadyModel> prepare_model(const Context& ctx, const DesiredModel& model);
  Result<void> launch(const Context& ctx, const Copy& copy, const Prepared& prepared);
  void attend(const Context& ctx);                  // until the container has ended or the life shall end
  Result<void> check_start(const Context& ctx);     // one step towards ready
  void wait_for_exit(const std::stop_token& stop);  // on the second thread
  void note_answer(const Result<void>& answer, int& failures);
  void note_ready();
  enum class Patience { kSome, kEndless };
  void settle_unprepared(const Error& error, Patience patience = Patience::kSome);
  void settle_end(const std::string& how);  // of a container, or of a try to start one
  void fail(const std::string& reason);
  std::string with_last_words(std::string reason) const;
  bool erase();

  Context work_context() const;     // ends with the removal and with the agent
  Context cleanup_context() const;  // ends with the agent alone
  bool leaving() const { return leave_.stop_requested(); }
  bool removal() const;
  bool ready() const;
  Duration until_start_timeout() const;
  std::uint64_t unix_ms() const;
  void begin_phase(const std::string& name);
  void end_phase(const std::string& name, const Phase& facts);
  void update_phase(const Phase& facts);
  // Changes what is reported, and tells of it.
  template <typename Change>
  void change(Change&& apply) {
    apply(*shared_.lock());
    if (parts_.on_change) parts_.on_change();
  }
  Result<void> keep() const;  // saves the record
  void keep_or_warn() const;
  void log(const std::string& line) const;
  void pause(const Context& ctx, Duration duration) const;

  const CopyParts& parts_;
  const std::string id_;
  const CopyLog log_;
  mutable Guarded<Shared> shared_;
  bool attached_running_ = false;      // an adopted container runs
  std::optional<Prepared> prepared_;   // holds image and model until the container is removed
  std::uint32_t failed_attempts_ = 0;  // in a row, without a container
  std::stop_source work_;              // removal, or leaving
  std::stop_source leave_;
  std::jthread thread_;
};

}  // namespace zeropull::agent
