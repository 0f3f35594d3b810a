// The operator's socket of the control plane (proto/zeropull/control/v1/admin.proto): what must work before there are
// credentials, for whoever may open a socket of mode 0600. AdminService serves, AdminClient asks. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "base/secret.h"
#include "control/server/access_keys.h"
#include "runtime/socket_server.h"

namespace zeropull::server {

struct IssuedJoinToken {
  Secret token;
  std::string authority_pem;
  std::string control_address;
};

struct AdminParts {
  state::State& state;
  AccessKeys& keys;
  std::function<Result<IssuedJoinToken>(const Context&, Duration lifetime)> issue_join_token;
};

class AdminService {
 public:
  static std::unique_ptr<AdminService> create(AdminParts parts);
  virtual ~AdminService() = default;
  virtual grpc::Service& service() = 0;
};

class AdminClient {
 public:
  // kUnavailable on the first call when no control plane listens there.
  static std::unique_ptr<AdminClient> create(const std::string& socket);
  virtual ~AdminClient() = default;
  virtual Result<NewAccessKey> create_access_key(const Context& ctx, const std::string& account, const std::string& name) = 0;
  virtual Result<std::vector<state::AccessKey>> list_access_keys(const Context& ctx) = 0;  // without secrets
  virtual Result<void> revoke_access_key(const Context& ctx, const std::string& id) = 0;
  virtual Result<IssuedJoinToken> create_join_token(const Context& ctx, Duration lifetime) = 0;
};

}  // namespace zeropull::server
