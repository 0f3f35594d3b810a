#include "control/router/worker.h"

#include <bit>

#include "control/router/invocation.h"
#include "control/router/limits.h"
#include "control/router/log.h"
#include "control/router/session.h"

namespace zeropull::router {

HeldRequests::Queue::iterator HeldRequests::add(const ComponentState& component, Invocation& invocation) {
  auto& queue = queues_[&component];
  return queue.insert(queue.end(), &invocation);
}

void HeldRequests::remove(const ComponentState& component, Queue::iterator place) { queues_[&component].erase(place); }

void HeldRequests::retry(const ComponentState* component) {
  if (auto at = queues_.find(component); at != queues_.end()) retry(at->second);
}

void HeldRequests::retry_all() {
  for (auto& [component, queue] : queues_) retry(queue);
  std::erase_if(queues_, [](const auto& entry) { return entry.second.empty(); });
}

// A request that goes takes itself out of the queue. Behind one that stays nobody has a chance, unless he is bound to a copy of
// his own.
void HeldRequests::retry(Queue& queue) {
  for (auto at = queue.begin(); at != queue.end();) {
    Invocation& invocation = **at++;
    if (!invocation.retry() && !invocation.pinned()) return;
  }
}

Worker::Worker(Shared& s)
    : shared(s), loop(Loop::create()), upstreams(*loop, *s.parts.clock, s.options.connect_timeout), random_state_{} {
  for (auto& word : random_state_) word = Random::secure().next();
}

Worker::~Worker() = default;

void Worker::start() {
  loop->every(shared.options.tick, [this] { tick(); });
}

void Worker::accept(std::unique_ptr<Stream> stream) {
  {
    auto connections = shared.connections.lock();
    if (winding_down) return;  // the stream closes here, and there
    if (connections->open >= shared.options.connections_max) return refuse(*connections);
    ++connections->open;
  }
  const auto id = next_session_++;
  auto session = std::make_unique<Session>(*this, id, std::move(stream));
  sessions_.emplace(id, std::move(session)).first->second->start();
}

void Worker::refuse(Shared::Connections& connections) const {
  if (connections.told != SteadyTime{} && now() - connections.told < kTellFullEvery) return;
  connections.told = now();
  LOG_WARN(kLog,
           "all {} connections that callers may have are open: others are closed at once; see who holds them, or raise the "
           "limit of open files (ulimit -Hn, LimitNOFILE)",
           connections.open);
}

void Worker::set_routes(std::shared_ptr<const Routes> newer) {
  routes = std::move(newer);
  held.retry_all();
}

void Worker::wind_down() {
  winding_down = true;
  std::vector<Session*> all;
  for (const auto& [id, session] : sessions_) all.push_back(session.get());
  for (Session* session : all) session->wind_down();
}

void Worker::close(Session& session) {
  auto at = sessions_.find(session.id());
  loop->post([gone = std::move(at->second)] {});  // what runs in it returns first
  sessions_.erase(at);
  auto connections = shared.connections.lock();
  --connections->open;
  connections.notify_all();
}

void Worker::deliver(std::uint64_t session_id, http::ServerResponse response) {
  if (auto at = sessions_.find(session_id); at != sessions_.end()) at->second->answer_api(std::move(response));
}

void Worker::close_all() {
  sessions_.clear();
  upstreams.clear();
}

void Worker::tick() {
  upstreams.tick();
  held.retry_all();  // a copy that refused a connection may be asked again
  const SteadyTime time = now();
  std::vector<Session*> all;
  all.reserve(sessions_.size());
  for (const auto& [id, session] : sessions_) all.push_back(session.get());
  for (Session* session : all) session->tick(time);
}

// xoshiro256** of Blackman and Vigna.
std::uint64_t Worker::random() {
  auto& s = random_state_;
  const std::uint64_t result = std::rotl(s[1] * 5, 7) * 9;
  const std::uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = std::rotl(s[3], 45);
  return result;
}

std::string Worker::request_id() {
  const std::uint64_t a = random();
  const std::uint64_t b = random();
  constexpr std::uint64_t k12 = 0xfff;
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & k12, 0x8000 | ((b >> 48) & 0x3fff),
                     b & 0xffffffffffff);
}

}  // namespace zeropull::router
