//! care-install: sets up, watches and restores the self-contained Care hospital cluster.

pub mod app;
pub mod capacity;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod command;
pub mod compare;
pub mod engine;
pub mod host;
pub mod plain;
pub mod plan;
pub mod problem;
pub mod ready;
pub mod rehearsal;
pub mod restore;
pub mod session;
pub mod site;
pub mod sys;
pub mod tui;
pub mod ui;
pub mod waiting;
pub mod watch;
