//! The simulated controllers: what a real cluster does by itself, on the practice cluster's clock. Pure.

mod accounts;
mod budgets;
mod certs;
mod claims;
mod cnpg;
mod cron;
mod daemon;
mod deployment;
mod job;
mod kubelet;
mod longhorn;
pub mod machines;
pub mod measured;
mod metallb;
mod network;
mod nodes;
mod operator;
mod placing;
mod pods;
mod quantity;
mod replicaset;
mod scheduler;
mod shape;
mod stateful;
mod strain;
mod trouble;

#[cfg(test)]
mod recorded_tests;
#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use cnpg::{WRONG, counted};
pub use kubelet::{EXIT, SECONDS};
pub use machines::SWITCH;
pub use nodes::{beginnings, nodes};
pub use trouble::{SCENARIO, played};

/// Small readings of objects, for those who look at what the controllers keep.
pub mod reading {
    pub use super::{
        pods::ready,
        shape::{items, name, namespace, text},
    };
}

use super::world::Controller;

/// Every controller, in the order in which they are asked: wishes first, then those who carry them out.
pub const CONTROLLERS: &[Controller] = &[
    accounts::accounts,
    budgets::budgets,
    deployment::deployments,
    replicaset::replica_sets,
    stateful::stateful_sets,
    daemon::daemon_sets,
    job::jobs,
    claims::claims,
    machines::machines,
    scheduler::scheduler,
    kubelet::kubelet,
    strain::strain,
    network::network,
    metallb::metallb,
    operator::later_workloads,
    longhorn::longhorn,
    certs::certificates,
    cnpg::cnpg,
];
