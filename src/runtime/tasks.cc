#include "runtime/tasks.h"

#include <grpcpp/grpcpp.h>

#include "containerd/services/tasks/v1/tasks.grpc.pb.h"
#include "runtime/rpc.h"

namespace zeropull::runtime {

namespace tasks_api = containerd::services::tasks::v1;

namespace {

tasks_api::Tasks::Stub tasks_stub(const ContainerdClient& client) { return tasks_api::Tasks::Stub(client.connection().channel); }

}  // namespace

Result<std::uint32_t> Tasks::create(const Context& ctx, const NewTask& task) const {
  tasks_api::CreateTaskRequest request;
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
  tasks_api::CreateTaskResponse response;
  TRY(call(ctx, client_, {.what = fmt::format("create the task of container {}", task.container_id)},
           [&](grpc::ClientContext& context) { return tasks_stub(client_).Create(&context, request, &response); }));
  return response.pid();
}

Result<TaskState> Tasks::state(const Context& ctx, const std::string& container_id) const {
  tasks_api::GetRequest request;
  request.set_container_id(container_id);
  tasks_api::GetResponse response;
  TRY(call(ctx, client_, {.what = fmt::format("ask for the task of container {}", container_id)},
           [&](grpc::ClientContext& context) { return tasks_stub(client_).Get(&context, request, &response); }));
  const tasks_api::Process& process = response.process();
  TaskState state{.pid = process.pid(), .exit_code = process.exit_status()};
  if (process.status() == tasks_api::CREATED) state.status = TaskStatus::kCreated;
  if (process.status() == tasks_api::RUNNING) state.status = TaskStatus::kRunning;
  if (process.status() == tasks_api::STOPPED) state.status = TaskStatus::kStopped;
  return state;
}

Result<void> Tasks::start(const Context& ctx, const std::string& container_id) const {
  tasks_api::StartRequest request;
  request.set_container_id(container_id);
  tasks_api::StartResponse response;
  return call(ctx, client_, {.what = fmt::format("start container {}", container_id)},
              [&](grpc::ClientContext& context) { return tasks_stub(client_).Start(&context, request, &response); });
}

Result<std::uint32_t> Tasks::wait(const Context& ctx, const std::string& container_id) const {
  tasks_api::WaitRequest request;
  request.set_container_id(container_id);
  tasks_api::WaitResponse response;
  TRY(call(ctx, client_, {.what = fmt::format("wait for container {}", container_id), .timeout = Duration::max()},
           [&](grpc::ClientContext& context) { return tasks_stub(client_).Wait(&context, request, &response); }));
  return response.exit_status();
}

Result<void> Tasks::kill(const Context& ctx, const Kill& kill) const {
  tasks_api::KillRequest request;
  request.set_container_id(kill.container_id);
  request.set_signal(static_cast<std::uint32_t>(kill.signal));
  request.set_all(kill.whom == Kill::Whom::kAll);
  google::protobuf::Empty response;
  return call(ctx, client_, {.what = fmt::format("send signal {} to container {}", kill.signal, kill.container_id)},
              [&](grpc::ClientContext& context) { return tasks_stub(client_).Kill(&context, request, &response); });
}

Result<void> Tasks::close_input(const Context& ctx, const std::string& container_id) const {
  tasks_api::CloseIORequest request;
  request.set_container_id(container_id);
  request.set_stdin(true);
  google::protobuf::Empty response;
  return call(ctx, client_, {.what = fmt::format("close the input of container {}", container_id)},
              [&](grpc::ClientContext& context) { return tasks_stub(client_).CloseIO(&context, request, &response); });
}

Result<void> Tasks::remove(const Context& ctx, const std::string& container_id) const {
  tasks_api::DeleteTaskRequest request;
  request.set_container_id(container_id);
  tasks_api::DeleteResponse response;
  return call(ctx, client_, {.what = fmt::format("delete the task of container {}", container_id)},
              [&](grpc::ClientContext& context) { return tasks_stub(client_).Delete(&context, request, &response); });
}

}  // namespace zeropull::runtime
