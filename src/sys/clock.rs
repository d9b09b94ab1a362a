//! The time, and how fast it passes for the cluster we talk to.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A clock; a practice cluster's time may pass faster than ours.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Time);

#[derive(Clone, Copy, Debug)]
enum Time {
    Ours,
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
            Time::Own { began, at, scale } => at
                .checked_add(began.elapsed().saturating_mul(scale))
                .unwrap_or(at),
        }
    }

    /// What this clock showed when ours showed that moment.
    pub fn at(&self, ours: Timestamp) -> Timestamp {
        match self.0 {
            Time::Ours => ours,
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
            Time::Ours => duration,
            Time::Own { scale, .. } => duration / scale.max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clusters_time_goes_on_from_where_its_clock_stood() {
        let ours = Timestamp::now() - jiff::SignedDuration::from_mins(1);
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
    fn a_moment_of_the_future_does_not_turn_time_back() {
        let at = Timestamp::now();
        let clock = Clock::of_cluster(at, at + jiff::SignedDuration::from_hours(1), 20);
        assert!(clock.now() >= at);
    }
}
