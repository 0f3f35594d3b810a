// When a scheduled action is due: at(..), rate(..) and cron(..) of Application Auto Scaling, read once and asked for the next
// time. Local times are in the action's zone; one that a change of clocks skips is due as soon as the clock has passed it, one
// that comes twice is due the first time. Pure.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "control/scaler/limits.h"
#include "control/scaler/time_zone.h"

namespace zeropull::scaler {

class Schedule {
 public:
  // kInvalidArgument with what is wrong.
  static Result<Schedule> parse(std::string_view text);

  // Active from `start` to `end`, seconds since the epoch; a rate counts from `start`.
  struct Life {
    std::int64_t start = 0;
    std::optional<std::int64_t> end = {};
  };
  // The first time that is due after `after`, nullopt: never again.
  std::optional<std::int64_t> next(std::int64_t after, const Life& life, const TimeZone& zone) const;

 private:
  struct At {
    LocalTime time;
  };
  struct Rate {
    std::int64_t seconds = 0;
  };
  struct Cron {
    std::bitset<60> minutes;
    std::bitset<24> hours;
    std::bitset<32> days;  // of the month; ignored with any_day
    std::bitset<13> months;
    std::bitset<8> weekdays;  // 1 is Sunday; ignored with any_weekday
    std::bitset<kCronYearMax + 1 - kCronYearMin> years;
    bool any_day = false, any_weekday = false;  // "?"
    bool last_day = false;                      // L
    int nearest_weekday = 0;                    // 15W
    int nth = 0;                                // 6#3: the third Friday
    bool last_weekday = false;                  // 6L
  };
  using Form = std::variant<At, Rate, Cron>;
  explicit Schedule(Form form) : form_(std::move(form)) {}
  static Result<Cron> parse_cron(std::string_view text);
  static bool matches_day(const Cron& cron, int year, int month, int day);

  Form form_;
};

}  // namespace zeropull::scaler
