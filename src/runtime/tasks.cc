#include "runtime/tasks.h"

#include <grpcpp/grpcpp.h>

#include "containerd/services/tasks/v1/tasks.grpc.pb.h"
#include "runtime/rpc.h"

namespace zeropull::runtime {

namespace api = containerd::services::tasks::v1;

namespace {

api::Tasks::Stub stub(const ContainerdClient& client) { return api::Tasks::Stub(client.connection().channel); }

}  // namespace

Result<std::uint32_t> Tasks::create(const Context& ctx, const NewTask& task) const {
  api::CreateTaskRequest request;
  request.set_container_id(task.container_id);
  for (const Mount& mount : task.rootfs) {
    auto& root = *request.add_rootfs();
    root.set_type(mount.type);
    root.set_source(mount.source);
    root.mutable_options()->Assign(mount.options.begin(), mount.options.end());
  }
  request.set_stdin(task.standard_input);
  request.set_stdout(task.standard_output);
  request.set_stderr(task.standard_error);
  api::CreateTaskResponse response;
  TRY(call(ctx, client_, {.what = fmt::format("create the task of container {}", task.container_id)},
           [&](grpc::ClientContext& context) { return stub(client_).Create(&context, request, &response); }));
  return response.pid();
}

Result<TaskState> Tasks::state(const Context& ctx, const std::string& container_id) const {
  api::GetRequest request;
  request.set_container_id(container_id);
  api::GetResponse response;
  TRY(call(ctx, client_, {.what = fmt::format("ask for the task of container {}", container_id)},
           [&](grpc::ClientContext& context) { return stub(client_).Get(&context, request, &response); }));
  const api::Process& process = response.process();
  TaskState state{.pid = process.pid(), .exit_code = process.exit_status()};
  if (process.status() == api::CREATED) state.status = TaskStatus::kCreated;
  if (process.status() == api::RUNNING) state.status = TaskStatus::kRunning;
  if (process.status() == api::STOPPED) state.status = TaskStatus::kStopped;
  return state;
}

Result<void> Tasks::start(const Context& ctx, const std::string& container_id) const {
  api::StartRequest request;
  request.set_container_id(container_id);
  api::StartResponse response;
  return call(ctx, client_, {.what = fmt::format("start container {}", container_id)},
              [&](grpc::ClientContext& context) { return stub(client_).Start(&context, request, &response); });
}

Result<std::uint32_t> Tasks::wait(const Context& ctx, const std::string& container_id) const {
  api::WaitRequest request;
  request.set_container_id(container_id);
  api::WaitResponse response;
  TRY(call(ctx, client_, {.what = fmt::format("wait for container {}", container_id), .timeout = Duration::max()},
           [&](grpc::ClientContext& context) { return stub(client_).Wait(&context, request, &response); }));
  return response.exit_status();
}

Result<void> Tasks::kill(const Context& ctx, const Kill& kill) const {
  api::KillRequest request;
  request.set_container_id(kill.container_id);
  request.set_signal(static_cast<std::uint32_t>(kill.signal));
  request.set_all(kill.whom == Kill::Whom::kAll);
  google::protobuf::Empty response;
  return call(ctx, client_, {.what = fmt::format("send signal {} to container {}", kill.signal, kill.container_id)},
              [&](grpc::ClientContext& context) { return stub(client_).Kill(&context, request, &response); });
}

Result<void> Tasks::close_input(const Context& ctx, const std::string& container_id) const {
  api::CloseIORequest request;
  request.set_container_id(container_id);
  request.set_stdin(true);
  google::protobuf::Empty response;
  return call(ctx, client_, {.what = fmt::format("close the input of container {}", container_id)},
              [&](grpc::ClientContext& context) { return stub(client_).CloseIO(&context, request, &response); });
}

Result<void> Tasks::remove(const Context& ctx, const std::string& container_id) const {
  api::DeleteTaskRequest request;
  request.set_container_id(container_id);
  api::DeleteResponse response;
  return call(ctx, client_, {.what = fmt::format("delete the task of container {}", container_id)},
              [&](grpc::ClientContext& context) { return stub(client_).Delete(&context, request, &response); });
}

}  // namespace zeropull::runtime
