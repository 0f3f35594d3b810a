#include "origin/origin.h"

#include "origin/file_origin.h"
#include "origin/https_origin.h"
#include "origin/s3_origin.h"

namespace zeropull::origin {

Result<std::unique_ptr<ModelOrigin>> open_origin(const ModelLocation& location, const OriginAccess& access) {
  const std::string_view uri = location.uri;
  if (uri.starts_with("s3://")) return open_s3_origin(location, access);
  if (uri.starts_with("https://") || uri.starts_with("http://")) return open_https_origin(location, access);
  if (uri.starts_with("file://")) return open_file_origin(location, access);
  return make_error(Code::kInvalidArgument, "\"{}\" begins with none of s3://, https:// and file://", uri.substr(0, 200));
}

}  // namespace zeropull::origin
