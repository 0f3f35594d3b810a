#include "control/scraper/scraper.h"

#include <algorithm>

#include "control/scraper/limits.h"
#include "control/scraper/log.h"

namespace zeropull::scraper {

// `busy` hands the copy to one job at a time: what is above the line is the job's while it is set, the rest is guarded by the
// lock.
struct Scraper::Copy {
  Target target;
  Increases increases;
  std::map<std::pair<std::string, Labels>, series::Writer> writers;
  // ----
  bool busy = false;
  bool told = false;  // that it fails, or that something of its answer was left out
  int failures = 0;   // in a row
  SteadyTime due = {};
  std::vector<series::Family> families;
  std::uint64_t answered = 0, failed = 0;
  std::size_t left_out = 0;  // of the last answer
};

namespace {

// Before the name of a label that is one of ours.
constexpr std::string_view kExported = "exported_";

// Ours and the sample's; Prometheus takes an empty label for none, and CloudWatch has no empty dimension.
Labels joined(Labels ours, const Labels& labels) {
  for (const auto& [name, value] : labels) {
    if (!value.empty()) ours.emplace(ours.contains(name) ? std::string(kExported) + name : name, value);
  }
  return ours;
}

Duration pause_after(const Target& target, int failures) {
  int seconds = target.every_s;
  for (int i = 0; i < failures && seconds < kBackOffMaxS; ++i) seconds *= 2;
  return std::chrono::seconds(std::max(target.every_s, std::min(seconds, kBackOffMaxS)));
}

// Families by name, for the operator's page.
class Families {
 public:
  void add(const series::Family& family, const Labels& ours) {
    auto [at, fresh] = families_.try_emplace(family.name, series::Family{family.name, family.help, family.type, {}});
    if (!fresh && at->second.type != family.type) return;  // a name has one type on a page
    for (const auto& sample : family.samples) {
      at->second.samples.push_back({sample.suffix, joined(ours, sample.labels), sample.value});
    }
  }
  void add(const char* name, const char* help, series::FamilyType type, Labels labels, double value) {
    auto [at, fresh] = families_.try_emplace(name, series::Family{name, help, type, {}});
    at->second.samples.push_back({"", std::move(labels), value});
  }
  std::vector<series::Family> all() && {
    std::vector<series::Family> list;
    for (auto& [name, family] : families_) list.push_back(std::move(family));
    return list;
  }

 private:
  std::map<std::string, series::Family> families_;
};

}  // namespace

http::ClientOptions client_options() {
  return {
      .plain = http::Plain::kAllowed, .connect_timeout = kConnectTimeout, .progress_timeout = kScrapeTimeout, .redirects_max = 0};
}

Scraper::~Scraper() { stop(); }

void Scraper::start() {
  thread_ = std::jthread([this] {
    while (!stop_.stop_requested()) {
      run_once();
      (void)Context::root("scraper", stop_.get_token()).sleep(kTick);
    }
  });
}

void Scraper::stop() {
  stop_.request_stop();
  if (thread_.joinable()) thread_.join();
}

std::vector<std::shared_ptr<Scraper::Copy>> Scraper::due() {
  auto targets = targets_of(parts_.state.view());
  const auto now = parts_.clock.steady_now();
  std::vector<std::shared_ptr<Copy>> list;
  auto copies = copies_.lock();
  Copies present;
  for (auto& target : targets) {
    auto known = copies->find(target.copy_id);
    auto copy = known == copies->end() ? std::make_shared<Copy>() : known->second;
    if (!copy->busy) {
      if (copy->target.every_s != target.every_s) copy->due = now;
      copy->target = target;
      if (copy->due <= now) copy->busy = true, list.push_back(copy);
    }
    present.emplace(target.copy_id, std::move(copy));
  }
  *copies = std::move(present);  // a job keeps its own alive
  return list;
}

void Scraper::run_once() {
  const auto now = parts_.clock.steady_now();
  if (counted_ == SteadyTime{} || now - counted_ >= kCountEvery) {
    counted_ = now;
    full_ = parts_.metrics.usage().series >= parts_.series_max;
  }
  for (auto& copy : due()) {
    auto posted = parts_.executor.post([this, copy] { scrape(*copy); });
    if (posted.ok()) continue;
    auto lock = copies_.lock();
    copy->busy = false;  // at the next look
  }
}

Result<Answer> Scraper::ask(const Target& target) const {
  const auto ctx = Context::root("scrape", stop_.get_token(), kScrapeTimeout);
  TRY(ctx.check());
  auto url = TRY(http::Url::parse(fmt::format("http://{}{}", target.address, target.path)));
  http::Request request{.url = std::move(url)};
  request.headers.set("Accept", std::string(series::kExpositionContentType));
  request.response_max = kBodyMax;
  auto response = TRY(parts_.http.request(ctx, request));
  if (response.status != 200) return make_error(Code::kUnavailable, "GET {}: status {}", target.path, response.status);
  return read_answer(response.body).with_context("GET {}", target.path);
}

bool Scraper::put_point(Copy& copy, const ScrapedPoint& point, WallTime at) {
  auto known = copy.writers.find({point.metric, point.labels});
  if (known == copy.writers.end()) {
    if (full_.load()) return false;
    auto writer = parts_.metrics.writer({.account = copy.target.account,
                                         .name_space = kContainerNamespace,
                                         .metric = point.metric,
                                         .dimensions = joined(copy.target.dimensions, point.labels)},
                                        unit_of(point.metric));
    if (!writer.ok()) return false;
    known = copy.writers.emplace(std::pair(point.metric, point.labels), *writer).first;
  }
  known->second.put(at, point.observations);
  return true;
}

std::size_t Scraper::put(Copy& copy, const Answer& answer, WallTime at) {
  std::size_t left_out = answer.left_out;
  for (const auto& point : copy.increases.take(answer.families, left_out)) {
    if (!put_point(copy, point, at)) ++left_out;
  }
  return left_out;
}

void Scraper::scrape(Copy& copy) {
  const auto begin = parts_.clock.steady_now();
  const auto at = parts_.clock.wall_now();
  const auto target = copy.target;
  auto answer = ask(target);
  const std::size_t left_out = answer.ok() ? put(copy, *answer, at) : 0;
  auto failed = parts_.metrics.writer(
      {.account = target.account, .name_space = "Zeropull", .metric = "ScrapesFailed", .dimensions = target.of_variant}, "Count");
  if (failed.ok() && !stop_.stop_requested()) failed->put(at, answer.ok() ? 0 : 1);
  auto lock = copies_.lock();
  copy.busy = false;
  copy.failures = answer.ok() ? 0 : copy.failures + 1;
  copy.due = begin + pause_after(target, copy.failures);
  ++(answer.ok() ? copy.answered : copy.failed);
  copy.left_out = left_out;
  copy.families.clear();
  if (answer.ok()) copy.families = std::move(answer->families);
  const bool well = answer.ok() && left_out == 0;
  if (!std::exchange(copy.told, !well) && !well && !stop_.stop_requested()) {
    if (answer.ok()) {
      LOG_WARN(kLog, "copy {}: {} lines or samples of GET {} are left out", target.copy_id, left_out, target.path);
    } else {
      LOG_WARN(kLog, "copy {}: {}", target.copy_id, answer.error().to_string());
    }
  }
}

std::vector<series::Family> Scraper::families() {
  Families families;
  auto copies = copies_.lock();
  for (const auto& [id, copy] : *copies) {
    if (copy->answered + copy->failed == 0) continue;
    const auto& labels = copy->target.labels;
    for (const auto& family : copy->families) families.add(family, labels);
    families.add("zeropull_scrapes_total", "Scrapes of containers' own metrics.", series::FamilyType::kCounter,
                 joined(labels, {{"outcome", "answered"}}), static_cast<double>(copy->answered));
    families.add("zeropull_scrapes_total", "Scrapes of containers' own metrics.", series::FamilyType::kCounter,
                 joined(labels, {{"outcome", "failed"}}), static_cast<double>(copy->failed));
    families.add("zeropull_scrape_left_out", "Lines and samples of the last answer that were left out.",
                 series::FamilyType::kGauge, labels, static_cast<double>(copy->left_out));
  }
  return std::move(families).all();
}

}  // namespace zeropull::scraper
