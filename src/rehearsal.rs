//! The practice cluster: the Kubernetes API simulated on loopback, so that everything else is the same as in life.

mod admit;
mod answer;
mod apply;
mod call;
pub mod clock;
mod cluster;
mod collect;
pub mod control;
mod discovery;
mod driver;
mod fields;
mod hub;
mod kinds;
mod logs;
mod managed;
mod merge;
mod persist;
pub mod schema;
mod select;
mod server;
pub mod store;
mod validate;
mod watching;
pub mod world;

pub use clock::Speed;
pub use server::{ServeOptions, Serving, serve};
