#include "control/server/admin.h"

#include <grpcpp/grpcpp.h>

#include "control/server/log.h"
#include "zeropull/control/v1/admin.grpc.pb.h"

namespace zeropull::server {

namespace {

constexpr Duration kCallTimeout = std::chrono::seconds(30);
constexpr std::uint32_t kTokenLifetimeMax_s = 7 * 24 * 3600;
namespace pb = ::zeropull::control::v1;

grpc::Status status_of(const Error& error) { return {static_cast<grpc::StatusCode>(error.code()), error.message()}; }

void fill(pb::AccessKey& out, const state::AccessKey& key) {
  out.set_access_key_id(key.id);
  out.set_account(key.account);
  out.set_name(key.name);
  out.set_created_unix_ms(key.created);
  out.set_revoked_unix_ms(key.revoked);
}

state::AccessKey key_of(const pb::AccessKey& key) {
  state::AccessKey out;
  out.id = key.access_key_id();
  out.account = key.account();
  out.name = key.name();
  out.created = key.created_unix_ms();
  out.revoked = key.revoked_unix_ms();
  return out;
}

class Service final : public AdminService, private pb::Admin::Service {
 public:
  explicit Service(AdminParts parts) : parts_(std::move(parts)) {}
  grpc::Service& service() override { return *this; }

 private:
  static Context context() { return Context::root("admin", {}, kCallTimeout); }

  grpc::Status CreateAccessKey(grpc::ServerContext*, const pb::CreateAccessKeyRequest* request,
                               pb::AccessKey* response) override {
    auto made = parts_.keys.create(context(), request->account(), request->name());
    if (!made.ok()) return status_of(made.error());
    fill(*response, made->key);
    response->set_secret_access_key(made->secret.reveal());
    LOG_INFO(kLog, "access key {} made for account {}", made->key.id, made->key.account);
    return grpc::Status::OK;
  }

  grpc::Status ListAccessKeys(grpc::ServerContext*, const pb::ListAccessKeysRequest*,
                              pb::ListAccessKeysResponse* response) override {
    for (const auto& key : parts_.state.view().access_keys()) fill(*response->add_keys(), *key);
    return grpc::Status::OK;
  }

  grpc::Status RevokeAccessKey(grpc::ServerContext*, const pb::RevokeAccessKeyRequest* request,
                               pb::RevokeAccessKeyResponse*) override {
    auto revoked = parts_.keys.revoke(context(), request->access_key_id());
    if (!revoked.ok()) return status_of(revoked.error());
    LOG_INFO(kLog, "access key {} revoked", request->access_key_id());
    return grpc::Status::OK;
  }

  grpc::Status CreateJoinToken(grpc::ServerContext*, const pb::CreateJoinTokenRequest* request,
                               pb::JoinToken* response) override {
    auto lifetime_s = request->lifetime_s() == 0 ? 3600 : request->lifetime_s();
    if (lifetime_s > kTokenLifetimeMax_s) {
      return {grpc::StatusCode::INVALID_ARGUMENT, fmt::format("a token lives for at most {} s", kTokenLifetimeMax_s)};
    }
    auto issued = parts_.issue_join_token(context(), std::chrono::seconds(lifetime_s));
    if (!issued.ok()) return status_of(issued.error());
    response->set_token(issued->token.reveal());
    response->set_authority_pem(issued->authority_pem);
    response->set_control_address(issued->control_address);
    return grpc::Status::OK;
  }

  AdminParts parts_;
};

class Client final : public AdminClient {
 public:
  explicit Client(const std::string& socket)
      : socket_(socket), stub_(pb::Admin::NewStub(grpc::CreateChannel("unix://" + socket, grpc::InsecureChannelCredentials()))) {}

  Result<NewAccessKey> create_access_key(const Context& ctx, const std::string& account, const std::string& name) override {
    pb::CreateAccessKeyRequest request;
    request.set_account(account);
    request.set_name(name);
    auto answer = TRY(call<pb::AccessKey>(ctx, &pb::Admin::Stub::CreateAccessKey, request));
    NewAccessKey made;
    made.key = key_of(answer);
    made.secret = Secret(answer.secret_access_key());
    return made;
  }

  Result<std::vector<state::AccessKey>> list_access_keys(const Context& ctx) override {
    auto answer = TRY(call<pb::ListAccessKeysResponse>(ctx, &pb::Admin::Stub::ListAccessKeys, pb::ListAccessKeysRequest()));
    std::vector<state::AccessKey> keys;
    for (const auto& key : answer.keys()) keys.push_back(key_of(key));
    return keys;
  }

  Result<void> revoke_access_key(const Context& ctx, const std::string& id) override {
    pb::RevokeAccessKeyRequest request;
    request.set_access_key_id(id);
    TRY(call<pb::RevokeAccessKeyResponse>(ctx, &pb::Admin::Stub::RevokeAccessKey, request));
    return {};
  }

  Result<IssuedJoinToken> create_join_token(const Context& ctx, Duration lifetime) override {
    pb::CreateJoinTokenRequest request;
    request.set_lifetime_s(static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(lifetime).count()));
    auto answer = TRY(call<pb::JoinToken>(ctx, &pb::Admin::Stub::CreateJoinToken, request));
    return IssuedJoinToken{Secret(answer.token()), answer.authority_pem(), answer.control_address()};
  }

 private:
  template <typename Answer, typename Request>
  Result<Answer> call(const Context& ctx, grpc::Status (pb::Admin::Stub::*method)(grpc::ClientContext*, const Request&, Answer*),
                      const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + ctx.remaining());
    Answer answer;
    auto status = (stub_.get()->*method)(&context, request, &answer);
    if (status.ok()) return answer;
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
      return make_error(Code::kUnavailable, "no control plane answers on {}: start `zeropull serve`, or give its --admin",
                        socket_);
    }
    return Error(static_cast<Code>(status.error_code()), status.error_message());
  }

  const std::string socket_;
  const std::unique_ptr<pb::Admin::Stub> stub_;
};

}  // namespace

std::unique_ptr<AdminService> AdminService::create(AdminParts parts) { return std::make_unique<Service>(std::move(parts)); }
std::unique_ptr<AdminClient> AdminClient::create(const std::string& socket) { return std::make_unique<Client>(socket); }

}  // namespace zeropull::server
