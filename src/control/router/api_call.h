// An API request on its way to the blocking handler and its answer back to the session, if that still exists.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "control/router/http1.h"
#include "control/router/worker.h"

namespace zeropull::router {

// kResourceExhausted when no worker and no place in the queue is free. The answer comes by Worker::deliver() with a string body.
Result<void> post_api_call(Worker& worker, std::uint64_t session_id, const MessageHead& head, std::string body, std::string peer);

}  // namespace zeropull::router
