#include "runtime/events.h"

#include <grpcpp/grpcpp.h>

#include "containerd/events/task.pb.h"
#include "containerd/services/events/v1/events.grpc.pb.h"
#include "runtime/log.h"
#include "runtime/rpc.h"

namespace zeropull::runtime {

namespace events_api = containerd::services::events::v1;

Result<void> watch_task_exits(const Context& ctx, const ContainerdClient& client,
                              const std::function<void(const TaskExit&)>& on_exit) {
  events_api::SubscribeRequest request;
  request.add_filters(fmt::format("topic==\"/tasks/exit\",namespace==\"{}\"", client.containerd_namespace()));
  auto watch = [&](grpc::ClientContext& context) {
    auto reader = events_api::Events::Stub(client.connection().channel).Subscribe(&context, request);
    for (events_api::Envelope envelope; reader->Read(&envelope);) {
      containerd::events::TaskExit exit;
      if (!exit.ParseFromString(envelope.event().value())) {
        LOG_WARN(kLog, "drop an event of containerd's that is no task exit: {}", envelope.event().type_url());
        continue;
      }
      on_exit({.container_id = exit.container_id(), .exec_id = exit.id(), .pid = exit.pid(), .exit_status = exit.exit_status()});
    }
    return reader->Finish();
  };
  TRY(call(ctx, client, {.what = "watch tasks", .timeout = Duration::max()}, watch));
  return make_error(Code::kUnavailable, "watch tasks: containerd ended the stream");
}

}  // namespace zeropull::runtime
