//! The only doors to the world: Kubernetes, Helm, DNS, TLS, SSH, files, processes, the clock; nothing here decides.

pub mod clock;
pub mod daemon;
pub mod error;
pub mod feed;
pub mod files;
pub mod kube;
pub mod routes;
pub mod sites;
pub mod socket;
pub mod vault;

pub use error::{DoorError, Retry};
pub use routes::Routes;
