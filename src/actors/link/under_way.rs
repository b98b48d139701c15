//! Lines under way, and how long. Pure: it counts ticks, not time, so that a process that was itself held up (a
//! suspended machine) does not blame its commands.

use rustc_hash::FxHashMap;

use crate::ids::SessionId;
use crate::wire::Origin;

/// Ticks after which a line that is not acknowledged is stuck.
pub(super) const TICKS: u8 = 10;

/// The lines that have come and are not acknowledged: at most one for each session.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    lines: FxHashMap<SessionId, (u64, u8)>,
}

impl UnderWay {
    /// A line has come.
    pub(super) fn began(&mut self, line: Origin) {
        self.lines.insert(line.session, (line.n, 0));
    }

    /// A line is acknowledged.
    pub(super) fn ended(&mut self, line: Origin) {
        if self.lines.get(&line.session).is_some_and(|(n, _)| *n <= line.n) {
            self.lines.remove(&line.session);
        }
    }

    /// A session is closed: nobody waits for its line.
    pub(super) fn closed(&mut self, session: SessionId) {
        self.lines.remove(&session);
    }

    /// Counts a tick; returns a line that is stuck, if there is one.
    pub(super) fn tick(&mut self) -> Option<Origin> {
        let mut stuck = None;
        for (session, (n, ticks)) in &mut self.lines {
            *ticks = ticks.saturating_add(1);
            if *ticks > TICKS {
                stuck = Some(Origin { session: *session, n: *n });
            }
        }
        stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(session: u64, n: u64) -> Origin {
        Origin { session: SessionId(session), n }
    }

    #[test]
    fn a_line_that_is_never_acknowledged_is_stuck() {
        let mut lines = UnderWay::default();
        lines.began(line(1, 5));
        for tick in 0..TICKS {
            lines.began(line(2, u64::from(tick)));
            assert_eq!(lines.tick(), None);
            lines.ended(line(2, u64::from(tick)));
        }
        assert_eq!(lines.tick(), Some(line(1, 5)));
    }

    #[test]
    fn what_is_acknowledged_is_not() {
        let mut lines = UnderWay::default();
        lines.began(line(1, 5));
        lines.ended(line(1, 4));
        lines.ended(line(2, 5));
        for _ in 0..TICKS {
            assert_eq!(lines.tick(), None);
        }
        lines.ended(line(1, 5));
        assert_eq!(lines.tick(), None);
        lines.began(line(1, 6));
        assert_eq!(lines.tick(), None, "the next one begins anew");
        lines.closed(SessionId(1));
        for _ in 0..=TICKS {
            assert_eq!(lines.tick(), None);
        }
    }
}
