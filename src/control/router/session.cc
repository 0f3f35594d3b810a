#include "control/router/session.h"

#include <iterator>

#include "control/router/api_call.h"
#include "control/router/limits.h"
#include "http/headers.h"

namespace zeropull::router {

namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kRequestId = "x-amzn-RequestId";
constexpr std::size_t kBodyKept = 64 * kKiB;  // a connection keeps a body's memory for the next one up to this

}  // namespace

Session::Session(Worker& worker, std::uint64_t id, std::unique_ptr<Stream> stream)
    : worker_(worker),
      id_(id),
      stream_(std::move(stream)),
      parser_(MessageParser::Kind::kRequest),
      invocation_(worker, *this),
      loan_(worker.shared.budget) {}

Session::~Session() { stream_->close(); }

void Session::start() {
  peer_ = stream_->peer();
  since_ = worker_.now();
  stream_->open(*this);
}

void Session::on_open(bool ok) {
  if (!ok) return close();
  state_ = State::kReading;
  since_ = worker_.now();
  read();
}

void Session::read() {
  if (reading_) return;
  reading_ = true;
  stream_->read_some(buffer_.room());
}

// A client that ends its side of the connection is taken to be gone: what it asked for is abandoned.
void Session::on_read(std::size_t bytes) {
  reading_ = false;
  if (bytes == 0) return close();
  if (state_ == State::kLingering) return read();
  if (state_ == State::kReading && !parser_.begun() && buffer_.empty()) since_ = worker_.now();
  buffer_.commit(bytes);
  if (state_ == State::kReading) parse();
}

void Session::parse() {
  for (;;) {
    std::size_t used = 0;
    const ParseStep step = parser_.put(buffer_.unused(), used, *this);
    buffer_.consume(used);
    moved_ += used;
    if (body_refused_) return;
    switch (step) {
      case ParseStep::kHead:
        if (!take_head()) return;
        break;
      case ParseStep::kDone: return dispatch();
      case ParseStep::kMore: return read();
      case ParseStep::kMalformed: return refuse(validation_error("The request is no well-formed HTTP/1.1."));
      case ParseStep::kHeadTooBig: return refuse(error_answer(431, "ValidationError", "The request's headers are too large."));
    }
  }
}

// "/endpoints/{name}/invocations" and "/endpoints/{name}/invocations-response-stream".
Session::Target Session::target_of(const MessageHead& head) {
  constexpr std::string_view kPrefix = "/endpoints/";
  std::string_view path = head.target();
  path = path.substr(0, path.find('?'));
  if (head.method() != "POST" || !path.starts_with(kPrefix)) return {};
  path.remove_prefix(kPrefix.size());
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return {};
  const auto endpoint = path.substr(0, slash);
  const auto operation = path.substr(slash + 1);
  if (operation == "invocations") return {.invocation = true, .streaming = false, .endpoint = endpoint};
  if (operation == "invocations-response-stream") return {.invocation = true, .streaming = true, .endpoint = endpoint};
  return {};
}

bool Session::take_head() {
  const MessageHead& head = parser_.head();
  target_ = target_of(head);
  keep_alive_ = head.keep_alive();
  if (!head.target().starts_with('/')) {
    refuse(validation_error("The request's target is no path."));
    return false;
  }
  body_max_ = target_.invocation ? worker_.routes->payload_max(target_.endpoint) : worker_.shared.options.api_body_max;
  const auto length = head.content_length().value_or(0);
  if (length > body_max_) {
    refuse_large();
    return false;
  }
  if (target_.invocation && length > buffer_.unused().size() && worker_.shared.parts.authenticate) {
    std::string account;
    if (auto refusal = authenticate(nullptr, account)) {
      refuse(error_answer(refusal->status, refusal->type, refusal->message));
      return false;
    }
  }
  const auto expect = head.find("Expect");
  if (!expect || !http::equal_ignoring_case(*expect, "100-continue") || !buffer_.empty()) return true;
  state_ = State::kInviting;
  write({kContinue, {}});
  return false;
}

void Session::on_body(std::string_view piece) {
  if (body_refused_) return;
  if (body_.size() + piece.size() > body_max_) return refuse_large();
  if (loan_.take(piece.size())) {
    body_.append(piece);
    return;
  }
  body_refused_ = true;
  refuse(service_unavailable("The server holds too many requests; try again."));
}

void Session::refuse_large() {
  body_refused_ = true;
  refuse(
      error_answer(413, "ValidationError", fmt::format("The request body is larger than {} bytes, the limit here.", body_max_)));
}

void Session::dispatch() {
  body_pending_ = false;
  if (!target_.invocation) return call_api();
  std::string account = worker_.shared.parts.anonymous_account;
  if (worker_.shared.parts.authenticate) {
    hasher_.update(as_bytes(body_));
    const Sha256 digest = hasher_.finish();
    if (auto refusal = authenticate(&digest, account)) {
      state_ = State::kInvoking;
      return answer(error_answer(refusal->status, refusal->type, refusal->message));
    }
  }
  state_ = State::kInvoking;
  if (buffer_.empty()) read();
  invocation_.start(
      {.account = account, .endpoint = target_.endpoint, .streaming = target_.streaming, .head = parser_.head(), .body = body_});
}

std::optional<Refusal> Session::authenticate(const Sha256* body, std::string& account) {
  const MessageHead& head = parser_.head();
  header_views_.clear();
  for (std::size_t i = 0; i < head.size(); ++i) header_views_.push_back({head.name(i), head.value(i)});
  return worker_.shared.parts.authenticate({{head.method(), head.target(), header_views_}, body}, account);
}

void Session::call_api() {
  state_ = State::kApi;
  auto posted = post_api_call(worker_, id_, parser_.head(), std::move(body_), peer_);
  body_ = {};
  if (!posted) return answer(service_unavailable("The server has too many requests; try again."));
  if (buffer_.empty()) read();
}

void Session::answer_api(http::ServerResponse response) {
  std::string fields;
  if (!response.headers.find(kRequestId)) append_request_id(fields);
  for (const auto& [name, value] : response.headers) {
    if (http::equal_ignoring_case(name, "Content-Length") || http::equal_ignoring_case(name, "Connection")) continue;
    fields.append(name).append(": ").append(value).append("\r\n");
  }
  begin_head(response.status, fields);
  finish_answer(response.status, std::move(std::get<std::string>(response.body)));
}

// Answers.

void Session::refuse(const ErrorAnswer& error) {
  keep_alive_ = false;
  body_pending_ = true;
  answer(error);
}

void Session::append_request_id(std::string& out) {
  out.append(kRequestId).append(": ").append(worker_.request_id()).append("\r\n");
}

void Session::begin_head(int status, std::string_view fields) {
  out_head_.clear();
  fmt::format_to(std::back_inserter(out_head_), "HTTP/1.1 {} {}\r\n", status, reason_of(status));
  out_head_.append(fields);
  if (worker_.winding_down) keep_alive_ = false;
  if (!keep_alive_) out_head_.append("Connection: close\r\n");
}

void Session::finish_answer(int status, std::string body) {
  if (status != 204 && status != 304) fmt::format_to(std::back_inserter(out_head_), "Content-Length: {}\r\n", body.size());
  out_head_.append("\r\n");
  out_body_ = std::move(body);
  const bool head_only = parser_.head().method() == "HEAD";
  state_ = State::kAnswering;
  write({out_head_, head_only ? std::string_view{} : std::string_view(out_body_)});
}

void Session::answer(int status, std::string_view fields, std::string body) {
  begin_head(status, fields);
  append_request_id(out_head_);
  finish_answer(status, std::move(body));
}

void Session::answer(const ErrorAnswer& error) {
  answer(error.status, fmt::format("x-amzn-ErrorType: {}\r\nContent-Type: application/json\r\n", error.type), error.body);
}

void Session::begin_stream(std::string_view fields) {
  begin_head(200, fields);
  append_request_id(out_head_);
  out_head_.append("Transfer-Encoding: chunked\r\n\r\n");
}

// One HTTP chunk, behind the head where that has not gone out yet.
void Session::begin_chunk(std::string& frames) {
  if (frames.empty()) return;
  fmt::format_to(std::back_inserter(out_head_), "{:x}\r\n", frames.size());
  frames.append("\r\n");
}

void Session::send_stream(std::string& frames) {
  begin_chunk(frames);
  write({out_head_, frames});
}

void Session::end_stream(std::string& frames) {
  begin_chunk(frames);
  frames.append("0\r\n\r\n");
  out_body_.swap(frames);
  state_ = State::kAnswering;
  write({out_head_, out_body_});
}

void Session::write(std::array<std::string_view, 2> pieces) {
  since_ = worker_.now();
  moved_ = pieces[0].size() + pieces[1].size();
  writing_ = true;
  stream_->write(pieces);
}

void Session::on_written(bool ok, std::size_t) {
  writing_ = false;
  if (!ok) return close();
  switch (state_) {
    case State::kInviting:
      state_ = State::kReading;
      since_ = worker_.now();
      return parse();
    case State::kInvoking: out_head_.clear(); return invocation_.on_taken();
    case State::kAnswering: return next_request();
    default: return;
  }
}

void Session::next_request() {
  invocation_.settle();
  loan_.give_back();
  if (body_pending_) {
    state_ = State::kLingering;
    since_ = worker_.now();
    stream_->end_sending();
    buffer_.clear();
    return read();
  }
  if (!keep_alive_ || worker_.winding_down) return close();
  body_.clear();
  if (body_.capacity() > kBodyKept) body_ = {};
  if (out_body_.capacity() > kBodyKept) out_body_ = {};
  parser_.next();
  moved_ = 0;
  since_ = worker_.now();
  state_ = State::kReading;
  if (buffer_.empty()) return read();
  parse();
}

void Session::tick(SteadyTime now) {
  const auto& options = worker_.shared.options;
  const auto fair = options.client_patience + std::chrono::seconds(moved_ / kClientRate);
  const bool idle = state_ == State::kReading && !parser_.begun() && buffer_.empty();
  Duration limit = fair;
  if (idle) limit = options.client_idle_time;
  if (state_ == State::kLingering) limit = kLingerTime;
  const bool client_is_to_move = writing_ || (state_ != State::kInvoking && state_ != State::kApi);
  if (client_is_to_move && now - since_ >= limit) return close();
  if (state_ == State::kInvoking) invocation_.tick(now);
}

void Session::wind_down() {
  if (state_ == State::kReading && !parser_.begun() && buffer_.empty()) return close();
  if (state_ == State::kLingering || state_ == State::kOpening) return close();
  if (state_ == State::kInvoking) invocation_.wind_down();
}

void Session::close() {
  if (state_ == State::kClosed) return;
  const bool invoking = state_ == State::kInvoking;
  state_ = State::kClosed;
  stream_->close();
  if (invoking) invocation_.abandon();
  worker_.close(*this);
}

}  // namespace zeropull::router
