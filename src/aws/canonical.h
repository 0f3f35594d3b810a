// The parts of a canonical request (Signature Version 4) that signing and verifying share. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace zeropull::aws {

// How a service wants its path: S3 takes it as it is, every other service's is normalised and encoded once more.
enum class PathForm { kAsIs, kNormalised };
inline PathForm path_form(std::string_view service) { return service == "s3" ? PathForm::kAsIs : PathForm::kNormalised; }

// `path` as in the request line, without the query. Normalised as botocore does it: without empty, "." and ".." segments.
std::string canonical_path(std::string_view path, PathForm form);

// The query's pairs, each encoded as RFC 3986 asks whatever was encoded before, sorted by name and then by value.
std::string canonical_query(std::string_view query);

// Appends a header's value without blanks around it, inner runs of blanks squeezed into one space.
void append_header_value(std::string& out, std::string_view value);

}  // namespace zeropull::aws
