#include "agent/client.h"

#include <grpcpp/grpcpp.h>

#include "zeropull/agent/v1/agent.grpc.pb.h"

namespace zeropull::agent {

namespace {

namespace pb = ::zeropull::agent::v1;

AgentImage image_of(const pb::Image& image) {
  return {.reference = image.reference(),
          .manifest_digest = image.manifest_digest(),
          .chain_id = image.chain_id(),
          .config = image.config(),
          .source = image.source(),
          .unpacked_bytes = image.unpacked_bytes()};
}

class Client final : public AgentClient {
 public:
  explicit Client(const std::string& socket)
      : socket_(socket),
        channel_(grpc::CreateChannel("unix://" + socket, grpc::InsecureChannelCredentials())),
        stub_(pb::Agent::NewStub(channel_)) {}

  Result<AgentImage> ensure_image(const Context& ctx, const std::string& reference, bool plain_http,
                                  const artifact::Progress& progress) override {
    grpc::ClientContext call;
    std::stop_callback cancel(ctx.stop(), [&] { call.TryCancel(); });
    set_deadline(call, ctx);
    pb::EnsureImageRequest request;
    request.set_reference(reference);
    request.set_plain_http(plain_http);
    auto reader = stub_->EnsureImage(&call, request);
    pb::EnsureImageUpdate update;
    AgentImage image;
    while (reader->Read(&update)) {
      if (update.has_image()) {
        image = image_of(update.image());
      } else {
        progress({update.task(), update.done_bytes(), update.total_bytes(), update.finished()});
      }
    }
    TRY(check(reader->Finish()));
    if (image.manifest_digest.empty()) return make_error(Code::kInternal, "the agent answered without an image");
    return image;
  }

  Result<std::vector<AgentImage>> list_images(const Context& ctx) override {
    grpc::ClientContext call;
    set_deadline(call, ctx);
    pb::ListImagesResponse response;
    TRY(check(stub_->ListImages(&call, {}, &response)));
    std::vector<AgentImage> images;
    for (const auto& image : response.images()) images.push_back(image_of(image));
    return images;
  }

  Result<void> remove_image(const Context& ctx, const std::string& reference) override {
    grpc::ClientContext call;
    set_deadline(call, ctx);
    pb::RemoveImageRequest request;
    request.set_reference(reference);
    pb::RemoveImageResponse response;
    return check(stub_->RemoveImage(&call, request, &response));
  }

 private:
  static void set_deadline(grpc::ClientContext& call, const Context& ctx) {
    call.set_deadline(std::chrono::system_clock::now() + ctx.remaining());
  }
  Result<void> check(const grpc::Status& status) const {
    if (status.ok()) return {};
    // The agent's own answer may say so too, of a registry that cannot be reached.
    bool answered = channel_->GetState(false) == GRPC_CHANNEL_READY;
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE && !answered) {
      return make_error(Code::kUnavailable, "agent at {}: {} (does `zeropull agent` run there?)", socket_,
                        status.error_message());
    }
    return Error(static_cast<Code>(status.error_code()), status.error_message());
  }

  const std::string socket_;
  const std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<pb::Agent::Stub> stub_;
};

}  // namespace

std::unique_ptr<AgentClient> AgentClient::create(const std::string& socket) { return std::make_unique<Client>(socket); }

}  // namespace zeropull::agent
