//! The only doors to the world: Kubernetes, Helm, DNS, TLS, SSH, files, processes, the clock; nothing here decides.

pub mod clock;
pub mod daemon;
pub mod dns;
pub mod error;
pub mod feed;
pub mod files;
pub mod greeting;
pub mod helm;
pub mod http;
pub mod kube;
pub mod lease;
pub mod ledger;
pub mod lines;
pub mod routes;
pub mod sites;
pub mod socket;
pub mod ssh;
pub mod tls;
pub mod vault;

pub use error::{DoorError, Retry};
pub use routes::Routes;

/// The doors a run goes through; clones share their connections.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The Kubernetes API.
    pub kube: kube::Kube,
    /// Its live objects.
    pub feed: feed::Feed,
    /// Helm.
    pub helm: helm::Helm,
    /// The cluster's time.
    pub clock: clock::Clock,
    /// Where names lead.
    pub routes: Routes,
}
