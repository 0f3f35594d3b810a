// The cases of containerd's own filters/filter_test.go, on snapshots, and what is particular to us.
#include "snapshot/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snapshot/limits.h"

namespace zeropull::snapshot {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Info named(std::string name, Labels labels = {}, std::string parent = {}, Kind kind = Kind::kActive) {
  return {.kind = kind,
          .name = std::move(name),
          .parent = std::move(parent),
          .labels = std::move(labels),
          .created = {},
          .updated = {}};
}

const std::vector<Info>& corpus() {
  static const std::vector<Info> infos = {
      named("foo", {{"foo", "true"}}),
      named("bar"),
      named("foo", {{"foo", "present"}, {"more complex label", "present"}}),
      named("bar", {{"bar", "true"}}),
      named("fooer", {{R"(more complex label with \ and ")", "present"}}),
      named("fooer", {{R"(more complex label with \ and ".post)", "present"}}),
      named("baz", {}, "too complex, yo", Kind::kView),
      named("bazo", {}, "abc", Kind::kCommitted),
      named("compound", {{"foo", "omg_asdf.asdf-qwer"}}),
      named("牛", {{"containerd.io/snapshot.ref", "sha256:ab"}}, "zeropull/0/sha256:cd", Kind::kCommitted),
  };
  return infos;
}

// Which of the corpus match, by place.
std::vector<int> matching(const std::vector<std::string>& filters) {
  auto filter = MUST(Filter::parse(filters));
  std::vector<int> places;
  for (std::size_t at = 0; at < corpus().size(); ++at) {
    if (filter.matches(corpus()[at])) places.push_back(static_cast<int>(at));
  }
  return places;
}
std::vector<int> matching(const char* filter) { return matching(std::vector<std::string>{filter}); }

std::string refusal(std::string text) {
  const std::string filters[] = {std::move(text)};
  auto filter = Filter::parse(filters);
  if (filter.ok()) return "accepted";
  EXPECT_EQ(filter.error().code(), Code::kInvalidArgument);
  return filter.error().message();
}

TEST(Filter, none_and_empty_match_everything) {
  EXPECT_EQ(matching(std::vector<std::string>{}).size(), corpus().size());
  EXPECT_EQ(matching("").size(), corpus().size());
}

TEST(Filter, presence) {
  EXPECT_EQ(matching("name").size(), corpus().size());
  EXPECT_THAT(matching("labels.foo"), ElementsAre(0, 2, 8));
  EXPECT_THAT(matching("labels.foo,name"), ElementsAre(0, 2, 8));
  EXPECT_THAT(matching("labels"), IsEmpty());
  EXPECT_THAT(matching("nonsense"), IsEmpty());
}

TEST(Filter, equality_and_inequality) {
  EXPECT_THAT(matching("labels.foo==true"), ElementsAre(0));
  EXPECT_THAT(matching("labels.foo==omg_asdf.asdf-qwer"), ElementsAre(8));
  EXPECT_THAT(matching("name==bar"), ElementsAre(1, 3));
  EXPECT_THAT(matching("name!=bar"), ElementsAre(0, 2, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(matching("name==bar,labels.bar"), ElementsAre(3));
  EXPECT_THAT(matching("name==bar,labels.bar==wrong"), IsEmpty());
  EXPECT_THAT(matching("labels.bar!=true,name==bar"), ElementsAre(1));  // an absent field differs from every value
  EXPECT_THAT(matching("name == baz"), ElementsAre(6));                 // spaces before tokens are skipped
  EXPECT_THAT(matching("name==牛"), ElementsAre(9));
}

TEST(Filter, quoted_fields_and_values) {
  EXPECT_THAT(matching(R"(parent=="too complex, yo")"), ElementsAre(6));
  EXPECT_THAT(matching(R"(name==foo,labels."more complex label")"), ElementsAre(2));
  EXPECT_THAT(matching(R"(labels."more complex label with \\ and \""==present)"), ElementsAre(4));
  EXPECT_THAT(matching(R"(labels."more complex label with \\ and \"".post==present)"), ElementsAre(5));
  EXPECT_THAT(matching(R"(name=="\x62\141\u007a")"), ElementsAre(6));  // "baz"
  EXPECT_THAT(matching(R"(name=="\U0000725b")"), ElementsAre(9));
  EXPECT_THAT(matching(R"(parent!="")"), ElementsAre(6, 7, 9));
}

TEST(Filter, regular_expressions) {
  EXPECT_THAT(matching("parent~=[abc]+,name!=foo"), ElementsAre(6, 7, 9));
  EXPECT_THAT(matching("parent~=/^[abc]{1,3}$/,name!=foo"), ElementsAre(7));
  EXPECT_THAT(matching("parent~=|^zeropull/[0-9]+/|"), ElementsAre(9));
  EXPECT_THAT(matching(R"(parent~=/^zeropull\//)"), ElementsAre(9));
  EXPECT_THAT(matching("parent~=/[abc]{0,1}\"\\//,name!=foo"), IsEmpty());
  EXPECT_THAT(matching("name~=|^牛$|"), ElementsAre(9));
  EXPECT_THAT(matching("name~=/[/"), IsEmpty());  // does not compile: matches nothing, as in containerd
}

TEST(Filter, kinds_and_several_filters) {
  EXPECT_THAT(matching("kind==view"), ElementsAre(6));
  EXPECT_THAT(matching("kind==committed"), ElementsAre(7, 9));
  EXPECT_THAT(matching(std::vector<std::string>{"name==baz", "kind==committed"}), ElementsAre(6, 7, 9));
}

TEST(Filter, what_containerd_asks_after_already_exists) {
  EXPECT_THAT(matching(R"(labels."containerd.io/snapshot.ref"==sha256:ab,parent=="zeropull/0/sha256:cd")"), ElementsAre(9));
  EXPECT_THAT(matching(R"(labels."containerd.io/snapshot.ref"==sha256:ab,parent=="")"), IsEmpty());
}

TEST(Filter, refusals_point_at_the_place) {
  EXPECT_EQ(refusal("labels.|foo|==omg_asdf.asdf-qwer"),
            "filters: parse error: [labels. >|||< foo|==omg_asdf.asdf-qwer]: invalid quote encountered");
  EXPECT_EQ(refusal(R"(labels.?"more".post==present)"),
            R"(filters: parse error: [labels. >|?|< "more".post==present]: expected field or quoted)");
  EXPECT_EQ(refusal("name==foo,"), "filters: parse error: [name==foo,]: expected field or quoted");
  EXPECT_EQ(refusal("labels."), "filters: parse error: [labels.]: expected field or quoted");
  EXPECT_EQ(refusal("image~=,id?=?fbaq"), "filters: parse error: [image~= >|,|< id?=?fbaq]: expected value or quoted");
  EXPECT_EQ(refusal("labels.ns/key==value"), "filters: parse error: [labels.ns >|/|< key==value]: quoted literal not terminated");
  EXPECT_EQ(refusal("labels.key==/value"), "filters: parse error: [labels.key== >|/|< value]: quoted literal not terminated");
  EXPECT_EQ(refusal("name=foo"), "filters: parse error: [name >|=|< foo]: unsupported operator \"=\"");
  EXPECT_EQ(refusal("name foo"), "filters: parse error: [name  >|f|< oo]: expected an operator (\"==\"|\"!=\"|\"~=\")");
}

TEST(Filter, refuses_malformed_input) {
  for (const char* text : {"name==a b", "name==.a", "name===a", "name==", "labels.\"a\nb\"", R"(labels."\g")", R"(labels."\xaz")",
                           R"(labels."\U00110000")", R"(labels."\477")", "name==\xff", "name==\xc0\xaf", "name==\xed\xa0\x80",
                           "foo-bar", "name,,name", ",", "\"\\", "\"\\x", "name==\"a\"b"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
  EXPECT_NE(refusal(std::string("name==a\0b", 9)), "accepted");
}

TEST(Filter, keeps_its_limits) {
  EXPECT_NE(refusal(std::string(kFilterLengthMax + 1, 'a')), "accepted");
  EXPECT_EQ(refusal(std::string(kFilterLengthMax, 'a')), "accepted");
  std::string selectors = "a";
  for (std::size_t at = 1; at < kSelectorsMax; ++at) selectors += ",a";
  EXPECT_EQ(refusal(selectors), "accepted");
  EXPECT_NE(refusal(selectors + ",a"), "accepted");
  EXPECT_FALSE(Filter::parse(std::vector<std::string>(kFiltersMax + 1, "a")).ok());
  EXPECT_TRUE(Filter::parse(std::vector<std::string>(kExpressionsMax, "name~=a")).ok());
  EXPECT_FALSE(Filter::parse(std::vector<std::string>(kExpressionsMax + 1, "name~=a")).ok());
  // An expression that would need gigabytes does not compile, and so matches nothing.
  EXPECT_THAT(matching("name~=|((((a{1,100}){1,100}){1,100}){1,100})|"), IsEmpty());
}

}  // namespace
}  // namespace zeropull::snapshot
