// A time zone of the IANA database: offsets from UTC as compiled by zic (TZif, RFC 8536), with the POSIX rule of its footer for
// times after the last transition. The standard library's is in no g++ 12.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace zeropull::scaler {

// A local date and time, proleptic Gregorian.
struct LocalTime {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  bool operator==(const LocalTime&) const = default;
};
std::int64_t seconds_of(const LocalTime& time);  // as if it were UTC
LocalTime local_time_of(std::int64_t seconds);

class TimeZone {
 public:
  TimeZone() = default;  // UTC
  static Result<TimeZone> parse(ByteView tzif);
  // "Europe/Berlin" from the machine's database; kInvalidArgument for a name that it does not have.
  static Result<TimeZone> load(std::string_view name);

  std::int64_t offset_at(std::int64_t time) const;  // seconds east of UTC
  LocalTime local(std::int64_t time) const { return local_time_of(time + offset_at(time)); }
  // The first time whose local time is `local`, or the time of the change of clocks that skipped it.
  std::int64_t utc(const LocalTime& local) const;

 private:
  struct Transition {
    std::int64_t time = 0, offset = 0;
  };
  // "Mm.w.d/time" of POSIX's TZ.
  struct Change {
    int month = 0, week = 0, weekday = 0;
    std::int64_t second = 0;
  };
  static Result<TimeZone> with_rule(TimeZone zone, std::string_view footer);
  std::int64_t rule_offset(std::int64_t time) const;

  std::int64_t first_offset_ = 0;
  std::vector<Transition> transitions_;
  bool daylight_ = false;
  std::int64_t standard_ = 0, summer_ = 0;
  Change to_summer_, to_standard_;
};

}  // namespace zeropull::scaler
