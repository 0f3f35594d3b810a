#include "http/server.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <ctime>
#include <future>
#include <set>

#include "base/clock.h"
#include "base/executor.h"
#include "base/guarded.h"
#include "base/log.h"
#include "os/file.h"

namespace zeropull::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using PlainStream = beast::tcp_stream;
using TlsStream = asio::ssl::stream<beast::tcp_stream>;  // Beast's own stalls on an empty buffer before a large one

constexpr Logger kLog{"http"};
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);  // when descriptors ran out

// What the sessions share: options, threads and the list of open connections.
struct Shared {
  explicit Shared(ServerOptions o, HttpServer::Handler h)
      : options(std::move(o)), handler(std::move(h)), workers({options.name, options.workers, options.queue_max}) {}

  class Connection {
   public:
    virtual ~Connection() = default;
    virtual void close_when_idle() = 0;  // both from any thread
    virtual void close_now() = 0;
  };

  const ServerOptions options;
  const HttpServer::Handler handler;
  std::stop_source stop;  // ends the handlers' contexts
  std::atomic<bool> stopping = false;
  Guarded<std::set<std::shared_ptr<Connection>>> connections;
  asio::ssl::context tls{asio::ssl::context::tls_server};
  asio::io_context io;
  ThreadPool workers;
};

std::string subject_of(X509* certificate) {
  std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  const char* text = nullptr;
  const long length = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(std::max(0L, length))};
}

std::vector<std::string> uris_of(X509* certificate) {
  std::vector<std::string> uris;
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_URI) continue;
    const auto* uri = name->d.uniformResourceIdentifier;
    std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                     static_cast<std::size_t>(ASN1_STRING_length(uri)));
    if (!text.contains('\0')) uris.push_back(std::move(text));  // a NUL is only ever there to deceive a C string
  }
  GENERAL_NAMES_free(names);
  return uris;
}

// The epoch, which has passed, for a time that cannot be read.
WallTime expiry_of(X509* certificate) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return {};
  return wall_time(timegm(&parts));
}

// One connection: read a request on the event threads, run the handler and send its answer from a worker, again. The strand of
// the stream serialises everything but the handler.
template <typename Stream>
class Session final : public Shared::Connection, public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Shared& shared, Stream stream) : shared_(shared), stream_(std::move(stream)), buffer_(2 * kHeadersMax) {}

  void start() {
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] { self->greet(); });
  }

  void close_when_idle() override {
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] {
      if (!self->busy_) self->close();
    });
  }
  void close_now() override {
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] { self->close(); });
  }

 private:
  using Parser = beast::http::request_parser<beast::http::string_body>;

  PlainStream& tcp_layer() { return beast::get_lowest_layer(stream_); }

  void greet() {
    ErrorCode ignored;
    tcp_layer().socket().set_option(tcp::no_delay(true), ignored);
    auto peer = tcp_layer().socket().remote_endpoint(ignored);
    peer_.address = fmt::format("{}:{}", peer.address().to_string(ignored), peer.port());
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      tcp_layer().expires_after(shared_.options.read_timeout);
      stream_.async_handshake(asio::ssl::stream_base::server, [self = this->shared_from_this()](ErrorCode error) {
        if (error) return self->close();
        self->learn_peer();
        self->read_request();
      });
    } else {
      read_request();
    }
  }

  void learn_peer() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      SSL* ssl = stream_.native_handle();
      std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl), X509_free);
      if (!certificate || SSL_get_verify_result(ssl) != X509_V_OK) return;
      peer_.authenticated = true;
      peer_.certificate_subject = subject_of(certificate.get());
      peer_.certificate_uris = uris_of(certificate.get());
      peer_.certificate_expires = expiry_of(certificate.get());
    }
  }

  void read_request() {
    busy_ = false;
    if (shared_.stopping) return close();
    parser_.emplace();
    parser_->header_limit(kHeadersMax);
    parser_->body_limit(shared_.options.body_max);
    tcp_layer().expires_after(shared_.options.idle_timeout);
    beast::http::async_read_header(stream_, buffer_, *parser_, [self = this->shared_from_this()](ErrorCode error, std::size_t) {
      if (error) return self->refuse(error);
      self->busy_ = true;
      self->tcp_layer().expires_after(self->shared_.options.read_timeout);
      if (beast::iequals(self->parser_->get()[beast::http::field::expect], "100-continue")) return self->send_continue();
      self->read_body();
    });
  }

  void send_continue() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(kContinue), [self = this->shared_from_this()](ErrorCode error, std::size_t) {
      if (error) return self->close();
      self->read_body();
    });
  }

  // One piece at a time, so that the timeout is for progress and not for the whole body.
  void read_body() {
    if (parser_->is_done()) return dispatch();
    tcp_layer().expires_after(shared_.options.read_timeout);
    beast::http::async_read_some(stream_, buffer_, *parser_, [self = this->shared_from_this()](ErrorCode error, std::size_t) {
      if (error) return self->refuse(error);
      self->read_body();
    });
  }

  // Answers what the parser could not take, where the peer still listens.
  void refuse(ErrorCode why) {
    using beast::http::error;
    const bool malformed = why.category() == beast::http::make_error_code(error::bad_target).category();
    const bool gone = why == error::end_of_stream || why == error::partial_message;
    if (!malformed || gone) return close();
    answer_inline(why == error::header_limit ? 431 : why == error::body_limit ? 413 : 400);
  }

  void answer_inline(int status) {
    keep_alive_ = false;
    inline_answer_ = head_of({.status = status, .headers = {}, .body = {}}, 0);
    tcp_layer().expires_after(shared_.options.read_timeout);
    asio::async_write(stream_, asio::buffer(inline_answer_),
                      [self = this->shared_from_this()](ErrorCode, std::size_t) { self->close(); });
  }

  void dispatch() {
    // A connection outlives no certificate: unanswered, a client asks again on a new one, with the certificate that it has by
    // then.
    if (peer_.authenticated && Clock::system().wall_now() >= peer_.certificate_expires) return close();
    tcp_layer().expires_never();
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    ServerRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    const auto question = request.target.find('?');
    request.path = request.target.substr(0, question);
    if (question != std::string::npos) request.query = request.target.substr(question + 1);
    for (const auto& field : message) request.headers.add(std::string_view(field.name_string()), std::string(field.value()));
    request.body = std::move(message.body());
    request.peer = peer_;
    if (!request.target.starts_with('/')) return answer_inline(400);
    auto posted = shared_.workers.post(
        [self = this->shared_from_this(), request = std::move(request)]() mutable { self->handle(request); });
    if (!posted) answer_inline(503);
  }

  // The rest runs on a worker.

  void handle(const ServerRequest& request) {
    auto ctx = Context::root(shared_.options.name, shared_.stop.get_token(), shared_.options.handler_timeout);
    ServerResponse response = shared_.handler(ctx, request);
    if (auto valid = response.headers.check(); !valid) {
      LOG_ERROR(kLog, "answer to {} {}: {}", request.method, request.path, valid.error().to_string());
      response = {.status = 500, .headers = {}, .body = {}};
    }
    if (shared_.stopping) keep_alive_ = false;
    auto sent = send(response, request.method == "HEAD");
    if (!sent) LOG_DEBUG(kLog, "{} {} for {}: {}", request.method, request.path, peer_.address, sent.error().to_string());
    asio::post(stream_.get_executor(), [self = this->shared_from_this(), again = sent.ok() && keep_alive_] {
      again ? self->read_request() : self->close();
    });
  }

  Result<void> send(ServerResponse& response, bool head_only) {
    if (auto* text = std::get_if<std::string>(&response.body)) {
      const auto head = head_of(response, text->size());
      return write(head, head_only ? ByteView{} : as_bytes(*text));
    }
    auto* generated = std::get_if<Generated>(&response.body);
    auto* file = std::get_if<FileRange>(&response.body);
    const std::uint64_t length = generated != nullptr ? generated->length : file->length;
    auto head = head_of(response, length);
    if (head_only || length == 0) return write(head, {});
    Bytes piece(std::min<std::uint64_t>(length, kChunkSize));
    for (std::uint64_t sent = 0; sent < length;) {
      auto room = MutableByteView(piece).first(std::min<std::uint64_t>(piece.size(), length - sent));
      std::size_t filled = room.size();
      if (generated != nullptr) {
        filled = TRY(generated->read(room));
        if (filled == 0 || filled > room.size())
          return make_error(Code::kDataLoss, "body ended after {} of {} bytes", sent, length);
      } else {
        TRY(os::read_exactly_at(file->fd.get(), room, file->offset + sent));
      }
      TRY(write(head, room.first(filled)));
      head.clear();
      sent += filled;
    }
    return {};
  }

  std::string head_of(const ServerResponse& response, std::uint64_t length) const {
    const auto reason = beast::http::obsolete_reason(beast::http::int_to_status(static_cast<unsigned>(response.status)));
    std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, std::string_view(reason));
    for (const auto& [name, value] : response.headers) head += fmt::format("{}: {}\r\n", name, value);
    if (response.status != 204 && response.status != 304) head += fmt::format("Content-Length: {}\r\n", length);
    head += keep_alive_ ? "\r\n" : "Connection: close\r\n\r\n";
    return head;
  }

  // Blocks the worker until the event thread has written both or the peer took nothing for the timeout.
  Result<void> write(std::string_view head, ByteView body) {
    std::promise<ErrorCode> written;
    asio::post(stream_.get_executor(), [&, self = this->shared_from_this()] {
      self->tcp_layer().expires_after(shared_.options.read_timeout);
      const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head), asio::buffer(body.data(), body.size())};
      asio::async_write(self->stream_, buffers, [&written, self](ErrorCode error, std::size_t) {
        self->tcp_layer().expires_never();
        written.set_value(error);
      });
    });
    if (auto error = written.get_future().get()) return make_error(Code::kUnavailable, "write: {}", error.message());
    return {};
  }

  // On the strand. A TLS peer gets no close_notify: every answer has a length, so nothing can be cut unnoticed.
  void close() {
    ErrorCode ignored;
    tcp_layer().socket().shutdown(tcp::socket::shutdown_both, ignored);
    tcp_layer().close();
    auto connections = shared_.connections.lock();
    connections->erase(this->shared_from_this());
    connections.notify_all();
  }

  Shared& shared_;
  Stream stream_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::string inline_answer_;
  Peer peer_;
  bool busy_ = true;  // a request was begun and not answered; strand only
  bool keep_alive_ = true;
};

class BeastServer final : public HttpServer {
 public:
  explicit BeastServer(std::unique_ptr<Shared> shared)
      : shared_(std::move(shared)),
        acceptor_(asio::make_strand(shared_->io)),
        pause_(acceptor_.get_executor()),
        work_(shared_->io.get_executor()) {}
  ~BeastServer() override { stop(std::chrono::seconds(5)); }

  Result<void> start();
  std::uint16_t port() const override { return port_; }
  std::string url() const override {
    const auto& options = shared_->options;
    const std::string host = options.address.contains(':') ? "[" + options.address + "]" : options.address;
    return fmt::format("{}://{}:{}", options.certificate_file.empty() ? "http" : "https", host, port_);
  }
  void stop(Duration grace) override;

 private:
  Result<void> set_up_tls();
  void accept();
  void open(tcp::socket socket);

  std::unique_ptr<Shared> shared_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;  // the event threads outlive the last connection
  std::uint16_t port_ = 0;
  std::vector<std::jthread> threads_;
};

Result<void> BeastServer::set_up_tls() {
  const auto& options = shared_->options;
  auto& tls = shared_->tls;
  const auto failed = [](std::string_view what, const std::string& file, ErrorCode error) {
    return make_error(Code::kFailedPrecondition, "{} {}: {}", what, file, error.message());
  };
  ErrorCode error;
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  if (tls.use_certificate_chain_file(options.certificate_file, error))
    return failed("certificate", options.certificate_file, error);
  if (tls.use_private_key_file(options.key_file, asio::ssl::context::pem, error)) return failed("key", options.key_file, error);
  if (options.client_certificates == ClientCertificates::kNone) return {};
  if (tls.load_verify_file(options.client_ca_file, error)) return failed("client authorities", options.client_ca_file, error);
  int mode = asio::ssl::verify_peer;
  if (options.client_certificates == ClientCertificates::kRequired) mode |= asio::ssl::verify_fail_if_no_peer_cert;
  tls.set_verify_mode(mode, error);
  // No sessions are resumed: that would prove a certificate again that has expired since.
  SSL_CTX_set_session_cache_mode(tls.native_handle(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(tls.native_handle(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(tls.native_handle(), 0);
  return {};
}

Result<void> BeastServer::start() {
  const auto& options = shared_->options;
  if (!options.certificate_file.empty()) TRY(set_up_tls());
  ErrorCode error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) return make_error(Code::kInvalidArgument, "\"{}\" is no IP address to listen on", options.address);
  const tcp::endpoint endpoint(address, options.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return make_error(Code::kUnavailable, "listen on {} port {}: {}", options.address, options.port, error.message());
  port_ = acceptor_.local_endpoint(error).port();
  accept();
  for (std::size_t i = 0; i < std::max<std::size_t>(1, options.io_threads); ++i)
    threads_.emplace_back([this] { shared_->io.run(); });
  return {};
}

void BeastServer::accept() {
  acceptor_.async_accept(asio::make_strand(shared_->io), [this](ErrorCode error, tcp::socket socket) {
    if (shared_->stopping) return;
    if (!error) {
      open(std::move(socket));
      return accept();
    }
    LOG_WARN(kLog, "{}: accept: {}", shared_->options.name, error.message());
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this](ErrorCode ended) {
      if (!ended && !shared_->stopping) accept();
    });
  });
}

void BeastServer::open(tcp::socket socket) {
  const auto add = [&](const auto& session) {
    auto connections = shared_->connections.lock();
    if (connections->size() >= shared_->options.connections_max) return;  // dropped: the socket closes with the session
    connections->insert(session);
    session->start();
  };
  if (shared_->options.certificate_file.empty())
    add(std::make_shared<Session<PlainStream>>(*shared_, PlainStream(std::move(socket))));
  else
    add(std::make_shared<Session<TlsStream>>(*shared_, TlsStream(PlainStream(std::move(socket)), shared_->tls)));
}

void BeastServer::stop(Duration grace) {
  if (shared_->stopping.exchange(true)) return;
  if (threads_.empty()) return;  // start() failed
  // Waited for: a port that still listens takes connections that nobody answers.
  std::promise<void> closed;
  asio::post(acceptor_.get_executor(), [&] {
    ErrorCode ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    closed.set_value();
  });
  closed.get_future().wait();
  {
    auto connections = shared_->connections.lock();
    for (const auto& connection : *connections) connection->close_when_idle();
    const auto none_left = [&] { return connections->empty(); };
    if (!connections.wait(Context::root("stop").with_timeout(grace), none_left)) {
      shared_->stop.request_stop();
      for (const auto& connection : *connections) connection->close_now();
    }
  }
  shared_->workers.stop();  // while the event threads still complete their writes
  shared_->io.stop();
  threads_.clear();
  shared_->connections.lock()->clear();  // their sockets belong to `io`, which goes first
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::create(ServerOptions options, Handler handler) {
  auto server = std::make_unique<BeastServer>(std::make_unique<Shared>(std::move(options), std::move(handler)));
  TRY(server->start());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace zeropull::http
