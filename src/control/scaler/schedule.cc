#include "control/scaler/schedule.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <vector>

namespace zeropull::scaler {

namespace {

constexpr std::int64_t kDay = 86400;

Error bad(std::string_view what, std::string_view text) { return make_error(Code::kInvalidArgument, "{}: '{}'", what, text); }

std::optional<int> number(std::string_view text) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || text.front() == '-') return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0;;) {
    auto end = text.find(by, at);
    parts.push_back(text.substr(at, end - at));
    if (end == std::string_view::npos) return parts;
    at = end + 1;
  }
}

int days_in(int year, int month) {
  using namespace std::chrono;
  auto last = std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) / std::chrono::last;
  return static_cast<int>(static_cast<unsigned>(last.day()));
}

// 1 is Sunday.
int weekday_of(int year, int month, int day) {
  auto days = seconds_of({.year = year, .month = month, .day = day}) / kDay;
  return static_cast<int>(((days + 4) % 7 + 7) % 7) + 1;
}

constexpr std::string_view kMonths[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::string_view kWeekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

// One field of a cron expression: what its values may be and are called (the first name is value 1).
struct Field {
  std::string_view name;
  int low = 0, high = 0;
  std::span<const std::string_view> names = {};

  std::optional<int> value(std::string_view text) const {
    std::string upper(text);
    std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (upper == names[i]) return static_cast<int>(i) + 1;
    }
    auto plain = number(text);
    return plain && *plain >= low && *plain <= high ? plain : std::nullopt;
  }
};

// "*", "5", "1-5", "*/15", "5/15", "1-30/5", and lists of these; sets bit value - base.
template <std::size_t N>
Result<void> read_field(std::string_view text, const Field& field, int base, std::bitset<N>& bits) {
  for (auto part : split(text, ',')) {
    auto slash = part.find('/');
    auto range = part.substr(0, slash);
    int step = 1, first = field.low, last = field.high;
    if (slash != std::string_view::npos) {
      auto each = number(part.substr(slash + 1));
      if (!each || *each < 1) return bad("the step of a schedule's field is no number above 0", part);
      step = std::min(*each, field.high + 1);
    }
    if (range != "*") {
      auto dash = range.find('-');
      auto from = field.value(range.substr(0, dash));
      auto to = dash == std::string_view::npos ? (slash == std::string_view::npos ? from : std::optional(field.high))
                                               : field.value(range.substr(dash + 1));
      if (!from || !to || *from > *to)
        return bad(fmt::format("the schedule's {} are not between {} and {}", field.name, field.low, field.high), part);
      first = *from;
      last = *to;
    }
    for (int value = first; value <= last; value += step) bits.set(static_cast<std::size_t>(value - base));
  }
  return {};
}

constexpr Field kMinuteField{"minutes", 0, 59}, kHourField{"hours", 0, 23}, kDayField{"days of the month", 1, 31},
    kMonthField{"months", 1, 12, kMonths}, kWeekdayField{"days of the week", 1, 7, kWeekdays},
    kYearField{"years", kCronYearMin, kCronYearMax};

}  // namespace

Result<Schedule> Schedule::parse(std::string_view text) {
  auto open = text.find('(');
  if (text.size() > kScheduleTextMax || open == std::string_view::npos || !text.ends_with(')')) {
    return bad("a schedule is at(..), rate(..) or cron(..)", text.substr(0, 100));
  }
  auto kind = text.substr(0, open), body = text.substr(open + 1, text.size() - open - 2);
  if (kind == "at") {
    // yyyy-mm-ddThh:mm:ss
    if (body.size() != 19 || body[4] != '-' || body[7] != '-' || body[10] != 'T' || body[13] != ':' || body[16] != ':') {
      return bad("at(..) takes yyyy-mm-ddThh:mm:ss", body);
    }
    auto year = number(body.substr(0, 4)), month = number(body.substr(5, 2)), day = number(body.substr(8, 2));
    auto hour = number(body.substr(11, 2)), minute = number(body.substr(14, 2)), second = number(body.substr(17, 2));
    if (!year || !month || !day || !hour || !minute || !second || *month < 1 || *month > 12 || *day < 1 ||
        *day > days_in(*year, *month) || *hour > 23 || *minute > 59 || *second > 59) {
      return bad("at(..) of a time that there is not", body);
    }
    return Schedule(At{{.year = *year, .month = *month, .day = *day, .hour = *hour, .minute = *minute, .second = *second}});
  }
  if (kind == "rate") {
    auto parts = split(body, ' ');
    auto count = number(parts[0]);
    if (parts.size() != 2 || !count || *count < 1) return bad("rate(..) takes a number above 0 and a unit", body);
    auto unit = parts[1];
    if (unit.ends_with('s')) unit.remove_suffix(1);
    std::int64_t seconds = unit == "minute" ? 60 : unit == "hour" ? 3600 : unit == "day" ? kDay : 0;
    if (seconds == 0) return bad("rate(..) is in minutes, hours or days", body);
    return Schedule(Rate{.seconds = *count * seconds});
  }
  if (kind == "cron") {
    auto cron = TRY(parse_cron(body));
    return Schedule(std::move(cron));
  }
  return bad("a schedule is at(..), rate(..) or cron(..)", text);
}

Result<Schedule::Cron> Schedule::parse_cron(std::string_view text) {
  std::vector<std::string_view> fields;
  for (auto field : split(text, ' ')) {
    if (!field.empty()) fields.push_back(field);
  }
  if (fields.size() != 6) return bad("cron(..) has six fields: minutes, hours, day of month, month, day of week, year", text);
  Cron cron;
  TRY(read_field(fields[0], kMinuteField, 0, cron.minutes));
  TRY(read_field(fields[1], kHourField, 0, cron.hours));
  TRY(read_field(fields[3], kMonthField, 0, cron.months));
  TRY(read_field(fields[5], kYearField, kCronYearMin, cron.years));
  auto day = fields[2], weekday = fields[4];
  cron.any_day = day == "?";
  cron.any_weekday = weekday == "?";
  if (cron.any_day == cron.any_weekday) return bad("cron(..) needs ? in exactly one of day of month and day of week", text);
  if (day == "L") {
    cron.last_day = true;
  } else if (day.ends_with('W')) {
    auto near = kDayField.value(day.substr(0, day.size() - 1));
    if (!near) return bad("the schedule's nearest weekday is of no day", day);
    cron.nearest_weekday = *near;
  } else if (!cron.any_day) {
    TRY(read_field(day, kDayField, 0, cron.days));
  }
  if (auto hash = weekday.find('#'); hash != std::string_view::npos) {
    auto which = kWeekdayField.value(weekday.substr(0, hash));
    auto nth = number(weekday.substr(hash + 1));
    if (!which || !nth || *nth < 1 || *nth > 5) return bad("the schedule's n-th weekday is none", weekday);
    cron.weekdays.set(static_cast<std::size_t>(*which));
    cron.nth = *nth;
  } else if (weekday.size() > 1 && weekday.ends_with('L')) {
    auto which = kWeekdayField.value(weekday.substr(0, weekday.size() - 1));
    if (!which) return bad("the schedule's last weekday is none", weekday);
    cron.weekdays.set(static_cast<std::size_t>(*which));
    cron.last_weekday = true;
  } else if (!cron.any_weekday) {
    TRY(read_field(weekday == "L" ? "7" : weekday, kWeekdayField, 0, cron.weekdays));
  }
  return cron;
}

bool Schedule::matches_day(const Cron& cron, int year, int month, int day) {
  if (!cron.months[static_cast<std::size_t>(month)]) return false;
  int last = days_in(year, month), weekday = weekday_of(year, month, day);
  if (cron.last_day) return day == last;
  if (cron.nearest_weekday > 0) {
    // The nearest day from Monday to Friday within the month.
    int wanted = std::min(cron.nearest_weekday, last), of = weekday_of(year, month, wanted);
    if (of == 7) wanted = wanted > 1 ? wanted - 1 : wanted + 2;
    if (of == 1) wanted = wanted < last ? wanted + 1 : wanted - 2;
    return day == wanted;
  }
  if (!cron.any_day) return cron.days[static_cast<std::size_t>(day)];
  if (!cron.weekdays[static_cast<std::size_t>(weekday)]) return false;
  if (cron.nth > 0) return (day - 1) / 7 + 1 == cron.nth;
  return !cron.last_weekday || day > last - 7;
}

std::optional<std::int64_t> Schedule::next(std::int64_t after, const Life& life, const TimeZone& zone) const {
  auto from = std::max(after, life.start - 1);  // the answer is later than this
  auto within = [&](std::int64_t time) { return life.end && time > *life.end ? std::nullopt : std::optional(time); };
  if (const auto* at = std::get_if<At>(&form_)) {
    auto due = zone.utc(at->time);
    return due > from ? within(due) : std::nullopt;
  }
  if (const auto* rate = std::get_if<Rate>(&form_)) {
    if (from < life.start) return within(life.start);
    return within(life.start + ((from - life.start) / rate->seconds + 1) * rate->seconds);
  }
  const auto& cron = std::get<Cron>(form_);
  // A local day before: a change of clocks may have put a later local time at an earlier moment.
  auto day = seconds_of(zone.local(from)) / kDay - 1;
  for (;; ++day) {
    auto date = local_time_of(day * kDay);
    if (date.year > kCronYearMax) return std::nullopt;
    if (date.year < kCronYearMin || !cron.years[static_cast<std::size_t>(date.year - kCronYearMin)]) {
      // To the day before the next year: days of years that never match are many.
      day = seconds_of({.year = std::max(date.year, kCronYearMin - 1) + 1}) / kDay - 1;
      continue;
    }
    if (life.end && day * kDay - 2 * kDay > *life.end) return std::nullopt;
    if (!matches_day(cron, date.year, date.month, date.day)) continue;
    std::optional<std::int64_t> first;
    for (int hour = 0; hour < 24; ++hour) {
      if (!cron.hours[static_cast<std::size_t>(hour)]) continue;
      for (int minute = 0; minute < 60; ++minute) {
        if (!cron.minutes[static_cast<std::size_t>(minute)]) continue;
        auto due = zone.utc({.year = date.year, .month = date.month, .day = date.day, .hour = hour, .minute = minute});
        if (due > from && (!first || due < *first)) first = due;
      }
    }
    if (first) return within(*first);
  }
}

}  // namespace zeropull::scaler
