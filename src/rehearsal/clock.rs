//! The practice cluster's own time: as fast as the real one, many times faster, or jumping from one due change to the next.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// How fast time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// So many times faster than in life; 0 counts as 1.
    Times(u32),
    /// When nothing is left to do now, the next due change is done at once.
    Max,
}

/// A clock that begins where the practice cluster stopped.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    speed: Speed,
    began: Instant,
    at: Timestamp,
}

impl Clock {
    /// Begins at a moment.
    pub fn new(speed: Speed, at: Timestamp) -> Self {
        Self {
            speed,
            began: Instant::now(),
            at,
        }
    }

    fn factor(&self) -> u32 {
        match self.speed {
            Speed::Times(factor) => factor.max(1),
            Speed::Max => 1,
        }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.at
            .checked_add(self.began.elapsed() * self.factor())
            .unwrap_or(self.at)
    }

    /// How long it really takes until a moment; nothing once it has come.
    pub fn until(&self, moment: Timestamp) -> Duration {
        let ahead = moment.duration_since(self.now());
        Duration::try_from(ahead).unwrap_or_default() / self.factor()
    }

    /// Whether a due moment may be jumped to instead of waited for.
    pub fn jumps(&self) -> bool {
        self.speed == Speed::Max
    }

    /// Moves to a later moment; an earlier one changes nothing.
    pub fn jump(&mut self, moment: Timestamp) {
        if moment > self.now() {
            *self = Self::new(self.speed, moment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Speed};

    #[test]
    fn a_jump_goes_forward_only() {
        let start = "2026-11-24T10:00:00Z".parse().unwrap();
        let later = "2026-11-24T10:05:00Z".parse().unwrap();
        let mut clock = Clock::new(Speed::Max, start);
        assert!(!clock.until(later).is_zero());
        clock.jump(later);
        assert!(clock.until(later).is_zero());
        clock.jump(start);
        assert!(clock.now() >= later);
    }

    #[test]
    fn a_faster_clock_really_waits_less() {
        let start = "2026-11-24T10:00:00Z".parse().unwrap();
        let later = "2026-11-24T10:00:20Z".parse().unwrap();
        let clock = Clock::new(Speed::Times(20), start);
        assert!(clock.until(later) <= std::time::Duration::from_secs(1));
    }
}
