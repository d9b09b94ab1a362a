//! The face without screens: lines and numbered questions over the same events; it decides nothing.

pub mod output;
pub mod run;
