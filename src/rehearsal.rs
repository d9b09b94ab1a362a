//! The practice cluster: the Kubernetes API simulated on loopback, so that everything else is the same as in life.

pub mod control;
pub mod store;
pub mod world;
