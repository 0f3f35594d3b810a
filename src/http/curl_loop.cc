#include "http/curl_loop.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>

#include "base/check.h"
#include "http/limits.h"

namespace zeropull::http {

namespace {

struct Chunk {
  std::unique_ptr<std::byte[]> bytes = std::make_unique_for_overwrite<std::byte[]>(kChunkSize);
  std::size_t size = 0;
  ByteView view() const { return {bytes.get(), size}; }
};

struct SlistDeleter {
  void operator()(curl_slist* list) const { curl().slist_free_all(list); }
};
struct EasyDeleter {
  void operator()(CURL* easy) const { curl().easy_cleanup(easy); }
};

// A broken network may heal, so it is kUnavailable and worth a retry; a certificate or a setting does not change by trying again.
Code code_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE: return Code::kUnavailable;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: return Code::kUnauthenticated;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE: return Code::kFailedPrecondition;
    case CURLE_OUT_OF_MEMORY: return Code::kResourceExhausted;
    default: return Code::kUnknown;
  }
}

// Collects the first failure of a run of curl_easy_setopt calls.
class Setter {
 public:
  explicit Setter(CURL* easy) : easy_(easy) {}
  template <typename Value>
  void set(CURLoption option, Value value) {
    if (code_ == CURLE_OK) code_ = curl().easy_setopt(easy_, option, value);
  }
  void set_text(CURLoption option, const std::string& value) {
    if (!value.empty()) set(option, value.c_str());
  }
  CURLcode code() const { return code_; }

 private:
  CURL* easy_;
  CURLcode code_ = CURLE_OK;
};

}  // namespace

struct CurlLoop::Transfer {
  struct State {
    int status = 0;
    Headers headers;
    std::size_t header_bytes = 0;
    int informational = 0;
    bool head_complete = false;
    std::deque<Chunk> chunks;  // received, not yet taken
    std::vector<Chunk> spare;
    bool paused = false;     // the event thread stopped reading until kResume
    bool connected = false;  // the request is being sent
    SteadyTime last_progress = {};
    curl_off_t uploaded = 0;
    std::string refusal;             // why a callback ended the transfer
    std::string denied;              // why the guard denied the last address that it denied
    bool address_permitted = false;  // the guard let one through
    bool done = false;
    std::optional<Error> error;
  };

  CurlLoop* loop = nullptr;
  std::unique_ptr<CURL, EasyDeleter> easy;
  std::unique_ptr<curl_slist, SlistDeleter> header_list, connect_to;
  std::array<char, CURL_ERROR_SIZE> message{};
  Guarded<State> state;
};

Result<std::unique_ptr<CurlLoop>> CurlLoop::create(const ClientOptions& options) {
  TRY(load_curl());
  if (options.certificate_file.empty() != options.key_file.empty())
    return make_error(Code::kInvalidArgument, "a client certificate and its key belong together; one of the two is not set");
  if (options.guard && options.proxy != Proxy::kNone)
    return make_error(Code::kInvalidArgument, "an address guard sees no address behind a proxy; use one of the two");
  CURLM* multi = curl().multi_init();
  if (multi == nullptr) return make_error(Code::kResourceExhausted, "start libcurl: no memory");
  curl().multi_setopt(multi, CURLMOPT_MAXCONNECTS, kIdleConnections);
  return std::unique_ptr<CurlLoop>(new CurlLoop(options, multi));
}

CurlLoop::CurlLoop(ClientOptions options, CURLM* multi)
    : options_(std::move(options)), multi_(multi), thread_([this] { loop(); }) {}

CurlLoop::~CurlLoop() {
  stopping_ = true;
  curl().multi_wakeup(multi_);
  thread_.join();
  curl().multi_cleanup(multi_);
}

ClientCounts CurlLoop::counts() const { return {.requests = requests_, .connections = connections_, .body_bytes = body_bytes_}; }

Result<void> CurlLoop::prepare(Transfer& transfer, const Exchange& exchange) {
  const auto& request = exchange.request;
  transfer.loop = this;
  transfer.easy.reset(curl().easy_init());
  if (!transfer.easy) return make_error(Code::kResourceExhausted, "no memory for a transfer");

  // An empty value after the colon keeps curl from adding a header of its own.
  std::vector<std::string> lines = {"Expect:"};
  for (const auto& [name, value] : exchange.headers) lines.push_back(value.empty() ? name + ";" : name + ": " + value);
  if (!exchange.headers.find("Accept")) lines.emplace_back("Accept: */*");
  if (!exchange.headers.find("Content-Type")) lines.emplace_back("Content-Type:");
  for (const auto& line : lines) {
    curl_slist* list = curl().slist_append(transfer.header_list.get(), line.c_str());
    if (list == nullptr) return make_error(Code::kResourceExhausted, "no memory for a header");
    (void)transfer.header_list.release();
    transfer.header_list.reset(list);
  }

  const auto timeout_ms = std::chrono::ceil<std::chrono::milliseconds>(options_.connect_timeout).count();
  Setter easy(transfer.easy.get());
  easy.set(CURLOPT_PRIVATE, &transfer);
  easy.set(CURLOPT_ERRORBUFFER, transfer.message.data());
  easy.set(CURLOPT_NOSIGNAL, 1L);
  easy.set(CURLOPT_PROTOCOLS_STR, "http,https");
  easy.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));  // ranges side by side want several connections
  easy.set(CURLOPT_PATH_AS_IS, 1L);
  easy.set(CURLOPT_BUFFERSIZE, static_cast<long>(kChunkSize));
  easy.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout_ms));
  easy.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  easy.set_text(CURLOPT_USERAGENT, options_.user_agent);
  easy.set_text(CURLOPT_CAINFO, options_.ca_file);
  if (options_.proxy == Proxy::kNone) easy.set(CURLOPT_PROXY, "");

  Url named = exchange.url;
  if (exchange.own_origin) {
    easy.set_text(CURLOPT_SSLCERT, options_.certificate_file);
    easy.set_text(CURLOPT_SSLKEY, options_.key_file);
    if (!options_.server_name.empty()) {
      // Ask for the certificate's name and connect to the URL's host all the same.
      auto origin = TRY(Url::origin(named.scheme(), fmt::format("{}:{}", options_.server_name, named.port())));
      std::string host = named.host().contains(':') ? "[" + named.host() + "]" : named.host();
      transfer.connect_to.reset(curl().slist_append(nullptr, fmt::format("::{}:{}", host, named.port()).c_str()));
      easy.set(CURLOPT_CONNECT_TO, transfer.connect_to.get());
      named = origin.with_path(named.path(), named.query());
    }
  }
  easy.set_text(CURLOPT_URL, named.text());

  if (request.method == "HEAD") easy.set(CURLOPT_NOBODY, 1L);
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    easy.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    easy.set(CURLOPT_POSTFIELDS, request.body.empty() ? "" : reinterpret_cast<const char*>(request.body.data()));
    easy.set(CURLOPT_XFERINFOFUNCTION, &on_curl_progress);
    easy.set(CURLOPT_XFERINFODATA, &transfer);
    easy.set(CURLOPT_NOPROGRESS, 0L);
  }
  easy.set_text(CURLOPT_CUSTOMREQUEST, request.method);
  easy.set(CURLOPT_HTTPHEADER, transfer.header_list.get());
  easy.set(CURLOPT_HEADERFUNCTION, &on_curl_header);
  easy.set(CURLOPT_HEADERDATA, &transfer);
  easy.set(CURLOPT_WRITEFUNCTION, &on_curl_body);
  easy.set(CURLOPT_WRITEDATA, &transfer);
  if (options_.guard) {
    easy.set(CURLOPT_OPENSOCKETFUNCTION, &on_curl_socket);
    easy.set(CURLOPT_OPENSOCKETDATA, &transfer);
  }
  easy.set(CURLOPT_PREREQFUNCTION, &on_curl_connected);
  easy.set(CURLOPT_PREREQDATA, &transfer);
  if (easy.code() != CURLE_OK) return make_error(Code::kInternal, "set up a transfer: {}", curl().easy_strerror(easy.code()));
  return {};
}

Result<void> CurlLoop::run(const Context& ctx, const Exchange& exchange, const Receiver& receiver) {
  TRY(ctx.check());
  const auto transfer = std::make_shared<Transfer>();
  TRY(prepare(*transfer, exchange));
  ++requests_;
  post({Action::kAdd, transfer});
  auto result = drain(ctx, transfer, receiver);
  if (!transfer->state.lock()->done) post({Action::kCancel, transfer});
  // The event thread answers a cancellation at once, whatever the network does; the caller's own context may be over already.
  auto state = transfer->state.lock();
  CHECK(state.wait(Context::root(ctx.trace_id()), [&] { return state->done; }));
  return result;
}

// Waits for the answer and hands it over piece by piece. Only here does the caller wait, so only here the progress timeout runs:
// a slow receiver is no stalled server.
Result<void> CurlLoop::drain(const Context& ctx, const std::shared_ptr<Transfer>& transfer, const Receiver& receiver) {
  bool head_given = false;
  std::deque<Chunk> taken;
  for (;;) {
    const auto wait_began = std::chrono::steady_clock::now();
    std::optional<std::pair<int, Headers>> head;
    bool resume = false;
    {
      auto state = transfer->state.lock();
      for (auto& chunk : taken) {
        chunk.size = 0;
        state->spare.push_back(std::move(chunk));
      }
      taken.clear();
      const auto ready = [&] { return (state->head_complete && !head_given) || !state->chunks.empty() || state->done; };
      const auto quiet = [&] { return std::chrono::steady_clock::now() - std::max(state->last_progress, wait_began); };
      const auto limit = options_.progress_timeout;
      while (!state.wait(ctx.with_timeout(state->connected ? limit - quiet() : limit), ready)) {
        TRY(ctx.check());
        if (state->connected && quiet() >= limit)
          return make_error(Code::kUnavailable, "no byte for {} s", std::chrono::duration<double>(limit).count());
      }
      if (state->head_complete && !head_given) head.emplace(state->status, std::move(state->headers));
      std::swap(taken, state->chunks);
      if (!head && taken.empty()) {  // done
        if (state->error) return std::move(*state->error);
        return {};
      }
      resume = std::exchange(state->paused, false);
    }
    if (resume) post({Action::kResume, transfer});
    if (head) {
      head_given = true;
      TRY(receiver.on_head(head->first, std::move(head->second)));
    }
    for (const auto& chunk : taken) {
      auto more = TRY(receiver.on_data(chunk.view()));
      if (!more) return {};
    }
  }
}

void CurlLoop::post(Command command) {
  commands_.lock()->push_back(std::move(command));
  curl().multi_wakeup(multi_);
}

void CurlLoop::loop() {
  pthread_setname_np(pthread_self(), "http-client");
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  while (!stopping_) {
    std::vector<Command> commands;
    std::swap(commands, *commands_.lock());
    for (const auto& command : commands) obey(command);
    int running = 0;
    curl().multi_perform(multi_, &running);
    int left = 0;
    while (const CURLMsg* message = curl().multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;  // the message dies with the handle's removal
      Transfer* transfer = nullptr;
      curl().easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      finish(*transfer, code);
    }
    curl().multi_poll(multi_, nullptr, 0, 1000, nullptr);
  }
}

// kResume and kCancel may find their transfer ended already, and its caller gone.
void CurlLoop::obey(const Command& command) {
  Transfer& transfer = *command.transfer;
  switch (command.action) {
    case Action::kAdd:
      if (curl().multi_add_handle(multi_, transfer.easy.get()) != CURLM_OK) finish(transfer, CURLE_OUT_OF_MEMORY);
      break;
    case Action::kResume:
      if (!transfer.state.lock()->done) curl().easy_pause(transfer.easy.get(), CURLPAUSE_CONT);
      break;
    case Action::kCancel:
      if (!transfer.state.lock()->done) finish(transfer, CURLE_ABORTED_BY_CALLBACK);
      break;
  }
}

void CurlLoop::finish(Transfer& transfer, CURLcode code) {
  long connects = 0;
  curl().easy_getinfo(transfer.easy.get(), CURLINFO_NUM_CONNECTS, &connects);
  connections_ += static_cast<std::uint64_t>(std::max(0L, connects));
  curl().multi_remove_handle(multi_, transfer.easy.get());
  auto state = transfer.state.lock();
  if (code != CURLE_OK) {
    const bool refused = !state->refusal.empty();
    std::string text = refused ? state->refusal : transfer.message.data();
    if (text.empty()) text = curl().easy_strerror(code);
    auto kind = refused ? Code::kOutOfRange : code_of(code);
    if (code == CURLE_COULDNT_CONNECT && !state->denied.empty()) {
      // With several addresses curl tries them all: only when none was permitted does trying again change nothing.
      if (!state->address_permitted) kind = Code::kPermissionDenied;
      text = state->address_permitted ? fmt::format("{}; and {}", text, state->denied) : state->denied;
    }
    if (code == CURLE_SSL_CONNECT_ERROR && text.contains("wrong version number")) {
      kind = Code::kFailedPrecondition;  // and stays so
      text = "the server answers without TLS; if it speaks plain HTTP, allow that for it";
    }
    state->error.emplace(kind, std::move(text));
  }
  state->done = true;
  state.notify_all();
}

std::size_t CurlLoop::on_curl_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, size * count);
  const std::size_t taken = line.size();
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  auto state = transfer.state.lock();
  state->last_progress = std::chrono::steady_clock::now();
  if (state->head_complete) return taken;  // trailers of a chunked body
  state->header_bytes += taken;
  if (state->header_bytes > kHeadersMax) {
    state->refusal = fmt::format("the answer's headers are longer than {} bytes", kHeadersMax);
    return 0;
  }
  if (line.starts_with("HTTP/")) {
    state->headers = {};
    state->status = 0;
    auto code = line.substr(std::min(line.find(' ') + 1, line.size()));
    std::from_chars(code.data(), code.data() + code.size(), state->status);
  } else if (line.empty()) {
    if (state->status >= 200) {
      state->head_complete = true;
      state.notify_all();
    } else if (++state->informational > kInformationalMax) {
      state->refusal = "the server sends informational answers without end";
      return 0;
    }
  } else if (auto colon = line.find(':'); colon != std::string_view::npos) {
    state->headers.add(trim(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
  }
  return taken;
}

std::size_t CurlLoop::on_curl_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  ByteView bytes = as_bytes({data, size * count});
  auto state = transfer.state.lock();
  state->last_progress = std::chrono::steady_clock::now();
  auto& chunks = state->chunks;
  const std::size_t tail_room = chunks.empty() ? 0 : kChunkSize - chunks.back().size;
  if (bytes.size() > tail_room + (kChunks - chunks.size()) * kChunkSize) {
    state->paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  transfer.loop->body_bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (chunks.empty() || chunks.back().size == kChunkSize) {
      if (state->spare.empty()) state->spare.emplace_back();
      chunks.push_back(std::move(state->spare.back()));
      state->spare.pop_back();
    }
    auto& tail = chunks.back();
    const std::size_t length = std::min(bytes.size(), kChunkSize - tail.size);
    std::copy_n(bytes.begin(), length, tail.bytes.get() + tail.size);
    tail.size += length;
    bytes = bytes.subspan(length);
  }
  state.notify_all();
  return size * count;
}

curl_socket_t CurlLoop::on_curl_socket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(user);
  auto permitted = [&]() -> Result<void> {
    const auto target = IpAddress::of(address->addr);
    if (!target) return make_error(Code::kPermissionDenied, "an address of family {} is no Internet address", address->family);
    return transfer.loop->options_.guard->check(*target);
  }();
  auto state = transfer.state.lock();
  if (!permitted) {
    state->denied = permitted.error().message();
    return CURL_SOCKET_BAD;
  }
  state->address_permitted = true;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int CurlLoop::on_curl_connected(void* user, char*, char*, int, int) {
  auto state = static_cast<Transfer*>(user)->state.lock();
  state->connected = true;
  state->last_progress = std::chrono::steady_clock::now();
  return CURL_PREREQFUNC_OK;
}

int CurlLoop::on_curl_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t uploaded) {
  auto state = static_cast<Transfer*>(user)->state.lock();
  if (uploaded > state->uploaded) {
    state->uploaded = uploaded;
    state->last_progress = std::chrono::steady_clock::now();
  }
  return 0;
}

}  // namespace zeropull::http
