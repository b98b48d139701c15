//! Game time: a calendar that runs a fixed number of times faster than ours. Pure: it is told the time.

use std::fmt;

/// The game's calendar: 24 hours a day, 30 days a month, 12 months a year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GameClock {
    /// When game time was zero, in milliseconds since 1970.
    pub start_ms: i64,
    /// Game seconds per real second.
    pub factor: f64,
}

/// A moment of game time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GameTime {
    /// From 1.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 30.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
}

/// A moment of our own calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalendarTime {
    /// Of the common era.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
}

impl CalendarTime {
    /// Returns the moment at `now_ms`, milliseconds since 1970.
    pub fn at(now_ms: i64) -> Self {
        /// Days of four centuries, after which the calendar repeats.
        const ERA: i64 = 146_097;
        let secs = now_ms.div_euclid(1000);
        // Years begin in March here, so that the leap day is the last of its year.
        let days = secs.div_euclid(DAY_SECS) + 719_468;
        let in_era = days.rem_euclid(ERA);
        let year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / (ERA - 1)) / 365;
        let in_year = in_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * in_year + 2) / 153;
        let month = (from_march + 2) % 12 + 1;
        Self {
            year: days.div_euclid(ERA) * 400 + year + i64::from(month <= 2),
            month,
            day: in_year - (153 * from_march + 2) / 5 + 1,
            hour: secs.rem_euclid(DAY_SECS) / 3600,
            minute: secs.rem_euclid(DAY_SECS) / 60 % 60,
        }
    }
}

impl fmt::Display for CalendarTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02} {:02}:{:02} UTC", self.year, self.month, self.day, self.hour, self.minute)
    }
}

const DAY_SECS: i64 = 24 * 60 * 60;

impl GameClock {
    /// Returns the game time at `now_ms`, milliseconds since 1970.
    pub fn at(&self, now_ms: i64) -> GameTime {
        let secs = ((now_ms - self.start_ms) as f64 / 1000.0 * self.factor) as i64;
        let days = secs.div_euclid(DAY_SECS);
        let in_day = secs.rem_euclid(DAY_SECS);
        GameTime {
            year: days.div_euclid(360) + 1,
            month: days.rem_euclid(360) / 30 + 1,
            day: days.rem_euclid(30) + 1,
            hour: in_day / 3600,
            minute: in_day / 60 % 60,
        }
    }
}

impl GameTime {
    /// Returns the part of the day: `night`, `morning`, `afternoon`, `evening`.
    pub fn part_of_day(self) -> &'static str {
        match self.hour {
            6..=11 => "morning",
            12..=17 => "afternoon",
            18..=21 => "evening",
            _ => "night",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_calendar_has_its_leap_days() {
        let check = |secs: i64, expected| assert_eq!(CalendarTime::at(secs * 1000).to_string(), expected);
        check(0, "1970-01-01 00:00 UTC");
        check(-1, "1969-12-31 23:59 UTC");
        check(951_782_400, "2000-02-29 00:00 UTC");
        check(951_868_800, "2000-03-01 00:00 UTC");
        check(1_714_566_840, "2024-05-01 12:34 UTC");
        check(4_107_542_400, "2100-03-01 00:00 UTC");
    }

    #[test]
    fn a_day_of_the_game_passes_in_six_hours_at_factor_four() {
        let clock = GameClock { start_ms: 1_000, factor: 4.0 };
        let check = |real_secs: i64, expected: (i64, i64, i64, i64, i64)| {
            let time = clock.at(1_000 + real_secs * 1000);
            assert_eq!((time.year, time.month, time.day, time.hour, time.minute), expected);
        };
        check(0, (1, 1, 1, 0, 0));
        check(6 * 3600 - 15, (1, 1, 1, 23, 59));
        check(6 * 3600, (1, 1, 2, 0, 0));
        check(6 * 3600 * 30, (1, 2, 1, 0, 0));
        check(6 * 3600 * 360, (2, 1, 1, 0, 0));
    }
}
