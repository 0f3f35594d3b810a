#include "control/api/times.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdint>

namespace zeropull::api {

namespace {

// The number of `digits` digits at the front, which are taken off.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int number = 0;
  for (char digit : text.substr(0, digits)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + (digit - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take_letter(std::string_view& text, char letter) {
  if (!text.starts_with(letter)) return false;
  text.remove_prefix(1);
  return true;
}

double take_fraction(std::string_view& text) {
  double fraction = 0;
  if (!take_letter(text, '.')) return fraction;
  for (double unit = 0.1; !text.empty() && text[0] >= '0' && text[0] <= '9'; unit /= 10) {
    fraction += unit * (text[0] - '0');
    text.remove_prefix(1);
  }
  return fraction;
}

// Seconds east of UTC that the rest of a time says.
std::optional<int> offset_of(std::string_view text) {
  if (text == "Z" || text.empty()) return 0;
  bool west = text[0] == '-';
  if (text[0] != '+' && !west) return std::nullopt;
  text.remove_prefix(1);
  auto hours = take_digits(text, 2);
  take_letter(text, ':');
  auto minutes = take_digits(text, 2);
  if (!hours || !minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  int seconds = (*hours * 60 + *minutes) * 60;
  return west ? -seconds : seconds;
}

}  // namespace

std::string iso_time(double seconds) {
  auto millis = static_cast<std::int64_t>(std::llround(seconds * 1000));
  auto time = std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(millis));
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::optional<double> parse_iso_time(std::string_view text) {
  auto year = take_digits(text, 4);
  if (!year || !take_letter(text, '-')) return std::nullopt;
  auto month = take_digits(text, 2);
  if (!month || !take_letter(text, '-')) return std::nullopt;
  auto day = take_digits(text, 2);
  if (!day || !(take_letter(text, 'T') || take_letter(text, ' '))) return std::nullopt;
  auto hour = take_digits(text, 2);
  if (!hour || !take_letter(text, ':')) return std::nullopt;
  auto minute = take_digits(text, 2);
  if (!minute || !take_letter(text, ':')) return std::nullopt;
  auto second = take_digits(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  double fraction = take_fraction(text);
  auto offset = offset_of(text);
  std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                   std::chrono::day(static_cast<unsigned>(*day))};
  if (!offset || !date.ok()) return std::nullopt;
  auto days = std::chrono::sys_days(date).time_since_epoch();
  auto whole = std::chrono::duration_cast<std::chrono::seconds>(days).count() + *hour * 3600 + *minute * 60 + *second - *offset;
  return static_cast<double>(whole) + fraction;
}

}  // namespace zeropull::api
