// Two answers of one container, one after the other, the second behind a NUL: whatever they say, what comes of them is within
// bounds and finite.
#include <cmath>

#include "base/check.h"
#include "control/scraper/limits.h"
#include "control/scraper/samples.h"

using namespace zeropull;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  scraper::Increases increases;
  std::size_t left_out = 0;
  while (true) {
    const auto end = text.find('\0');
    auto answer = scraper::read_answer(text.substr(0, end));
    if (answer.ok()) {
      for (const auto& point : increases.take(answer->families, left_out)) {
        CHECK(!point.metric.empty() && point.metric.size() <= scraper::kNameMax && !point.observations.empty());
        CHECK(point.labels.size() <= scraper::kLabelsMax);
        for (const auto& one : point.observations) CHECK(std::isfinite(one.value) && std::isfinite(one.count) && one.count > 0);
      }
    }
    CHECK(increases.size() <= scraper::kSeriesOfCopyMax);
    if (end == std::string_view::npos) return 0;
    text.remove_prefix(end + 1);
  }
}
