// MessageParser: HTTP/1.1 requests and answers out of the bytes of a connection, piece by piece, without an allocation once it is
// warm. Beast's parser does the reading; here are its limits, and heads as text and positions. One parser serves one connection,
// message after message.
//
// What could be understood in two ways (two lengths, a length beside chunks, a transfer coding we do not know) is refused, so
// that no request hides in another one's body.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zeropull::router {

// The head of one message. Views into it are valid until the parser's next message.
class MessageHead {
 public:
  std::string_view method() const { return method_; }
  std::string_view target() const { return target_; }
  int status() const { return status_; }  // of an answer
  bool keep_alive() const { return keep_alive_; }
  std::optional<std::uint64_t> content_length() const { return content_length_; }

  // The value of the first field of that name; names compare without case.
  std::optional<std::string_view> find(std::string_view name) const;
  std::size_t size() const { return fields_.size(); }
  std::string_view name(std::size_t i) const { return text(fields_[i].name, fields_[i].name_size); }
  std::string_view value(std::size_t i) const { return text(fields_[i].value, fields_[i].value_size); }

 private:
  friend class HeadBuilder;
  struct Field {
    std::uint32_t name, name_size, value, value_size;  // positions in text_
  };
  std::string_view text(std::size_t at, std::size_t size) const { return std::string_view(text_).substr(at, size); }

  std::string method_, target_;
  std::string text_;
  std::vector<Field> fields_;
  int status_ = 0;
  bool keep_alive_ = false;
  std::optional<std::uint64_t> content_length_;
};

// Takes a message's body as it is parsed, without its chunks' frames.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual void on_body(std::string_view piece) = 0;
};

enum class ParseStep {
  kMore,        // all bytes that could be used were used
  kHead,        // head() is there; the body, if any, follows
  kDone,        // the message is complete; call next() for another
  kMalformed,   // this and what follows: the connection is of no more use
  kHeadTooBig,  // more than http::kHeadersMax
};

class MessageParser {
 public:
  enum class Kind { kRequest, kAnswer };
  explicit MessageParser(Kind kind);
  ~MessageParser();

  // Parses from the front of `bytes`, adds to `used` how many are done with, and stops at the first step that is not kMore. A
  // message without a body gives kHead, and kDone at the next call, also with no bytes. Body pieces go to `sink`.
  ParseStep put(std::string_view bytes, std::size_t& used, BodySink& sink);
  // The connection ended: whether that completes the message, which an answer without a length does.
  bool end_of_stream();
  void next();

  bool begun() const;  // a byte of this message has come
  const MessageHead& head() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zeropull::router
