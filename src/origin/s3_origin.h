// Models in S3-compatible stores: s3://bucket/key and s3://bucket/prefix/.
#pragma once

#include "origin/origin.h"

namespace zeropull::origin {

Result<std::unique_ptr<ModelOrigin>> open_s3_origin(const ModelLocation& location, const OriginAccess& access);

}  // namespace zeropull::origin
