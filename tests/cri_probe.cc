// cri_probe SOCKET COMMAND ...: a client of containerd's Kubernetes side (CRI v1), for the test scripts.
//   pull IMAGE | remove IMAGE | status IMAGE (prints its id; 1 when absent) | list (prints tags)
//   run IMAGE LOG_FOLDER [ARGS...]   runs it in a pod on the host's network; its output is in LOG_FOLDER/log; exits as it does.
//     The pod's cgroups lie below the one that the environment's CONTAINERD_NAMESPACE names.
#include <fmt/core.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/context.h"
#include "k8s/cri-api/runtime_v1.grpc.pb.h"

namespace zeropull {
namespace {

namespace cri = ::runtime::v1;

class Client {
 public:
  explicit Client(const std::string& socket)
      : channel_(grpc::CreateChannel("unix://" + socket, grpc::InsecureChannelCredentials())),
        images_(cri::ImageService::NewStub(channel_)),
        runtime_(cri::RuntimeService::NewStub(channel_)) {}

  Result<int> pull(const std::string& image) {
    cri::PullImageRequest request;
    request.mutable_image()->set_image(image);
    cri::PullImageResponse response;
    TRY(call("pull", [&](auto* context) { return images_->PullImage(context, request, &response); }));
    fmt::print("{}\n", response.image_ref());
    return 0;
  }

  Result<int> remove(const std::string& image) {
    cri::RemoveImageRequest request;
    request.mutable_image()->set_image(image);
    cri::RemoveImageResponse response;
    TRY(call("remove", [&](auto* context) { return images_->RemoveImage(context, request, &response); }));
    return 0;
  }

  Result<int> status(const std::string& image) {
    cri::ImageStatusRequest request;
    request.mutable_image()->set_image(image);
    cri::ImageStatusResponse response;
    TRY(call("status", [&](auto* context) { return images_->ImageStatus(context, request, &response); }));
    if (!response.has_image()) return 1;
    fmt::print("{}\n", response.image().id());
    return 0;
  }

  Result<int> list() {
    cri::ListImagesResponse response;
    TRY(call("list", [&](auto* context) { return images_->ListImages(context, {}, &response); }));
    for (const auto& image : response.images()) {
      for (const auto& tag : image.repo_tags()) fmt::print("{}\n", tag);
    }
    return 0;
  }

  Result<int> run(const std::string& image, const std::string& log_folder, const std::vector<std::string>& args) {
    cri::RunPodSandboxRequest pod;
    cri::PodSandboxConfig& config = *pod.mutable_config();
    config.mutable_metadata()->set_name("pod");
    config.mutable_metadata()->set_uid("uid");
    config.mutable_metadata()->set_namespace_("test");
    config.set_log_directory(log_folder);
    if (const char* test = std::getenv("CONTAINERD_NAMESPACE"))
      config.mutable_linux()->set_cgroup_parent(std::string("/") + test);
    config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(cri::NODE);
    cri::RunPodSandboxResponse sandbox;
    TRY(call("run pod", [&](auto* context) { return runtime_->RunPodSandbox(context, pod, &sandbox); }));
    auto exit_code = run_in(sandbox.pod_sandbox_id(), config, image, args);
    cri::StopPodSandboxRequest stop;
    stop.set_pod_sandbox_id(sandbox.pod_sandbox_id());
    cri::StopPodSandboxResponse stopped;
    TRY(call("stop pod", [&](auto* context) { return runtime_->StopPodSandbox(context, stop, &stopped); }));
    cri::RemovePodSandboxRequest removal;  // with its containers
    removal.set_pod_sandbox_id(sandbox.pod_sandbox_id());
    cri::RemovePodSandboxResponse removed;
    TRY(call("remove pod", [&](auto* context) { return runtime_->RemovePodSandbox(context, removal, &removed); }));
    return exit_code;
  }

 private:
  Result<int> run_in(const std::string& pod, const cri::PodSandboxConfig& pod_config, const std::string& image,
                     const std::vector<std::string>& args) {
    cri::CreateContainerRequest request;
    request.set_pod_sandbox_id(pod);
    *request.mutable_sandbox_config() = pod_config;
    cri::ContainerConfig& config = *request.mutable_config();
    config.mutable_metadata()->set_name("container");
    config.mutable_image()->set_image(image);
    config.set_log_path("log");
    config.mutable_args()->Assign(args.begin(), args.end());
    config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(cri::NODE);
    cri::CreateContainerResponse created;
    TRY(call("create container", [&](auto* context) { return runtime_->CreateContainer(context, request, &created); }));
    cri::StartContainerRequest start;
    start.set_container_id(created.container_id());
    cri::StartContainerResponse started;
    TRY(call("start container", [&](auto* context) { return runtime_->StartContainer(context, start, &started); }));
    cri::ContainerStatusRequest question;
    question.set_container_id(created.container_id());
    while (true) {
      cri::ContainerStatusResponse answer;
      TRY(call("container's status", [&](auto* context) { return runtime_->ContainerStatus(context, question, &answer); }));
      if (answer.status().state() == cri::CONTAINER_EXITED) return answer.status().exit_code();
      TRY(ctx_.sleep(std::chrono::milliseconds(20)));
    }
  }

  Result<void> call(const char* what, const std::function<grpc::Status(grpc::ClientContext*)>& method) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    grpc::Status status = method(&context);
    if (status.ok()) return {};
    return make_error(static_cast<Code>(status.error_code()), "{}: {}", what, status.error_message());
  }

  Context ctx_ = Context::root("cri", {}, std::chrono::minutes(2));
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<cri::ImageService::Stub> images_;
  std::unique_ptr<cri::RuntimeService::Stub> runtime_;
};

Result<int> execute(const std::vector<std::string>& words) {
  if (words.size() < 3) return make_error(Code::kInvalidArgument, "usage: cri_probe SOCKET COMMAND ...");
  Client client(words[1]);
  const std::string& command = words[2];
  if (command == "list") return client.list();
  if (words.size() < 4) return make_error(Code::kInvalidArgument, "{} takes an image", command);
  if (command == "pull") return client.pull(words[3]);
  if (command == "remove") return client.remove(words[3]);
  if (command == "status") return client.status(words[3]);
  if (command == "run" && words.size() >= 5) return client.run(words[3], words[4], {words.begin() + 5, words.end()});
  return make_error(Code::kInvalidArgument, "unknown command {}", command);
}

}  // namespace
}  // namespace zeropull

int main(int argc, char** argv) {
  auto result = zeropull::execute({argv, argv + argc});
  if (result.ok()) return *result;
  fmt::print(stderr, "cri_probe: {}\n", result.error().to_string());
  return 125;
}
