// Models behind a URL: one file on an https server, or on an http server whose address the operator excepts.
#pragma once

#include "origin/origin.h"

namespace zeropull::origin {

Result<std::unique_ptr<ModelOrigin>> open_https_origin(const ModelLocation& location, const OriginAccess& access);

}  // namespace zeropull::origin
