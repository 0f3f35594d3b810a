// CopyStore: what an agent remembers of its copies, so that the next one finds them: a folder for each copy with its record, its
// log and the files that are bound into it. A record is written before anything of the copy exists and its folder removed after
// everything else has gone, so that a kill at any point leaves nothing that no record names. What runs is containerd's to say;
// records hold no secret. Thread-safe, one thread for one copy.
#pragma once

#include <string>
#include <vector>

#include "agent/desired_state.h"
#include "agent/report.h"
#include "base/guarded.h"
#include "base/result.h"

namespace zeropull::agent {

enum class CopyStage { kLiving, kStopping, kFailed };
enum class Readiness { kNever, kReached };

struct CopyRecord {
  std::string id;
  std::string component;
  std::uint32_t slot = 0;  // its address's number in the copies' network
  std::uint16_t port = 0;  // on the instance's address
  Outbound outbound = Outbound::kOff;
  CopyStage stage = CopyStage::kLiving;
  Readiness readiness = Readiness::kNever;  // of the container that runs
  std::uint32_t crashes = 0;                // ends before ready, in a row
  std::uint32_t restarts = 0;               // in a row, without a steady time between
  std::string reason;
  std::string log_tail;
  std::string image_digest;
  std::string model_identity;
  std::vector<Phase> phases;
  Probe probe;
};

class CopyStore {
 public:
  // `folder` is made when absent. Folders whose record was never written are removed.
  static Result<std::unique_ptr<CopyStore>> create(const std::string& folder);

  // A record that cannot be read is an error: nobody knows what it holds.
  Result<std::vector<CopyRecord>> load() const;
  Result<void> save(const CopyRecord& record);  // durable
  Result<void> remove(const std::string& id);   // with the log; absent is fine
  std::string folder_of(const std::string& id) const { return copies_folder() + "/" + id; }
  std::string log_file_of(const std::string& id) const { return folder_of(id) + "/log"; }
  // Counts round over all ports, also over restarts.
  Result<std::uint16_t> next_port();

 private:
  explicit CopyStore(std::string folder) : folder_(std::move(folder)) {}
  std::string copies_folder() const { return folder_ + "/copies"; }
  std::string record_file_of(const std::string& id) const { return folder_of(id) + "/record.json"; }
  std::string port_file() const { return folder_ + "/last-port"; }
  const std::string folder_;
  Guarded<std::uint16_t> last_port_;
};

}  // namespace zeropull::agent
