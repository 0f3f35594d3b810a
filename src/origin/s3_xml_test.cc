#include "origin/s3_xml.h"

#include <gtest/gtest.h>

#include "origin/limits.h"

namespace zeropull::origin {
namespace {

std::string page(std::string_view inside) {
  return fmt::format("<?xml version=\"1.0\"?><ListBucketResult xmlns=\"s3\">{}</ListBucketResult>", inside);
}

TEST(S3Xml, reads_a_page) {
  const auto got =
      MUST(parse_list_page(page("<Prefix>m/</Prefix><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
                                "<NextContinuationToken>a&lt;b</NextContinuationToken><Contents><Key>m/a+b%2Bc%C3%A9"
                                "</Key><ETag>&quot;x&quot;</ETag><Size>7</Size><Owner><ID>o</ID></Owner></Contents>"
                                "<Contents><Size>0</Size><Key>m/d</Key></Contents>")));
  ASSERT_EQ(got.objects.size(), 2u);
  EXPECT_EQ(got.objects[0].key, "m/a b+cé");
  EXPECT_EQ(got.objects[0].etag, "\"x\"");
  EXPECT_EQ(got.objects[0].size, 7u);
  EXPECT_EQ(got.objects[1].key, "m/d");
  EXPECT_EQ(got.objects[1].etag, "");
  EXPECT_EQ(got.next, "a<b");
}

TEST(S3Xml, keys_are_literal_without_an_encoding) {
  const auto got =
      MUST(parse_list_page(page("<IsTruncated>false</IsTruncated><Contents><Key>a+b%20&amp;</Key><Size>1</Size></Contents>")));
  EXPECT_EQ(got.objects.at(0).key, "a+b%20&");
  EXPECT_EQ(got.next, std::nullopt);
}

TEST(S3Xml, refuses_pages_that_may_be_short_and_what_is_no_page) {
  const auto text = page("<IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>1</Size></Contents>");
  ASSERT_TRUE(parse_list_page(text).ok());
  for (std::size_t cut = 0; cut < text.size(); ++cut)
    EXPECT_TRUE(parse_list_page(text.substr(0, cut)).failed_with(Code::kDataLoss)) << cut;
  for (const auto& bad :
       {page(""), page("<IsTruncated>true</IsTruncated>"), page("<IsTruncated>maybe</IsTruncated>"),
        page("<IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents>"),
        page("<IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>-1</Size></Contents>"),
        page("<IsTruncated>false</IsTruncated><EncodingType>url</EncodingType><Contents><Key>%g</Key><Size>1</Size></Contents>"),
        page("<IsTruncated>false</IsTruncated><x>" + std::string(kXmlTextMax + 1, 'x') + "</x>"),
        std::string("<html><body>log in</body></html>"), std::string("<Error><Code>SlowDown</Code></Error>"), std::string("{}")})
    EXPECT_TRUE(parse_list_page(bad).failed_with(Code::kDataLoss)) << bad.substr(0, 200);
}

TEST(S3Xml, refuses_document_types_and_deep_nests) {
  const auto bomb = parse_list_page("<!DOCTYPE x [<!ENTITY a \"aa\">]><ListBucketResult>&a;</ListBucketResult>");
  ASSERT_FALSE(bomb.ok());
  EXPECT_NE(bomb.error().message().find("document type"), std::string::npos);
  std::string deep;
  for (int i = 0; i < kXmlDepthMax + 1; ++i) deep += "<a>";
  EXPECT_NE(parse_list_page(deep).error().message().find("too deep"), std::string::npos);
}

TEST(S3Xml, reads_errors) {
  const auto error = parse_s3_error("<Error><Code>NoSuchKey</Code><Message>not there</Message><Key>k</Key></Error>");
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, "NoSuchKey");
  EXPECT_EQ(error->message, "not there");
  for (auto other : {"", "<html/>", "<Error/>", "busy"}) EXPECT_FALSE(parse_s3_error(other).has_value()) << other;
}

}  // namespace
}  // namespace zeropull::origin
