#include "control/router/upstream.h"

#include <algorithm>

#include "control/router/limits.h"

namespace zeropull::router {

void Upstream::begin(UpstreamUser& user, std::array<std::string_view, 2> request) {
  user_ = &user;
  request_ = request;
  answering_ = false;
  informational_ = 0;
  writing_ = true;
  if (opened_) {
    deadline_ = SteadyTime::max();
    stream_->write(request_);
  } else {
    deadline_ = pool_.clock_.steady_now() + pool_.connect_timeout_;
    stream_->open(*this);
  }
}

void Upstream::resume() { read(); }

void Upstream::abandon() {
  user_ = nullptr;
  pool_.discard(*this);
}

void Upstream::on_open(bool ok) {
  if (!ok) return fail(UpstreamFailure::kUnsent);
  opened_ = true;
  deadline_ = SteadyTime::max();
  stream_->write(request_);
  read();
}

// A copy may answer without having read everything, so a broken write is not the end: the read says what came.
void Upstream::on_written(bool ok, std::size_t bytes) {
  writing_ = !ok;
  if (!ok && bytes == 0 && !parser_.begun()) fail(UpstreamFailure::kUnsent);
}

void Upstream::read() {
  if (reading_) return;
  reading_ = true;
  stream_->read_some(buffer_.room());
}

void Upstream::on_read(std::size_t bytes) {
  reading_ = false;
  if (user_ == nullptr) return pool_.discard(*this);  // closed while idle, or it speaks out of turn
  if (bytes == 0) {
    if (answering_ && parser_.end_of_stream()) return finish();
    return fail(parser_.begun() || informational_ > 0 ? UpstreamFailure::kBroken : UpstreamFailure::kSilent);
  }
  buffer_.commit(bytes);
  parse();
}

void Upstream::parse() {
  for (;;) {
    std::size_t used = 0;
    const ParseStep step = parser_.put(buffer_.unused(), used, *this);
    buffer_.consume(used);
    if (user_ == nullptr) return;  // abandoned from within on_body()
    switch (step) {
      case ParseStep::kHead:
        if (!take_head()) return;
        break;
      case ParseStep::kDone:
        if (!informing_) return finish();
        informing_ = false;
        parser_.next();
        break;
      case ParseStep::kMore:
        if (!answering_ || !user_->on_answer_pause()) {
          if (user_ != nullptr) read();
        }
        return;
      case ParseStep::kMalformed:
      case ParseStep::kHeadTooBig: return fail(UpstreamFailure::kMalformed);
    }
  }
}

// False when this was the end of it.
bool Upstream::take_head() {
  const int status = parser_.head().status();
  if (status < 200) {
    informing_ = true;
    if (status != 101 && ++informational_ <= kInformationalMax) return true;
    fail(UpstreamFailure::kMalformed);
    return false;
  }
  answering_ = true;
  user_->on_answer_head(parser_.head());
  return user_ != nullptr;
}

void Upstream::on_body(std::string_view piece) {
  if (user_ != nullptr) user_->on_answer_body(piece);
}

void Upstream::finish() {
  UpstreamUser* user = std::exchange(user_, nullptr);
  const bool again = !writing_ && buffer_.empty() && parser_.head().keep_alive() && !copy_->leaving;
  if (again) {
    parser_.next();
    pool_.keep(*this);
    read();
  } else {
    pool_.discard(*this);
  }
  user->on_answer_done();
}

void Upstream::fail(UpstreamFailure failure) {
  UpstreamUser* user = std::exchange(user_, nullptr);
  pool_.discard(*this);
  if (user != nullptr) user->on_answer_failed(failure);
}

Upstream& UpstreamPool::take(const Routes::Copy& copy) {
  if (auto at = idle_.find(copy.state.get()); at != idle_.end()) {
    Upstream* warmest = at->second.back();
    if (clock_.steady_now() < warmest->deadline_) {
      at->second.pop_back();
      if (at->second.empty()) idle_.erase(at);
      return *warmest;
    }
  }
  auto upstream = std::make_unique<Upstream>(*this, copy.state, loop_.stream_to(copy.address));
  return *all_.emplace(upstream.get(), std::move(upstream)).first->second;
}

void UpstreamPool::keep(Upstream& upstream) {
  auto& idle = idle_[upstream.copy_.get()];
  if (idle.size() >= kUpstreamIdleMax) {
    Upstream* coldest = idle.front();
    discard(*coldest);
  }
  upstream.deadline_ = clock_.steady_now() + kUpstreamIdleTime;
  idle.push_back(&upstream);
}

// The connection ends now; its object when what runs in it has returned.
void UpstreamPool::discard(Upstream& upstream) {
  auto at = all_.find(&upstream);
  if (at == all_.end()) return;
  if (auto idle = idle_.find(upstream.copy_.get()); idle != idle_.end()) {
    std::erase(idle->second, &upstream);
    if (idle->second.empty()) idle_.erase(idle);
  }
  upstream.stream_->close();
  loop_.post([gone = std::move(at->second)] {});
  all_.erase(at);
}

void UpstreamPool::tick() {
  const SteadyTime now = clock_.steady_now();
  std::vector<Upstream*> late;
  for (const auto& [upstream, owned] : all_) {
    const bool idle = upstream->user_ == nullptr;
    if (now >= upstream->deadline_ || (idle && upstream->copy_->leaving)) late.push_back(upstream);
  }
  for (Upstream* upstream : late) upstream->fail(UpstreamFailure::kUnsent);  // an idle one has no user to hear of it
}

}  // namespace zeropull::router
