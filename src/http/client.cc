#include "http/client.h"

#include "http/curl_loop.h"

namespace zeropull::http {

namespace {

bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

// What names or proves who asks. It goes to the origin that the caller named and nowhere else.
constexpr std::array<std::string_view, 4> kCredentialHeaders = {"Authorization", "Cookie", "Proxy-Authorization",
                                                                "X-Amz-Security-Token"};

class CurlClient final : public HttpClient {
 public:
  CurlClient(ClientOptions options, std::unique_ptr<CurlLoop> loop) : options_(std::move(options)), loop_(std::move(loop)) {}

  Result<Response> request(const Context& ctx, const Request& request) override { return run(ctx, request, nullptr); }
  Result<Response> stream(const Context& ctx, const Request& request, const Sink& sink) override {
    return run(ctx, request, &sink);
  }
  ClientCounts counts() const override { return loop_->counts(); }

 private:
  Result<Response> run(const Context& ctx, const Request& request, const Sink* sink);
  Result<Response> exchange(const Context& ctx, const Exchange& exchange, const Sink* sink);

  const ClientOptions options_;
  const std::unique_ptr<CurlLoop> loop_;
};

Result<Response> CurlClient::run(const Context& ctx, const Request& request, const Sink* sink) {
  Headers headers = request.headers;
  TRY(headers.check());
  Url url = request.url;
  bool own_origin = true;
  for (int hops = 0;; ++hops) {
    if (!url.secure() && options_.plain == Plain::kRefused) {
      return make_error(Code::kPermissionDenied, "{}: plain http is refused unless it is allowed explicitly",
                        url.text_without_query());
    }
    auto response = TRY(exchange(ctx, {.request = request, .url = url, .headers = headers, .own_origin = own_origin}, sink)
                            .with_context("{} {}", request.method, url.text_without_query()));
    auto location = response.headers.find("Location");
    const bool followed = request.method == "GET" || request.method == "HEAD";
    if (!is_redirect(response.status) || !location || !followed) return response;
    if (hops == options_.redirects_max)
      return make_error(Code::kFailedPrecondition, "{}: more than {} redirects", request.url.text_without_query(), hops);
    url = TRY(url.join(*location).with_context("redirect from {}", url.text_without_query()));
    if (own_origin && !url.same_origin(request.url)) {
      own_origin = false;  // and stays so: a way back through a stranger proves nothing
      for (auto name : kCredentialHeaders) headers.remove(name);
    }
  }
}

Result<Response> CurlClient::exchange(const Context& ctx, const Exchange& exchange, const Sink* sink) {
  Response response{.status = 0, .headers = {}, .body = {}, .url = exchange.url};
  Receiver receiver;
  receiver.on_head = [&](int status, Headers headers) -> Result<void> {
    response.status = status;
    response.headers = std::move(headers);
    if (sink != nullptr && response.ok()) return (*sink)(response, {});
    return {};
  };
  receiver.on_data = [&](ByteView data) -> Result<bool> {
    if (sink != nullptr && response.ok()) {
      TRY((*sink)(response, data));
      return true;
    }
    if (sink != nullptr || is_redirect(response.status)) {
      response.body += as_text(data.first(std::min(data.size(), kErrorBodyMax - response.body.size())));
      return response.body.size() < kErrorBodyMax;
    }
    if (data.size() > exchange.request.response_max - response.body.size())
      return make_error(Code::kOutOfRange, "the answer is longer than {} bytes", exchange.request.response_max);
    response.body += as_text(data);
    return true;
  };
  TRY(loop_->run(ctx, exchange, receiver));
  return response;
}

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::create(ClientOptions options) {
  auto loop = TRY(CurlLoop::create(options));
  return std::unique_ptr<HttpClient>(new CurlClient(std::move(options), std::move(loop)));
}

}  // namespace zeropull::http
