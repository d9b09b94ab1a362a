//! The rows that the screens draw, from the objects themselves; statuses as `kubectl` prints them. Pure.

pub mod backups;
pub mod certificates;
pub mod changes;
pub mod events;
pub mod ingresses;
pub mod jobs;
pub mod nodes;
pub mod pods;
pub mod releases;
#[cfg(test)]
mod tests;
pub mod volumes;
