#include "agent/control_proto.h"

#include <google/protobuf/stubs/common.h>

#include <cmath>
#include <set>

#include "agent/control_limits.h"
#include "zeropull/control/v1/control.pb.h"

namespace zeropull::agent {

namespace {

namespace pb = ::zeropull::control::v1;

// A string of protobuf's must be UTF-8; what containers print need not be.
std::string utf8(const std::string& text) {
  if (google::protobuf::internal::IsStructurallyValidUTF8(text.data(), static_cast<int>(text.size()))) return text;
  std::string out = text;
  for (char& c : out) {
    if ((static_cast<unsigned char>(c) & 0x80U) != 0) c = '?';
  }
  return out;
}

template <typename Out>
void add_all(const std::vector<std::string>& texts, Out* out) {
  for (const auto& text : texts) *out->Add() = utf8(text);
}

// ---- checks of what comes in ----

struct Field {
  std::string_view name;
  std::size_t max = kNameMax;
};

Result<std::string> text(const std::string& value, Field field) {
  if (value.size() <= field.max) return value;
  return make_error(Code::kInvalidArgument, "{}: {} bytes are more than {}", field.name, value.size(), field.max);
}

Result<std::string> id(const std::string& value, Field field) {
  if (value.empty()) return make_error(Code::kInvalidArgument, "{}: is empty", field.name);
  return text(value, field);
}

Result<void> count(int value, Field field) {
  if (static_cast<std::size_t>(value) <= field.max) return {};
  return make_error(Code::kInvalidArgument, "{}: {} are more than {}", field.name, value, field.max);
}

Result<double> amount(double value, Field field) {
  if (std::isfinite(value) && value >= 0) return value;
  return make_error(Code::kInvalidArgument, "{}: {} is no amount", field.name, value);
}

template <typename Texts>
Result<std::vector<std::string>> texts(const Texts& values, Field field) {
  TRY(count(values.size(), {field.name, kListedMax}));
  std::vector<std::string> out;
  for (const auto& value : values) {
    auto one = TRY(text(value, field));
    out.push_back(std::move(one));
  }
  return out;
}

// ---- desired, out ----

void to_proto(const Endpoint& endpoint, pb::Endpoint& out) {
  out.set_uid(endpoint.uid);
  out.set_account(endpoint.account);
  out.set_key(endpoint.key.reveal());
  out.set_store_url(endpoint.store_url);
  add_all(endpoint.volumes, out.mutable_volumes());
  out.set_image_cache(endpoint.image_cache == Caching::kOn);
  out.set_model_cache(endpoint.model_cache == Caching::kOn);
  add_all(endpoint.router_addresses, out.mutable_router_addresses());
  add_all(endpoint.denied_networks, out.mutable_denied_networks());
  add_all(endpoint.allowed_addresses, out.mutable_allowed_addresses());
  for (const auto& registry : endpoint.registries) {
    auto& to = *out.add_registries();
    to.set_host(registry.host);
    to.set_username(registry.username);
    to.set_password(registry.password.reveal());
    to.set_plain_http(registry.transport == RegistryAccess::Transport::kPlain);
    add_all(registry.mirrors, to.mutable_mirrors());
    to.mutable_aws()->set_access_key_id(registry.aws.access_key_id);
    to.mutable_aws()->set_secret_access_key(registry.aws.secret_access_key.reveal());
    to.mutable_aws()->set_session_token(registry.aws.session_token.reveal());
    to.mutable_aws()->set_ecr_endpoint_url(registry.aws.endpoint_url);
  }
  out.set_disk_budget_bytes(endpoint.disk_budget_bytes);
  out.set_link_bits_per_s(endpoint.link_bits_per_s);
}

void to_proto(const DesiredModel& model, pb::Model& out) {
  out.set_identity(model.identity);
  out.set_uri(model.uri);
  out.set_prefix(model.type == DesiredModel::Type::kPrefix);
  out.set_gzip(model.compression == DesiredModel::Compression::kGzip);
  auto& s3 = *out.mutable_s3();
  s3.set_endpoint_url(model.s3.endpoint_url);
  s3.set_region(model.s3.region);
  s3.set_access_key_id(model.s3.access_key_id);
  s3.set_secret_access_key(model.s3.secret_access_key.reveal());
  s3.set_session_token(model.s3.session_token.reveal());
  add_all(model.allowed_folders, out.mutable_allowed_folders());
  out.set_download_timeout_s(static_cast<std::uint32_t>(model.download_timeout.count()));
  out.set_keep(model.retention == DesiredModel::Retention::kKeep);
}

void to_proto(const Copy& copy, pb::Copy& out) {
  out.set_id(copy.id);
  out.set_component(copy.component);
  out.set_image(copy.image);
  for (const auto& [name, value] : copy.environment) (*out.mutable_environment())[utf8(name)] = utf8(value);
  add_all(copy.arguments, out.mutable_arguments());
  out.mutable_resources()->set_cpu_cores(copy.resources.cpu_cores);
  out.mutable_resources()->set_memory_limit_bytes(copy.resources.memory_limit_bytes);
  for (auto device : copy.resources.accelerators) out.mutable_resources()->add_accelerators(device);
  if (copy.model) to_proto(*copy.model, *out.mutable_model());
  auto& probe = *out.mutable_probe();
  probe.set_start_timeout_s(static_cast<std::uint32_t>(copy.probe.start_timeout.count()));
  probe.set_warm_up_path(copy.probe.warm_up_path);
  probe.set_warm_up_body(utf8(copy.probe.warm_up_body));
  probe.set_warm_up_content_type(copy.probe.warm_up_content_type);
  probe.set_crashes_max(copy.probe.crashes_max);
  out.set_outbound(copy.outbound == Outbound::kAllowed);
  out.set_host_name(copy.host_name);
}

// ---- desired, in ----

Result<RegistryAccess> parse(const pb::RegistryAccess& in) {
  RegistryAccess registry;
  registry.host = TRY(id(in.host(), {"registry"}));
  registry.username = TRY(text(in.username(), {"registry's username", kReasonMax}));
  auto password = TRY(text(in.password(), {"registry's password", kReasonMax}));
  registry.password = Secret(std::move(password));
  registry.transport = in.plain_http() ? RegistryAccess::Transport::kPlain : RegistryAccess::Transport::kTls;
  registry.mirrors = TRY(texts(in.mirrors(), {"registry's mirror"}));
  registry.aws.access_key_id = TRY(text(in.aws().access_key_id(), {"registry's AWS key", kReasonMax}));
  auto secret = TRY(text(in.aws().secret_access_key(), {"registry's AWS secret", kReasonMax}));
  registry.aws.secret_access_key = Secret(std::move(secret));
  auto session = TRY(text(in.aws().session_token(), {"registry's AWS session", kReasonMax}));
  registry.aws.session_token = Secret(std::move(session));
  registry.aws.endpoint_url = TRY(text(in.aws().ecr_endpoint_url(), {"registry's ECR endpoint"}));
  return registry;
}

Result<Endpoint> parse(const pb::Endpoint& in) {
  Endpoint endpoint;
  endpoint.uid = TRY(id(in.uid(), {"endpoint's uid"}));
  endpoint.account = TRY(id(in.account(), {"account"}));
  if (in.key().size() != kEndpointKeySize) {
    return make_error(Code::kInvalidArgument, "endpoint's key: {} bytes are not {}", in.key().size(), kEndpointKeySize);
  }
  endpoint.key = Secret(in.key());
  endpoint.store_url = TRY(text(in.store_url(), {"store"}));
  endpoint.volumes = TRY(texts(in.volumes(), {"volume"}));
  endpoint.image_cache = in.image_cache() ? Caching::kOn : Caching::kOff;
  endpoint.model_cache = in.model_cache() ? Caching::kOn : Caching::kOff;
  endpoint.router_addresses = TRY(texts(in.router_addresses(), {"router's address"}));
  endpoint.denied_networks = TRY(texts(in.denied_networks(), {"denied network"}));
  endpoint.allowed_addresses = TRY(texts(in.allowed_addresses(), {"allowed address"}));
  TRY(count(in.registries_size(), {"registries", kListedMax}));
  for (const auto& registry : in.registries()) {
    auto one = TRY(parse(registry));
    endpoint.registries.push_back(std::move(one));
  }
  endpoint.disk_budget_bytes = in.disk_budget_bytes();
  endpoint.link_bits_per_s = in.link_bits_per_s();
  return endpoint;
}

Result<S3Access> parse(const pb::S3Access& in) {
  S3Access s3;
  s3.endpoint_url = TRY(text(in.endpoint_url(), {"S3 endpoint"}));
  s3.region = TRY(text(in.region(), {"S3 region"}));
  s3.access_key_id = TRY(text(in.access_key_id(), {"S3 access key"}));
  auto secret = TRY(text(in.secret_access_key(), {"S3 secret"}));
  s3.secret_access_key = Secret(std::move(secret));
  auto token = TRY(text(in.session_token(), {"S3 session token", kReasonMax}));
  s3.session_token = Secret(std::move(token));
  return s3;
}

Result<DesiredModel> parse(const pb::Model& in) {
  DesiredModel model;
  model.identity = TRY(text(in.identity(), {"model's identity"}));
  model.uri = TRY(text(in.uri(), {"model's uri", kReasonMax}));
  model.type = in.prefix() ? DesiredModel::Type::kPrefix : DesiredModel::Type::kObject;
  model.compression = in.gzip() ? DesiredModel::Compression::kGzip : DesiredModel::Compression::kNone;
  model.s3 = TRY(parse(in.s3()));
  model.allowed_folders = TRY(texts(in.allowed_folders(), {"allowed folder"}));
  model.download_timeout = std::chrono::seconds(in.download_timeout_s());
  model.retention = in.keep() ? DesiredModel::Retention::kKeep : DesiredModel::Retention::kWithCopy;
  return model;
}

Result<Probe> parse(const pb::Probe& in) {
  Probe probe;
  probe.start_timeout = std::chrono::seconds(in.start_timeout_s());
  probe.warm_up_path = TRY(text(in.warm_up_path(), {"warm-up path"}));
  probe.warm_up_body = TRY(text(in.warm_up_body(), {"warm-up body", kValueMax}));
  probe.warm_up_content_type = TRY(text(in.warm_up_content_type(), {"warm-up content type"}));
  if (in.crashes_max() == 0) return make_error(Code::kInvalidArgument, "crashes_max is 0");
  probe.crashes_max = in.crashes_max();
  return probe;
}

Result<Copy> parse(const pb::Copy& in) {
  Copy copy;
  copy.id = TRY(id(in.id(), {"copy"}));
  copy.component = TRY(text(in.component(), {"component"}));
  copy.image = TRY(id(in.image(), {"image"}));
  TRY(count(static_cast<int>(in.environment_size()), {"environment", kListedMax}));
  for (const auto& [name, value] : in.environment()) {
    auto checked_name = TRY(id(name, {"environment's name"}));
    auto checked_value = TRY(text(value, {"environment's value", kValueMax}));
    copy.environment.emplace(std::move(checked_name), std::move(checked_value));
  }
  copy.arguments = TRY(texts(in.arguments(), {"argument", kValueMax}));
  copy.resources.cpu_cores = TRY(amount(in.resources().cpu_cores(), {"cpu_cores"}));
  copy.resources.memory_limit_bytes = in.resources().memory_limit_bytes();
  TRY(count(in.resources().accelerators_size(), {"accelerators", kNameMax}));
  copy.resources.accelerators.assign(in.resources().accelerators().begin(), in.resources().accelerators().end());
  if (in.has_model()) copy.model = TRY(parse(in.model()));
  if (in.has_probe()) copy.probe = TRY(parse(in.probe()));
  copy.outbound = in.outbound() ? Outbound::kAllowed : Outbound::kOff;
  copy.host_name = TRY(text(in.host_name(), {"host name"}));
  return copy;
}

// ---- reported ----

void to_proto(const CopyReport& copy, pb::CopyReport& out) {
  out.set_id(copy.id);
  out.set_state(static_cast<pb::CopyState>(static_cast<int>(copy.state) + pb::COPY_STATE_PREPARING));
  out.set_reason(utf8(copy.reason));
  out.set_address(copy.address);
  for (const auto& phase : copy.phases) {
    auto& to = *out.add_phases();
    to.set_name(phase.name);
    to.set_begin_unix_ms(phase.begin_unix_ms);
    to.set_end_unix_ms(phase.end_unix_ms);
    to.set_bytes(phase.bytes);
    to.set_total_bytes(phase.total_bytes);
    to.set_source(utf8(phase.source));
    to.set_reason(utf8(phase.reason));
  }
  out.set_model_identity(copy.model_identity);
  out.set_image_digest(copy.image_digest);
  out.set_crashes(copy.crashes);
  out.set_log_tail(utf8(copy.log_tail));
  out.set_cpu_seconds(copy.cpu_seconds);
  out.set_memory_bytes(copy.memory_bytes);
}

static_assert(static_cast<int>(CopyState::kFailed) + pb::COPY_STATE_PREPARING == pb::COPY_STATE_FAILED);

Result<Phase> parse(const pb::Phase& in) {
  Phase phase;
  phase.name = TRY(id(in.name(), {"phase"}));
  phase.begin_unix_ms = in.begin_unix_ms();
  phase.end_unix_ms = in.end_unix_ms();
  phase.bytes = in.bytes();
  phase.total_bytes = in.total_bytes();
  phase.source = TRY(text(in.source(), {"phase's source"}));
  phase.reason = TRY(text(in.reason(), {"phase's reason", kReasonMax}));
  return phase;
}

Result<CopyReport> parse(const pb::CopyReport& in) {
  CopyReport copy;
  copy.id = TRY(id(in.id(), {"copy"}));
  if (in.state() < pb::COPY_STATE_PREPARING || in.state() > pb::COPY_STATE_FAILED) {
    return make_error(Code::kInvalidArgument, "copy {}: unknown state {}", copy.id, static_cast<int>(in.state()));
  }
  copy.state = static_cast<CopyState>(in.state() - pb::COPY_STATE_PREPARING);
  copy.reason = TRY(text(in.reason(), {"copy's reason", kReasonMax}));
  copy.address = TRY(text(in.address(), {"copy's address"}));
  TRY(count(in.phases_size(), {"phases", kPhasesMax}));
  for (const auto& phase : in.phases()) {
    auto one = TRY(parse(phase));
    copy.phases.push_back(std::move(one));
  }
  copy.model_identity = TRY(text(in.model_identity(), {"model's identity"}));
  copy.image_digest = TRY(text(in.image_digest(), {"image's digest"}));
  copy.crashes = in.crashes();
  copy.log_tail = TRY(text(in.log_tail(), {"copy's log", kReasonMax}));
  copy.cpu_seconds = TRY(amount(in.cpu_seconds(), {"cpu_seconds"}));
  copy.memory_bytes = in.memory_bytes();
  return copy;
}

Result<CachedArtifact> parse(const pb::CachedArtifact& in) {
  CachedArtifact artifact;
  if (in.kind() != pb::CachedArtifact::KIND_IMAGE && in.kind() != pb::CachedArtifact::KIND_MODEL) {
    return make_error(Code::kInvalidArgument, "cached artifact of unknown kind {}", static_cast<int>(in.kind()));
  }
  artifact.kind = in.kind() == pb::CachedArtifact::KIND_IMAGE ? CachedArtifact::Kind::kImage : CachedArtifact::Kind::kModel;
  artifact.identity = TRY(id(in.identity(), {"cached artifact"}));
  artifact.bytes = in.bytes();
  artifact.published = in.published() ? CachedArtifact::Published::kYes : CachedArtifact::Published::kNo;
  return artifact;
}

}  // namespace

void to_proto(const DesiredState& desired, pb::DesiredState& out) {
  out.set_generation(desired.generation);
  if (desired.endpoint) to_proto(*desired.endpoint, *out.mutable_endpoint());
  for (const auto& copy : desired.copies) to_proto(copy, *out.add_copies());
  add_all(desired.keep_models, out.mutable_keep_models());
  add_all(desired.keep_images, out.mutable_keep_images());
}

Result<DesiredState> from_proto(const pb::DesiredState& in) {
  DesiredState desired;
  desired.generation = in.generation();
  if (in.has_endpoint()) desired.endpoint = TRY(parse(in.endpoint()));
  TRY(count(in.copies_size(), {"copies", kCopiesMax}));
  std::set<std::string_view> ids;
  for (const auto& copy : in.copies()) {
    if (!ids.insert(copy.id()).second) return make_error(Code::kInvalidArgument, "copy {} is there twice", copy.id());
    auto one = TRY(parse(copy));
    desired.copies.push_back(std::move(one));
  }
  desired.keep_models = TRY(texts(in.keep_models(), {"kept model"}));
  desired.keep_images = TRY(texts(in.keep_images(), {"kept image"}));
  return desired;
}

void to_proto(const Machine& machine, pb::Machine& out) {
  out.set_host_name(utf8(machine.host_name));
  out.set_address(machine.address);
  out.set_instance_type(utf8(machine.instance_type));
  out.set_cpu_cores(machine.cpu_cores);
  out.set_memory_bytes(machine.memory_bytes);
  out.set_accelerators(machine.accelerators);
  out.set_disk_bytes(machine.disk_bytes);
}

Result<Machine> from_proto(const pb::Machine& in) {
  Machine machine;
  machine.host_name = TRY(text(in.host_name(), {"machine's host name"}));
  machine.address = TRY(text(in.address(), {"machine's address"}));
  machine.instance_type = TRY(text(in.instance_type(), {"machine's instance type"}));
  machine.cpu_cores = TRY(amount(in.cpu_cores(), {"machine's cores"}));
  machine.memory_bytes = in.memory_bytes();
  machine.accelerators = in.accelerators();
  machine.disk_bytes = in.disk_bytes();
  return machine;
}

void to_proto(const Report& report, pb::Report& out) {
  out.set_generation(report.generation);
  for (const auto& copy : report.copies) to_proto(copy, *out.add_copies());
  for (const auto& artifact : report.artifacts) {
    auto& to = *out.add_artifacts();
    to.set_kind(artifact.kind == CachedArtifact::Kind::kImage ? pb::CachedArtifact::KIND_IMAGE : pb::CachedArtifact::KIND_MODEL);
    to.set_identity(artifact.identity);
    to.set_bytes(artifact.bytes);
    to.set_published(artifact.published == CachedArtifact::Published::kYes);
  }
  out.set_disk_used_bytes(report.disk_used_bytes);
  out.set_disk_budget_bytes(report.disk_budget_bytes);
  out.set_wiped(report.wiped == Report::Wiped::kYes);
  out.set_wipe_proof(report.wipe_proof);
  out.set_error(utf8(report.error));
  add_all(report.withdrawn_volumes, out.mutable_withdrawn_volumes());
  out.set_boot_id(report.boot_id);
  to_proto(report.machine, *out.mutable_machine());
}

Result<Report> from_proto(const pb::Report& in) {
  Report report;
  report.generation = in.generation();
  TRY(count(in.copies_size(), {"copies", kCopiesMax}));
  std::set<std::string_view> ids;
  for (const auto& copy : in.copies()) {
    if (!ids.insert(copy.id()).second) return make_error(Code::kInvalidArgument, "copy {} is there twice", copy.id());
    auto one = TRY(parse(copy));
    report.copies.push_back(std::move(one));
  }
  TRY(count(in.artifacts_size(), {"artifacts", kArtifactsMax}));
  for (const auto& artifact : in.artifacts()) {
    auto one = TRY(parse(artifact));
    report.artifacts.push_back(std::move(one));
  }
  report.disk_used_bytes = in.disk_used_bytes();
  report.disk_budget_bytes = in.disk_budget_bytes();
  report.wiped = in.wiped() ? Report::Wiped::kYes : Report::Wiped::kNo;
  report.wipe_proof = TRY(text(in.wipe_proof(), {"wipe proof"}));
  report.error = TRY(text(in.error(), {"error", kReasonMax}));
  report.withdrawn_volumes = TRY(texts(in.withdrawn_volumes(), {"withdrawn volume"}));
  report.boot_id = TRY(text(in.boot_id(), {"boot id"}));
  report.machine = TRY(from_proto(in.machine()));
  return report;
}

}  // namespace zeropull::agent
