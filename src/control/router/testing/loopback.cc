#include "control/router/testing/loopback.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "http/headers.h"

namespace zeropull::router {

namespace {

constexpr int kPatienceMs = 20'000;

bool wait_readable(int socket) {
  pollfd entry{socket, POLLIN, 0};
  return ::poll(&entry, 1, kPatienceMs) == 1;
}

void send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Appends one read; false at the end.
bool receive(int socket, std::string& buffer) {
  std::array<char, 65536> piece;
  if (!wait_readable(socket)) return false;
  const auto got = ::recv(socket, piece.data(), piece.size(), 0);
  if (got <= 0) return false;
  buffer.append(piece.data(), static_cast<std::size_t>(got));
  return true;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::pair<os::UniqueFd, std::uint16_t> bound_socket() {
  os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto address = loopback(0);
  socklen_t size = sizeof address;
  CHECK(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  CHECK(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return {std::move(socket), ntohs(address.sin_port)};
}

std::map<std::string, std::string> fields_of(std::string_view head) {
  std::map<std::string, std::string> fields;
  while (!head.empty()) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto line = head.substr(0, end);
    if (const auto colon = line.find(':'); colon != std::string_view::npos)
      fields[http::to_lower(line.substr(0, colon))] = http::trim(line.substr(colon + 1));
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  return fields;
}

}  // namespace

void Exchange::send(std::string_view bytes) const { send_all(socket_, bytes); }

void Exchange::answer(std::string_view text, std::string_view fields, std::string_view status) const {
  send(fmt::format("HTTP/1.1 {}\r\n{}Content-Length: {}\r\n\r\n{}", status, fields, text.size(), text));
}

bool Exchange::wait_for_close() const {
  std::string ignored;
  while (wait_readable(socket_)) {
    if (!receive(socket_, ignored)) return true;
  }
  return false;
}

std::size_t Exchange::send_until_blocked() const {
  const std::string piece(65536, 'x');
  std::size_t sent = 0;
  pollfd entry{socket_, POLLOUT, 0};
  while (::poll(&entry, 1, 300) == 1) {
    const auto chunk = fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
    const auto got = ::send(socket_, chunk.data(), chunk.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (got < 0) break;
    sent += static_cast<std::size_t>(got);
    if (static_cast<std::size_t>(got) < chunk.size()) break;  // the rest would block
  }
  return sent;
}

void Exchange::shut() const { ::shutdown(socket_, SHUT_RDWR); }

FakeContainer::FakeContainer(Script script) : script_(std::move(script)) {
  auto [socket, port] = bound_socket();
  listener_ = std::move(socket);
  port_ = port;
  CHECK(::listen(listener_.get(), 128) == 0);
  acceptor_ = std::jthread([this] {
    for (;;) {
      const int accepted = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (accepted < 0) return;
      ++connections_;
      sockets_.lock()->push_back(accepted);
      threads_.emplace_back([this, accepted] { serve(accepted); });
    }
  });
}

FakeContainer::~FakeContainer() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (int socket : *sockets_.lock()) ::shutdown(socket, SHUT_RDWR);
  threads_.clear();
  for (int socket : *sockets_.lock()) ::close(socket);
}

void FakeContainer::serve(int socket) {
  std::string buffer;
  for (;;) {
    auto end = buffer.find("\r\n\r\n");
    while (end == std::string::npos) {
      if (!receive(socket, buffer)) return ::shutdown(socket, SHUT_RDWR), void();
      end = buffer.find("\r\n\r\n");
    }
    const std::string head = buffer.substr(0, end + 2);
    auto fields = fields_of(head);
    const std::size_t length = http::parse_size(fields["content-length"]).value_or(0);
    while (buffer.size() < end + 4 + length) {
      if (!receive(socket, buffer)) return ::shutdown(socket, SHUT_RDWR), void();
    }
    Exchange exchange(socket, head, buffer.substr(end + 4, length));
    buffer.erase(0, end + 4 + length);
    ++requests_;
    script_(exchange);
  }
}

std::string refused_address() { return "127.0.0.1:" + std::to_string(bound_socket().second); }

RawClient::RawClient(std::uint16_t port, int receive_buffer) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer > 0) ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  auto address = loopback(port);
  CHECK(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

void RawClient::send(std::string_view bytes) const { send_all(socket_.get(), bytes); }
bool RawClient::fill() { return receive(socket_.get(), buffer_); }

std::string RawClient::read_some() {
  if (buffer_.empty()) fill();
  return std::exchange(buffer_, {});
}

bool RawClient::ended() {
  while (wait_readable(socket_.get())) {
    if (!fill()) return true;
  }
  return false;
}

RawAnswer RawClient::read_answer() {
  RawAnswer answer;
  const auto has = [&](std::string_view what) { return buffer_.contains(what); };
  const auto cut = [&] {
    answer.cut = true;
    return answer;
  };
  while (!has("\r\n\r\n")) {
    if (!fill()) return cut();
  }
  const auto end = buffer_.find("\r\n\r\n");
  const std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  answer.status = std::stoi(head.substr(9, 3));
  answer.fields = fields_of(head);
  if (answer.fields["transfer-encoding"] != "chunked") {
    const std::size_t length = http::parse_size(answer.fields["content-length"]).value_or(0);
    while (buffer_.size() < length) {
      if (!fill()) return cut();
    }
    answer.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return answer;
  }
  for (;;) {
    while (!has("\r\n")) {
      if (!fill()) return cut();
    }
    const std::size_t size = std::stoul(buffer_, nullptr, 16);
    buffer_.erase(0, buffer_.find("\r\n") + 2);
    while (buffer_.size() < size + 2) {
      if (!fill()) return cut();
    }
    answer.body += buffer_.substr(0, size);
    buffer_.erase(0, size + 2);
    if (size == 0) return answer;
  }
}

std::string invocation(std::string_view body, std::string_view fields, std::string_view path) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: router\r\n{}Content-Length: {}\r\n\r\n{}", path, fields, body.size(), body);
}

}  // namespace zeropull::router
