//! Restores of the database to a moment: what the backups allow, what it would cost, and the plan that does it. Pure.

mod choice;
mod inventory;
mod rows;
mod steps;
pub mod words;

pub use choice::{Intent, Wish, moment};
pub use inventory::{Archive, Base, Facts, Inventory, Rejected, Window, whole};
pub use rows::{Count, Rows, counted};
pub use steps::{Ground, PROOF, Reached, last_changes, plan, proof_job, switch_step, writing};

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
