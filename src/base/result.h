// Result<T> and Error: how every fallible call of Zeropull answers.
//
// A function that can fail for reasons outside the program (network, disk, peers, bad input) returns Result<T>. Error carries
// one of gRPC's sixteen codes, the errno where there was one, a message that reads outermost context first, and where it was
// made. Broken invariants are not errors: they CHECK (base/check.h).
//
//   Result<UniqueFd> open_blob(const BlobId& id) {
//     auto path = TRY(path_of(id));
//     return os::open(path, O_RDONLY).with_context("open blob {}", id);
//   }
//
// TRY stands alone or as the whole initialiser of one variable, never inside braces or arguments: g++ 12.2 leaks what an
// aggregate has already built when a statement expression returns out of it. All types are movable from any thread; none locks.
#pragma once

#include <fmt/core.h>

#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace zeropull {

// gRPC's codes by gRPC's numbers (grpc/status.h), so that a server's table is the identity.
enum class Code : int {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// The lower-case name of a code as it appears in messages and JSON: "not_found".
std::string_view code_name(Code code);

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message, int errno_value = 0, std::source_location where = std::source_location::current())
      : code_(code), errno_(errno_value), message_(std::move(message)), where_(where) {}
  Error(Error&&) noexcept = default;
  Error& operator=(Error&&) noexcept = default;
  Error(const Error&) = delete;
  Error& operator=(const Error&) = delete;
  ~Error() = default;

  Code code() const { return code_; }
  int errno_value() const { return errno_; }  // 0 where no system call failed
  const std::string& message() const { return message_; }
  const std::source_location& where() const { return where_; }
  bool is(Code code) const { return code_ == code; }

  // Prepends context: error.with("pull layer sha256:..") makes "pull layer sha256:..: <message>".
  Error with(std::string_view context) &&;
  // An explicit copy, for the rare caller that gives one error to several waiters.
  Error clone() const { return {code_, message_, errno_, where_}; }
  // "not_found: open /x: No such file or directory", for logs and terminals.
  std::string to_string() const;

 private:
  Code code_;
  int errno_;
  std::string message_;
  std::source_location where_;
};

// Makes an error with a formatted message: make_error(Code::kNotFound, "no image {}", ref). `where` is the caller's line.
template <typename... Args>
struct ErrorFormat {  // carries the format string and the caller's location together
  template <typename S>
  consteval ErrorFormat(const S& text, std::source_location at = std::source_location::current()) : format(text), where(at) {}
  fmt::format_string<Args...> format;
  std::source_location where;
};
template <typename... Args>
Error make_error(Code code, std::type_identity_t<ErrorFormat<Args...>> text, Args&&... args) {
  return Error(code, fmt::format(text.format, std::forward<Args>(args)...), 0, text.where);
}

[[noreturn]] void crash_with(const Error& error, std::source_location where);

template <typename T>
class [[nodiscard]] Result {
 public:
  using Value = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Reading the value of a failed Result is a broken invariant and crashes with the error; likewise error() of a good one.
  T& value() & { return require(), *std::get_if<0>(&state_); }
  const T& value() const& { return require(), *std::get_if<0>(&state_); }
  T take() && { return require(), std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error take_error() && { return std::move(*std::get_if<1>(&state_)); }
  bool failed_with(Code code) const { return !ok() && error().code() == code; }

  template <typename... Args>
  Result with_context(fmt::format_string<Args...> format, Args&&... args) && {
    if (ok()) return std::move(*this);
    return std::move(*this).take_error().with(fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  void require(std::source_location where = std::source_location::current()) const {
    if (!ok()) [[unlikely]]
      crash_with(error(), where);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using Value = void;
  Result() = default;
  Result(Error error) : error_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return error_.index() == 0; }
  explicit operator bool() const { return ok(); }
  void take() && {
    if (!ok()) [[unlikely]]
      crash_with(error(), std::source_location::current());
  }
  const Error& error() const& { return *std::get_if<1>(&error_); }
  Error take_error() && { return std::move(*std::get_if<1>(&error_)); }
  bool failed_with(Code code) const { return !ok() && error().code() == code; }

  template <typename... Args>
  Result with_context(fmt::format_string<Args...> format, Args&&... args) && {
    if (ok()) return std::move(*this);
    return std::move(*this).take_error().with(fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  std::variant<std::monostate, Error> error_;
};

}  // namespace zeropull

#define ZP_RESULT_NAME_(prefix, n) prefix##n
#define ZP_RESULT_NAME(prefix, n) ZP_RESULT_NAME_(prefix, n)
#define ZP_TRY(expr, name)                 \
  __extension__({                          \
    auto name = (expr);                    \
    if (!name.ok()) [[unlikely]]           \
      return std::move(name).take_error(); \
    std::move(name).take();                \
  })
// Yields the value of a Result, or returns its error from the enclosing function.
#define TRY(expr) ZP_TRY(expr, ZP_RESULT_NAME(zp_try_, __COUNTER__))
// Yields the value of a Result that cannot fail here; crashes with the error if it did.
#define MUST(expr) ((expr).take())
