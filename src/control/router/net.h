// Sockets of the router behind a plain face: a Loop is one I/O thread's events, a Stream one connection, plain or TLS, a Listener
// hands accepted connections to the loops in turn. All of a loop's streams belong to its thread; only post() and stop() are for
// others. Asio stays in net.cc.
//
// A stream tells its events' owner what happened, one call an operation, never from within the call that began it. close() ends
// that: no event comes afterwards, so an owner closes its stream and may go. Buffers given to read_some() and write() stay valid
// until their event or, after close(), until a job posted then has run.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/result.h"

namespace zeropull::router {

// An IP address and port.
struct Address {
  std::string host;
  std::uint16_t port = 0;
  // "10.0.0.7:20001" or "[fd00::7]:20001"; names are refused.
  static Result<Address> parse(std::string_view text);
};

class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  virtual void on_open(bool ok) = 0;                        // connected, or a client's handshake is done
  virtual void on_read(std::size_t bytes) = 0;              // 0: the peer ended or the connection broke
  virtual void on_written(bool ok, std::size_t bytes) = 0;  // bytes: of both pieces, also when it failed
};

class Stream {
 public:
  virtual ~Stream() = default;
  virtual void open(StreamEvents& events) = 0;              // once, and first
  virtual void read_some(MutableByteView room) = 0;         // one at a time
  virtual void write(std::array<std::string_view, 2>) = 0;  // one at a time, beside a read; all of it
  virtual void end_sending() = 0;                           // what was written still goes out
  virtual void close() = 0;
  virtual std::string peer() const = 0;  // "127.0.0.1:4711"
};

class Loop {
 public:
  static std::unique_ptr<Loop> create();
  virtual ~Loop() = default;
  virtual void run() = 0;          // until stop()
  virtual void stop() = 0;         // any thread
  virtual void post(Job job) = 0;  // any thread; runs in order
  virtual void every(Duration period, std::function<void()> tick) = 0;
  virtual std::unique_ptr<Stream> stream_to(const Address& address) = 0;
};

struct ListenerOptions {
  std::string address;
  std::uint16_t port = 0;
  std::string certificate_file, key_file;  // plain when empty
};

class Listener {
 public:
  using Accepted = std::function<void(std::unique_ptr<Stream>)>;  // on the loop's thread
  // Binds; nothing is accepted before start(). The loops and what they run outlive it.
  static Result<std::unique_ptr<Listener>> create(ListenerOptions options, std::vector<Loop*> loops);
  virtual ~Listener() = default;
  virtual std::uint16_t port() const = 0;
  virtual void start(std::vector<Accepted> accepted) = 0;  // one a loop
  virtual void stop() = 0;                                 // waits until the port is closed; any thread but the loops'
};

}  // namespace zeropull::router
