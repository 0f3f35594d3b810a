// Every limit and constant of the scraper room, with its reason. What a container answers is outside text.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.h"
#include "base/units.h"

namespace zeropull::scraper {

// Who is due is looked at so often; ten seconds is the shortest period.
inline constexpr Duration kTick = std::chrono::seconds(1);
// Of a configuration that says none: AWS's default.
inline constexpr int kPublishDefaultS = 60;
inline constexpr const char* kPathDefault = "/metrics";

// One scrape, from the connection to the last byte. vLLM takes milliseconds; half of the shortest period.
inline constexpr Duration kScrapeTimeout = std::chrono::seconds(5);
inline constexpr Duration kConnectTimeout = std::chrono::seconds(2);
// A container that fails is asked half as often after each failure, and at least every so many seconds.
inline constexpr int kBackOffMaxS = 300;

// Of one answer: vLLM's has 60 KiB and some 600 samples.
inline constexpr std::size_t kBodyMax = kMiB;
inline constexpr std::size_t kSamplesMax = 5000;
// Labels beside the dimensions that we add; a metric has at most 30 of both together. CloudWatch's length of a value.
inline constexpr std::size_t kLabelsMax = 25, kLabelNameMax = 200, kLabelValueMax = 1024, kNameMax = 255;
// Series that one copy makes as long as it lives, whatever its labels do; a histogram is one.
inline constexpr std::size_t kSeriesOfCopyMax = 1000;
// Where the store has so many series, of whomever, containers make no new ones: three quarters of what it takes, so that ours
// have room. Looked at so often.
inline constexpr std::size_t kSeriesMax = 750'000;
inline constexpr Duration kCountEvery = std::chrono::seconds(60);

}  // namespace zeropull::scraper
