#include "agent/control_link.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

#include "agent/control_credential.h"
#include "agent/control_proto.h"
#include "agent/log.h"
#include "base/check.h"
#include "base/guarded.h"
#include "zeropull/control/v1/control.grpc.pb.h"

namespace zeropull::agent {

namespace {

namespace pb = ::zeropull::control::v1;

template <typename Length>
int milliseconds(Length length) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(length).count());
}

WallTime now() { return Clock::system().wall_now(); }

// Our codes have gRPC's numbers.
Result<void> result_of(const grpc::Status& status, std::string_view what) {
  if (status.ok()) return {};
  return make_error(static_cast<Code>(status.error_code()), "{}: {}", what, status.error_message());
}

class GrpcLink final : public ControlLink {
 public:
  GrpcLink(ControlLinkOptions options, LinkEvents events, CredentialFolder folder)
      : options_(std::move(options)), events_(std::move(events)), folder_(std::move(folder)) {}
  ~GrpcLink() override { stop(); }

  Result<void> start() {
    state_.lock()->credential = TRY(folder_.load(now()));
    thread_ = std::jthread([this] { run(); });
    return {};
  }

  void report_soon() override {
    auto state = state_.lock();
    state->report_due = true;
    state.notify_all();
  }
  LinkStatus status() const override {
    auto state = state_.lock();
    LinkStatus status{.connected = state->connected, .identity = {}, .error = state->error};
    if (state->credential) status.identity = state->credential->certificate.identity;
    return status;
  }
  std::string credential_file() const override { return folder_.credential_file(); }
  std::string authority_file() const override { return folder_.authority_file(); }
  void stop() override {
    stop_.request_stop();
    std::lock_guard lock(stopping_);
    if (thread_.joinable()) thread_.join();
  }

 private:
  using Stub = pb::Control::Stub;
  using Stream = grpc::ClientReaderWriter<pb::AgentMessage, pb::ControlMessage>;

  struct State {
    std::optional<ControlCredential> credential;
    bool rejected = false;  // the control plane does not know the credential: a join is tried next
    bool connected = false;
    bool report_due = false;
    bool stream_ended = false;
    std::deque<pb::LogChunk> log_chunks;  // answers that wait for the writer
    std::string error;
  };

  // ---- the line ----

  void run() {
    Duration pause = kReconnectMin;
    while (!stop_.stop_requested()) {
      was_connected_ = false;
      auto outcome = attempt();
      state_.lock()->connected = false;
      if (outcome.ok()) continue;  // there is a newer certificate: at once
      if (stop_.stop_requested()) return;
      LOG_WARN(kLog, "control plane {}: {}", options_.target, outcome.error().to_string());
      state_.lock()->error = outcome.error().to_string();
      if (was_connected_) pause = kReconnectMin;
      // Between half of the pause and all of it: agents that lost one control plane do not all come back in one moment.
      const auto part = static_cast<Duration::rep>(Random::secure().next() % 512);
      static_cast<void>(context(std::chrono::hours(1)).sleep(pause / 2 + pause * part / 1024));
      pause = std::min<Duration>(pause * 2, options_.reconnect_max);
    }
  }

  // Ends with an error, or without one where the line should be opened again with a newer certificate.
  Result<void> attempt() {
    auto have = credential();
    if (!have) {
      TRY(join());
      have = credential();
    }
    auto stub = stub_for(&*have);
    if (now() >= have->renew_at || have->expired(now())) {
      auto renewed = renew(*stub);
      if (renewed.ok()) return {};
      const bool unknown = renewed.failed_with(Code::kUnauthenticated) || renewed.failed_with(Code::kPermissionDenied);
      if (unknown && !options_.join_token.empty()) state_.lock()->rejected = true;
      if (unknown || have->expired(now())) return renewed;
    }
    return converse(*stub);
  }

  std::unique_ptr<Stub> stub_for(const ControlCredential* credential) const {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = options_.authority_pem;
    if (credential != nullptr) {
      tls.pem_private_key = credential->credential.key_pem.reveal();
      tls.pem_cert_chain = credential->credential.certificate_pem;
    }
    grpc::ChannelArguments arguments;
    if (!options_.server_name.empty()) arguments.SetSslTargetNameOverride(options_.server_name);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a new certificate needs a new connection
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, milliseconds(kConnectTimeout));
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(kKeepaliveEvery));
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(kKeepaliveTimeout));
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetMaxReceiveMessageSize(kControlMessageMax);
    arguments.SetMaxSendMessageSize(kControlMessageMax);
    return pb::Control::NewStub(grpc::CreateCustomChannel(options_.target, grpc::SslCredentials(tls), arguments));
  }

  // ---- certificates ----

  std::optional<ControlCredential> credential() {
    auto state = state_.lock();
    return state->rejected ? std::nullopt : state->credential;
  }

  Result<void> join() {
    auto joined = join_with_token();
    if (!joined.ok()) state_.lock()->rejected = false;  // what there is may be good again meanwhile
    return joined;
  }

  Result<void> join_with_token() {
    if (options_.join_token.empty()) return make_error(Code::kFailedPrecondition, "there is no certificate and no join token");
    auto key = TRY(folder_.ensure_request());
    pb::JoinRequest request;
    request.set_token(options_.join_token.reveal());
    request.set_csr_pem(key.csr_pem);
    to_proto(options_.machine, *request.mutable_machine());
    pb::Certificate answer;
    auto stub = stub_for(nullptr);
    TRY(call([&](grpc::ClientContext& rpc) { return stub->Join(&rpc, request, &answer); }, "join"));
    return take(key, answer);
  }

  // From both threads.
  Result<void> renew(Stub& stub) {
    std::lock_guard lock(renewing_);
    auto renewed = renew_locked(stub);
    if (renewed.ok()) return renewed;
    LOG_WARN(kLog, "{}", renewed.error().to_string());
    if (auto state = state_.lock(); state->credential) state->credential->renew_at = now() + kRenewRetry;
    return renewed;
  }

  Result<void> renew_locked(Stub& stub) {
    auto key = TRY(identity::make_key_and_request());
    pb::RenewRequest request;
    request.set_csr_pem(key.csr_pem);
    pb::Certificate answer;
    TRY(call([&](grpc::ClientContext& rpc) { return stub.Renew(&rpc, request, &answer); }, "renew the certificate"));
    return take(key, answer);
  }

  Result<void> take(const identity::KeyAndRequest& key, const pb::Certificate& answer) {
    auto taken = TRY(folder_.save(key, answer.certificate_pem(), now()));
    LOG_INFO(kLog, "certificate of {}", taken.certificate.identity.uri());
    auto state = state_.lock();
    state->credential = std::move(taken);
    state->rejected = false;
    return {};
  }

  template <typename Method>
  Result<void> call(Method method, std::string_view what) {
    grpc::ClientContext rpc;
    rpc.set_deadline(std::chrono::system_clock::now() + kControlCallTimeout);
    std::stop_callback cancel(stop_.get_token(), [&] { rpc.TryCancel(); });
    return result_of(method(rpc), what);
  }

  // ---- the stream ----

  Result<void> converse(Stub& stub) {
    grpc::ClientContext rpc;
    std::stop_callback cancel(stop_.get_token(), [&] { rpc.TryCancel(); });
    renewed_ = false;
    auto stream = stub.Connect(&rpc);
    stream->WaitForInitialMetadata();
    std::jthread writer;
    if (rpc.GetServerInitialMetadata().contains(grpc::string_ref(kAcceptedHeader.data(), kAcceptedHeader.size()))) {
      begin_stream();
      writer = std::jthread([&] { write_all(stub, rpc, *stream); });
    }
    pb::ControlMessage message;
    while (stream->Read(&message)) handle(stub, rpc, message);
    end_stream();
    if (writer.joinable()) writer.join();
    const auto status = stream->Finish();
    if (renewed_) return {};
    if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
      // It may have expired by the control plane's clock alone: renew it before the next attempt.
      if (auto state = state_.lock(); state->credential) state->credential->renew_at = {};
    }
    TRY(result_of(status, "connect"));
    return make_error(Code::kUnavailable, "the control plane ended the stream");
  }

  void begin_stream() {
    LOG_INFO(kLog, "connected to the control plane {}", options_.target);
    was_connected_ = true;
    auto state = state_.lock();
    state->connected = true;
    state->error.clear();
    state->report_due = true;
    state->stream_ended = false;
    state->log_chunks.clear();
  }
  void end_stream() {
    auto state = state_.lock();
    state->stream_ended = true;
    state.notify_all();
  }

  void handle(Stub& stub, grpc::ClientContext& rpc, const pb::ControlMessage& message) {
    if (message.has_log_request()) return answer_log(message.log_request());
    if (!message.has_desired()) return;  // of a newer control plane
    auto desired = from_proto(message.desired());
    if (!desired.ok()) {
      LOG_ERROR(kLog, "desired state {} refused: {}", message.desired().generation(), desired.error().to_string());
      state_.lock()->error = desired.error().to_string();
      return;
    }
    // The store lets an instance at its endpoint's objects by the certificate: a new lease needs a new one first.
    const std::string uid = desired->endpoint ? desired->endpoint->uid : std::string(identity::kNobody);
    const bool other = credential_uid() != uid;
    if (other && renew(stub).ok() && credential_uid() == uid) renewed_ = true;
    events_.desired(*desired);
    if (renewed_) rpc.TryCancel();
  }

  std::string credential_uid() {
    auto state = state_.lock();
    return state->credential ? state->credential->certificate.identity.endpoint_uid : std::string();
  }

  void answer_log(const pb::LogRequest& request) {
    pb::LogChunk chunk;
    chunk.set_request_id(request.request_id());
    auto read = events_.read_log(
        {.copy_id = request.copy_id(), .offset = request.offset(), .bytes_max = std::min(request.bytes_max(), kLogChunkMax)});
    if (read.ok()) {
      chunk.set_data(read->data.data(), read->data.size());
      chunk.set_offset(read->offset);
      chunk.set_size(read->size);
    } else {
      chunk.set_error(read.error().message());
    }
    auto state = state_.lock();
    state->log_chunks.push_back(std::move(chunk));
    state.notify_all();
  }

  // The writer's thread: whatever goes up, and the renewals. Leaves when the stream has ended or should.
  void write_all(Stub& stub, grpc::ClientContext& rpc, Stream& stream) {
    SteadyTime report_at = {};
    for (;;) {
      pb::AgentMessage message;
      switch (next(report_at, *message.mutable_log_chunk())) {
        case Next::kEnd: return;
        case Next::kLogChunk: break;
        case Next::kReport:
          to_proto(events_.report(), *message.mutable_report());
          report_at = Clock::system().steady_now() + options_.report_every;
          break;
        case Next::kRenew:
          if (!renew(stub).ok()) continue;
          renewed_ = true;
          rpc.TryCancel();
          return;
      }
      if (!stream.Write(message)) return;  // broken: the reader sees it too
    }
  }

  enum class Next { kEnd, kLogChunk, kReport, kRenew };
  Next next(SteadyTime report_at, pb::LogChunk& chunk) {
    auto state = state_.lock();
    for (;;) {
      if (state->stream_ended || stop_.stop_requested()) return Next::kEnd;
      if (!state->log_chunks.empty()) {
        chunk = std::move(state->log_chunks.front());
        state->log_chunks.pop_front();
        return Next::kLogChunk;
      }
      const auto until_report = report_at - Clock::system().steady_now();
      if (state->report_due || until_report <= Duration::zero()) {
        state->report_due = false;
        return Next::kReport;
      }
      const Duration until_renewal = state->credential ? Duration(state->credential->renew_at - now()) : until_report;
      if (until_renewal <= Duration::zero()) return Next::kRenew;
      state.wait(context(std::min<Duration>(until_report, until_renewal)),
                 [&] { return state->stream_ended || state->report_due || !state->log_chunks.empty(); });
    }
  }

  Context context(Duration timeout) const { return Context::root("control-link", stop_.get_token(), timeout); }

  const ControlLinkOptions options_;
  const LinkEvents events_;
  const CredentialFolder folder_;
  mutable Guarded<State> state_;
  std::mutex renewing_;
  std::atomic<bool> renewed_ = false;  // the stream ends because there is a newer certificate
  bool was_connected_ = false;         // the line's thread alone
  std::stop_source stop_;
  std::mutex stopping_;
  std::jthread thread_;
};

}  // namespace

Result<std::unique_ptr<ControlLink>> ControlLink::create(ControlLinkOptions options, LinkEvents events) {
  CHECK(events.desired && events.report && events.read_log);
  auto folder = TRY(CredentialFolder::create(options.folder, options.authority_pem).with_context("control link"));
  auto link = std::make_unique<GrpcLink>(std::move(options), std::move(events), std::move(folder));
  TRY(link->start().with_context("control link"));
  return std::unique_ptr<ControlLink>(std::move(link));
}

}  // namespace zeropull::agent
