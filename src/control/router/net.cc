#include "control/router/net.h"

#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <future>

#include "control/router/log.h"

namespace zeropull::router {

namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using TlsStream = asio::ssl::stream<tcp::socket>;

constexpr Duration kAcceptPause = std::chrono::milliseconds(100);  // when descriptors ran out

// What handlers of the loop hold on to: the socket lives until the last of them has run.
struct Connection {
  explicit Connection(tcp::socket s) : socket(std::move(s)) {}
  Connection(tcp::socket s, asio::ssl::context& context) : socket(s.get_executor()) { tls.emplace(std::move(s), context); }
  tcp::socket& lowest() { return tls ? tls->next_layer() : socket; }

  tcp::socket socket;
  std::optional<TlsStream> tls;
  StreamEvents* events = nullptr;  // null after close()
};

// Both kinds of stream: a client's that was accepted, and one that connects.
class AsioStream final : public Stream {
 public:
  explicit AsioStream(std::shared_ptr<Connection> connection, std::optional<tcp::endpoint> target = {})
      : connection_(std::move(connection)), target_(target) {}
  ~AsioStream() override { close(); }

  void open(StreamEvents& events) override {
    connection_->events = &events;
    auto opened = [c = connection_](ErrorCode error) {
      ErrorCode ignored;
      if (!error) c->lowest().set_option(tcp::no_delay(true), ignored);
      if (c->events != nullptr) c->events->on_open(!error);
    };
    if (target_)
      connection_->socket.async_connect(*target_, std::move(opened));
    else if (connection_->tls)
      connection_->tls->async_handshake(asio::ssl::stream_base::server, std::move(opened));
    else
      asio::post(connection_->socket.get_executor(), [opened = std::move(opened)] { opened({}); });
  }

  void read_some(MutableByteView room) override {
    auto read = [c = connection_](ErrorCode error, std::size_t bytes) {
      if (c->events != nullptr) c->events->on_read(error ? 0 : bytes);
    };
    with_layer([&](auto& layer) { layer.async_read_some(asio::buffer(room.data(), room.size()), std::move(read)); });
  }

  void write(std::array<std::string_view, 2> pieces) override {
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(pieces[0]), asio::buffer(pieces[1])};
    auto written = [c = connection_](ErrorCode error, std::size_t bytes) {
      if (c->events != nullptr) c->events->on_written(!error, bytes);
    };
    with_layer([&](auto& layer) { asio::async_write(layer, buffers, std::move(written)); });
  }

  // A TLS peer gets no close_notify: every answer has a length or chunks, so nothing can be cut unnoticed.
  void end_sending() override {
    ErrorCode ignored;
    connection_->lowest().shutdown(tcp::socket::shutdown_send, ignored);
  }

  void close() override {
    connection_->events = nullptr;
    ErrorCode ignored;
    connection_->lowest().close(ignored);
  }

  std::string peer() const override {
    ErrorCode ignored;
    const auto endpoint = connection_->lowest().remote_endpoint(ignored);
    return fmt::format("{}:{}", endpoint.address().to_string(), endpoint.port());
  }

 private:
  template <typename Use>
  void with_layer(Use use) {
    if (connection_->tls)
      use(*connection_->tls);
    else
      use(connection_->socket);
  }

  std::shared_ptr<Connection> connection_;
  std::optional<tcp::endpoint> target_;
};

class AsioLoop final : public Loop {
 public:
  void run() override { io_.run(); }
  void stop() override { io_.stop(); }
  void post(Job job) override { asio::post(io_, std::move(job)); }

  void every(Duration period, std::function<void()> tick) override {
    period_ = period;
    tick_ = std::move(tick);
    timer_.expires_after(period_);
    wait();
  }

  std::unique_ptr<Stream> stream_to(const Address& address) override {
    const tcp::endpoint target(asio::ip::make_address(address.host), address.port);
    return std::make_unique<AsioStream>(std::make_shared<Connection>(tcp::socket(io_)), target);
  }

  asio::io_context& io() { return io_; }

 private:
  void wait() {
    timer_.async_wait([this](ErrorCode ended) {
      if (ended) return;
      tick_();
      timer_.expires_after(period_);
      wait();
    });
  }

  asio::io_context io_{1};  // one thread runs it
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::steady_timer timer_{io_};
  Duration period_ = {};
  std::function<void()> tick_;
};

class AsioListener final : public Listener {
 public:
  explicit AsioListener(std::vector<AsioLoop*> loops)
      : loops_(std::move(loops)), acceptor_(loops_.front()->io()), pause_(loops_.front()->io()) {}

  Result<void> listen(const ListenerOptions& options);
  std::uint16_t port() const override { return port_; }
  void start(std::vector<Accepted> accepted) override {
    accepted_ = std::move(accepted);
    loops_.front()->post([this] { accept(); });
  }
  void stop() override {
    std::promise<void> closed;
    loops_.front()->post([&] {
      ErrorCode ignored;
      acceptor_.close(ignored);
      pause_.cancel();
      closed.set_value();
    });
    closed.get_future().wait();
  }

 private:
  Result<void> set_up_tls(const ListenerOptions& options);
  void accept();

  std::vector<AsioLoop*> loops_;
  std::vector<Accepted> accepted_;
  std::size_t next_ = 0;
  std::optional<asio::ssl::context> tls_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::uint16_t port_ = 0;
};

Result<void> AsioListener::set_up_tls(const ListenerOptions& options) {
  ErrorCode error;
  tls_.emplace(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
  if (tls_->use_certificate_chain_file(options.certificate_file, error))
    return make_error(Code::kFailedPrecondition, "certificate {}: {}", options.certificate_file, error.message());
  if (tls_->use_private_key_file(options.key_file, asio::ssl::context::pem, error))
    return make_error(Code::kFailedPrecondition, "key {}: {}", options.key_file, error.message());
  return {};
}

Result<void> AsioListener::listen(const ListenerOptions& options) {
  if (!options.certificate_file.empty()) TRY(set_up_tls(options));
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
  return {};
}

void AsioListener::accept() {
  const std::size_t to = next_++ % loops_.size();
  acceptor_.async_accept(loops_[to]->io(), [this, to](ErrorCode error, tcp::socket socket) {
    if (!acceptor_.is_open()) return;
    if (error) {
      LOG_WARN(kLog, "accept: {}", error.message());
      pause_.expires_after(kAcceptPause);
      pause_.async_wait([this](ErrorCode ended) {
        if (!ended) accept();
      });
      return;
    }
    ErrorCode ignored;
    socket.set_option(asio::socket_base::keep_alive(true), ignored);  // a client that vanished while its model works
    auto connection =
        tls_ ? std::make_shared<Connection>(std::move(socket), *tls_) : std::make_shared<Connection>(std::move(socket));
    loops_[to]->post(
        [this, to, stream = std::make_unique<AsioStream>(std::move(connection))]() mutable { accepted_[to](std::move(stream)); });
    accept();
  });
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  const auto bad = [&] { return make_error(Code::kInvalidArgument, "\"{}\" is no IP address and port", text); };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  ErrorCode error;
  const auto address = asio::ip::make_address(std::string(host), error);
  unsigned port = 0;
  for (char digit : text.substr(colon + 1)) {
    if (digit < '0' || digit > '9' || port > 65535) return bad();
    port = port * 10 + static_cast<unsigned>(digit - '0');
  }
  if (error || address.is_v6() != bracketed || port == 0 || port > 65535) return bad();
  return Address{std::string(host), static_cast<std::uint16_t>(port)};
}

std::unique_ptr<Loop> Loop::create() { return std::make_unique<AsioLoop>(); }

Result<std::unique_ptr<Listener>> Listener::create(ListenerOptions options, std::vector<Loop*> loops) {
  std::vector<AsioLoop*> own;
  for (Loop* loop : loops) own.push_back(static_cast<AsioLoop*>(loop));  // Loop::create() makes no other kind
  auto listener = std::make_unique<AsioListener>(std::move(own));
  TRY(listener->listen(options));
  return std::unique_ptr<Listener>(std::move(listener));
}

}  // namespace zeropull::router
