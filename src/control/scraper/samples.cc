#include "control/scraper/samples.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "control/scraper/limits.h"

namespace zeropull::scraper {

using series::Family;
using series::FamilyType;
using series::Sample;

namespace {

// Our own families; nobody else may say them.
constexpr std::string_view kOwnPrefix = "zeropull_";

// Printable ASCII: what CloudWatch has in a dimension's value, and what no reader of either page stumbles over.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

bool fits(const Sample& sample) {
  return sample.labels.size() <= kLabelsMax && std::ranges::all_of(sample.labels, [](const auto& label) {
           return label.first.size() <= kLabelNameMax && label.second.size() <= kLabelValueMax && is_plain(label.second);
         });
}

bool may_be(const Family& family) {
  return family.name.size() + std::string_view("_bucket").size() <= kNameMax && !family.name.starts_with(kOwnPrefix);
}

std::optional<double> number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  return whole && !std::isnan(value) ? std::optional(value) : std::nullopt;
}

struct Bound {
  double operator()(const std::pair<const double, double>& bucket) const { return bucket.first; }
};

// What stands for the observations between two bounds; the upper one is infinite where there is none.
double middle(std::optional<double> lower, std::optional<double> upper) {
  if (!upper) return *lower > 0 ? *lower * 1.5 : *lower;
  if (!lower) return *upper > 0 ? *upper / 2 : *upper;
  return *lower > 0 ? std::sqrt(*lower) * std::sqrt(*upper) : (*lower + *upper) / 2;
}

}  // namespace

Result<Answer> read_answer(std::string_view body) {
  auto parsed = TRY(series::parse_exposition(body));
  Answer answer{.left_out = parsed.skipped};
  std::size_t kept = 0;
  for (auto& family : parsed.families) {
    const auto all = family.samples.size();
    if (may_be(family)) {
      std::erase_if(family.samples, [&](const Sample& sample) { return !fits(sample) || kept++ >= kSamplesMax; });
    } else {
      family.samples.clear();
    }
    answer.left_out += all - family.samples.size();
    if (family.samples.empty()) continue;
    if (!is_plain(family.help) || family.help.size() > kLabelValueMax) family.help.clear();
    answer.families.push_back(std::move(family));
  }
  if (answer.families.empty() && answer.left_out > 0) {
    return make_error(Code::kInvalidArgument, "none of its {} lines is a sample that can be kept", answer.left_out);
  }
  return answer;
}

Increases::Counted* Increases::find(const std::string& metric, const Labels& labels) {
  auto at = known_.find({metric, labels});
  if (at == known_.end()) {
    if (known_.size() >= kSeriesOfCopyMax) return ++left_out_, nullptr;
    at = known_.emplace(std::pair(metric, labels), Counted{}).first;
  }
  return &at->second;
}

void Increases::take_gauge(const Family& family) {
  for (const auto& sample : family.samples) {
    if (!std::isfinite(sample.value) || find(family.name, sample.labels) == nullptr) continue;
    points_.push_back({family.name, sample.labels, {{sample.value, 1}}});
  }
}

void Increases::take_counter(const Family& family) {
  for (const auto& sample : family.samples) {
    if (sample.suffix == "_created" || !std::isfinite(sample.value)) continue;
    const auto metric = family.name + sample.suffix;
    auto* before = find(metric, sample.labels);
    if (before == nullptr) continue;
    // One that is smaller than it was has begun anew.
    const double grown = sample.value >= before->sum ? sample.value - before->sum : sample.value;
    if (before->known && std::isfinite(grown)) points_.push_back({metric, sample.labels, {{grown, 1}}});
    *before = {.known = true, .sum = sample.value};
  }
}

// What a histogram or summary has counted, by its labels without those of buckets and quantiles.
std::map<Labels, Increases::Counted> Increases::counted(const Family& family) {
  std::map<Labels, Counted> groups;
  for (const auto& sample : family.samples) {
    auto labels = sample.labels;
    const auto le = labels.extract("le");
    const bool quantile = labels.erase("quantile") > 0;
    if (quantile || !std::isfinite(sample.value)) continue;
    if (sample.suffix == "_sum") groups[labels].sum = sample.value;
    if (sample.suffix == "_count") groups[labels].count = sample.value;
    const auto bound = sample.suffix == "_bucket" && !le.empty() ? number(le.mapped()) : std::nullopt;
    if (bound && std::isfinite(*bound)) groups[labels].buckets[*bound] = sample.value;
  }
  return groups;
}

// The observations that lie between two answers.
std::vector<series::Observation> Increases::came(const Counted& now, const Counted& before) {
  const double count = now.count - before.count, sum = now.sum - before.sum;
  if (!(count > 0)) return {};
  if (now.buckets.empty()) return {{sum / count, count}};
  std::vector<series::Observation> observations;
  double told = 0, total = 0, least = 0;
  auto tell = [&](double value, double up_to) {
    if (!(up_to > told)) return;
    observations.push_back({value, up_to - told});
    total += value * (up_to - told);
    least = std::min(least, value);
    told = up_to;
  };
  std::optional<double> lower;
  for (const auto& [bound, up_to] : now.buckets) {
    const auto was = before.buckets.find(bound);
    tell(middle(lower, bound), std::min(count, up_to - (was == before.buckets.end() ? 0 : was->second)));
    lower = bound;
  }
  tell(middle(lower, std::nullopt), count);
  if (least >= 0 && total > 0 && sum > 0) {
    for (auto& one : observations) one.value *= sum / total;
  }
  return observations;
}

void Increases::take_distribution(const Family& family) {
  for (const auto& [labels, now] : counted(family)) {
    auto* before = find(family.name, labels);
    if (before == nullptr) continue;
    const bool same_bounds = std::ranges::equal(now.buckets, before->buckets, {}, Bound{}, Bound{});
    auto observations = came(now, now.count < before->count || !same_bounds ? Counted{} : *before);
    const bool finite =
        std::ranges::all_of(observations, [](const auto& one) { return std::isfinite(one.value) && std::isfinite(one.count); });
    if (before->known && finite && !observations.empty()) {
      points_.push_back({family.name, labels, std::move(observations)});
    }
    *before = now;
    before->known = true;
  }
}

std::vector<ScrapedPoint> Increases::take(const std::vector<Family>& families, std::size_t& left_out) {
  points_.clear();
  left_out_ = 0;
  for (const auto& family : families) {
    switch (family.type) {
      case FamilyType::kGauge:
      case FamilyType::kUntyped: take_gauge(family); break;
      case FamilyType::kCounter: take_counter(family); break;
      case FamilyType::kHistogram:
      case FamilyType::kSummary: take_distribution(family); break;
    }
  }
  left_out += left_out_;
  return std::move(points_);
}

std::string_view unit_of(std::string_view metric) {
  if (metric.ends_with("_total")) metric.remove_suffix(std::string_view("_total").size());
  if (metric.ends_with("_seconds")) return "Seconds";
  if (metric.ends_with("_bytes")) return "Bytes";
  return "None";
}

}  // namespace zeropull::scraper
