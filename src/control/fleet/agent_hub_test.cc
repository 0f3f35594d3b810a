// The agents' hub and the agent's link against each other, over real TLS on loopback.
#include "control/fleet/agent_hub.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <set>

#include "agent/control_credential.h"
#include "agent/control_link.h"
#include "base/guarded.h"
#include "control/fleet/hub_limits.h"
#include "identity/join_token.h"
#include "os/file.h"
#include "zeropull/control/v1/control.grpc.pb.h"

namespace zeropull::fleet {
namespace {

namespace pb = ::zeropull::control::v1;
using std::chrono::hours;
using std::chrono::milliseconds;

Context context() { return Context::root("test", {}, std::chrono::seconds(30)); }

class ShiftedClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return system().steady_now(); }
  WallTime wall_now() const override { return system().wall_now() + shift.load(); }
  std::atomic<WallTime::duration> shift = WallTime::duration::zero();
};

// What a control plane does about its hub, and what it saw.
class Control {
 public:
  struct Seen {
    std::map<std::string, std::string> tokens;                 // text -> the request that it bought for, "" before
    std::map<std::string, identity::InstanceIdentity> leases;  // by instance
    std::vector<std::pair<identity::InstanceIdentity, agent::Report>> reports;
    std::vector<std::string> disconnected;
    std::vector<agent::Machine> machines;
    std::vector<std::string> peers;  // of joins
    int renewals = 0;
    int lose_joins = 0;  // answers that do not arrive
    int refuse_reports = 0;
  };

  void start(std::uint16_t port = 0) {
    HubEvents events;
    events.join = [this](const Context&, const JoinCall& join) -> Result<identity::SignedCertificate> {
      auto seen = seen_.lock();
      auto token = seen->tokens.find(join.token);
      if (token == seen->tokens.end()) return make_error(Code::kPermissionDenied, "unknown token");
      if (!token->second.empty() && token->second != join.csr_pem) return make_error(Code::kPermissionDenied, "used token");
      token->second = join.csr_pem;
      seen->machines.push_back(join.machine);
      seen->peers.push_back(join.peer);
      seen.notify_all();
      if (seen->lose_joins > 0) {
        --seen->lose_joins;
        return make_error(Code::kUnavailable, "lost");
      }
      return authority.sign_instance(join.csr_pem, seen->leases["i-1"], lifetime);
    };
    events.renew = [this](const Context&, const RenewCall& renew) -> Result<identity::SignedCertificate> {
      auto seen = seen_.lock();
      auto lease = seen->leases.find(renew.identity.instance_id);
      if (lease == seen->leases.end()) return make_error(Code::kPermissionDenied, "no such instance");
      ++seen->renewals;
      seen.notify_all();
      return authority.sign_instance(renew.csr_pem, lease->second, hours(1));
    };
    events.report = [this](const identity::InstanceIdentity& who, agent::Report report) -> Result<void> {
      auto seen = seen_.lock();
      seen->reports.emplace_back(who, std::move(report));
      seen.notify_all();
      if (seen->refuse_reports == 0) return {};
      --seen->refuse_reports;
      return make_error(Code::kNotFound, "no such instance yet");
    };
    events.disconnected = [this](const identity::InstanceIdentity& who) {
      auto seen = seen_.lock();
      seen->disconnected.push_back(who.instance_id);
      seen.notify_all();
    };
    hub = MUST(AgentHub::create({.port = port,
                                 .credential = MUST(authority.issue_server({"127.0.0.1"})),
                                 .authority_pem = authority.certificate_pem(),
                                 .clock = &clock},
                                std::move(events)));
  }

  // Waits until `ready` holds of what was seen.
  template <typename Ready>
  testing::AssertionResult eventually(Ready ready) {
    auto seen = seen_.lock();
    if (seen.wait(context(), [&] { return ready(*seen); })) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "not within the time of a test";
  }
  Guarded<Seen>::Handle seen() { return seen_.lock(); }

  ShiftedClock clock;
  os::ScratchFolder scratch = MUST(os::ScratchFolder::create("/tmp", "zp-hub-"));
  identity::Authority authority = MUST(identity::Authority::load_or_create(scratch.path() + "/authority", clock));
  Duration lifetime = hours(1);
  Guarded<Seen> seen_;
  std::unique_ptr<AgentHub> hub;  // last: its events use the rest
};

// An agent's link and what came to it.
class Linked {
 public:
  struct Got {
    std::vector<agent::DesiredState> desired;
  };
  Linked(Control& control, const std::string& name, const std::string& token) {
    agent::ControlLinkOptions options;
    options.target = fmt::format("127.0.0.1:{}", control.hub->port());
    options.authority_pem = control.authority.certificate_pem();
    options.join_token = Secret(token);
    options.machine.host_name = "host";
    options.folder = control.scratch.path() + "/" + name;
    options.report_every = hours(1);
    options.reconnect_max = milliseconds(200);
    link = MUST(agent::ControlLink::create(
        std::move(options), {.desired =
                                 [this](const agent::DesiredState& desired) {
                                   auto got = got_.lock();
                                   got->desired.push_back(desired);
                                   got.notify_all();
                                 },
                             .report =
                                 [this] {
                                   agent::Report report;
                                   auto got = got_.lock();
                                   if (!got->desired.empty()) report.generation = got->desired.back().generation;
                                   report.error = "not UTF-8: \xff";
                                   return report;
                                 },
                             .read_log = [](const agent::LogRequest& request) -> Result<agent::LogChunk> {
                               if (request.copy_id == "unknown") return make_error(Code::kNotFound, "no such copy");
                               if (request.copy_id == "greedy") return agent::LogChunk{.data = Bytes(request.bytes_max + 1)};
                               return agent::LogChunk{
                                   .data = to_bytes(as_bytes(request.copy_id)), .offset = request.offset, .size = 1000};
                             }}));
  }
  template <typename Ready>
  bool eventually(Ready ready) {
    auto got = got_.lock();
    return got.wait(context(), [&] { return ready(*got); });
  }
  bool got_generation(std::uint64_t generation, std::size_t times = 1) {
    return eventually([=](const Got& got) {
      return static_cast<std::size_t>(std::ranges::count(got.desired, generation, &agent::DesiredState::generation)) >= times;
    });
  }
  // The link's status has no event of its own.
  bool fails_with(std::string_view text) {
    for (auto ctx = context(); ctx.check().ok(); static_cast<void>(ctx.sleep(milliseconds(5)))) {
      if (link->status().error.find(text) != std::string::npos) return true;
    }
    return false;
  }

  Guarded<Got> got_;
  std::unique_ptr<agent::ControlLink> link;
};

const identity::InstanceIdentity kInstance{"123456789012", "e1", "i-1"};

class HubTest : public testing::Test {
 protected:
  HubTest() {
    control.start();
    control.seen()->leases["i-1"] = kInstance;
  }
  static agent::DesiredState desired(std::uint64_t generation, const std::string& uid = "e1") {
    agent::DesiredState state;
    state.generation = generation;
    auto& endpoint = state.endpoint.emplace();
    endpoint.uid = uid;
    endpoint.account = "123456789012";
    endpoint.key = Secret(std::string(32, 'k'));
    return state;
  }
  std::string token() {
    auto made = identity::make_join_token(Random::secure());
    control.seen()->tokens[made.text.reveal()] = "";
    return made.text.reveal();
  }

  Control control;
};

TEST_F(HubTest, an_agent_joins_once_and_gets_the_last_desired_state_on_every_connection) {
  control.hub->send_desired("i-1", desired(1));
  control.hub->send_desired("i-1", desired(2));
  Linked agent(control, "agent", token());
  ASSERT_TRUE(agent.got_generation(2));
  EXPECT_EQ(agent.got_.lock()->desired.front().generation, 2u);
  EXPECT_EQ(agent.got_.lock()->desired.front().endpoint->key.reveal(), std::string(32, 'k'));
  agent.link->report_soon();
  ASSERT_TRUE(control.eventually([](auto& seen) { return !seen.reports.empty() && seen.reports.back().second.generation == 2; }));
  EXPECT_EQ(control.seen()->reports.back().first, kInstance);
  EXPECT_EQ(control.seen()->reports.back().second.error, "not UTF-8: ?");
  EXPECT_EQ(control.seen()->machines.front().host_name, "host");
  EXPECT_EQ(control.seen()->peers.front(), "127.0.0.1");
  EXPECT_TRUE(control.hub->connected("i-1"));
  EXPECT_EQ(MUST(os::stat_path(agent.link->credential_file())).st_mode & 07777, 0600u);

  const auto port = control.hub->port();
  control.hub->stop();
  control.hub.reset();
  control.start(port);
  control.hub->send_desired("i-1", desired(3));
  ASSERT_TRUE(agent.got_generation(3));
  EXPECT_EQ(control.seen()->machines.size(), 1u);  // no second join
  EXPECT_EQ(control.seen()->disconnected.size(), 0u);
  agent.link->stop();
  EXPECT_TRUE(control.eventually([](auto& seen) { return seen.disconnected == std::vector<std::string>{"i-1"}; }));
  EXPECT_FALSE(control.hub->connected("i-1"));

  Linked restarted(control, "agent", "");  // with the certificate that it kept
  ASSERT_TRUE(restarted.got_generation(3));
}

TEST_F(HubTest, tokens_are_good_once) {
  const auto text = token();
  Linked first(control, "first", text);
  ASSERT_TRUE(control.eventually([](auto& seen) { return !seen.reports.empty(); }));
  Linked second(control, "second", text);
  EXPECT_TRUE(second.fails_with("permission_denied: join: used token"));
  Linked stranger(control, "stranger", "zpj-unknown");
  EXPECT_TRUE(stranger.fails_with("permission_denied: join: unknown token"));
  Linked without(control, "without", "");
  EXPECT_TRUE(without.fails_with("no join token"));
  EXPECT_EQ(second.link->status().identity, std::nullopt);
}

TEST_F(HubTest, a_join_whose_answer_was_lost_is_made_again_with_the_same_request_also_after_a_restart) {
  control.seen()->lose_joins = 1000;
  const auto text = token();
  {
    Linked killed(control, "agent", text);
    ASSERT_TRUE(control.eventually([](auto& seen) { return seen.machines.size() >= 2; }));
  }
  control.seen()->lose_joins = 1;
  Linked restarted(control, "agent", text);
  ASSERT_TRUE(control.eventually([](auto& seen) { return !seen.reports.empty(); }));
  const auto folder = control.scratch.path() + "/agent";
  EXPECT_EQ(MUST(os::list_folder(folder)), (std::vector<std::string>{"authority.pem", "credential.pem"}));
}

TEST_F(HubTest, logs_are_fetched_and_never_waited_for_in_vain) {
  EXPECT_TRUE(control.hub->fetch_log(context(), "i-1", {.copy_id = "c-1", .bytes_max = 10}).failed_with(Code::kUnavailable));
  Linked agent(control, "agent", token());
  ASSERT_TRUE(control.eventually([](auto& seen) { return !seen.reports.empty(); }));
  auto chunk = MUST(control.hub->fetch_log(context(), "i-1", {.copy_id = "c-1", .offset = 7, .bytes_max = 10}));
  EXPECT_EQ(as_text(chunk.data), "c-1");
  EXPECT_EQ(chunk.offset, 7u);
  EXPECT_EQ(chunk.size, 1000u);
  EXPECT_TRUE(control.hub->fetch_log(context(), "i-1", {.copy_id = "unknown", .bytes_max = 10}).failed_with(Code::kNotFound));
  EXPECT_TRUE(control.hub->fetch_log(context(), "i-1", {.copy_id = "greedy", .bytes_max = 10}).failed_with(Code::kDataLoss));
  EXPECT_TRUE(control.hub->fetch_log(context(), "i-1", {.copy_id = "c-1", .bytes_max = agent::kLogChunkMax + 1})
                  .failed_with(Code::kInvalidArgument));
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_FALSE(control.hub->fetch_log(context().with_stop(stopped.get_token()), "i-1", {.copy_id = "c", .bytes_max = 1}).ok());
}

TEST_F(HubTest, certificates_are_renewed_at_half_of_their_life) {
  control.lifetime = milliseconds(1500);
  Linked agent(control, "agent", token());
  ASSERT_TRUE(control.eventually([](auto& seen) { return seen.renewals > 0; }));
  const auto before = control.seen()->reports.size();
  ASSERT_TRUE(control.eventually([&](auto& seen) { return seen.reports.size() > before; }));  // on a new stream
  EXPECT_EQ(control.seen()->renewals, 1);
  EXPECT_EQ(control.seen()->machines.size(), 1u);
}

TEST_F(HubTest, another_lease_brings_another_certificate_before_its_desired_state) {
  control.seen()->leases["i-1"] = {.instance_id = "i-1"};
  Linked agent(control, "agent", token());
  ASSERT_TRUE(control.eventually([](auto& seen) { return !seen.reports.empty(); }));
  EXPECT_FALSE(control.seen()->reports.back().first.leased());
  control.seen()->leases["i-1"] = {"123456789012", "e2", "i-1"};
  control.hub->send_desired("i-1", desired(5, "e2"));
  ASSERT_TRUE(agent.got_generation(5));
  EXPECT_EQ(agent.link->status().identity->endpoint_uid, "e2");
  ASSERT_TRUE(control.eventually([](auto& seen) { return seen.reports.back().first.endpoint_uid == "e2"; }));
}

TEST_F(HubTest, an_instance_that_is_gone_is_refused_and_one_that_comes_back_is_served) {
  control.seen()->refuse_reports = 1;
  Linked agent(control, "agent", token());
  EXPECT_TRUE(control.eventually([](auto& seen) { return seen.reports.size() >= 2; }));
  control.hub->send_desired("i-1", desired(1));
  ASSERT_TRUE(agent.got_generation(1));
  control.hub->forget("i-1");  // ends the stream and the state: the next connection gets none
  EXPECT_TRUE(control.eventually([](auto& seen) { return seen.reports.size() == 3; }));
  EXPECT_TRUE(control.eventually([](auto& seen) { return seen.disconnected.size() == 2; }));
  EXPECT_EQ(agent.got_.lock()->desired.size(), 1u);
}

// ---- peers that are no link of ours ----

class RawPeer {
 public:
  RawPeer(Control& control, const identity::Credential& credential) {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = control.authority.certificate_pem();
    tls.pem_private_key = credential.key_pem.reveal();
    tls.pem_cert_chain = credential.certificate_pem;
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub = pb::Control::NewStub(
        grpc::CreateCustomChannel(fmt::format("127.0.0.1:{}", control.hub->port()), grpc::SslCredentials(tls), arguments));
  }
  void connect() {
    rpc = std::make_unique<grpc::ClientContext>();
    rpc->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    stream = stub->Connect(rpc.get());
  }
  void report(std::uint64_t generation) {
    pb::AgentMessage message;
    message.mutable_report()->set_generation(generation);
    EXPECT_TRUE(stream->Write(message));
  }
  grpc::StatusCode ended() {
    pb::ControlMessage message;
    while (stream->Read(&message)) {
    }
    return stream->Finish().error_code();
  }
  grpc::StatusCode refused() {
    connect();
    return ended();
  }
  grpc::StatusCode renew() {
    grpc::ClientContext call;
    pb::RenewRequest request;
    request.set_csr_pem(MUST(identity::make_key_and_request()).csr_pem);
    pb::Certificate answer;
    return stub->Renew(&call, request, &answer).error_code();
  }

  std::unique_ptr<pb::Control::Stub> stub;
  std::unique_ptr<grpc::ClientContext> rpc;
  std::unique_ptr<grpc::ClientReaderWriter<pb::AgentMessage, pb::ControlMessage>> stream;
};

identity::Credential credential_of(const identity::Authority& authority, const identity::InstanceIdentity& who = kInstance) {
  auto key = MUST(identity::make_key_and_request());
  auto made = MUST(authority.sign_instance(key.csr_pem, who));
  return {.certificate_pem = made.certificate_pem, .key_pem = key.key_pem};
}

TEST_F(HubTest, no_one_but_an_instance_of_ours_connects) {
  EXPECT_EQ(RawPeer(control, {}).refused(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(RawPeer(control, {}).renew(), grpc::StatusCode::UNAUTHENTICATED);
  auto foreign = MUST(identity::Authority::load_or_create(control.scratch.path() + "/foreign", control.clock));
  EXPECT_EQ(RawPeer(control, credential_of(foreign)).refused(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(RawPeer(control, credential_of(foreign)).renew(), grpc::StatusCode::UNAUTHENTICATED);
  auto server = MUST(control.authority.issue_server({"127.0.0.1"}));
  EXPECT_EQ(RawPeer(control, server).refused(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(control.seen()->reports.empty());
  EXPECT_TRUE(control.seen()->disconnected.empty());
}

TEST_F(HubTest, an_expired_certificate_serves_for_its_renewal_alone_and_not_for_ever) {
  auto mine = credential_of(control.authority);
  RawPeer peer(control, mine);
  peer.connect();
  peer.report(1);
  ASSERT_TRUE(control.eventually([](auto& seen) { return seen.reports.size() == 1; }));
  control.clock.shift = hours(2);
  peer.report(2);  // the certificate ended while the stream was open
  EXPECT_EQ(peer.ended(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(control.seen()->reports.size(), 1u);
  EXPECT_EQ(RawPeer(control, mine).refused(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(RawPeer(control, mine).renew(), grpc::StatusCode::OK);
  control.clock.shift = kRenewGrace + hours(2);
  EXPECT_EQ(RawPeer(control, mine).renew(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(HubTest, a_newer_stream_of_an_instance_replaces_the_older) {
  auto mine = credential_of(control.authority);
  RawPeer older(control, mine), newer(control, mine);
  older.connect();
  older.report(1);
  ASSERT_TRUE(control.eventually([](auto& seen) { return seen.reports.size() == 1; }));
  newer.connect();
  newer.report(2);
  ASSERT_TRUE(control.eventually([](auto& seen) { return seen.reports.size() == 2; }));
  EXPECT_EQ(older.ended(), grpc::StatusCode::ABORTED);
  newer.report(3);
  ASSERT_TRUE(control.eventually([](auto& seen) { return seen.reports.size() == 3; }));
  EXPECT_TRUE(control.hub->connected("i-1"));
  EXPECT_TRUE(control.seen()->disconnected.empty());
  newer.rpc->TryCancel();
  EXPECT_TRUE(control.eventually([](auto& seen) { return seen.disconnected.size() == 1; }));
}

TEST_F(HubTest, a_message_that_breaks_the_protocol_ends_its_stream) {
  RawPeer peer(control, credential_of(control.authority));
  peer.connect();
  EXPECT_TRUE(peer.stream->Write({}));
  EXPECT_EQ(peer.ended(), grpc::StatusCode::INVALID_ARGUMENT);
  peer.connect();
  pb::AgentMessage message;
  message.mutable_report()->add_copies()->set_state(pb::COPY_STATE_READY);  // a copy without a name
  EXPECT_TRUE(peer.stream->Write(message));
  EXPECT_EQ(peer.ended(), grpc::StatusCode::INVALID_ARGUMENT);
  peer.connect();
  message.mutable_log_chunk()->set_request_id(77);  // that nobody asked for: of a request that was given up
  EXPECT_TRUE(peer.stream->Write(message));
  peer.report(1);
  EXPECT_TRUE(control.eventually([](auto& seen) { return seen.reports.size() == 1; }));
}

TEST_F(HubTest, streams_have_no_threads_of_their_own) {
  constexpr std::size_t kCount = 100;
  const auto threads = [] { return MUST(os::list_folder("/proc/self/task")).size(); };
  std::vector<std::unique_ptr<RawPeer>> peers;
  const auto open_one = [&] {
    auto id = fmt::format("i-{}", peers.size());
    peers.push_back(std::make_unique<RawPeer>(control, credential_of(control.authority, {"123456789012", "e1", id})));
    peers.back()->connect();
    peers.back()->report(1);
  };
  open_one();
  ASSERT_TRUE(control.eventually([&](auto& seen) { return seen.reports.size() == 1; }));
  const auto before = threads();
  while (peers.size() < kCount) open_one();
  ASSERT_TRUE(control.eventually([&](auto& seen) { return seen.reports.size() == kCount; }));
  EXPECT_LT(threads(), before + kCount / 4);  // gRPC's own pools may grow a little
  control.hub->send_desired("i-99", desired(7));
  pb::ControlMessage message;
  ASSERT_TRUE(peers.back()->stream->Read(&message));
  EXPECT_EQ(message.desired().generation(), 7u);
}

TEST_F(HubTest, a_port_in_use_and_a_missing_certificate_are_errors) {
  HubEvents events;
  events.join = [](const Context&, const JoinCall&) { return Result<identity::SignedCertificate>(Error(Code::kUnknown, "")); };
  events.renew = [](const Context&, const RenewCall&) { return Result<identity::SignedCertificate>(Error(Code::kUnknown, "")); };
  events.report = [](const identity::InstanceIdentity&, const agent::Report&) { return Result<void>(); };
  events.disconnected = [](const identity::InstanceIdentity&) {};
  EXPECT_TRUE(AgentHub::create({}, events).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(AgentHub::create({.port = control.hub->port(),
                                .credential = MUST(control.authority.issue_server({"127.0.0.1"})),
                                .authority_pem = control.authority.certificate_pem()},
                               events)
                  .failed_with(Code::kUnavailable));
}

}  // namespace
}  // namespace zeropull::fleet
