//! Runs a plan: schedules, waits, remembers; it does not know who listens.

pub mod event;
mod hub;
pub mod journal;
pub mod outline;
pub mod run;
pub mod schedule;
pub mod step;
pub mod usual;
pub mod view;
