#include "agent/copy_probe.h"

#include "agent/copy_limits.h"
#include "http/client.h"

namespace zeropull::agent {

namespace {

class HttpCopyProbe final : public CopyProbe {
 public:
  explicit HttpCopyProbe(std::unique_ptr<http::HttpClient> client) : client_(std::move(client)) {}

  Result<void> ping(const Context& ctx, const std::string& address) override {
    auto url = TRY(url_of(address, "/ping"));
    // Its own connection each time: a server that has run out of them is not healthy.
    auto answer =
        TRY(client_->request(ctx, {.url = std::move(url), .headers = {{"Connection", "close"}}, .response_max = kPingAnswerMax}));
    if (answer.status != 200) return make_error(Code::kFailedPrecondition, "/ping answered {}", answer.status);
    return {};
  }

  Result<void> warm_up(const Context& ctx, const std::string& address, const Probe& probe) override {
    auto url = TRY(url_of(address, probe.warm_up_path));
    http::Headers headers;
    if (!probe.warm_up_content_type.empty()) headers.set("Content-Type", probe.warm_up_content_type);
    auto answer = TRY(client_->request(ctx, {.method = "POST",
                                             .url = std::move(url),
                                             .headers = std::move(headers),
                                             .body = as_bytes(probe.warm_up_body),
                                             .response_max = kWarmUpAnswerMax}));
    if (answer.ok()) return {};
    return make_error(Code::kFailedPrecondition, "the warm-up request to {} answered {}: {:.200}", probe.warm_up_path,
                      answer.status, answer.body);
  }

 private:
  static Result<http::Url> url_of(const std::string& address, const std::string& path) {
    return http::Url::parse(fmt::format("http://{}:{}{}{}", address, kServingPort, path.starts_with('/') ? "" : "/", path));
  }
  const std::unique_ptr<http::HttpClient> client_;
};

}  // namespace

Result<std::unique_ptr<CopyProbe>> CopyProbe::create() {
  auto client = TRY(http::HttpClient::create({.plain = http::Plain::kAllowed,
                                              .progress_timeout = std::chrono::minutes(10),  // a warm-up may compile kernels
                                              .redirects_max = 0}));
  return std::unique_ptr<CopyProbe>(new HttpCopyProbe(std::move(client)));
}

}  // namespace zeropull::agent
