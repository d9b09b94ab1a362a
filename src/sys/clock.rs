//! The time, and how fast it passes for the cluster we talk to.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A clock; a practice cluster's time may pass faster than ours.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    at: Timestamp,
    scale: u32,
}

impl Clock {
    /// The ordinary time.
    pub fn real() -> Self {
        Self::scaled(1)
    }

    /// A time that passes so many times faster; 0 counts as 1.
    pub fn scaled(scale: u32) -> Self {
        Self {
            began: Instant::now(),
            at: Timestamp::now(),
            scale: scale.max(1),
        }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        if self.scale == 1 {
            return Timestamp::now();
        }
        self.at
            .checked_add(self.began.elapsed() * self.scale)
            .unwrap_or(self.at)
    }

    /// How long that really takes, for waiting.
    pub fn real_duration(&self, duration: Duration) -> Duration {
        duration / self.scale
    }
}
