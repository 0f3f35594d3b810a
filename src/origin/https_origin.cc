#include "origin/https_origin.h"

#include "http/range.h"
#include "origin/listing.h"
#include "origin/requests.h"

namespace zeropull::origin {

namespace {

class HttpsOrigin final : public ModelOrigin {
 public:
  HttpsOrigin(ModelLocation location, http::Url url, std::string name, std::unique_ptr<Requests> requests)
      : location_(std::move(location)),
        url_(std::move(url)),
        name_(std::move(name)),
        requests_(std::move(requests)),
        make_([this](http::Headers headers) { return http::Request{.url = url_, .headers = std::move(headers)}; }) {}

  Result<ModelListing> list(const Context& ctx) override {
    return list_files(ctx).with_context("model {}", url_.text_without_query());
  }
  Result<void> read(const Context& ctx, const ModelFile& file, std::uint64_t offset, std::uint64_t length,
                    const ByteSink& sink) override {
    return requests_->read(ctx, make_, file, offset, length, sink).with_context("model {}", url_.text_without_query());
  }

 private:
  Result<ModelListing> list_files(const Context& ctx) const {
    const auto head = TRY(requests_->probe(ctx, make_));
    ModelFile file{.path = name_, .size = 0, .etag = version_of(head.headers)};
    if (head.status == 206) {
      const auto range = http::parse_content_range(head.headers.find_or("Content-Range", ""));
      if (!range || !range->total || range->range != http::ByteRange{.offset = 0, .length = 1})
        return make_error(Code::kDataLoss, "asked for the first byte, the server gives \"{}\"",
                          head.headers.find_or("Content-Range", ""));
      file.size = *range->total;
    } else if (head.status == 416) {
      // An empty file has no first byte.
      if (head.headers.find("Content-Range") != "bytes */0")
        return make_error(Code::kDataLoss, "the server has no first byte, and does not say that the file is empty");
    } else {
      const auto size = http::parse_size(head.headers.find_or("Content-Length", ""));
      if (!size) return make_error(Code::kFailedPrecondition, "the server does not say how long the file is");
      file.size = *size;
      file.ranged = false;
    }
    std::vector<ModelFile> files;
    files.push_back(std::move(file));
    const auto form = location_.compression == ModelLocation::Compression::kGzip ? ModelForm::kTar : ModelForm::kTree;
    return make_listing(location_.uri, form, std::move(files));
  }

  const ModelLocation location_;
  const http::Url url_;
  const std::string name_;
  const std::unique_ptr<Requests> requests_;
  const MakeRequest make_;
};

}  // namespace

Result<std::unique_ptr<ModelOrigin>> open_https_origin(const ModelLocation& location, const OriginAccess& access) {
  auto url = TRY(http::Url::parse(location.uri));
  if (location.type == ModelLocation::Type::kPrefix)
    return make_error(Code::kInvalidArgument, "{} is one file; only s3:// and file:// have prefixes", url.text_without_query());
  auto name = http::percent_decode(last_part(url.path()));
  if (!name || name->contains('/'))
    return make_error(Code::kInvalidArgument, "{} ends with no name for its file", url.text_without_query());
  TRY(check_path(*name).with_context("{}", url.text_without_query()));
  auto requests = TRY(Requests::create(access, url, Redirects::kFollowed));
  return std::unique_ptr<ModelOrigin>(
      std::make_unique<HttpsOrigin>(location, std::move(url), std::move(*name), std::move(requests)));
}

}  // namespace zeropull::origin
