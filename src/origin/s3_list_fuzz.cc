// Whatever XML a server answers with, reading it ends with a page within the limits or an error.
#include "base/check.h"
#include "origin/limits.h"
#include "origin/listing.h"
#include "origin/s3_xml.h"

using namespace zeropull;
using namespace zeropull::origin;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view xml(reinterpret_cast<const char*>(data), size);
  if (const auto error = parse_s3_error(xml)) CHECK(!error->code.empty() && error->message.size() <= kXmlTextMax);
  auto page = parse_list_page(xml);
  if (!page) {
    CHECK(page.failed_with(Code::kDataLoss));
    return 0;
  }
  CHECK(!page->next || !page->next->empty());
  std::vector<ModelFile> files;
  for (auto& object : page->objects) {
    CHECK(object.key.size() <= kXmlTextMax);
    files.push_back({.path = std::move(object.key), .size = object.size, .etag = std::move(object.etag)});
  }
  if (const auto listing = make_listing("s3://bucket/", ModelForm::kTree, std::move(files))) {
    for (const auto& file : listing->files) CHECK(check_path(file.path).ok());
  }
  return 0;
}
