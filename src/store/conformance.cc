#include "store/conformance.h"

#include <set>
#include <thread>

#include "base/executor.h"

namespace zeropull::store {

ObjectName object_name(std::string_view text) { return MUST(ObjectName::parse(text)); }

void StoreConformance::put(const std::string& name, std::string_view text) {
  MUST(store().put(ctx_, object_name(name), as_bytes(text)));
}

Result<std::string> StoreConformance::get(const std::string& name) {
  auto bytes = TRY(store().read_whole(ctx_, object_name(name), kMiB));
  return std::string(as_text(bytes));
}

std::vector<std::string> StoreConformance::names(std::optional<ObjectName> folder) {
  std::vector<std::string> names;
  for (const auto& object : MUST(list_all(ctx_, store(), std::move(folder)))) names.push_back(object.name.text());
  return names;
}

namespace {

TEST_P(StoreConformance, gives_back_what_was_put) {
  put("packs/04ab", "some bytes");
  put("a", "");
  EXPECT_EQ(MUST(get("packs/04ab")), "some bytes");
  EXPECT_EQ(MUST(get("a")), "");
  EXPECT_EQ(MUST(store().stat(ctx_, object_name("packs/04ab"))).size, 10U);
}

TEST_P(StoreConformance, an_absent_object_is_not_found) {
  std::byte byte;
  EXPECT_TRUE(get("packs/0000").failed_with(Code::kNotFound));
  EXPECT_TRUE(store().stat(ctx_, object_name("packs/0000")).failed_with(Code::kNotFound));
  EXPECT_TRUE(store().read(ctx_, object_name("packs/0000"), 0, {&byte, 1}).failed_with(Code::kNotFound));
  EXPECT_TRUE(store().remove(ctx_, object_name("packs/0000")).ok());
}

TEST_P(StoreConformance, reads_any_range_and_refuses_one_beyond_the_end) {
  put("packs/04ab", "0123456789");
  auto read = [&](std::uint64_t offset, std::size_t length) -> Result<std::string> {
    std::string out(length, '?');
    TRY(store().read(ctx_, object_name("packs/04ab"), offset, {reinterpret_cast<std::byte*>(out.data()), out.size()}));
    return out;
  };
  EXPECT_EQ(MUST(read(0, 10)), "0123456789");
  EXPECT_EQ(MUST(read(3, 4)), "3456");
  EXPECT_EQ(MUST(read(9, 1)), "9");
  EXPECT_TRUE(read(9, 2).failed_with(Code::kOutOfRange));
  EXPECT_TRUE(read(10, 1).failed_with(Code::kOutOfRange));
  EXPECT_TRUE(read(1000, 1).failed_with(Code::kOutOfRange));
}

TEST_P(StoreConformance, refuses_to_read_more_than_the_caller_takes) {
  put("packs/04ab", "0123456789");
  EXPECT_TRUE(store().read_whole(ctx_, object_name("packs/04ab"), 9).failed_with(Code::kOutOfRange));
  EXPECT_TRUE(store().read_whole(ctx_, object_name("packs/04ab"), 10).ok());
}

TEST_P(StoreConformance, a_second_put_replaces_whole) {
  put("packs/04ab", "a long first object");
  put("packs/04ab", "short");
  EXPECT_EQ(MUST(get("packs/04ab")), "short");
  EXPECT_EQ(names().size(), 1U);
}

TEST_P(StoreConformance, a_removed_object_is_gone) {
  put("packs/04ab", "x");
  put("packs/04ac", "y");
  MUST(store().remove(ctx_, object_name("packs/04ab")));
  EXPECT_TRUE(get("packs/04ab").failed_with(Code::kNotFound));
  EXPECT_EQ(names(), std::vector<std::string>{"packs/04ac"});
}

TEST_P(StoreConformance, lists_in_the_order_of_names_page_by_page) {
  // Names that are each other's prefixes, folders and shards included.
  std::set<std::string> expected = {"a",       "ab",        "ab/c",       "ab/cd",     "ab/cd/e",  "abc",
                                    "abc/x",   "ac",        "b/a",        "b0",        "packs/00", "packs/01",
                                    "packs/0", "packs/0/0", "packs/00/1", "packs/001", "packs/ff", "images/01"};
  for (const auto& name : expected) put(name, name);
  std::vector<std::string> sorted(expected.begin(), expected.end());
  EXPECT_EQ(names(), sorted);
  for (std::size_t limit : {1UL, 2UL, 3UL, 5UL, 17UL, 18UL, 19UL}) {
    std::vector<std::string> listed;
    ListRequest request{.folder = {}, .after = {}, .limit = limit};
    do {
      auto page = MUST(store().list(ctx_, request));
      EXPECT_LE(page.objects.size(), limit);
      for (const auto& object : page.objects) {
        listed.push_back(object.name.text());
        EXPECT_EQ(object.info.size, object.name.text().size());
      }
      request.after = page.continue_after;
    } while (request.after);
    EXPECT_EQ(listed, sorted) << limit;
  }
}

TEST_P(StoreConformance, lists_a_folder_and_nothing_beside_it) {
  for (const auto* name : {"ab", "ab/c", "ab/d/e", "ab0", "abc/x", "b/ab/c"}) put(name, "x");
  EXPECT_EQ(names(object_name("ab")), (std::vector<std::string>{"ab/c", "ab/d/e"}));
  EXPECT_EQ(names(object_name("b")), std::vector<std::string>{"b/ab/c"});
  EXPECT_TRUE(names(object_name("absent")).empty());
  ListRequest request{.folder = object_name("ab"), .after = object_name("ab/c"), .limit = 10};
  EXPECT_EQ(MUST(store().list(ctx_, request)).objects.size(), 1U);
}

TEST_P(StoreConformance, tells_when_an_object_was_put) {
  auto before = std::chrono::floor<std::chrono::milliseconds>(Clock::system().wall_now()) - std::chrono::seconds(2);
  put("packs/04ab", "x");
  auto info = MUST(store().stat(ctx_, object_name("packs/04ab")));
  EXPECT_GE(info.modified, before);
  EXPECT_LE(info.modified, Clock::system().wall_now() + std::chrono::seconds(2));
  EXPECT_EQ(MUST(list_all(ctx_, store(), {}))[0].info.modified, info.modified);
}

TEST_P(StoreConformance, takes_the_largest_object_and_no_larger) {
  Bytes large(kObjectSizeMax + 1, std::byte{7});
  EXPECT_TRUE(store().put(ctx_, object_name("images/00"), large).failed_with(Code::kResourceExhausted));
  large.pop_back();
  large.back() = std::byte{9};
  MUST(store().put(ctx_, object_name("images/00"), large));
  std::byte last{};
  MUST(store().read(ctx_, object_name("images/00"), kObjectSizeMax - 1, {&last, 1}));
  EXPECT_EQ(last, std::byte{9});
}

TEST_P(StoreConformance, readers_see_whole_objects_while_they_are_replaced) {
  std::string first(200'000, 'a');
  std::string second(300'000, 'b');
  put("packs/04ab", first);
  MUST(parallel_for(ctx_, 40, 4, [&](const Context&, std::size_t i) -> Result<void> {
    if (i % 4 == 0) put("packs/04ab", i % 8 == 0 ? first : second);
    auto seen = TRY(get("packs/04ab"));
    EXPECT_TRUE(seen == first || seen == second) << seen.size();
    return {};
  }));
}

TEST_P(StoreConformance, many_reads_at_once_are_each_right) {
  Bytes bytes(3 * kMiB);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>((i * 2654435761U) >> 13);
  MUST(store().put(ctx_, object_name("packs/04ab"), bytes));
  MUST(parallel_for(ctx_, 64, 8, [&](const Context& ctx, std::size_t i) -> Result<void> {
    Bytes out(40'000 + i);
    std::uint64_t offset = i * 47'000;
    TRY(store().read(ctx, object_name("packs/04ab"), offset, out));
    EXPECT_TRUE(std::equal(out.begin(), out.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset))) << i;
    return {};
  }));
}

TEST_P(StoreConformance, ends_with_its_context) {
  put("packs/04ab", "x");
  std::stop_source stop;
  stop.request_stop();
  auto stopped = Context::root("stopped", stop.get_token());
  EXPECT_TRUE(store().read_whole(stopped, object_name("packs/04ab"), 10).failed_with(Code::kCancelled));
  EXPECT_TRUE(store().put(stopped, object_name("packs/04ab"), {}).failed_with(Code::kCancelled));
  EXPECT_EQ(MUST(get("packs/04ab")), "x");
}

}  // namespace
}  // namespace zeropull::store
