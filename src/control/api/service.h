// Services: the three AWS services of the API on one listener. How a request says which of them it calls, which operation and in
// which protocol; whose name is in its signature; and what each service calls its errors. Constant data and pure functions.
//
//   sagemaker                 JSON 1.1   X-Amz-Target: SageMaker.<Op>, and Zeropull.<Op> for our own
//   application-autoscaling   JSON 1.1   X-Amz-Target: AnyScaleFrontendService.<Op>
//   cloudwatch                JSON 1.0   X-Amz-Target: GraniteServiceVersion20100801.<Op>
//                             Query      a form with Action=<Op>&Version=2010-08-01, answered in XML
//                             (rpc-v2-cbor is told that there is no such operation)
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/api/validate.h"
#include "http/server.h"

namespace zeropull::api {

struct Protocol;

// What an error is called: its status, its shape, and what the Query protocol calls it where a service has one.
struct FaultName {
  int status = 400;
  std::string_view type;
  std::string_view query_code = {};
};

struct Service {
  std::string_view signing_name;     // in the credential's scope
  std::string_view target;           // before the operation in X-Amz-Target
  std::string_view prefix;           // before an operation's name in the tables: "cloudwatch:"
  const Protocol* protocol;          // of X-Amz-Target
  std::string_view error_namespace;  // before an error's name in __type
  FaultName internal;                // our own fault
  FaultName (*rejection)(Rejection::Kind kind);
  // nullopt: our own fault.
  std::optional<FaultName> (*error)(Code code, std::string_view operation);
};

struct Address {
  const Service* service;  // sagemaker where the request names none
  const Protocol* protocol;
  std::string operation;  // as the tables name it; "" where the request names none
  std::string named;      // as the request names it, for messages
};
Address address_of(const http::ServerRequest& request);

}  // namespace zeropull::api
