// AgentStreams: the live streams of the agents' hub and the last desired state of each instance, under agent_hub.cc, which owns
// it.
//
// Locks: `instances_` before a stream's own mutex, never the reverse; an instance's `events` mutex before both, held while an
// event runs. A stream belongs to gRPC until OnDone and holds itself until then.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/executor.h"
#include "base/guarded.h"
#include "control/fleet/agent_hub.h"

namespace grpc {
template <class Request, class Response>
class ServerBidiReactor;
class Status;
}  // namespace grpc
namespace zeropull::control::v1 {
class AgentMessage;
class ControlMessage;
}  // namespace zeropull::control::v1

namespace zeropull::fleet {

using StreamReactor = grpc::ServerBidiReactor<control::v1::AgentMessage, control::v1::ControlMessage>;

grpc::Status status_of(const Error& error);  // our codes have gRPC's numbers

class AgentStreams {
 public:
  AgentStreams(const Clock& clock, const HubEvents& events);

  // A new stream of the instance; one that refuses where `peer` is an error.
  StreamReactor* open(Result<identity::InstanceCertificate> peer);
  void send_desired(const std::string& instance_id, const agent::DesiredState& desired);
  void forget(const std::string& instance_id);
  bool connected(const std::string& instance_id);
  Result<agent::LogChunk> fetch_log(const Context& ctx, const std::string& instance_id, const agent::LogRequest& request);

  void stop();        // ends the streams and refuses new ones
  void wait_ended();  // until gRPC has let go of the last; after its server's shutdown
  void stop_pool();

 private:
  class Stream;
  struct Instance {
    std::shared_ptr<const control::v1::ControlMessage> desired;  // null: none was given
    std::shared_ptr<Stream> stream;                              // the newest; null: not connected
    std::shared_ptr<std::mutex> events = std::make_shared<std::mutex>();
  };
  struct State {
    std::map<std::string, Instance> instances;
    std::size_t live = 0;  // streams that gRPC has not let go of
    bool stopping = false;
  };

  Result<void> take_place(const std::shared_ptr<Stream>& stream);
  std::shared_ptr<std::mutex> events_of(const Stream& stream);  // null when it is not the instance's newest
  void handle_report(const std::shared_ptr<Stream>& stream);
  void handle_end(const std::shared_ptr<Stream>& stream);
  void let_go();
  void post(Job job);

  const Clock& clock_;
  const HubEvents& events_;
  Guarded<State> state_;
  ThreadPool pool_;
};

}  // namespace zeropull::fleet
