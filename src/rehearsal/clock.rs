//! The practice cluster's own time: as fast as the real one, many times faster, or jumping from one due change to the next.

use std::{
    fmt,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::pace::Pace;
use crate::problem::{Code, Problem};

/// The fastest time that can be asked for as a number.
const FASTEST: u32 = 1000;

/// A change that is due this soon is jumped to at once.
const NEAR: Duration = Duration::from_mins(1);

/// A change that is due later than this is never jumped to: schedules and expiries would run away.
const FAR: Duration = Duration::from_mins(30);

/// How long a clock that stands still lets others wait before they look again.
const STILL: Duration = Duration::from_hours(1);

/// What lies between is jumped to once nobody has asked anything for so long: a deadline must not pass
/// in the blink between two requests of somebody who is at work.
const QUIET: Duration = Duration::from_millis(100);

/// How fast time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Speed {
    /// So many times faster than in life; 0 counts as 1.
    Times(u32),
    /// When nothing is left to do now, the next due change is done at once.
    Max,
}

impl Speed {
    /// Reads `1`, `20`, `max`.
    ///
    /// # Errors
    /// Says what can be chosen.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        let times = text.parse().ok();
        times
            .filter(|times| (1..=FASTEST).contains(times))
            .map(Self::Times)
            .ok_or_else(|| {
                Problem::new(
                    Code::Args01,
                    format!("`{text}` is not a speed of the practice cluster."),
                    format!(
                        "Give a number from 1 to {FASTEST}, or max: `--speed 1` is as fast as life, `--speed 20` twenty times faster, `--speed max` never waits."
                    ),
                )
            })
    }

    /// How many times faster than in life it passes while it does not jump.
    pub fn times(self) -> u32 {
        match self {
            Self::Times(factor) => factor.max(1),
            Self::Max => 1,
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(_) => out.pad(&self.times().to_string()),
            Self::Max => out.pad("max"),
        }
    }
}

impl TryFrom<String> for Speed {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        Self::parse(&text)
    }
}

impl From<Speed> for String {
    fn from(speed: Speed) -> Self {
        speed.to_string()
    }
}

/// A clock that begins where the practice cluster stopped.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pace: Pace,
    began: Instant,
    at: Timestamp,
}

impl Clock {
    /// Begins at a moment.
    pub fn new(speed: Speed, at: Timestamp) -> Self {
        Self::with(Pace::Runs(speed), at)
    }

    fn with(pace: Pace, at: Timestamp) -> Self {
        Self {
            pace,
            began: Instant::now(),
            at,
        }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        let passed = match self.pace {
            Pace::Runs(speed) => self.began.elapsed() * speed.times(),
            Pace::Paused => Duration::ZERO,
        };
        self.at.checked_add(passed).unwrap_or(self.at)
    }

    /// Passes differently from now on.
    pub fn take(&mut self, pace: Pace) {
        if pace != self.pace {
            *self = Self::with(pace, self.now());
        }
    }

    /// How long it really takes until a moment; nothing once it has come.
    pub fn until(&self, moment: Timestamp) -> Duration {
        let ahead = moment.duration_since(self.now());
        let ahead = Duration::try_from(ahead).unwrap_or_default();
        match self.pace {
            Pace::Runs(speed) => ahead / speed.times(),
            Pace::Paused if ahead.is_zero() => ahead,
            Pace::Paused => STILL,
        }
    }

    /// How long it must have been quiet before a due moment may be jumped to; nothing when it is waited for.
    pub fn jumps_after(&self, moment: Timestamp) -> Option<Duration> {
        let ahead = self.until(moment);
        match self.pace {
            Pace::Runs(Speed::Max) if ahead <= NEAR => Some(Duration::ZERO),
            Pace::Runs(Speed::Max) if ahead <= FAR => Some(QUIET),
            Pace::Runs(_) | Pace::Paused => None,
        }
    }

    /// Moves to a later moment; an earlier one changes nothing.
    pub fn jump(&mut self, moment: Timestamp) {
        if moment > self.now() {
            *self = Self::with(self.pace, moment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Duration, Pace, QUIET, Speed};
    use crate::problem::Code;

    #[test]
    fn a_speed_is_read_as_it_is_shown() {
        for (text, speed) in [
            ("1", Speed::Times(1)),
            (" 20 ", Speed::Times(20)),
            ("MAX", Speed::Max),
        ] {
            assert_eq!(Speed::parse(text).unwrap(), speed);
            assert_eq!(Speed::parse(&speed.to_string()).unwrap(), speed);
            let json = serde_json::to_string(&speed).unwrap();
            assert_eq!(serde_json::from_str::<Speed>(&json).unwrap(), speed);
        }
    }

    #[test]
    fn a_wrong_speed_is_refused_with_examples() {
        for text in ["", "0", "fast", "-1", "1.5", "100000", "99999999999"] {
            let problem = Speed::parse(text).unwrap_err();
            assert_eq!(problem.code, Code::Args01);
            assert!(problem.remedy.contains("--speed 20"), "{problem}");
        }
    }

    #[test]
    fn the_fastest_clock_jumps_to_what_is_near_and_waits_for_what_is_far() {
        let start: jiff::Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let after = |minutes| start + jiff::SignedDuration::from_mins(minutes);
        let clock = Clock::new(Speed::Max, start);
        assert_eq!(clock.jumps_after(after(1)), Some(Duration::ZERO));
        assert_eq!(clock.jumps_after(after(10)), Some(QUIET));
        assert_eq!(clock.jumps_after(after(24 * 60)), None);
        assert_eq!(
            Clock::new(Speed::Times(20), start).jumps_after(after(1)),
            None
        );
    }

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
    fn a_paused_clock_stands_still_until_it_is_moved_or_goes_on() {
        let start = "2026-11-24T10:00:00Z".parse().unwrap();
        let later = "2026-11-24T10:05:00Z".parse().unwrap();
        let mut clock = Clock::new(Speed::Times(1000), start);
        clock.take(Pace::Paused);
        let paused = clock.now();
        assert_eq!(clock.now(), paused);
        assert!(clock.jumps_after(later).is_none() && !clock.until(later).is_zero());
        clock.jump(later);
        assert_eq!(clock.now(), later);
        clock.take(Pace::Runs(Speed::Max));
        assert!(clock.now() >= later);
    }

    #[test]
    fn a_faster_clock_really_waits_less() {
        let start = "2026-11-24T10:00:00Z".parse().unwrap();
        let later = "2026-11-24T10:00:20Z".parse().unwrap();
        let clock = Clock::new(Speed::Times(20), start);
        assert!(clock.until(later) <= Duration::from_secs(1));
    }
}
