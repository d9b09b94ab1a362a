//! One binary for every test that needs more than values: wire, whole program, real control plane.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that cannot go on stops with its own words, and plays the world outside `sys`"
)]

mod alerts;
mod answering;
mod buckets;
mod cache;
mod catalog;
mod checks;
mod child;
mod clients;
mod conflicts;
mod conformance;
mod counting;
mod deploy_real;
mod drifting;
mod edge;
mod faults;
mod golden;
mod hooks;
mod hostile;
mod journey;
mod lease;
mod odoo;
mod parts;
mod pictures;
mod practice;
mod program;
mod registry;
mod rehearsal;
mod rehearsal_deploy;
mod reports;
mod restore;
mod scenes;
mod scenes_live;
mod schema_asset;
mod screens;
mod sick;
mod smoke;
mod terminology;
mod testbed;
mod tidy;
mod upgrades;
mod waf;
mod watching;
