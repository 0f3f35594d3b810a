#include "cli/output.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace zeropull::cli {
namespace {

using nlohmann::json;

artifact::ProgressEvent event(std::uint64_t done, bool finished) {
  return {.task = "layer 0123456789ab", .done_bytes = done, .total_bytes = 4 << 20, .finished = finished};
}

std::vector<json> json_lines(const std::string& text) {
  std::vector<json> lines;
  std::size_t begin = 0;
  for (auto end = text.find('\n'); end != std::string::npos; begin = end + 1, end = text.find('\n', begin)) {
    lines.push_back(json::parse(text.substr(begin, end - begin)));
  }
  EXPECT_EQ(begin, text.size()) << "a line that does not end";
  return lines;
}

class OutputTest : public testing::Test {
 protected:
  // What `work` prints: standard output and standard error.
  template <typename Work>
  void capture(OutputForm form, const Work& work) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    {
      Output output(form);
      work(output);
    }
    std::fflush(stderr);
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
  }
  std::string out_;
  std::string err_;
};

TEST_F(OutputTest, json_is_one_object_a_line_on_standard_output_alone) {
  capture(OutputForm::kJson, [](Output& output) {
    output.message("a step");
    output.report(event(0, false));
    output.event("started", {{"container", "c1"}});
    output.report(event(4 << 20, true));
    output.result("for people", {{"layers", 3}});
  });
  EXPECT_EQ(err_, "");
  auto lines = json_lines(out_);
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0]["event"], "message");
  EXPECT_EQ(lines[0]["text"], "a step");
  EXPECT_EQ(lines[1]["event"], "progress");
  EXPECT_EQ(lines[1]["task"], "layer 0123456789ab");
  EXPECT_EQ(lines[1]["finished"], false);
  EXPECT_EQ(lines[2]["event"], "started");
  EXPECT_EQ(lines[2]["container"], "c1");
  EXPECT_EQ(lines[3]["done_bytes"], 4 << 20);
  EXPECT_EQ(lines[3]["finished"], true);
  EXPECT_EQ(lines[4]["event"], "result");
  EXPECT_EQ(lines[4]["layers"], 3);
  for (const auto& line : lines) EXPECT_GE(line["at_s"], 0.0);
}

TEST_F(OutputTest, plain_lines_put_the_result_on_standard_output_and_the_rest_on_standard_error) {
  capture(OutputForm::kLines, [](Output& output) {
    output.message("a step");
    output.event("started", {});
    output.report(event(0, false));
    output.report(event(4 << 20, true));
    output.result("all done", {{"layers", 3}});
  });
  EXPECT_EQ(out_, "all done\n");
  EXPECT_TRUE(err_.starts_with("a step\nlayer 0123456789ab: 4.0 MiB in ")) << err_;
  EXPECT_EQ(std::ranges::count(err_, '\n'), 2) << err_;
}

TEST_F(OutputTest, an_error_is_one_line_and_exit_code_1) {
  auto error = make_error(Code::kDataLoss, "layer 1: corrupt");
  capture(OutputForm::kLines, [&](Output& output) { EXPECT_EQ(output.fail(error), 1); });
  EXPECT_EQ(err_, "zeropull: error: layer 1: corrupt\n");
  EXPECT_EQ(out_, "");
  capture(OutputForm::kJson, [&](Output& output) { EXPECT_EQ(output.fail(error), 1); });
  auto lines = json_lines(out_);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["event"], "error");
  EXPECT_EQ(lines[0]["code"], "data_loss");
  EXPECT_EQ(lines[0]["message"], "layer 1: corrupt");
  EXPECT_EQ(err_, "");
}

TEST_F(OutputTest, a_strangers_control_characters_reach_no_terminal) {
  auto error = make_error(Code::kUnknown, "the server says \x1b[2Jbad\nzeropull: error: forged");
  capture(OutputForm::kLines, [&](Output& output) { output.fail(error); });
  EXPECT_EQ(std::ranges::count(err_, '\n'), 1) << err_;
  EXPECT_EQ(err_.find('\x1b'), std::string::npos);
}

TEST_F(OutputTest, bytes_that_are_no_utf8_are_replaced_in_json) {
  capture(OutputForm::kJson, [](Output& output) { output.fail(make_error(Code::kUnknown, "name \xff")); });
  EXPECT_EQ(json_lines(out_).at(0)["message"], "name \xef\xbf\xbd");
}

TEST_F(OutputTest, bars_are_gone_when_it_ends) {
  capture(OutputForm::kBars, [](Output& output) {
    output.report(event(1 << 20, false));
    output.report(event(4 << 20, true));
  });
  EXPECT_NE(err_.find("[======"), std::string::npos) << err_;
  EXPECT_NE(err_.find("layer 0123456789ab"), std::string::npos);
  EXPECT_EQ(out_, "");
}

}  // namespace
}  // namespace zeropull::cli
