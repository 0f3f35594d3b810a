#include "base/result.h"

#include <cstdio>
#include <cstdlib>

namespace zeropull {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kCancelled: return "cancelled";
    case Code::kUnknown: return "unknown";
    case Code::kInvalidArgument: return "invalid_argument";
    case Code::kDeadlineExceeded: return "deadline_exceeded";
    case Code::kNotFound: return "not_found";
    case Code::kAlreadyExists: return "already_exists";
    case Code::kPermissionDenied: return "permission_denied";
    case Code::kResourceExhausted: return "resource_exhausted";
    case Code::kFailedPrecondition: return "failed_precondition";
    case Code::kAborted: return "aborted";
    case Code::kOutOfRange: return "out_of_range";
    case Code::kUnimplemented: return "unimplemented";
    case Code::kInternal: return "internal";
    case Code::kUnavailable: return "unavailable";
    case Code::kDataLoss: return "data_loss";
    case Code::kUnauthenticated: return "unauthenticated";
  }
  return "unknown";
}

Error Error::with(std::string_view context) && {
  message_ = fmt::format("{}: {}", context, message_);
  return std::move(*this);
}

std::string Error::to_string() const { return fmt::format("{}: {}", code_name(code_), message_); }

void crash_with(const Error& error, std::source_location where) {
  fmt::print(stderr, "{}:{}: unexpected error: {} (made at {}:{})\n", where.file_name(), where.line(), error.to_string(),
             error.where().file_name(), error.where().line());
  std::fflush(stderr);
  std::abort();
}

}  // namespace zeropull
