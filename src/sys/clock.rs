//! The time, and how fast it passes for the cluster we talk to; spans are measured apart from it, because clocks are set.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

/// A clock; a practice cluster's time may pass faster than ours.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Time);

#[derive(Clone, Copy, Debug)]
enum Time {
    Ours,
    Set {
        ahead: &'static AtomicI64,
    },
    Own {
        began: Instant,
        at: Timestamp,
        scale: u32,
    },
}

impl Clock {
    /// The ordinary time.
    pub fn real() -> Self {
        Self(Time::Ours)
    }

    /// The ordinary time on a computer whose clock is so many seconds ahead; whoever holds the number sets that clock.
    #[doc(hidden)]
    pub fn set_by(ahead: &'static AtomicI64) -> Self {
        Self(Time::Set { ahead })
    }

    /// A time that passes so many times faster; 0 counts as 1.
    pub fn scaled(scale: u32) -> Self {
        if scale <= 1 {
            return Self::real();
        }
        let now = Timestamp::now();
        Self::of_cluster(now, now, scale)
    }

    /// The time of a cluster whose clock showed `at` when ours showed `ours`, and that passes so many times faster.
    pub fn of_cluster(at: Timestamp, ours: Timestamp, scale: u32) -> Self {
        let scale = scale.max(1);
        let passed = Timestamp::now().duration_since(ours);
        let passed = Duration::try_from(passed).unwrap_or_default();
        Self(Time::Own {
            began: Instant::now(),
            at: at.checked_add(passed.saturating_mul(scale)).unwrap_or(at),
            scale,
        })
    }

    /// A time that stands still.
    pub fn stopped(at: Timestamp) -> Self {
        Self(Time::Own {
            began: Instant::now(),
            at,
            scale: 0,
        })
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        match self.0 {
            Time::Ours => Timestamp::now(),
            Time::Set { ahead } => {
                let (ours, ahead) = (Timestamp::now(), ahead.load(Ordering::Relaxed));
                ours.checked_add(SignedDuration::from_secs(ahead))
                    .unwrap_or(ours)
            }
            Time::Own { began, at, scale } => at
                .checked_add(began.elapsed().saturating_mul(scale))
                .unwrap_or(at),
        }
    }

    /// Begins to measure how much of this time passes.
    pub fn stopwatch(&self) -> Stopwatch {
        Stopwatch {
            began: Instant::now(),
            scale: match self.0 {
                Time::Ours | Time::Set { .. } => 1,
                Time::Own { scale, .. } => scale,
            },
        }
    }

    /// What this clock showed when ours showed that moment.
    pub fn at(&self, ours: Timestamp) -> Timestamp {
        match self.0 {
            Time::Ours | Time::Set { .. } => ours,
            Time::Own { scale, .. } => {
                let ago = Duration::try_from(Timestamp::now().duration_since(ours));
                let ago = ago.unwrap_or_default().saturating_mul(scale);
                self.now().checked_sub(ago).unwrap_or(ours)
            }
        }
    }

    /// How long that really takes, for waiting.
    pub fn real_duration(&self, duration: Duration) -> Duration {
        match self.0 {
            Time::Ours | Time::Set { .. } => duration,
            Time::Own { scale, .. } => duration / scale.max(1),
        }
    }
}

/// How much time has passed since a moment; a clock that is set meanwhile, by a person or by a time server, changes
/// nothing of it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    began: Instant,
    scale: u32,
}

impl Stopwatch {
    /// So much.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed().saturating_mul(self.scale)
    }

    /// So many milliseconds, as events tell it.
    pub fn millis(&self) -> u64 {
        self.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
    }
}

/// A moment by clocks that nobody sets. A computer that slept since has aged all the same, though its programs did not
/// notice.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    at: Instant,
    /// Since the computer was started, sleep included; nothing where the system does not tell it.
    up: Option<Duration>,
}

impl Mark {
    /// This moment.
    pub fn now() -> Self {
        Self {
            at: Instant::now(),
            up: uptime(),
        }
    }

    /// How long ago it is.
    pub fn age(&self) -> Duration {
        let slept = uptime()
            .zip(self.up)
            .map(|(now, then)| now.saturating_sub(then));
        self.at.elapsed().max(slept.unwrap_or_default())
    }
}

fn uptime() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clusters_time_goes_on_from_where_its_clock_stood() {
        let ours = Timestamp::now() - SignedDuration::from_mins(1);
        let at = "2027-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::of_cluster(at, ours, 20);
        let passed = clock.now().duration_since(at).as_secs();
        assert!((1200..1300).contains(&passed), "{passed} s");
        let shown = clock.at(ours).duration_since(at).as_secs();
        assert!((-1..2).contains(&shown), "{shown} s");
        assert_eq!(
            clock.real_duration(Duration::from_mins(20)),
            Duration::from_mins(1)
        );
    }

    #[test]
    fn a_clock_that_is_set_shows_another_time_and_the_same_spans() {
        let ahead: &'static AtomicI64 = Box::leak(Box::default());
        let clock = Clock::set_by(ahead);
        let (shown, watch) = (clock.now(), clock.stopwatch());
        for seconds in [86_400, -86_400] {
            ahead.store(seconds, Ordering::Relaxed);
            let jumped = clock.now().duration_since(shown).as_secs();
            assert!((seconds - 1..seconds + 60).contains(&jumped), "{jumped} s");
            assert!(watch.elapsed() < Duration::from_mins(1));
        }
    }

    #[test]
    fn a_mark_ages_while_the_computer_sleeps() {
        let mut mark = Mark::now();
        assert!(mark.age() < Duration::from_mins(1));
        let before = mark.up.unwrap().checked_sub(Duration::from_secs(1));
        mark.up = before;
        assert!(mark.age() >= Duration::from_secs(1));
    }

    #[test]
    fn a_moment_of_the_future_does_not_turn_time_back() {
        let at = Timestamp::now();
        let clock = Clock::of_cluster(at, at + SignedDuration::from_hours(1), 20);
        assert!(clock.now() >= at);
    }
}
