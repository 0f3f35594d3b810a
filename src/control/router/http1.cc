#include "control/router/http1.h"

#include <boost/beast/http/basic_parser.hpp>
#include <variant>

#include "http/headers.h"
#include "http/limits.h"

namespace zeropull::router {

namespace beast = boost::beast;
using ErrorCode = boost::system::error_code;

std::optional<std::string_view> MessageHead::find(std::string_view name) const {
  for (const auto& field : fields_) {
    if (http::equal_ignoring_case(text(field.name, field.name_size), name)) return text(field.value, field.value_size);
  }
  return std::nullopt;
}

// Fills a head; it alone may.
class HeadBuilder {
 public:
  explicit HeadBuilder(MessageHead& head) : head_(head) {
    head_.fields_.clear();
    head_.text_.clear();
    head_.content_length_.reset();
  }
  void set_request(std::string_view method, std::string_view target) {
    head_.method_ = method;
    head_.target_ = target;
  }
  void set_status(int status) { head_.status_ = status; }
  void add(std::string_view name, std::string_view value) {
    const auto at = static_cast<std::uint32_t>(head_.text_.size());
    const auto size = static_cast<std::uint32_t>(name.size());
    head_.text_.append(name).append(value);
    head_.fields_.push_back({at, size, at + size, static_cast<std::uint32_t>(value.size())});
  }
  void finish(bool keep_alive, std::optional<std::uint64_t> content_length) {
    head_.keep_alive_ = keep_alive;
    head_.content_length_ = content_length;
  }

 private:
  MessageHead& head_;
};

namespace {

template <bool kIsRequest>
class Parser final : public beast::http::basic_parser<kIsRequest> {
 public:
  explicit Parser(MessageHead& head) : head_(head), builder_(head) {
    this->header_limit(static_cast<std::uint32_t>(http::kHeadersMax));
    this->body_limit(boost::none);  // the callers' matter
    this->eager(false);
  }

  ParseStep put_bytes(std::string_view bytes, std::size_t& used, BodySink& sink) {
    sink_ = &sink;
    for (;;) {
      if (this->is_header_done() && !told_head_) {
        told_head_ = true;
        builder_.finish(this->keep_alive(), this->content_length_value());
        if (!well_framed()) return ParseStep::kMalformed;
        return ParseStep::kHead;
      }
      if (this->is_done()) return ParseStep::kDone;
      if (bytes.empty()) return ParseStep::kMore;
      ErrorCode error;
      const std::size_t taken = this->put({bytes.data(), bytes.size()}, error);
      used += taken;
      bytes.remove_prefix(taken);
      if (error == beast::http::error::need_more) {
        // Heads have their limit in Beast; a chunk's extensions and the trailer have it here.
        return bytes.size() > http::kHeadersMax ? ParseStep::kMalformed : ParseStep::kMore;
      }
      if (error == beast::http::error::header_limit) return ParseStep::kHeadTooBig;
      if (error) return ParseStep::kMalformed;
    }
  }

  bool end() {
    if (!this->got_some() || this->is_done()) return this->is_done();
    if (kIsRequest || !this->is_header_done()) return false;
    ErrorCode error;
    this->put_eof(error);
    return !error && this->is_done();
  }

 private:
  std::optional<std::uint64_t> content_length_value() const {
    const auto length = this->content_length();
    return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
  }
  // A transfer coding beside chunked leaves a request without a known end.
  bool well_framed() const { return this->chunked() || !kIsRequest || !head_.find("Transfer-Encoding"); }

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int, ErrorCode&) override {
    builder_.set_request(method, target);
  }
  void on_response_impl(int status, beast::string_view, int, ErrorCode&) override { builder_.set_status(status); }
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, ErrorCode&) override {
    if (!told_head_) builder_.add(name, value);  // a trailer's fields mean nothing here
  }
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(beast::string_view piece, ErrorCode&) override {
    sink_->on_body(piece);
    return piece.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view piece, ErrorCode&) override {
    sink_->on_body(piece);
    return piece.size();
  }
  void on_finish_impl(ErrorCode&) override {}

  MessageHead& head_;
  HeadBuilder builder_;
  BodySink* sink_ = nullptr;
  bool told_head_ = false;
};

}  // namespace

struct MessageParser::Impl {
  explicit Impl(Kind k) : kind(k) { renew(); }
  void renew() {
    if (kind == Kind::kRequest)
      parser.emplace<Parser<true>>(head);
    else
      parser.emplace<Parser<false>>(head);
  }
  // Calls `use` with the parser of this kind.
  template <typename Use>
  auto with(Use use) {
    return kind == Kind::kRequest ? use(std::get<Parser<true>>(parser)) : use(std::get<Parser<false>>(parser));
  }

  const Kind kind;
  MessageHead head;
  std::variant<std::monostate, Parser<true>, Parser<false>> parser;
};

MessageParser::MessageParser(Kind kind) : impl_(std::make_unique<Impl>(kind)) {}
MessageParser::~MessageParser() = default;

ParseStep MessageParser::put(std::string_view bytes, std::size_t& used, BodySink& sink) {
  return impl_->with([&](auto& parser) { return parser.put_bytes(bytes, used, sink); });
}
bool MessageParser::end_of_stream() {
  return impl_->with([](auto& parser) { return parser.end(); });
}
void MessageParser::next() { impl_->renew(); }
bool MessageParser::begun() const {
  return impl_->with([](auto& parser) { return parser.got_some(); });
}
const MessageHead& MessageParser::head() const { return impl_->head; }

}  // namespace zeropull::router
