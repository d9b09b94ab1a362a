//! The face without screens: lines and numbered questions over the same events; it decides nothing.

pub mod ask;
pub mod follow;
pub mod output;
pub mod report;
pub mod run;
