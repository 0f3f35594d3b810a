// CurlLoop: the event thread under HttpClient. It owns a curl_multi with its sockets and connection cache; callers hand it one
// exchange (a request and its answer, no redirects) at a time each and drain the answer on their own thread.
//
// Who touches what: the easy handle belongs to the event thread from kAdd until `done` is set; what both sides share is in
// Transfer::State under its lock. A caller never leaves run() before `done`, so that its request's body and its buffers outlive
// curl's use of them.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "http/client.h"
#include "http/curl_library.h"

namespace zeropull::http {

struct Exchange {
  const Request& request;
  const Url& url;
  const Headers& headers;
  bool own_origin = true;  // false after a redirect elsewhere: no client certificate, no server_name
};

// What a caller does with an answer, on its own thread: on_head once, then on_data with the pieces; false ends the exchange
// early.
struct Receiver {
  std::function<Result<void>(int status, Headers headers)> on_head;
  std::function<Result<bool>(ByteView)> on_data;
};

class CurlLoop {
 public:
  static Result<std::unique_ptr<CurlLoop>> create(const ClientOptions& options);
  ~CurlLoop();
  Result<void> run(const Context& ctx, const Exchange& exchange, const Receiver& receiver);
  ClientCounts counts() const;

 private:
  struct Transfer;
  enum class Action { kAdd, kResume, kCancel };
  struct Command {
    Action action;
    std::shared_ptr<Transfer> transfer;
  };

  CurlLoop(ClientOptions options, CURLM* multi);
  Result<void> prepare(Transfer& transfer, const Exchange& exchange);
  Result<void> drain(const Context& ctx, const std::shared_ptr<Transfer>& transfer, const Receiver& receiver);
  void post(Command command);
  void loop();
  void obey(const Command& command);
  void finish(Transfer& transfer, CURLcode code);

  static std::size_t on_curl_header(char* data, std::size_t size, std::size_t count, void* transfer);
  static std::size_t on_curl_body(char* data, std::size_t size, std::size_t count, void* transfer);
  static curl_socket_t on_curl_socket(void* transfer, curlsocktype purpose, curl_sockaddr* address);
  static int on_curl_connected(void* transfer, char*, char*, int, int);
  static int on_curl_progress(void* transfer, curl_off_t, curl_off_t, curl_off_t, curl_off_t uploaded);

  const ClientOptions options_;
  CURLM* const multi_;
  Guarded<std::vector<Command>> commands_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> requests_ = 0, connections_ = 0, body_bytes_ = 0;
  std::jthread thread_;
};

}  // namespace zeropull::http
