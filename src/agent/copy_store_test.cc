#include "agent/copy_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/copy_limits.h"
#include "os/file.h"

namespace zeropull::agent {
namespace {

class CopyStoreTest : public testing::Test {
 protected:
  std::unique_ptr<CopyStore> open() { return MUST(CopyStore::create(scratch_.path() + "/copies-of-agent")); }
  const os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-copy-store-"));
};

TEST_F(CopyStoreTest, a_record_comes_back_whole) {
  CopyRecord record;
  record.id = "c-1";
  record.component = "llm";
  record.slot = 7;
  record.port = 20007;
  record.outbound = Outbound::kAllowed;
  record.stage = CopyStage::kFailed;
  record.readiness = Readiness::kReached;
  record.crashes = 2;
  record.restarts = 3;
  record.reason = "why";
  record.log_tail = "last\n";
  record.image_digest = "sha256:1";
  record.model_identity = "ab";
  record.phases = {{.name = "image",
                    .begin_unix_ms = 1,
                    .end_unix_ms = 2,
                    .bytes = 3,
                    .total_bytes = 4,
                    .source = "store",
                    .reason = "no volume"}};
  record.probe = {.start_timeout = std::chrono::seconds(60),
                  .warm_up_path = "/invocations",
                  .warm_up_body = std::string("\xff\0\"", 3),
                  .warm_up_content_type = "text/plain",
                  .crashes_max = 4};
  MUST(open()->save(record));
  auto all = MUST(open()->load());
  ASSERT_EQ(all.size(), 1u);
  const CopyRecord& back = all[0];
  EXPECT_EQ(back.id, "c-1");
  EXPECT_EQ(back.component, "llm");
  EXPECT_EQ(back.slot, 7u);
  EXPECT_EQ(back.port, 20007);
  EXPECT_EQ(back.outbound, Outbound::kAllowed);
  EXPECT_EQ(back.stage, CopyStage::kFailed);
  EXPECT_EQ(back.readiness, Readiness::kReached);
  EXPECT_EQ(back.crashes, 2u);
  EXPECT_EQ(back.restarts, 3u);
  EXPECT_EQ(back.reason, "why");
  EXPECT_EQ(back.log_tail, "last\n");
  EXPECT_EQ(back.image_digest, "sha256:1");
  EXPECT_EQ(back.model_identity, "ab");
  EXPECT_EQ(back.phases, record.phases);
  EXPECT_EQ(back.probe.start_timeout, record.probe.start_timeout);
  EXPECT_EQ(back.probe.warm_up_path, record.probe.warm_up_path);
  EXPECT_EQ(back.probe.warm_up_body, record.probe.warm_up_body);
  EXPECT_EQ(back.probe.warm_up_content_type, record.probe.warm_up_content_type);
  EXPECT_EQ(back.probe.crashes_max, 4u);
}

TEST_F(CopyStoreTest, a_folder_without_a_record_is_removed_and_a_broken_record_is_told) {
  auto store = open();
  MUST(os::ensure_folder(store->folder_of("half")));
  store = open();
  EXPECT_FALSE(os::exists(store->folder_of("half")));
  MUST(os::ensure_folder(store->folder_of("bad")));
  MUST(os::replace_file(store->folder_of("bad") + "/record.json", as_bytes("{\"id\": \"bad\"}")));
  auto loaded = store->load();
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.error().message(), testing::HasSubstr("bad/record.json"));
}

TEST_F(CopyStoreTest, ports_go_round_also_over_a_restart) {
  EXPECT_EQ(MUST(open()->next_port()), kFirstPort);
  EXPECT_EQ(MUST(open()->next_port()), kFirstPort + 1);
  MUST(os::replace_file(scratch_.path() + "/copies-of-agent/last-port", as_bytes(std::to_string(kLastPort))));
  EXPECT_EQ(MUST(open()->next_port()), kFirstPort);
}

}  // namespace
}  // namespace zeropull::agent
