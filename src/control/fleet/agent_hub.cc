#include "control/fleet/agent_hub.h"

#include <grpcpp/grpcpp.h>

#include <atomic>

#include "agent/control_limits.h"
#include "agent/control_proto.h"
#include "base/check.h"
#include "base/executor.h"
#include "control/fleet/agent_streams.h"
#include "control/fleet/hub_limits.h"
#include "control/fleet/log.h"
#include "http/address_guard.h"
#include "zeropull/control/v1/control.grpc.pb.h"

namespace zeropull::fleet {

namespace {

namespace pb = ::zeropull::control::v1;

void answer(pb::Certificate& out, const identity::SignedCertificate& made) {
  out.set_certificate_pem(made.certificate_pem);
  out.set_authority_pem(made.authority_pem);
  out.set_instance_id(made.instance_id);
  const auto expires = std::chrono::duration_cast<std::chrono::seconds>(made.not_after.time_since_epoch());
  out.set_expires_unix_s(static_cast<std::uint64_t>(expires.count()));
}

// "ipv4:10.0.0.7:4711" or "ipv6:%5Bfd00::7%5D:4711", as gRPC names peers: the address alone, an IPv4 one in its own form. "" for
// anything else.
std::string address_of_peer(std::string peer) {
  for (const auto& [code, text] : {std::pair("%5B", "["), std::pair("%5D", "]")}) {
    if (auto at = peer.find(code); at != std::string::npos) peer.replace(at, 3, text);
  }
  if (!peer.starts_with("ipv4:") && !peer.starts_with("ipv6:")) return {};
  auto text = peer.substr(5, peer.rfind(':') - 5);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  auto address = http::IpAddress::parse(text);
  return address ? address->text() : std::string();
}

class Service final : public pb::Control::CallbackService {
 public:
  Service(AgentHubOptions options, HubEvents events)
      : options_(std::move(options)),
        events_(std::move(events)),
        streams_(*options_.clock, events_),
        calls_({.name = "hub-call", .threads = kHubCallThreads, .queue_max = kHubCallsMax}) {}

  AgentStreams& streams() { return streams_; }
  const AgentHubOptions& options() const { return options_; }
  void end_calls() {
    stop_.request_stop();
    streams_.stop();
  }
  void stop_pools() {
    calls_.stop();
    streams_.stop_pool();
  }

 private:
  grpc::ServerUnaryReactor* Join(grpc::CallbackServerContext* call, const pb::JoinRequest* request,
                                 pb::Certificate* response) override {
    auto peer = address_of_peer(call->peer());
    return run(call, response, [this, request, peer](const Context& ctx) -> Result<identity::SignedCertificate> {
      JoinCall join{.token = request->token(), .csr_pem = request->csr_pem(), .machine = {}, .peer = peer};
      join.machine = TRY(agent::from_proto(request->machine()));
      return events_.join(ctx, join);
    });
  }

  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* call, const pb::RenewRequest* request,
                                  pb::Certificate* response) override {
    return run(call, response, [this, call, request](const Context& ctx) -> Result<identity::SignedCertificate> {
      auto peer = TRY(peer_of(*call, kRenewGrace));
      return events_.renew(ctx, {.identity = std::move(peer.identity), .csr_pem = request->csr_pem()});
    });
  }

  StreamReactor* Connect(grpc::CallbackServerContext* call) override {
    auto peer = peer_of(*call, Duration::zero());
    if (peer.ok()) call->AddInitialMetadata(std::string(agent::kAcceptedHeader), "1");
    return streams_.open(std::move(peer));
  }

  using Sign = std::move_only_function<Result<identity::SignedCertificate>(const Context&)>;
  // Off gRPC's threads: `sign` waits for the disk.
  grpc::ServerUnaryReactor* run(grpc::CallbackServerContext* call, pb::Certificate* response, Sign sign) {
    auto* reactor = call->DefaultReactor();
    auto posted = calls_.post([this, reactor, response, sign = std::move(sign)]() mutable {
      auto made = sign(Context::root("hub", stop_.get_token(), agent::kControlCallTimeout));
      if (made.ok()) answer(*response, *made);
      if (!made.ok()) LOG_WARN(kLog, "certificate refused: {}", made.error().to_string());
      reactor->Finish(made.ok() ? grpc::Status::OK : status_of(made.error()));
    });
    if (!posted.ok()) reactor->Finish(status_of(posted.error()));
    return reactor;
  }

  // TLS has proved that the peer has the key of what it showed; whose that is, and whether still, is found here, because a
  // resumed TLS session and a renewal after an outage would both pass or fail otherwise than they should.
  Result<identity::InstanceCertificate> peer_of(grpc::CallbackServerContext& call, Duration expired_max) {
    auto shown = call.auth_context()->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
    if (shown.size() != 1) return make_error(Code::kUnauthenticated, "no client certificate");
    return identity::verify_instance_certificate({shown[0].data(), shown[0].size()}, {.authority_pem = options_.authority_pem,
                                                                                      .purpose = identity::Purpose::kClient,
                                                                                      .at = options_.clock->wall_now(),
                                                                                      .expired_max = expired_max});
  }

  const AgentHubOptions options_;
  const HubEvents events_;
  AgentStreams streams_;
  std::stop_source stop_;
  ThreadPool calls_;
};

class GrpcHub final : public AgentHub {
 public:
  GrpcHub(AgentHubOptions options, HubEvents events) : service_(std::move(options), std::move(events)) {}
  ~GrpcHub() override { stop(); }

  Result<void> start() {
    const auto& options = service_.options();
    if (options.credential.key_pem.empty() || options.authority_pem.empty())
      return make_error(Code::kInvalidArgument, "the agents' hub needs a certificate, its key and an authority");
    grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_BUT_DONT_VERIFY);  // peer_of verifies
    tls.pem_root_certs = options.authority_pem;
    tls.pem_key_cert_pairs.push_back({options.credential.key_pem.reveal(), options.credential.certificate_pem});
    grpc::ServerBuilder builder;
    const auto host = options.address.contains(':') ? "[" + options.address + "]" : options.address;
    int port = 0;
    builder.AddListeningPort(fmt::format("{}:{}", host, options.port), grpc::SslServerCredentials(tls), &port);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a port in use is an error
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(agent::kKeepaliveEvery));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(agent::kKeepaliveTimeout));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, milliseconds(agent::kKeepaliveEvery) / 2);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnectionMax);
    builder.SetMaxReceiveMessageSize(agent::kControlMessageMax);
    builder.SetMaxSendMessageSize(agent::kControlMessageMax);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    if (!server_ || port == 0) {
      return make_error(Code::kUnavailable, "agents' hub: cannot listen on {} port {}", options.address, options.port);
    }
    port_ = static_cast<std::uint16_t>(port);
    return {};
  }

  std::uint16_t port() const override { return port_; }
  void send_desired(const std::string& instance_id, const agent::DesiredState& desired) override {
    service_.streams().send_desired(instance_id, desired);
  }
  void forget(const std::string& instance_id) override { service_.streams().forget(instance_id); }
  bool connected(const std::string& instance_id) const override { return service_.streams().connected(instance_id); }
  Result<agent::LogChunk> fetch_log(const Context& ctx, const std::string& instance_id,
                                    const agent::LogRequest& request) override {
    return service_.streams().fetch_log(ctx, instance_id, request);
  }

  void stop() override {
    if (stopped_.exchange(true) || !server_) return;
    service_.end_calls();
    server_->Shutdown(std::chrono::system_clock::now() + kHubStopGrace);
    server_->Wait();
    service_.streams().wait_ended();
    service_.stop_pools();
  }

 private:
  template <typename Length>
  static int milliseconds(Length length) {
    return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(length).count());
  }

  mutable Service service_;
  std::unique_ptr<grpc::Server> server_;  // ends before the service
  std::uint16_t port_ = 0;
  std::atomic<bool> stopped_ = false;
};

}  // namespace

Result<std::unique_ptr<AgentHub>> AgentHub::create(AgentHubOptions options, HubEvents events) {
  CHECK(events.join && events.renew && events.report && events.disconnected);
  auto hub = std::make_unique<GrpcHub>(std::move(options), std::move(events));
  TRY(hub->start());
  return std::unique_ptr<AgentHub>(std::move(hub));
}

}  // namespace zeropull::fleet
