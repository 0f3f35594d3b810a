// How a served store speaks: the paths, headers and statuses that store/server.cc answers with and store/http_store.cc asks for.
//
//   GET    /v1/objects/NAME        200 the object, or 206 a range of it
//   HEAD   /v1/objects/NAME        200 with Content-Length and X-Zeropull-Modified-Ms
//   PUT    /v1/objects/NAME        204; the body is the object, whole
//   DELETE /v1/objects/NAME        204, also when it was absent
//   GET    /v1/list?folder=&after=&limit=   200 {"objects": [{"name", "size", "modified_ms"}], "continue_after": NAME or null}
//
// Every request carries "Authorization: Bearer TOKEN", or its connection a client certificate. Errors have a body of one
// line of text. Private to this room.
#pragma once

#include <string_view>

#include "base/result.h"

namespace zeropull::store {

inline constexpr std::string_view kObjectsPath = "/v1/objects/";
inline constexpr std::string_view kListPath = "/v1/list";
inline constexpr std::string_view kModifiedHeader = "X-Zeropull-Modified-Ms";
inline constexpr std::string_view kBearer = "Bearer ";

struct StatusOfCode {
  Code code;
  int status;
};
// The one table both ways; a code that is not in it is 500, a status that is not in it kUnavailable or kUnknown.
inline constexpr StatusOfCode kStatusOfCode[] = {
    {Code::kInvalidArgument, 400},   {Code::kUnauthenticated, 401}, {Code::kPermissionDenied, 403},
    {Code::kNotFound, 404},          {Code::kUnimplemented, 405},   {Code::kOutOfRange, 416},
    {Code::kResourceExhausted, 507}, {Code::kUnavailable, 503},     {Code::kDeadlineExceeded, 504},
};

}  // namespace zeropull::store
