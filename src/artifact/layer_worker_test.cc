#include "artifact/layer_worker.h"

#include <gtest/gtest.h>

namespace zeropull::artifact {
namespace {

LayerSummary sample() {
  LayerSummary summary;
  summary.compression = codec::Compression::kGzip;
  summary.diff_id.value.bytes[0] = std::byte{2};
  summary.expanded_size = 20;
  summary.entry_count = 3;
  summary.blob.size = kFrameSize + 4096;
  summary.blob.frames.resize(2);
  summary.table.size = 100;
  summary.table.frames.resize(1);
  return summary;
}

TEST(LayerWorkerAnswer, a_summary_round_trips) {
  auto summary = MUST(decode_worker_answer(encode_worker_answer(sample())));
  EXPECT_EQ(summary.diff_id, sample().diff_id);
  EXPECT_EQ(summary.expanded_size, 20u);
  EXPECT_EQ(summary.entry_count, 3u);
  EXPECT_EQ(summary.blob.id(), sample().blob.id());
  EXPECT_EQ(summary.table.id(), sample().table.id());
}

TEST(LayerWorkerAnswer, an_error_round_trips_with_its_code) {
  auto answer = decode_worker_answer(encode_worker_answer(make_error(Code::kDataLoss, "gzip: {}", "truncated")));
  ASSERT_TRUE(answer.failed_with(Code::kDataLoss));
  EXPECT_EQ(answer.error().message(), "gzip: truncated");
}

TEST(LayerWorkerAnswer, every_shorter_or_longer_answer_is_refused) {
  auto bytes = encode_worker_answer(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(decode_worker_answer(ByteView(bytes).first(size)).failed_with(Code::kDataLoss)) << size;
  }
  bytes.push_back(std::byte{0});
  EXPECT_TRUE(decode_worker_answer(bytes).failed_with(Code::kDataLoss));
}

TEST(LayerWorkerAnswer, a_blob_of_more_frames_than_bytes_follow_is_refused) {
  auto summary = sample();
  summary.blob.frames.clear();
  summary.blob.size = UINT64_MAX;
  EXPECT_TRUE(decode_worker_answer(encode_worker_answer(summary)).failed_with(Code::kDataLoss));
}

}  // namespace
}  // namespace zeropull::artifact
