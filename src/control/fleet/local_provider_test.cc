// Real instances, without containerd and agent: what they see, and what is left when they are gone. In a network namespace of the
// test's own.
#include "control/fleet/local_provider.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "control/fleet/provider_conformance.h"
#include "os/file.h"
#include "os/netlink.h"
#include "os/process.h"

namespace zeropull::fleet {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kSmallMb = 64;
constexpr const char* kId = "i-0000000000000001";

Context ctx() { return Context::root("test", {}, std::chrono::minutes(1)); }

// Once for the program, before any thread: its network is its own.
class OwnNetwork : public testing::Environment {
 public:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
  }
};
[[maybe_unused]] auto* const own_network = testing::AddGlobalTestEnvironment(new OwnNetwork);

// A shell in place of containerd and the agent, which tells what it sees.
LocalProviderOptions::Boot shell_boot(const LaunchRequest& request, const std::string& address) {
  const char* script = R"sh(
{ echo "host $(hostname)"
  echo "root $(ls / | tr '\n' ' ')"
  cat /run/token; echo; ls /volumes/0
  touch /usr/x; touch /volumes/0/x
  ip -4 -brief address show eth0; tc qdisc show dev eth0; ip route
} > /var/seen.new 2>&1
mv /var/seen.new /var/seen
bash -c 'exec 3<> /dev/tcp/10.201.0.1/7999; echo > /var/connected; exec sleep 1000' &
python3 -c 'import socket, time
line = socket.create_connection(("10.201.0.1", 7998))
line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60000)
open("/var/connected-with-a-limit", "w")
time.sleep(1000)' &
exec sleep 1000
)sh";
  // An instance of a small type spends more than it has: of time, then of memory.
  if (request.type.memory_mb <= kSmallMb) {
    script = R"sh(
end=$(($(date +%s) + 2)); while [ $(date +%s) -lt $end ]; do :; done
head -c 300000000 /dev/zero | tail -c 300000000 > /dev/null; echo "tail ended with $?" > /var/seen.new
mv /var/seen.new /var/seen
exec sleep 1000
)sh";
  }
  return {.files = {{"/run/token", request.join_token.reveal() + " for " + address}},
          .programs = {{"shell", {"sh", "-c", script}}}};
}

class Local final : public ProviderUnderTest {
 public:
  Local() : scratch_(MUST(os::ScratchFolder::create("/var/tmp", "zp-local-"))) { restart(); }
  ~Local() override { MUST(provider_->remove_network(ctx())); }
  LocalProvider& provider() override { return *provider_; }
  void restart() override {
    provider_.reset();
    provider_ = MUST(LocalProvider::create(ctx(), {.folder = root(),
                                                   .program = ZP_BIN_DIR "/zeropull",
                                                   .bridge = "zpbrtest",
                                                   .outbound = LocalProviderOptions::Outbound::kOff,
                                                   .boot = shell_boot}));
  }
  std::string root() const { return scratch_.path() + "/instances"; }
  std::string folder(const std::string& id) const { return root() + "/" + id; }
  std::string scratch() const { return scratch_.path(); }

 private:
  os::ScratchFolder scratch_;
  std::unique_ptr<LocalProvider> provider_;
};

INSTANTIATE_TEST_SUITE_P(Local, ProviderConformance,
                         testing::Values(ProviderCase{"local", [] { return std::make_unique<Local>(); }}));

class LocalProviderTest : public testing::Test {
 protected:
  Launched launch() {
    MUST(os::ensure_folder(local_.scratch() + "/volume"));
    MUST(os::create_file(local_.scratch() + "/volume/of-the-endpoint", as_bytes("x")));
    return MUST(local_.provider().launch(ctx(), {.instance_id = kId,
                                                 .type = local_.type,
                                                 .volumes = {local_.scratch() + "/volume"},
                                                 .join_token = Secret("zpj-secret"),
                                                 .control_address = "c",
                                                 .authority_pem = "p"}));
  }
  std::string seen() {
    auto path = local_.folder(kId) + "/disk/seen";
    auto until = ctx().with_timeout(std::chrono::seconds(20));
    while (!os::exists(path) && until.sleep(std::chrono::milliseconds(10)).ok()) {
    }
    return MUST(os::read_text(path, 1 << 16));
  }
  static Result<std::string> run(const std::string& command) {
    return os::run_program(ctx(), {.argv = {"sh", "-c", command}, .input = {}});
  }
  // Starts the instance while a server listens, and returns once a program of it is connected, as a file on its disk says. Then
  // the server's side hears nothing of it any more, until the table goes.
  os::Child launch_connected_and_silent(int port, const std::string& connected, const std::string& table) {
    auto peer = MUST(
        os::Child::spawn({.argv = {"python3", "-m", "http.server", std::to_string(port)}, .descriptors = {}, .environment = {}}));
    auto until = ctx().with_timeout(std::chrono::seconds(20));
    const auto listens = fmt::format("ss -Hltn sport = :{} | grep -q LISTEN", port);
    while (!run(listens).ok()) MUST(until.sleep(std::chrono::milliseconds(50)));
    launch();
    while (!os::exists(local_.folder(kId) + "/disk/" + connected)) MUST(until.sleep(std::chrono::milliseconds(50)));
    MUST(
        run(fmt::format("nft add table inet {0} && nft add chain inet {0} in '{{ type filter hook input priority -10; }}' && "
                        "nft add rule inet {0} in ip saddr 10.201.0.2 drop",
                        table)));
    return peer;
  }
  static void expect_no_namespace_soon() {
    auto soon = ctx().with_timeout(std::chrono::seconds(5));
    while (run("ip netns list-id | grep -q nsid").ok() && soon.sleep(std::chrono::milliseconds(50)).ok()) {
    }
    EXPECT_FALSE(run("ip netns list-id | grep nsid").ok());
  }
  Local local_;
};

TEST_F(LocalProviderTest, an_instance_sees_a_machine_of_its_own) {
  auto launched = launch();
  EXPECT_EQ(launched.address, "10.201.0.2");
  EXPECT_THAT(launched.volumes, testing::ElementsAre("/volumes/0"));
  auto text = seen();
  EXPECT_THAT(text, HasSubstr(std::string("host ") + kId));
  EXPECT_THAT(text, HasSubstr("zpj-secret for 10.201.0.2"));
  EXPECT_THAT(text, HasSubstr("of-the-endpoint"));
  EXPECT_THAT(text, HasSubstr("cannot touch '/usr/x': Read-only file system"));
  EXPECT_THAT(text, HasSubstr("cannot touch '/volumes/0/x': Read-only file system"));
  EXPECT_THAT(text, HasSubstr("10.201.0.2/16"));
  EXPECT_THAT(text, HasSubstr("rate 1Gbit"));
  EXPECT_THAT(text, HasSubstr("default via 10.201.0.1"));
  for (const char* hidden : {"home", "work", "srv", "mnt", "boot", "old"}) {
    EXPECT_THAT(text, Not(HasSubstr(std::string(" ") + hidden + " "))) << "the instance sees /" << hidden;
  }
  MUST(local_.provider().release(ctx(), kId));
}

TEST_F(LocalProviderTest, no_secret_of_an_instance_is_on_the_disk) {
  launch();
  seen();
  auto found = os::run_program(ctx(), {.argv = {"grep", "-rl", "--exclude=seen", "zpj-secret", local_.root()}, .input = {}});
  EXPECT_FALSE(found.ok()) << *found;
  MUST(local_.provider().release(ctx(), kId));
}

TEST_F(LocalProviderTest, an_instance_has_the_cores_and_the_memory_of_its_type) {
  local_.type.cpu_cores = 0.5;
  local_.type.memory_mb = kSmallMb;
  launch();
  EXPECT_THAT(seen(), HasSubstr("tail ended with 137"));
  auto setting = [](const std::string& v1, const std::string& v2) {
    auto old = os::read_text("/sys/fs/cgroup/" + v1, 4096);
    return old.ok() ? *old : MUST(os::read_text("/sys/fs/cgroup/" + v2, 4096));
  };
  const std::string name = std::string("zeropull-") + kId;
  EXPECT_EQ(setting("memory/" + name + "/memory.limit_in_bytes", name + "/memory.max"), "67108864\n");
  EXPECT_THAT(setting("cpu/" + name + "/cpu.cfs_quota_us", name + "/cpu.max"), testing::StartsWith("50000"));
  EXPECT_THAT(setting("cpu/" + name + "/cpu.stat", name + "/cpu.stat"), Not(HasSubstr("nr_throttled 0\n")));
  MUST(local_.provider().release(ctx(), kId));
}

TEST_F(LocalProviderTest, release_leaves_no_trace) {
  launch();
  seen();
  MUST(local_.provider().release(ctx(), kId));
  EXPECT_FALSE(os::exists(local_.folder(kId)));
  auto netlink = MUST(os::Netlink::open());
  EXPECT_FALSE(MUST(netlink.has_link("zp-000000000001")));
  auto processes = os::run_program(ctx(), {.argv = {"grep", "-l", kId, "-r", "/proc", "--include=cgroup", "-s"}, .input = {}});
  EXPECT_FALSE(processes.ok()) << *processes;
  for (const auto& top : {"/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified"}) {
    EXPECT_FALSE(os::exists(std::string(top) + "/zeropull-" + kId));
  }
}

// The kernel keeps a network namespace for as long as it believes in a connection of it.
TEST_F(LocalProviderTest, a_connection_whose_peer_answers_no_more_does_not_outlive_the_instance) {
  const auto peer = launch_connected_and_silent(7999, "connected", "silent");
  MUST(local_.provider().release(ctx(), kId));
  expect_no_namespace_soon();
  MUST(run("nft delete table inet silent"));
}

// As gRPC's connections are: one with a limit of its own, which the kernel heeds also when nobody has the socket any more.
TEST_F(LocalProviderTest, a_connection_may_say_goodbye_before_the_link_goes) {
  const auto peer = launch_connected_and_silent(7998, "connected-with-a-limit", "slow");
  std::jthread on_again([&] {
    MUST(ctx().sleep(std::chrono::milliseconds(60)));  // it hears what the instance's kernel sends again after 200 ms
    MUST(run("nft delete table inet slow"));
  });
  MUST(local_.provider().release(ctx(), kId));
  expect_no_namespace_soon();
}

TEST_F(LocalProviderTest, what_its_programs_are_is_started_again) {
  launch();
  auto first = seen();
  MUST(os::remove_file(local_.folder(kId) + "/disk/seen"));
  auto killed = os::run_program(ctx(), {.argv = {"sh", "-c",
                                                 "for p in /proc/[0-9]*; do grep -qs zeropull-i-0000000000000001 $p/cgroup && "
                                                 "grep -qs sleep $p/comm && kill -9 ${p#/proc/}; done; true"},
                                        .input = {}});
  EXPECT_TRUE(killed.ok());
  EXPECT_NE(seen(), "");
  MUST(local_.provider().release(ctx(), kId));
}

TEST_F(LocalProviderTest, an_instance_whose_first_process_ends_is_gone) {
  launch();
  auto process = MUST(os::read_text(local_.folder(kId) + "/process", 4096));
  auto pid = process.substr(process.find("\"pid\":") + 6);
  MUST(os::run_program(ctx(), {.argv = {"kill", "-9", pid.substr(0, pid.find_first_of(",}"))}, .input = {}}));
  auto until = ctx().with_timeout(std::chrono::seconds(10));
  while (!MUST(local_.provider().list(ctx())).empty() && until.sleep(std::chrono::milliseconds(10)).ok()) {
  }
  EXPECT_THAT(MUST(local_.provider().list(ctx())), testing::IsEmpty());
  MUST(local_.provider().release(ctx(), kId));
}

TEST_F(LocalProviderTest, a_volume_that_is_not_there_fails_the_launch_and_leaves_nothing) {
  auto refused = local_.provider().launch(ctx(), {.instance_id = kId,
                                                  .type = local_.type,
                                                  .volumes = {local_.scratch() + "/none"},
                                                  .join_token = Secret("t"),
                                                  .control_address = "c",
                                                  .authority_pem = "p"});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("none"));
  EXPECT_FALSE(os::exists(local_.folder(kId)));
}

TEST_F(LocalProviderTest, an_id_that_is_a_path_is_refused) {
  EXPECT_TRUE(local_.provider().release(ctx(), "../x").failed_with(Code::kInvalidArgument));
}

}  // namespace
}  // namespace zeropull::fleet
