#include "control/scaler/schedule.h"

#include <gtest/gtest.h>

namespace zeropull::scaler {
namespace {

std::int64_t utc(int year, int month, int day, int hour = 0, int minute = 0) {
  return seconds_of({.year = year, .month = month, .day = day, .hour = hour, .minute = minute});
}

std::optional<std::int64_t> next(std::string_view text, std::int64_t after, std::string_view zone = "UTC",
                                 Schedule::Life life = {}) {
  auto schedule = Schedule::parse(text);
  EXPECT_TRUE(schedule.ok()) << schedule.error().message();
  auto loaded = TimeZone::load(zone);
  EXPECT_TRUE(loaded.ok()) << loaded.error().message();
  return schedule->next(after, life, *loaded);
}

TEST(TimeZone, knows_summer_time_before_and_after_the_last_transition_of_its_file) {
  auto berlin = MUST(TimeZone::load("Europe/Berlin"));
  EXPECT_EQ(berlin.offset_at(utc(2026, 1, 1)), 3600);
  EXPECT_EQ(berlin.offset_at(utc(2026, 7, 1)), 7200);
  EXPECT_EQ(berlin.offset_at(utc(2026, 3, 29, 0, 59)), 3600);
  EXPECT_EQ(berlin.offset_at(utc(2026, 3, 29, 1, 0)), 7200);
  EXPECT_EQ(berlin.offset_at(utc(2090, 1, 1)), 3600);  // by the rule of the footer
  EXPECT_EQ(berlin.offset_at(utc(2090, 7, 1)), 7200);
  auto sydney = MUST(TimeZone::load("Australia/Sydney"));
  EXPECT_EQ(sydney.offset_at(utc(2090, 1, 1)), 11 * 3600);
  EXPECT_EQ(sydney.offset_at(utc(2090, 7, 1)), 10 * 3600);
  EXPECT_EQ(MUST(TimeZone::load("Asia/Kolkata")).offset_at(utc(2026, 1, 1)), 5 * 3600 + 1800);
}

TEST(TimeZone, local_times_that_are_skipped_or_come_twice_have_one_answer) {
  auto berlin = MUST(TimeZone::load("Europe/Berlin"));
  // 02:30 does not exist on 29 March 2026, and is twice on 25 October.
  EXPECT_EQ(berlin.utc({.year = 2026, .month = 3, .day = 29, .hour = 2, .minute = 30}), utc(2026, 3, 29, 1, 0));
  EXPECT_EQ(berlin.utc({.year = 2026, .month = 10, .day = 25, .hour = 2, .minute = 30}), utc(2026, 10, 25, 0, 30));
  for (std::int64_t time = utc(2026, 1, 1); time < utc(2027, 1, 1); time += 1799) {
    auto back = berlin.utc(berlin.local(time));
    EXPECT_TRUE(back == time || back == time - 3600) << time;
  }
}

TEST(TimeZone, refuses_names_and_files_that_are_none) {
  for (auto name : {"../../etc/passwd", "/etc/passwd", "Europe/Nowhere", "Europe", "a b"})
    EXPECT_FALSE(TimeZone::load(name).ok()) << name;
  EXPECT_FALSE(TimeZone::parse(as_bytes("TZif2")).ok());
  std::string huge("TZif2");
  huge.resize(44, '\xff');
  EXPECT_FALSE(TimeZone::parse(as_bytes(huge)).ok());
}

TEST(Schedule, at_is_due_once_in_its_zone) {
  EXPECT_EQ(next("at(2026-07-01T09:30:00)", 0, "Europe/Berlin"), utc(2026, 7, 1, 7, 30));
  EXPECT_EQ(next("at(2026-07-01T09:30:00)", utc(2026, 7, 1, 7, 30), "Europe/Berlin"), std::nullopt);
}

TEST(Schedule, a_rate_counts_from_its_start) {
  Schedule::Life life{.start = 1000, .end = 1000 + 3 * 300};
  EXPECT_EQ(next("rate(5 minutes)", 0, "UTC", life), 1000);
  EXPECT_EQ(next("rate(5 minutes)", 1000, "UTC", life), 1300);
  EXPECT_EQ(next("rate(5 minutes)", 1301, "UTC", life), 1600);
  EXPECT_EQ(next("rate(5 minutes)", 1900, "UTC", life), std::nullopt);
  EXPECT_EQ(next("rate(1 hour)", 1000, "UTC", {.start = 1000}), 4600);
}

TEST(Schedule, cron_is_due_in_its_zone_across_changes_of_clocks) {
  constexpr auto kWorkdays = "cron(0 7 ? * MON-FRI *)";
  EXPECT_EQ(next(kWorkdays, utc(2026, 11, 20, 12), "Europe/Berlin"), utc(2026, 11, 23, 6));  // a Friday's noon: Monday
  EXPECT_EQ(next(kWorkdays, utc(2026, 6, 1, 5), "Europe/Berlin"), utc(2026, 6, 2, 5));
  EXPECT_EQ(next("cron(30 2 * * ? *)", utc(2026, 3, 28, 12), "Europe/Berlin"), utc(2026, 3, 29, 1));
  EXPECT_EQ(next("cron(30 2 * * ? *)", utc(2026, 10, 25, 0, 30), "Europe/Berlin"), utc(2026, 10, 26, 1, 30));
}

TEST(Schedule, cron_knows_steps_lists_names_last_nth_and_nearest) {
  auto after = utc(2026, 2, 1);
  EXPECT_EQ(next("cron(*/15 * * * ? *)", after), after + 900);
  EXPECT_EQ(next("cron(0 8,20 * * ? *)", after + 8 * 3600), after + 20 * 3600);
  EXPECT_EQ(next("cron(0 0 L * ? *)", after), utc(2026, 2, 28));
  EXPECT_EQ(next("cron(0 0 29 FEB ? *)", after), utc(2028, 2, 29));
  EXPECT_EQ(next("cron(0 0 ? * 6#3 *)", after), utc(2026, 2, 20));
  EXPECT_EQ(next("cron(0 0 ? * FRIL *)", after), utc(2026, 2, 27));
  EXPECT_EQ(next("cron(0 0 15W * ? *)", after), utc(2026, 2, 16));  // the 15th is a Sunday
  EXPECT_EQ(next("cron(0 0 1 1 ? 2030)", after), utc(2030, 1, 1));
  EXPECT_EQ(next("cron(0 0 1 1 ? 2020)", after), std::nullopt);
  EXPECT_EQ(next("cron(0 0 30 2 ? *)", after), std::nullopt);
}

TEST(Schedule, refuses_what_it_cannot_mean) {
  for (auto text :
       {"", "at()", "at(2026-02-30T00:00:00)", "at(2026-02-01 00:00:00)", "rate(0 minutes)", "rate(5 weeks)", "rate(-1 days)",
        "cron(* * * * * *)", "cron(* * ? * ? *)", "cron(60 * * * ? *)", "cron(* * * * ?)", "cron(5-1 * * * ? *)",
        "cron(*/0 * * * ? *)", "cron(* * 32 * ? *)", "cron(* * ? * 6#6 *)", "cron(* * ? * MOON *)", "every day"}) {
    EXPECT_FALSE(Schedule::parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace zeropull::scaler
