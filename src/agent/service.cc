#include "agent/service.h"

#include <grpcpp/grpcpp.h>

#include <mutex>

#include "agent/log.h"
#include "zeropull/agent/v1/agent.grpc.pb.h"

namespace zeropull::agent {

namespace {

namespace pb = ::zeropull::agent::v1;

// Our codes have gRPC's numbers.
grpc::Status status_of(const Error& error) { return {static_cast<grpc::StatusCode>(error.code()), error.message()}; }

// A context that ends with the call: its deadline, and the client's going away.
class CallContext {
 public:
  explicit CallContext(grpc::ServerContext& call)
      : call_(call), context_(Context::root("agent-service", stop_.get_token(), std::chrono::hours(6))) {
    auto deadline = call.deadline() - std::chrono::system_clock::now();
    if (deadline < std::chrono::hours(6)) context_ = context_.with_timeout(deadline);
  }
  const Context& context() const { return context_; }
  // Called where progress is reported: gRPC tells of a lost client only when it is asked.
  void stop_when_abandoned() {
    if (call_.IsCancelled()) stop_.request_stop();
  }

 private:
  grpc::ServerContext& call_;
  std::stop_source stop_;
  Context context_;
};

void fill(pb::Image& out, const FoundImage& found, const std::string& reference) {
  const auto& image = found.artifact->image();
  out.set_reference(reference);
  out.set_manifest_digest(image.manifest_digest.text());
  if (!image.layers.empty()) out.set_chain_id(image.layers.back().chain_id.text());
  out.set_config(image.config);
  out.set_source(std::string(source_name(found.source)));
  std::uint64_t unpacked = 0;
  for (const auto& layer : image.layers) unpacked += layer.expanded_size;
  out.set_unpacked_bytes(unpacked);
}

class Service final : public AgentService, private pb::Agent::Service {
 public:
  Service(ImageCatalog& catalog, std::function<Result<std::vector<ChainId>>()> chains_in_use)
      : catalog_(catalog), chains_in_use_(std::move(chains_in_use)) {}
  grpc::Service& service() override { return *this; }

 private:
  grpc::Status GetImage(grpc::ServerContext*, const pb::GetImageRequest* request, pb::Image* response) override {
    auto reference = oci::parse_image_name(request->reference());
    if (!reference.ok()) return status_of(reference.error());
    auto found = catalog_.find_reference(*reference);
    if (!found) return {grpc::StatusCode::NOT_FOUND, "no image " + request->reference() + " on this instance or its volumes"};
    fill(*response, *found, request->reference());
    return grpc::Status::OK;
  }

  grpc::Status EnsureImage(grpc::ServerContext* call, const pb::EnsureImageRequest* request,
                           grpc::ServerWriter<pb::EnsureImageUpdate>* writer) override {
    CallContext context(*call);
    std::mutex writing;
    auto progress = [&](const artifact::ProgressEvent& event) {
      std::lock_guard lock(writing);
      context.stop_when_abandoned();
      pb::EnsureImageUpdate update;
      update.set_task(event.task);
      update.set_done_bytes(event.done_bytes);
      update.set_total_bytes(event.total_bytes);
      update.set_finished(event.finished);
      writer->Write(update);
    };
    auto found = catalog_.ensure(context.context(), {request->reference(), request->plain_http()}, progress);
    if (!found.ok()) {
      LOG_WARN(kLog, "image {}: {}", request->reference(), found.error().to_string());
      return status_of(found.error());
    }
    pb::EnsureImageUpdate last;
    fill(*last.mutable_image(), *found, request->reference());
    std::lock_guard lock(writing);
    writer->Write(last);
    return grpc::Status::OK;
  }

  grpc::Status ListImages(grpc::ServerContext*, const pb::ListImagesRequest*, pb::ListImagesResponse* response) override {
    for (const auto& found : catalog_.images()) {
      const auto& references = found.artifact->image().references;
      fill(*response->add_images(), found, references.empty() ? std::string() : references.back().reference);
    }
    return grpc::Status::OK;
  }

  grpc::Status RemoveImage(grpc::ServerContext*, const pb::RemoveImageRequest* request, pb::RemoveImageResponse*) override {
    auto reference = oci::parse_image_name(request->reference());
    if (!reference.ok()) return status_of(reference.error());
    auto chains = chains_in_use_();
    if (!chains.ok()) return status_of(chains.error());
    auto removed = catalog_.remove(*reference, *chains);
    return removed.ok() ? grpc::Status::OK : status_of(removed.error());
  }

  ImageCatalog& catalog_;
  const std::function<Result<std::vector<ChainId>>()> chains_in_use_;
};

}  // namespace

std::unique_ptr<AgentService> AgentService::create(ImageCatalog& catalog,
                                                   std::function<Result<std::vector<ChainId>>()> chains_in_use) {
  return std::make_unique<Service>(catalog, std::move(chains_in_use));
}

}  // namespace zeropull::agent
