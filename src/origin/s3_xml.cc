#include "origin/s3_xml.h"

#include <expat.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "http/headers.h"
#include "http/url.h"
#include "origin/limits.h"

namespace zeropull::origin {

namespace {

// Reads a document of elements that hold either elements or text: at each end of an element `on_end` gets its path from the
// root ("ListBucketResult/Contents/Key") and its text.
class XmlReader {
 public:
  using OnEnd = std::function<Result<void>(std::string_view path, std::string& text)>;

  static Result<void> read(std::string_view xml, const OnEnd& on_end) {
    if (xml.size() > kListPageMax) return make_error(Code::kDataLoss, "the XML is longer than {} bytes", kListPageMax);
    const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(XML_ParserCreate(nullptr), &XML_ParserFree);
    if (!parser) return make_error(Code::kResourceExhausted, "no memory for an XML parser");
    XmlReader reader(parser.get(), on_end);
    XML_SetUserData(parser.get(), &reader);
    XML_SetElementHandler(parser.get(), &on_start_element, &on_end_element);
    XML_SetCharacterDataHandler(parser.get(), &on_text);
    XML_SetStartDoctypeDeclHandler(parser.get(), &on_doctype);
    const auto status = XML_Parse(parser.get(), xml.data(), static_cast<int>(xml.size()), XML_TRUE);
    if (reader.error_) return std::move(*reader.error_);
    if (status != XML_STATUS_OK)
      return make_error(Code::kDataLoss, "the XML breaks in line {}: {}", XML_GetCurrentLineNumber(parser.get()),
                        XML_ErrorString(XML_GetErrorCode(parser.get())));
    return {};
  }

 private:
  XmlReader(XML_Parser parser, const OnEnd& on_end) : parser_(parser), on_end_(on_end) {}

  void fail(Error error) {
    if (!error_) error_.emplace(std::move(error));
    XML_StopParser(parser_, XML_FALSE);
  }
  static XmlReader& self(void* user) { return *static_cast<XmlReader*>(user); }

  static void on_start_element(void* user, const XML_Char* name, const XML_Char**) {
    auto& reader = self(user);
    if (++reader.depth_ > kXmlDepthMax || reader.path_.size() > kXmlTextMax)
      return reader.fail(make_error(Code::kDataLoss, "the XML is nested too deep"));
    if (!reader.path_.empty()) reader.path_ += '/';
    reader.path_ += name;
    reader.text_.clear();
  }
  static void on_end_element(void* user, const XML_Char*) {
    auto& reader = self(user);
    if (reader.error_) return;
    if (auto taken = reader.on_end_(reader.path_, reader.text_); !taken) return reader.fail(std::move(taken).take_error());
    --reader.depth_;
    const auto slash = reader.path_.rfind('/');
    reader.path_.resize(slash == std::string::npos ? 0 : slash);
    reader.text_.clear();
  }
  static void on_text(void* user, const XML_Char* text, int size) {
    auto& reader = self(user);
    if (reader.error_) return;
    if (reader.text_.size() + static_cast<std::size_t>(size) > kXmlTextMax)
      return reader.fail(make_error(Code::kDataLoss, "the XML has a text of more than {} bytes", kXmlTextMax));
    reader.text_.append(text, static_cast<std::size_t>(size));
  }
  static void on_doctype(void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    self(user).fail(make_error(Code::kDataLoss, "the XML has a document type"));
  }

  XML_Parser parser_;
  const OnEnd& on_end_;
  std::string path_, text_;
  int depth_ = 0;
  std::optional<Error> error_;
};

// encoding-type=url: as in a form, where "+" is a space.
Result<std::string> decode_key(std::string text) {
  std::ranges::replace(text, '+', ' ');
  auto decoded = http::percent_decode(text);
  if (!decoded) return make_error(Code::kDataLoss, "the key \"{}\" is badly encoded", text);
  return std::move(*decoded);
}

}  // namespace

Result<S3ListPage> parse_list_page(std::string_view xml) {
  S3ListPage page;
  bool is_list = false, encoded = false;
  std::optional<bool> truncated;
  S3Object object;
  bool has_key = false, has_size = false;
  TRY(XmlReader::read(xml, [&](std::string_view path, std::string& text) -> Result<void> {
        constexpr std::string_view kRoot = "ListBucketResult";
        if (!path.starts_with(kRoot)) return {};
        path.remove_prefix(kRoot.size());
        if (path == "/Contents/Key") {
          object.key = std::move(text);
          has_key = true;
        } else if (path == "/Contents/Size") {
          const auto size = http::parse_size(text);
          if (!size) return make_error(Code::kDataLoss, "an object's size is \"{}\"", text);
          object.size = *size;
          has_size = true;
        } else if (path == "/Contents/ETag") {
          object.etag = std::move(text);
        } else if (path == "/Contents") {
          if (!has_key || !has_size) return make_error(Code::kDataLoss, "an object has no key or no size");
          page.objects.push_back(std::exchange(object, {}));
          has_key = has_size = false;
        } else if (path == "/NextContinuationToken") {
          page.next = std::move(text);
        } else if (path == "/IsTruncated") {
          if (text != "true" && text != "false") return make_error(Code::kDataLoss, "IsTruncated is \"{}\"", text);
          truncated = text == "true";
        } else if (path == "/EncodingType") {
          encoded = text == "url";
        } else if (path.empty()) {
          is_list = true;
        }
        return {};
      }).with_context("list of objects"));
  if (!is_list) return make_error(Code::kDataLoss, "list of objects: the XML is something else");
  // A page that does not say so, or names no next one, may be short: what follows would be missing from the model.
  if (!truncated) return make_error(Code::kDataLoss, "list of objects: nothing says whether it is complete");
  if (!*truncated) page.next.reset();
  if (*truncated && (!page.next || page.next->empty()))
    return make_error(Code::kDataLoss, "list of objects: it goes on, but names no next page");
  if (encoded) {
    for (auto& one : page.objects) {
      auto key = TRY(decode_key(std::move(one.key)));
      one.key = std::move(key);
    }
  }
  return page;
}

std::optional<S3Error> parse_s3_error(std::string_view xml) {
  S3Error error;
  const auto read = XmlReader::read(xml, [&](std::string_view path, std::string& text) -> Result<void> {
    if (path == "Error/Code") error.code = std::move(text);
    if (path == "Error/Message") error.message = std::move(text);
    return {};
  });
  if (!read || error.code.empty()) return std::nullopt;
  return error;
}

}  // namespace zeropull::origin
