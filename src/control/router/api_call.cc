#include "control/router/api_call.h"

#include "control/router/answers.h"
#include "control/router/log.h"
#include "os/file.h"

namespace zeropull::router {

namespace {

constexpr std::uint64_t kAnswerMax = 64 * kMiB;  // of an API answer, held in memory

http::ServerRequest request_of(const MessageHead& head, std::string body, std::string peer) {
  http::ServerRequest request;
  request.method = head.method();
  request.target = head.target();
  const auto question = request.target.find('?');
  request.path = request.target.substr(0, question);
  if (question != std::string::npos) request.query = request.target.substr(question + 1);
  for (std::size_t i = 0; i < head.size(); ++i) request.headers.add(head.name(i), std::string(head.value(i)));
  request.body = std::move(body);
  request.peer.address = std::move(peer);
  return request;
}

Result<std::string> read_body(http::ServerBody& body) {
  if (auto* text = std::get_if<std::string>(&body)) return std::move(*text);
  auto* file = std::get_if<http::FileRange>(&body);
  auto* generated = std::get_if<http::Generated>(&body);
  const std::uint64_t length = file != nullptr ? file->length : generated->length;
  if (length > kAnswerMax) return make_error(Code::kResourceExhausted, "an answer of {} bytes", length);
  std::string text(length, '\0');
  MutableByteView room(reinterpret_cast<std::byte*>(text.data()), text.size());
  if (file != nullptr) {
    TRY(os::read_exactly_at(file->fd.get(), room, file->offset));
    return text;
  }
  while (!room.empty()) {
    const std::size_t filled = TRY(generated->read(room));
    if (filled == 0 || filled > room.size()) return make_error(Code::kDataLoss, "the answer ended {} bytes early", room.size());
    room = room.subspan(filled);
  }
  return text;
}

http::ServerResponse failed() {
  auto error = error_answer(500, "InternalFailure", "The server could not make its answer; its log says why.");
  return {.status = error.status,
          .headers = {{"x-amzn-ErrorType", std::string(error.type)}, {"Content-Type", "application/json"}},
          .body = std::move(error.body)};
}

http::ServerResponse call(const Shared& shared, const http::ServerRequest& request) {
  if (!shared.parts.api) return {.status = 404, .headers = {}, .body = {}};
  const auto ctx = Context::root("api", shared.stop.get_token(), shared.options.api_timeout);
  auto response = shared.parts.api(ctx, request);
  auto body = read_body(response.body);
  auto checked = response.headers.check();
  if (body && checked) {
    response.body = std::move(body).take();
    return response;
  }
  LOG_ERROR(kLog, "answer to {} {}: {}", request.method, request.path, (body ? checked.error() : body.error()).to_string());
  return failed();
}

}  // namespace

Result<void> post_api_call(Worker& worker, std::uint64_t session_id, const MessageHead& head, std::string body,
                           std::string peer) {
  return worker.shared.api_workers->post(
      [&worker, session_id, request = request_of(head, std::move(body), std::move(peer))]() mutable {
        auto response = call(worker.shared, request);
        worker.loop->post(
            [&worker, session_id, answer = std::move(response)]() mutable { worker.deliver(session_id, std::move(answer)); });
      });
}

}  // namespace zeropull::router
