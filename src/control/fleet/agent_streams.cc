#include "control/fleet/agent_streams.h"

#include <grpcpp/grpcpp.h>

#include <deque>
#include <optional>

#include "agent/control_limits.h"
#include "agent/control_proto.h"
#include "control/fleet/hub_limits.h"
#include "control/fleet/log.h"
#include "zeropull/control/v1/control.grpc.pb.h"

namespace zeropull::fleet {

namespace {

namespace pb = ::zeropull::control::v1;

// One log request that somebody waits for.
struct LogWait {
  explicit LogWait(std::uint32_t bytes) : bytes_max(bytes) {}
  const std::uint32_t bytes_max;
  Guarded<std::optional<Result<agent::LogChunk>>> answer;

  void give(Result<agent::LogChunk> result) {
    auto held = answer.lock();
    held->emplace(std::move(result));
    held.notify_all();
  }
};

Result<agent::LogChunk> parse(const pb::LogChunk& in, std::uint32_t bytes_max) {
  if (!in.error().empty()) return make_error(Code::kNotFound, "the instance: {}", in.error().substr(0, agent::kNameMax));
  if (in.data().size() > bytes_max) return make_error(Code::kDataLoss, "the instance sent more of the log than was asked for");
  return agent::LogChunk{.data = to_bytes(as_bytes(in.data())), .offset = in.offset(), .size = in.size()};
}

}  // namespace

grpc::Status status_of(const Error& error) { return {static_cast<grpc::StatusCode>(error.code()), error.message()}; }

class AgentStreams::Stream final : public StreamReactor {
 public:
  Stream(AgentStreams& owner, identity::InstanceCertificate peer) : owner_(owner), peer_(std::move(peer)) {}

  const identity::InstanceIdentity& identity() const { return peer_.identity; }
  const std::string& instance_id() const { return peer_.identity.instance_id; }
  bool expired(WallTime now) const { return now >= peer_.not_after; }
  const pb::Report& report() const { return incoming_.report(); }  // of the message that was read last

  void hold(std::shared_ptr<Stream> self) { self_ = std::move(self); }

  // The answer's head goes out at once: by it the agent knows that it was let in.
  void begin() {
    placed_ = true;
    std::lock_guard lock(mutex_);
    if (!finished_) StartSendInitialMetadata();
    if (!finished_) StartRead(&incoming_);
  }
  void read() {
    std::lock_guard lock(mutex_);
    if (!finished_) StartRead(&incoming_);
  }

  // Of several states that wait for the stream only the last is sent.
  void send(std::shared_ptr<const pb::ControlMessage> desired) {
    std::lock_guard lock(mutex_);
    desired_ = std::move(desired);
    write_locked();
  }

  struct Asked {
    std::uint64_t id = 0;
    std::shared_ptr<LogWait> wait;
  };
  Result<Asked> ask(const agent::LogRequest& request) {
    std::lock_guard lock(mutex_);
    if (finished_) return make_error(Code::kUnavailable, "instance {} is not connected", instance_id());
    if (waits_.size() >= kLogRequestsMax) {
      return make_error(Code::kResourceExhausted, "instance {}: {} log requests wait already", instance_id(), waits_.size());
    }
    Asked asked{.id = ++last_request_, .wait = std::make_shared<LogWait>(request.bytes_max)};
    waits_.emplace(asked.id, asked.wait);
    pb::ControlMessage message;
    auto& out = *message.mutable_log_request();
    out.set_request_id(asked.id);
    out.set_copy_id(request.copy_id);
    out.set_offset(request.offset);
    out.set_bytes_max(request.bytes_max);
    log_requests_.push_back(std::move(message));
    write_locked();
    return asked;
  }
  void abandon(std::uint64_t request_id) {
    std::lock_guard lock(mutex_);
    waits_.erase(request_id);
  }

  // The first reason counts.
  void finish(const grpc::Status& status) {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    Finish(status);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return finish(grpc::Status::OK);  // the agent has said all, or is gone
    if (incoming_.has_report()) return owner_.post([this, self = self_] { owner_.handle_report(self); });
    if (!incoming_.has_log_chunk()) return finish({grpc::StatusCode::INVALID_ARGUMENT, "a message of no kind that is known"});
    const auto& chunk = incoming_.log_chunk();
    if (auto wait = take_wait(chunk.request_id())) wait->give(parse(chunk, wait->bytes_max));
    read();
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    outgoing_.reset();
    if (ok) write_locked();  // a failed write shows as a failed read
  }

  void OnCancel() override { finish(grpc::Status::CANCELLED); }

  void OnDone() override {
    std::map<std::uint64_t, std::shared_ptr<LogWait>> waits;
    {
      std::lock_guard lock(mutex_);
      waits.swap(waits_);
    }
    for (auto& [id, wait] : waits) wait->give(make_error(Code::kUnavailable, "instance {} went away", instance_id()));
    auto self = std::move(self_);
    if (!placed_) return owner_.let_go();  // refused, of which there may be any number
    owner_.post([&owner = owner_, self] { owner.handle_end(self); });
  }

  void write_locked() {
    if (writing_ || finished_) return;
    if (desired_) {
      outgoing_ = std::exchange(desired_, nullptr);
    } else if (!log_requests_.empty()) {
      outgoing_ = std::make_shared<pb::ControlMessage>(std::move(log_requests_.front()));
      log_requests_.pop_front();
    } else {
      return;
    }
    writing_ = true;
    StartWrite(outgoing_.get());
  }

  std::shared_ptr<LogWait> take_wait(std::uint64_t request_id) {
    std::lock_guard lock(mutex_);
    auto found = waits_.extract(request_id);
    return found.empty() ? nullptr : std::move(found.mapped());
  }

  AgentStreams& owner_;
  const identity::InstanceCertificate peer_;
  std::shared_ptr<Stream> self_;  // until OnDone
  bool placed_ = false;           // set before gRPC has the stream
  pb::AgentMessage incoming_;     // gRPC's from StartRead until OnReadDone, then the reader's

  std::mutex mutex_;  // guards what follows
  bool finished_ = false;
  bool writing_ = false;
  std::shared_ptr<const pb::ControlMessage> outgoing_;  // gRPC's while writing_
  std::shared_ptr<const pb::ControlMessage> desired_;
  std::deque<pb::ControlMessage> log_requests_;
  std::map<std::uint64_t, std::shared_ptr<LogWait>> waits_;
  std::uint64_t last_request_ = 0;
};

AgentStreams::AgentStreams(const Clock& clock, const HubEvents& events)
    : clock_(clock), events_(events), pool_({.name = "hub", .threads = kHubReportThreads, .queue_max = kHubQueueMax}) {}

StreamReactor* AgentStreams::open(Result<identity::InstanceCertificate> peer) {
  auto refusal = peer.ok() ? Result<void>() : Result<void>(peer.error().clone());
  auto stream = std::make_shared<Stream>(*this, peer.ok() ? std::move(peer).take() : identity::InstanceCertificate{});
  stream->hold(stream);
  ++state_.lock()->live;
  if (refusal.ok()) refusal = take_place(stream);
  if (!refusal.ok()) {
    LOG_WARN(kLog, "agent's stream refused: {}", refusal.error().to_string());
    stream->finish(status_of(refusal.error()));
  }
  return stream.get();
}

Result<void> AgentStreams::take_place(const std::shared_ptr<Stream>& stream) {
  auto state = state_.lock();
  if (state->stopping) return make_error(Code::kUnavailable, "the control plane is stopping");
  if (state->live > kStreamsMax) return make_error(Code::kResourceExhausted, "{} streams are open already", kStreamsMax);
  auto& instance = state->instances[stream->instance_id()];
  if (instance.stream) {
    instance.stream->finish({grpc::StatusCode::ABORTED, "a newer stream of this instance took its place"});
  }
  instance.stream = stream;
  stream->begin();
  if (instance.desired) stream->send(instance.desired);
  return {};
}

void AgentStreams::send_desired(const std::string& instance_id, const agent::DesiredState& desired) {
  auto message = std::make_shared<pb::ControlMessage>();
  agent::to_proto(desired, *message->mutable_desired());
  auto state = state_.lock();
  auto& instance = state->instances[instance_id];
  instance.desired = std::move(message);
  if (instance.stream) instance.stream->send(instance.desired);
}

void AgentStreams::forget(const std::string& instance_id) {
  auto state = state_.lock();
  auto found = state->instances.find(instance_id);
  if (found == state->instances.end()) return;
  if (found->second.stream) found->second.stream->finish({grpc::StatusCode::PERMISSION_DENIED, "the instance was released"});
  found->second.desired.reset();
  if (!found->second.stream) state->instances.erase(found);
}

bool AgentStreams::connected(const std::string& instance_id) {
  auto state = state_.lock();
  auto found = state->instances.find(instance_id);
  return found != state->instances.end() && found->second.stream != nullptr;
}

Result<agent::LogChunk> AgentStreams::fetch_log(const Context& ctx, const std::string& instance_id,
                                                const agent::LogRequest& request) {
  if (request.bytes_max > agent::kLogChunkMax) {
    return make_error(Code::kInvalidArgument, "{} bytes of a log are more than {}", request.bytes_max, agent::kLogChunkMax);
  }
  std::shared_ptr<Stream> stream;
  {
    auto state = state_.lock();
    auto found = state->instances.find(instance_id);
    if (found != state->instances.end()) stream = found->second.stream;
  }
  if (!stream) return make_error(Code::kUnavailable, "instance {} is not connected", instance_id);
  auto asked = TRY(stream->ask(request));
  auto answer = asked.wait->answer.lock();
  if (answer.wait(ctx, [&] { return answer->has_value(); })) return std::move(**answer);
  stream->abandon(asked.id);
  TRY(ctx.check().with_context("log of copy {} from instance {}", request.copy_id, instance_id));
  return make_error(Code::kDeadlineExceeded, "instance {} sent no log in time", instance_id);
}

std::shared_ptr<std::mutex> AgentStreams::events_of(const Stream& stream) {
  auto state = state_.lock();
  auto found = state->instances.find(stream.instance_id());
  if (state->stopping || found == state->instances.end() || found->second.stream.get() != &stream) return nullptr;
  return found->second.events;
}

// On the pool.
void AgentStreams::handle_report(const std::shared_ptr<Stream>& stream) {
  auto events = events_of(*stream);
  if (!events) return;
  std::lock_guard in_turn(*events);
  if (!events_of(*stream)) return;  // replaced meanwhile: what it says is older than what the newer one said
  if (stream->expired(clock_.wall_now())) {
    return stream->finish({grpc::StatusCode::UNAUTHENTICATED, "the certificate has expired: renew it and connect again"});
  }
  auto report = agent::from_proto(stream->report());
  auto taken = report.ok() ? events_.report(stream->identity(), std::move(report).take())
                           : Result<void>(std::move(report).take_error().with("report"));
  if (taken.ok()) return stream->read();
  LOG_WARN(kLog, "instance {}: {}", stream->instance_id(), taken.error().to_string());
  stream->finish(status_of(taken.error()));
}

// On the pool, after the stream's last report.
void AgentStreams::handle_end(const std::shared_ptr<Stream>& stream) {
  if (auto events = events_of(*stream)) {
    std::lock_guard in_turn(*events);
    bool newest = false;
    {
      auto state = state_.lock();
      auto found = state->instances.find(stream->instance_id());
      newest = !state->stopping && found != state->instances.end() && found->second.stream == stream;
      if (newest) found->second.stream.reset();
      if (newest && !found->second.desired) state->instances.erase(found);
    }
    if (newest) events_.disconnected(stream->identity());
  }
  let_go();
}

void AgentStreams::let_go() {
  auto state = state_.lock();
  --state->live;
  state.notify_all();
}

void AgentStreams::post(Job job) {
  auto posted = pool_.post(std::move(job));
  // Streams are bounded, and so is what each posts; the pool is stopped after the last.
  if (!posted.ok()) LOG_ERROR(kLog, "agents' hub: {}", posted.error().to_string());
}

void AgentStreams::stop() {
  auto state = state_.lock();
  state->stopping = true;
  for (auto& [id, instance] : state->instances) {
    if (instance.stream) instance.stream->finish({grpc::StatusCode::UNAVAILABLE, "the control plane is stopping"});
  }
}

void AgentStreams::wait_ended() {
  auto state = state_.lock();
  // Every stream was finished and the server has shut down: gRPC lets go of them now.
  state.wait(Context::root("hub"), [&] { return state->live == 0; });
  for (auto& [id, instance] : state->instances) instance.stream.reset();
}

void AgentStreams::stop_pool() { pool_.stop(); }

}  // namespace zeropull::fleet
