//! Game time: a calendar that runs a fixed number of times faster than ours. Pure: it is told the time.

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
