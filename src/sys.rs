//! The only doors to the world: Kubernetes, Helm, DNS, TLS, SSH, files, processes, the clock; nothing here decides.

pub mod error;

pub use error::{DoorError, Retry};
