// Session: one client's connection. It reads requests within their limits and time, has invocations carried out and other
// requests answered by the API's handler, one at a time, and writes the answers. A read is always pending while a request is
// worked on, so that a client that leaves is noticed; what it sends ahead waits.
//
// Belongs to its worker's thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/digest.h"
#include "control/router/http1.h"
#include "control/router/invocation.h"
#include "control/router/net.h"
#include "control/router/read_buffer.h"
#include "control/router/worker.h"
#include "http/server.h"

namespace zeropull::router {

class Session final : private StreamEvents, private BodySink, private Caller {
 public:
  Session(Worker& worker, std::uint64_t id, std::unique_ptr<Stream> stream);
  ~Session() override;

  std::uint64_t id() const { return id_; }
  void start();
  void tick(SteadyTime now);
  void wind_down();
  void answer_api(http::ServerResponse response);

 private:
  enum class State {
    kOpening,    // connecting, TLS handshake
    kReading,    // a request, or the wait for one
    kInviting,   // writing "100 Continue"
    kInvoking,   // an invocation is at work
    kApi,        // the API's handler is at work
    kAnswering,  // writing the last of an answer
    kLingering,  // reading what is left of a refused request
    kClosed,
  };
  // What the target of a request names.
  struct Target {
    bool invocation = false, streaming = false;
    std::string_view endpoint = {};
  };

  void on_open(bool ok) override;
  void on_read(std::size_t bytes) override;
  void on_written(bool ok, std::size_t bytes) override;
  void on_body(std::string_view piece) override;
  void answer(int status, std::string_view fields, std::string body) override;
  void answer(const ErrorAnswer& error) override;
  void begin_stream(std::string_view fields) override;
  void send_stream(std::string& frames) override;
  void end_stream(std::string& frames) override;

  static Target target_of(const MessageHead& head);
  void read();
  void parse();
  bool take_head();  // false: refused, or "100 Continue" goes out first
  void dispatch();
  std::optional<Refusal> authenticate(const Sha256* body, std::string& account);
  void call_api();
  void refuse_large();
  void refuse(const ErrorAnswer& error);  // before the request was read whole
  void append_request_id(std::string& out);
  void begin_head(int status, std::string_view fields);
  void finish_answer(int status, std::string body);
  void begin_chunk(std::string& frames);
  void write(std::array<std::string_view, 2> pieces);
  void next_request();
  void close();

  Worker& worker_;
  const std::uint64_t id_;
  std::unique_ptr<Stream> stream_;
  std::string peer_;
  MessageParser parser_;
  ReadBuffer buffer_;
  Invocation invocation_;
  Loan loan_;  // for the body
  State state_ = State::kOpening;
  bool reading_ = false, writing_ = false;
  bool keep_alive_ = true;
  bool body_pending_ = false;  // the answer goes out before the request has come in whole
  SteadyTime since_;           // of the request's first byte, or of the write; with `moved_` gives the time limit
  std::size_t moved_ = 0;      // bytes of this request, or of this write

  Target target_;
  std::size_t body_max_ = 0;
  std::string body_;
  bool body_refused_ = false;
  codec::Sha256Hasher hasher_;
  std::vector<aws::HeaderView> header_views_;
  std::string out_head_, out_body_;
};

}  // namespace zeropull::router
