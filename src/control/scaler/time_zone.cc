#include "control/scaler/time_zone.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <optional>

#include "control/scaler/limits.h"
#include "os/file.h"

namespace zeropull::scaler {

namespace {

constexpr std::int64_t kDaySeconds = 86400;
constexpr std::string_view kDatabase = "/usr/share/zoneinfo/";

std::int64_t days_of(int year, int month, int day) {
  using namespace std::chrono;
  auto date =
      std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) / std::chrono::day(static_cast<unsigned>(day));
  return sys_days(date).time_since_epoch().count();
}

Error broken(std::string_view what) { return make_error(Code::kInvalidArgument, "time zone data: {}", what); }

// Numbers of a TZif file are big-endian.
template <typename T>
T big_endian(ByteView bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
  return static_cast<T>(value);
}

// RFC 8536, section 3.1.
struct Header {
  static constexpr std::size_t kSize = 44;
  std::uint8_t version = 0;
  std::size_t utc_flags = 0, standard_flags = 0, leaps = 0, times = 0, types = 0, chars = 0;

  static Result<Header> parse(ByteView bytes) {
    if (bytes.size() < kSize || as_text(bytes.first(4)) != "TZif") return broken("no TZif header");
    Header header{.version = std::to_integer<std::uint8_t>(bytes[4])};
    auto count = [&](std::size_t at) { return std::size_t{big_endian<std::uint32_t>(bytes, at)}; };
    header.utc_flags = count(20);
    header.standard_flags = count(24);
    header.leaps = count(28);
    header.times = count(32);
    header.types = count(36);
    header.chars = count(40);
    for (auto each : {header.utc_flags, header.standard_flags, header.leaps, header.times, header.types, header.chars}) {
      if (each > kTimeZoneFileMax) return broken("a count that no zone has");
    }
    return header;
  }
  std::size_t body(std::size_t time_size) const {
    return times * (time_size + 1) + types * 6 + chars + leaps * (time_size + 4) + standard_flags + utc_flags;
  }
};

// The rule that a footer holds: "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX.1, TZ).
class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : text_(text) {}
  bool done() const { return at_ == text_.size(); }
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool name() {
    auto start = at_;
    if (take('<')) {
      while (!done() && text_[at_] != '>') ++at_;
      return take('>');
    }
    while (!done() && std::isalpha(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    return at_ > start;
  }
  std::optional<int> number() {
    int value = 0;
    auto start = at_;
    while (!done() && at_ - start < 4 && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0)
      value = value * 10 + (text_[at_++] - '0');
    return at_ > start ? std::optional(value) : std::nullopt;
  }
  // [+-]h[:m[:s]]
  std::optional<std::int64_t> clock() {
    std::int64_t sign = take('-') ? -1 : (take('+'), 1), total = 0, unit = 3600;
    do {
      auto part = number();
      if (!part) return std::nullopt;
      total += *part * unit;
      unit /= 60;
    } while (unit > 0 && take(':'));
    return sign * total;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// The day that "Mm.w.d" means in a year: the w-th weekday d (0 is Sunday) of month m; w 5 is the last.
std::int64_t nth_weekday(int year, int month, int week, int weekday) {
  auto first = days_of(year, month, 1);
  auto first_weekday = static_cast<int>(((first + 4) % 7 + 7) % 7);
  auto day = first + (weekday - first_weekday + 7) % 7 + 7 * (week - 1);
  auto end = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
  return day < end ? day : day - 7;
}

}  // namespace

std::int64_t seconds_of(const LocalTime& time) {
  return days_of(time.year, time.month, time.day) * kDaySeconds + time.hour * 3600 + time.minute * 60 + time.second;
}

LocalTime local_time_of(std::int64_t seconds) {
  using namespace std::chrono;
  auto day = floor<days>(sys_seconds(std::chrono::seconds(seconds)));
  year_month_day date(day);
  auto rest = static_cast<int>(seconds - day.time_since_epoch().count() * kDaySeconds);
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<int>(static_cast<unsigned>(date.month())),
          .day = static_cast<int>(static_cast<unsigned>(date.day())),
          .hour = rest / 3600,
          .minute = rest / 60 % 60,
          .second = rest % 60};
}

Result<TimeZone> TimeZone::parse(ByteView tzif) {
  auto header = TRY(Header::parse(tzif));
  std::size_t at = Header::kSize, time_size = 4;
  if (header.version >= '2') {  // the same again with times of 64 bits
    at += header.body(4);
    if (at > tzif.size()) return broken("shorter than its counts");
    header = TRY(Header::parse(tzif.subspan(at)));
    at += Header::kSize;
    time_size = 8;
  }
  if (header.types == 0 || at + header.body(time_size) > tzif.size()) return broken("shorter than its counts");
  auto indexes = at + header.times * time_size, types = indexes + header.times;
  TimeZone zone;
  zone.first_offset_ = big_endian<std::int32_t>(tzif, types);
  for (std::size_t i = 0; i < header.times; ++i) {
    auto type = std::to_integer<std::size_t>(tzif[indexes + i]);
    if (type >= header.types) return broken("a transition to a type that it lacks");
    auto time = time_size == 8 ? big_endian<std::int64_t>(tzif, at + i * 8) : big_endian<std::int32_t>(tzif, at + i * 4);
    if (!zone.transitions_.empty() && zone.transitions_.back().time >= time) return broken("transitions out of order");
    zone.transitions_.push_back({.time = time, .offset = big_endian<std::int32_t>(tzif, types + type * 6)});
  }
  auto last = zone.transitions_.empty() ? zone.first_offset_ : zone.transitions_.back().offset;
  zone.standard_ = zone.summer_ = last;
  if (time_size == 4) return zone;
  auto footer = as_text(tzif.subspan(at + header.body(8)));
  if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') return broken("no footer");
  return with_rule(std::move(zone), footer.substr(1, footer.size() - 2));
}

Result<TimeZone> TimeZone::with_rule(TimeZone zone, std::string_view footer) {
  if (footer.empty()) return zone;
  RuleReader reader(footer);
  std::optional<std::int64_t> offset;
  if (!reader.name() || !(offset = reader.clock())) return broken("a footer that is no POSIX rule");
  zone.standard_ = zone.summer_ = -*offset;
  if (reader.done()) return zone;
  if (!reader.name()) return broken("a footer without a summer time's name");
  zone.summer_ = zone.standard_ + 3600;
  if (!reader.take(',')) {
    offset = reader.clock();
    if (!offset || !reader.take(',')) return broken("a footer without a rule");
    zone.summer_ = -*offset;
  }
  bool first = true;
  for (auto* change : {&zone.to_summer_, &zone.to_standard_}) {
    if (!first && !reader.take(',')) return broken("a footer without its second change");
    first = false;
    // Days of the year (Jn, n) are left only in zones that keep no clock changes any more.
    if (!reader.take('M')) return broken("a footer whose rule is not by month, week and weekday");
    auto month = reader.number(), week = reader.take('.') ? reader.number() : std::nullopt;
    auto weekday = reader.take('.') ? reader.number() : std::nullopt;
    if (!month || !week || !weekday || *month < 1 || *month > 12 || *week < 1 || *week > 5 || *weekday > 6) {
      return broken("a footer with a change on no day");
    }
    auto second = reader.take('/') ? reader.clock() : std::optional<std::int64_t>(2 * 3600);
    if (!second) return broken("a footer with a change at no time");
    *change = {.month = *month, .week = *week, .weekday = *weekday, .second = *second};
  }
  if (!reader.done()) return broken("a footer that goes on after its rule");
  zone.daylight_ = true;
  return zone;
}

Result<TimeZone> TimeZone::load(std::string_view name) {
  if (name.empty() || name == "UTC") return TimeZone();
  auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
  };
  if (name.size() > 64 || !std::ranges::all_of(name, plain) || name.front() == '/') {
    return make_error(Code::kInvalidArgument, "'{}' is no name of a time zone", name);
  }
  auto file = os::read_file(std::string(kDatabase) + std::string(name), kTimeZoneFileMax);
  if (!file) return make_error(Code::kInvalidArgument, "there is no time zone '{}': {}", name, file.error().message());
  return parse(*file).with_context("time zone {}", name);
}

std::int64_t TimeZone::rule_offset(std::int64_t time) const {
  if (!daylight_) return standard_;
  int year = local_time_of(time + standard_).year;
  auto at = [&](const Change& change) {
    return nth_weekday(year, change.month, change.week, change.weekday) * kDaySeconds + change.second;
  };
  auto begin = at(to_summer_) - standard_, end = at(to_standard_) - summer_;
  bool summer = begin < end ? begin <= time && time < end : time < end || begin <= time;  // the south's summer holds the new year
  return summer ? summer_ : standard_;
}

std::int64_t TimeZone::offset_at(std::int64_t time) const {
  auto after = std::ranges::upper_bound(transitions_, time, {}, &Transition::time);
  if (after == transitions_.end()) {
    return rule_offset(time);
  }
  return after == transitions_.begin() ? first_offset_ : std::prev(after)->offset;
}

std::int64_t TimeZone::utc(const LocalTime& local) const {
  // A change of clocks lies at most a day from here, so the offsets of a day before and after are the only ones possible.
  auto wall = seconds_of(local);
  auto before = offset_at(wall - kDaySeconds), after = offset_at(wall + kDaySeconds);
  if (offset_at(wall - before) == before) return wall - before;
  if (offset_at(wall - after) == after) return wall - after;
  // Skipped: the change itself, found between a time before and one after it.
  auto low = wall - std::max(before, after) - 1, high = wall - std::min(before, after) + 1;
  while (high - low > 1) {
    auto middle = low + (high - low) / 2;
    (offset_at(middle) == before ? low : high) = middle;
  }
  return high;
}

}  // namespace zeropull::scaler
