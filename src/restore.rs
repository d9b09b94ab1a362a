//! Restores of the database to a moment: what the backups allow, what it would cost, and the plan that does it. Pure.

mod choice;
mod inventory;
mod rows;
mod steps;

pub use choice::{Intent, Wish};
pub use inventory::{Archive, Base, Facts, Inventory, Rejected, Window};
pub use rows::{Rows, counted};
pub use steps::{cancel, plan, proof_job};

#[cfg(test)]
mod tests;
