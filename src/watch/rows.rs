//! The rows that the screens draw, from the objects themselves; statuses as `kubectl` prints them. Pure.

pub mod nodes;
pub mod pods;
#[cfg(test)]
mod tests;
pub mod volumes;
