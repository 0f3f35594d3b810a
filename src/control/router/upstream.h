// Upstream: a connection to one copy, used by one invocation after the other; UpstreamPool: those of one I/O thread, by copy. A
// read is always pending, so a copy that closes an idle connection is noticed before the connection is used again.
//
// Everything here belongs to its loop's thread.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "control/router/http1.h"
#include "control/router/net.h"
#include "control/router/read_buffer.h"
#include "control/router/routes.h"

namespace zeropull::router {

enum class UpstreamFailure {
  kUnsent,     // no connection, or it took no byte: another copy may have the request
  kSilent,     // it ended before a byte of the answer
  kBroken,     // it ended within the answer
  kMalformed,  // what came is no HTTP
};

// Who uses a connection. After on_answer_done() and on_answer_failed() the connection is no longer his.
class UpstreamUser {
 public:
  virtual ~UpstreamUser() = default;
  virtual void on_answer_head(const MessageHead& head) = 0;
  virtual void on_answer_body(std::string_view piece) = 0;
  // All that was read has been handed over. True: do not read on before resume().
  virtual bool on_answer_pause() = 0;
  virtual void on_answer_done() = 0;
  virtual void on_answer_failed(UpstreamFailure failure) = 0;
};

class UpstreamPool;

class Upstream final : private StreamEvents, private BodySink {
 public:
  Upstream(UpstreamPool& pool, std::shared_ptr<CopyState> copy, std::unique_ptr<Stream> stream)
      : pool_(pool), copy_(std::move(copy)), stream_(std::move(stream)), parser_(MessageParser::Kind::kAnswer) {}

  // Sends a request, connecting first where needed. Its bytes stay valid until the end of the answer.
  void begin(UpstreamUser& user, std::array<std::string_view, 2> request);
  void resume();
  void abandon();  // the user goes; nothing is called any more and the connection ends

 private:
  friend class UpstreamPool;
  void on_open(bool ok) override;
  void on_read(std::size_t bytes) override;
  void on_written(bool ok, std::size_t bytes) override;
  void on_body(std::string_view piece) override;
  void read();
  void parse();
  bool take_head();
  void finish();
  void fail(UpstreamFailure failure);

  UpstreamPool& pool_;
  const std::shared_ptr<CopyState> copy_;
  std::unique_ptr<Stream> stream_;
  MessageParser parser_;
  ReadBuffer buffer_;
  UpstreamUser* user_ = nullptr;
  std::array<std::string_view, 2> request_;
  SteadyTime deadline_ = SteadyTime::max();  // of connecting, or of idleness
  int informational_ = 0;                    // 1xx answers before this one
  bool opened_ = false, reading_ = false, writing_ = false, answering_ = false, informing_ = false;
};

class UpstreamPool {
 public:
  UpstreamPool(Loop& loop, const Clock& clock, Duration connect_timeout)
      : loop_(loop), clock_(clock), connect_timeout_(connect_timeout) {}

  Upstream& take(const Routes::Copy& copy);
  void tick();  // ends connections that take too long to come about, were idle too long, or whose copy leaves
  void clear() { all_.clear(); }

 private:
  friend class Upstream;
  void keep(Upstream& upstream);
  void discard(Upstream& upstream);

  Loop& loop_;
  const Clock& clock_;
  const Duration connect_timeout_;
  std::unordered_map<Upstream*, std::unique_ptr<Upstream>> all_;
  std::unordered_map<CopyState*, std::vector<Upstream*>> idle_;  // never empty; the warmest last
};

}  // namespace zeropull::router
