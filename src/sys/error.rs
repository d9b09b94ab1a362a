//! How a door fails: the problem in words, and whether trying again can help.

use std::time::Duration;

use crate::problem::Problem;

/// A failed call to the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorError {
    /// What, why and what to do.
    pub problem: Problem,
    /// Whether the same call may succeed later.
    pub retry: Retry,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The answer will be the same.
    No,
    /// Yes, after a growing pause.
    Backoff,
    /// Yes, after the pause the other side asked for.
    After(Duration),
}

impl DoorError {
    /// An error that a repetition does not cure.
    pub fn lasting(problem: Problem) -> Self {
        Self {
            problem,
            retry: Retry::No,
        }
    }

    /// An error that may pass.
    pub fn passing(problem: Problem) -> Self {
        Self {
            problem,
            retry: Retry::Backoff,
        }
    }
}

impl From<DoorError> for Problem {
    fn from(error: DoorError) -> Self {
        error.problem
    }
}
