// Copies that are real HTTP servers, of a fleet in memory.
#include "control/scraper/scraper.h"

#include <gtest/gtest.h>

#include "control/fleet/fake_fleet.h"
#include "control/scraper/limits.h"
#include "http/server.h"
#include "os/file.h"

namespace zeropull::scraper {
namespace {

// What every copy answers, and what it was asked.
struct Served {
  int status = 200;
  std::string body = "# HELP up Alive.\n# TYPE up gauge\nup{EndpointName=\"x\",endpoint=\"y\"} 1\n";
  std::string location;
  std::vector<std::string> asked;
};

class ScraperTest : public testing::Test, public fleet::FakeFleet {
 protected:
  ScraperTest() {
    server = MUST(http::HttpServer::create({}, [this](const Context&, const http::ServerRequest& request) {
      auto lock = served.lock();
      lock->asked.push_back(request.path);
      http::ServerResponse response;
      response.status = lock->status;
      if (!lock->location.empty()) response.headers.set("Location", lock->location);
      response.body = lock->body;
      return response;
    }));
    scraper = std::make_unique<Scraper>(
        ScraperParts{.state = *state, .metrics = *metrics, .http = *client, .executor = executor, .clock = clock});
  }
  void in_service(state::MetricsSettings settings, state::ContainerMetrics container, int count_wanted = 1) {
    state::Endpoint endpoint;
    endpoint.account = "1", endpoint.name = "llm", endpoint.uid = "e1", endpoint.variants = {fixed(1)};
    endpoint.metrics = settings, endpoint.wrapped_key = "v1:key";
    add(std::move(endpoint));
    auto of = spec("vllm");
    of.container.metrics = container;
    add_component(count_wanted, of);
    ASSERT_TRUE(until([&] { return component_is(state::ComponentStatus::kInService) && serving() == count_wanted; }));
    for (const auto& copy : copies()) {
      change<state::Copy>(copy, [&](auto& next) { next.address = fmt::format("127.0.0.1:{}", server->port()); });
    }
  }
  // So many seconds, with a look in each.
  void live(int seconds) {
    for (int i = 0; i < seconds; ++i) scraper->run_once(), clock.advance(std::chrono::seconds(1));
  }
  void answer(std::string body) { served.lock()->body = std::move(body); }
  std::vector<std::string> asked() { return served.lock()->asked; }
  std::size_t count() { return asked().size(); }
  std::optional<double> value(const std::string& metric, const std::string& statistic, Labels labels = {},
                              const std::string& name_space = kContainerNamespace) {
    if (name_space == kContainerNamespace) {
      const auto copy = copies()[0];
      labels.merge(Labels{{"EndpointName", "llm"},
                          {"VariantName", "all"},
                          {"InferenceComponentName", "qwen"},
                          {"InstanceId", copy->instance_id},
                          {"ContainerId", copy->id}});
    }
    const auto to = clock.wall_now() + std::chrono::seconds(1);
    auto points = MUST(metrics->get({"1", name_space, metric, labels}, MUST(series::parse_statistic(statistic)),
                                    std::chrono::seconds(1000), to - std::chrono::seconds(999), to));
    return points.empty() ? std::nullopt : std::optional(points.back().value);
  }
  const series::Family* shown(const std::string& name) {
    page = scraper->families();
    auto at = std::ranges::find(page, name, &series::Family::name);
    return at == page.end() ? nullptr : &*at;
  }
  double scrapes(const std::string& outcome) {
    const auto* family = shown("zeropull_scrapes_total");
    if (family == nullptr) return -1;
    for (const auto& sample : family->samples) {
      if (sample.labels.at("outcome") == outcome) return sample.value;
    }
    return -1;
  }

  Guarded<Served> served;
  std::unique_ptr<http::HttpServer> server;
  std::unique_ptr<http::HttpClient> client = MUST(http::HttpClient::create(client_options()));
  os::ScratchFolder folder = MUST(os::ScratchFolder::create("/tmp", "zp-scraper-"));
  std::unique_ptr<series::Store> metrics =
      MUST(series::Store::open({.path = folder.path() + "/metrics.db", .own_thread = false}, clock));
  std::vector<series::Family> page;
  std::unique_ptr<Scraper> scraper;
};

TEST_F(ScraperTest, a_copy_is_asked_where_its_container_says_and_as_often) {
  in_service({}, {.path = "/server/metrics", .publish_s = 10});
  live(30);
  EXPECT_EQ(asked(), std::vector<std::string>(3, "/server/metrics"));
  EXPECT_EQ(value("up", "SampleCount", {{"exported_EndpointName", "x"}, {"endpoint", "y"}}), 3);
  EXPECT_EQ(value("up", "Maximum", {{"exported_EndpointName", "x"}, {"endpoint", "y"}}), 1);
  const auto* up = shown("up");
  ASSERT_NE(up, nullptr);
  EXPECT_EQ(up->help, "Alive.");
  EXPECT_EQ(up->samples.at(0).labels.at("endpoint"), "llm");
  EXPECT_EQ(up->samples[0].labels.at("exported_endpoint"), "y");
  EXPECT_EQ(up->samples[0].labels.at("container"), copies()[0]->id);
  EXPECT_EQ(scrapes("answered"), 3);
  EXPECT_EQ(scrapes("failed"), 0);
  EXPECT_EQ(value("ScrapesFailed", "Sum", {{"InferenceComponentName", "qwen"}}, "Zeropull"), 0);
}

TEST_F(ScraperTest, nobody_is_asked_who_did_not_say_so) {
  in_service({}, {});
  live(120);
  EXPECT_EQ(count(), 0u);
  EXPECT_TRUE(scraper->families().empty());
}

TEST_F(ScraperTest, an_endpoint_that_asks_for_all_has_the_default_path_and_its_own_frequency) {
  in_service({.publish_s = 30, .scraping = state::Scraping::kAll}, {});
  live(60);
  EXPECT_EQ(asked(), std::vector<std::string>(2, "/metrics"));
}

TEST_F(ScraperTest, an_endpoint_that_asks_for_none_has_none) {
  in_service({.scraping = state::Scraping::kNone}, {.path = "/metrics", .publish_s = 10});
  live(60);
  EXPECT_EQ(count(), 0u);
}

TEST_F(ScraperTest, what_fails_is_counted_asked_less_often_and_well_again_later) {
  in_service({}, {.path = "/metrics", .publish_s = 10});
  answer("<html>\n");
  live(70);
  EXPECT_EQ(count(), 3u) << "after 0, 20 and 60 s";
  EXPECT_EQ(scrapes("failed"), 3);
  EXPECT_EQ(value("ScrapesFailed", "Sum", {{"InferenceComponentName", "qwen"}}, "Zeropull"), 3);
  EXPECT_EQ(shown("up"), nullptr);
  answer("up 1\n");
  live(70 + 40);
  EXPECT_GE(scrapes("answered"), 3);
  EXPECT_EQ(value("up", "Maximum"), 1);
  served.lock()->status = 500;
  live(10);
  EXPECT_EQ(scrapes("failed"), 4);
  EXPECT_EQ(shown("up"), nullptr) << "what was answered once is not shown as if it were of now";
}

TEST_F(ScraperTest, a_redirect_is_not_followed) {
  served.lock()->status = 302;
  served.lock()->location = "/elsewhere";
  in_service({}, {.path = "/metrics", .publish_s = 300});
  live(10);
  EXPECT_EQ(asked(), std::vector<std::string>{"/metrics"});
  EXPECT_EQ(scrapes("failed"), 1);
}

TEST_F(ScraperTest, an_endless_answer_ends_at_the_limit) {
  answer(std::string(kBodyMax + 1, '\n'));
  in_service({}, {.path = "/metrics", .publish_s = 300});
  live(1);
  EXPECT_EQ(scrapes("failed"), 1);
}

TEST_F(ScraperTest, a_full_store_takes_no_new_series_of_containers_and_keeps_those_it_has) {
  scraper = std::make_unique<Scraper>(
      ScraperParts{.state = *state, .metrics = *metrics, .http = *client, .executor = executor, .clock = clock, .series_max = 1});
  in_service({}, {.path = "/metrics", .publish_s = 10});
  answer("old 1\n");
  live(60);
  answer("old 1\nnew 1\n");
  live(20);
  EXPECT_EQ(value("old", "SampleCount"), 8);
  EXPECT_EQ(value("new", "SampleCount"), std::nullopt);
  EXPECT_EQ(shown("zeropull_scrape_left_out")->samples.at(0).value, 1);
}

TEST_F(ScraperTest, a_copy_that_has_gone_is_forgotten) {
  in_service({}, {.path = "/metrics", .publish_s = 10});
  live(1);
  ASSERT_NE(shown("up"), nullptr);
  update_component([](auto& next) { next.desired_copies = 0; });
  ASSERT_TRUE(until([&] { return serving() == 0; }));
  live(11);
  EXPECT_EQ(count(), 1u);
  EXPECT_TRUE(scraper->families().empty());
}

TEST_F(ScraperTest, copies_share_a_family_on_the_page) {
  in_service({}, {.path = "/metrics", .publish_s = 10}, 2);
  answer("# TYPE x gauge\nx 1\n");
  scraper->run_once();
  ASSERT_NE(shown("x"), nullptr);
  EXPECT_EQ(shown("x")->samples.size(), 2u);
}

}  // namespace
}  // namespace zeropull::scraper
