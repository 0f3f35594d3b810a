// The XML that an S3 server answers with, read with expat within limits: a page of ListObjectsV2 and an error. Document types and
// entities of their own are refused. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zeropull::origin {

struct S3Object {
  std::string key;
  std::uint64_t size = 0;
  std::string etag;  // with its quotes; "" where the server has none
};

struct S3ListPage {
  std::vector<S3Object> objects;
  std::optional<std::string> next;  // continuation token; nullopt on the last page
};

// kDataLoss for what is no such page.
Result<S3ListPage> parse_list_page(std::string_view xml);

struct S3Error {
  std::string code;     // "NoSuchKey"
  std::string message;  // of the server
};
// nullopt for what is no such error: a proxy's page, an empty body.
std::optional<S3Error> parse_s3_error(std::string_view xml);

}  // namespace zeropull::origin
