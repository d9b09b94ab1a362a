//! Runs a plan: schedules, waits, remembers; it does not know who listens.

pub mod event;
