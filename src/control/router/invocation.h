// Invocation: one InvokeEndpoint or InvokeEndpointWithResponseStream from its whole, authenticated request to the end of its
// answer: find the component, wait for a copy where none is ready, ask it, count, and give the answer to the caller's connection.
// One object serves the requests of a connection one after the other.
//
// Of a call the answer is whole before the caller gets a byte, so a copy that dies within it gives a clean ModelError. A stream
// is passed on as it comes, one read of the copy at a time and none before the caller has taken the last.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/router/answers.h"
#include "control/router/budget.h"
#include "control/router/http1.h"
#include "control/router/routes.h"
#include "control/router/upstream.h"
#include "control/router/worker.h"

namespace zeropull::router {

// The connection that an answer goes to. `fields` are whole header lines.
class Caller {
 public:
  virtual ~Caller() = default;
  virtual void answer(int status, std::string_view fields, std::string body) = 0;
  virtual void answer(const ErrorAnswer& error) = 0;
  virtual void begin_stream(std::string_view fields) = 0;
  // One at a time; Invocation::on_taken() follows. `frames` stay as they are until then.
  virtual void send_stream(std::string& frames) = 0;
  virtual void end_stream(std::string& frames) = 0;
};

class Invocation final : private UpstreamUser {
 public:
  struct Request {
    std::string_view account, endpoint;
    bool streaming;
    const MessageHead& head;  // this and the body stay until the answer or abandon()
    std::string_view body;
  };

  Invocation(Worker& worker, Caller& caller) : worker_(worker), caller_(caller), loan_(worker.shared.budget) {}

  void start(const Request& request);
  void abandon();                       // the caller is gone
  void on_taken();                      // he has taken what send_stream() gave
  void tick(SteadyTime now);            // keeps time limits
  void wind_down();                     // a held request is refused
  bool retry();                         // a held one: true when it is held no longer
  void settle() { loan_.give_back(); }  // the caller has the answer
  bool pinned() const { return !pinned_copy_.empty(); }

 private:
  void on_answer_head(const MessageHead& head) override;
  void on_answer_body(std::string_view piece) override;
  bool on_answer_pause() override;
  void on_answer_done() override;
  void on_answer_failed(UpstreamFailure failure) override;

  std::optional<ErrorAnswer> check_headers(const MessageHead& head) const;
  std::optional<ErrorAnswer> find_component(const Request& request);
  std::optional<ErrorAnswer> choose_variant(const MessageHead& head, const Routes::Variant*& variant);
  std::optional<ErrorAnswer> find_session(const MessageHead& head);
  bool follow_routes();
  bool has_copy(std::string_view id) const;
  const Routes::Copy* choose_copy();
  void dispatch();
  void ask(const Routes::Copy& copy);
  void hold_or_refuse();
  void release_hold();
  std::string request_head(const Routes::Copy& copy) const;
  std::string answer_fields(const MessageHead& head);
  std::string session_fields(const MessageHead& head, std::string_view session);
  std::string_view log_group();
  void fail_model(int status, std::string_view message);
  void break_stream(std::string_view code, std::string_view message);
  void finish(Outcome outcome);
  void leave_copy();
  void tell_if_drained();

  Worker& worker_;
  Caller& caller_;
  Loan loan_;  // for the answer

  const MessageHead* head_ = nullptr;
  std::string account_, endpoint_name_;
  std::string_view body_;
  bool streaming_ = false;

  std::shared_ptr<const Routes> routes_;  // by which it was routed last, and what it points to in them
  const Routes::Endpoint* endpoint_ = nullptr;
  const Routes::Component* component_ = nullptr;
  std::shared_ptr<ComponentState> component_state_;  // null: not counted
  std::shared_ptr<CopyState> copy_;                  // null: no copy has it
  std::string pinned_copy_;                          // of its session; "" for none
  Upstream* upstream_ = nullptr;
  SteadyTime arrived_, asked_, deadline_;
  int tries_ = 0;

  bool held_ = false, waited_ = false;  // now; ever
  HeldRequests::Queue::iterator held_place_;
  std::string request_head_, answer_fields_, log_group_;
  std::string answer_;  // the answer's body, or a stream's frames that are not sent yet
  std::string last_;    // a stream's end, while `answer_` is being sent
  int answer_status_ = 0;
  bool stream_begun_ = false, head_sent_ = false, sending_ = false, stream_over_ = false;
};

}  // namespace zeropull::router
