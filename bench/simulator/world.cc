#include "world.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <limits>
#include <queue>

namespace zeropull::simulator {

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

struct Copy {
  int busy = 0;
  bool draining = false, gone = false;
};

struct Completion {
  double time = 0, service = 0;
  std::size_t copy = 0;
  bool operator>(const Completion& other) const { return time > other.time; }
};

class World {
 public:
  World(const std::vector<Request>& requests, const ServiceModel& model, Autoscaler& autoscaler, const Run& run)
      : requests_(requests), model_(model), autoscaler_(autoscaler), run_(run), next_look_(run.phase) {
    copies_.resize(static_cast<std::size_t>(run.copies));
    reading_.desired = reading_.ready = run.copies;
    outcome_.requests = requests.size();
  }

  Outcome run() {
    for (;;) {
      double arrival = next_request_ < requests_.size() ? requests_[next_request_].arrival : kNever;
      double completion = completions_.empty() ? kNever : completions_.top().time;
      double started = starting_.empty() ? kNever : starting_.front();
      double expired = held_.empty() ? kNever : held_.front()->arrival + model_.deadline;
      double next = std::min({arrival, completion, started, expired, next_look_, next_point_});
      if (next >= run_.end) break;
      pass(next);
      if (next == completion) {
        complete();
      } else if (next == started) {
        starting_.pop_front();
        copies_.emplace_back();
        ++reading_.ready;
        dispatch();
      } else if (next == arrival) {
        arrive();
      } else if (next == expired) {
        held_.pop_front();
        --reading_.in_flight;
        ++outcome_.failed;
      } else if (next == next_look_) {
        next_look_ += autoscaler_.tick();
        look();
      } else {
        next_point_ += 1;
        outcome_.curve.push_back(
            {.time = now_, .in_flight = reading_.in_flight, .desired = reading_.desired, .ready = reading_.ready});
      }
    }
    pass(run_.end);
    return std::move(outcome_);
  }

 private:
  void pass(double to) {
    double passed = to - now_;
    reading_.in_flight_seconds += passed * reading_.in_flight;
    reading_.ready_seconds += passed * reading_.ready;
    outcome_.copy_seconds +=
        passed * static_cast<double>(starting_.size() + static_cast<std::size_t>(reading_.ready + draining_));
    now_ = to;
  }

  void arrive() {
    held_.push_back(&requests_[next_request_++]);
    ++reading_.arrivals;
    ++reading_.in_flight;
    dispatch();
  }

  // Gives held requests, oldest first, to the copies with the fewest at work.
  void dispatch() {
    while (!held_.empty()) {
      Copy* least = nullptr;
      for (auto& copy : copies_) {
        if (copy.draining || copy.gone || copy.busy >= model_.copy_limit) continue;
        if (least == nullptr || copy.busy < least->busy) least = &copy;
      }
      if (least == nullptr) return;
      const auto& request = *held_.front();
      held_.pop_front();
      ++least->busy;
      if (now_ - request.arrival > model_.late) ++outcome_.late;
      completions_.push(
          {.time = now_ + request.service, .service = request.service, .copy = std::size_t(least - copies_.data())});
    }
  }

  void complete() {
    auto done = completions_.top();
    completions_.pop();
    --reading_.in_flight;
    ++reading_.completed;
    reading_.service_seconds += done.service;
    auto& copy = copies_[done.copy];
    --copy.busy;
    if (copy.draining && copy.busy == 0) {
      copy.gone = true;
      --draining_;
    }
    dispatch();
  }

  void look() {
    reading_.now = now_;
    reading_.held = static_cast<int>(held_.size());
    int wanted = std::clamp(autoscaler_.decide(reading_), model_.copies_min, model_.copies_max);
    if (now_ >= run_.counted_from && wanted > reading_.desired) ++outcome_.scale_outs;
    if (now_ >= run_.counted_from && wanted < reading_.desired) ++outcome_.scale_ins;
    for (; reading_.desired < wanted; ++reading_.desired) starting_.push_back(now_ + model_.start);
    for (; reading_.desired > wanted; --reading_.desired) remove();
  }

  // First what is starting, then the copy with the least to do.
  void remove() {
    if (!starting_.empty()) return starting_.pop_back();
    Copy* least = nullptr;
    for (auto& copy : copies_) {
      if (!copy.draining && !copy.gone && (least == nullptr || copy.busy < least->busy)) least = &copy;
    }
    least->draining = true;
    least->gone = least->busy == 0;
    if (!least->gone) ++draining_;
    --reading_.ready;
  }

  const std::vector<Request>& requests_;
  const ServiceModel& model_;
  Autoscaler& autoscaler_;
  const Run& run_;
  double now_ = 0, next_look_, next_point_ = 0;
  std::size_t next_request_ = 0;
  std::vector<Copy> copies_;
  std::deque<double> starting_;
  std::deque<const Request*> held_;
  std::priority_queue<Completion, std::vector<Completion>, std::greater<>> completions_;
  int draining_ = 0;
  Reading reading_;
  Outcome outcome_;
};

}  // namespace

Outcome simulate(const std::vector<Request>& requests, const ServiceModel& model, Autoscaler& autoscaler, const Run& run) {
  return World(requests, model, autoscaler, run).run();
}

}  // namespace zeropull::simulator
