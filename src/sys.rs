//! The only doors to the world: Kubernetes, Helm, DNS, TLS, SSH, files, processes, the clock; nothing here decides.

pub mod daemon;
pub mod error;
pub mod socket;

pub use error::{DoorError, Retry};
