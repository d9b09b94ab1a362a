//! What the cluster is like right now, for the health screen: watches to rows and findings. It changes nothing.

mod facts;
mod gallery;
mod history;
mod live;
mod measure;
mod picture;
#[cfg(test)]
pub(crate) mod replay;
pub mod risks;
mod rows;
mod rules;
mod services;
mod short;
mod snapshot;
mod stops;
#[cfg(test)]
mod tests;
pub mod usage;
pub mod view;

use std::sync::Arc;

pub use gallery::Gallery;
use view::ClusterView;

use crate::sys::{self, DoorError};

/// What is watched.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The cluster.
    pub kube: sys::kube::Kube,
    /// Its time.
    pub clock: sys::clock::Clock,
}

/// Watches the cluster and publishes the newest picture; ends when the receiver is dropped.
pub fn start(watched: Watched) -> tokio::sync::watch::Receiver<Arc<ClusterView>> {
    let (publish, receiver) = tokio::sync::watch::channel(Arc::default());
    tokio::spawn(live::follow(watched, publish));
    receiver
}

/// The picture of these objects at that moment, without a cluster: for replays and tests.
///
/// # Errors
/// Our own catalogue cannot be read.
pub fn seen(
    objects: impl IntoIterator<Item = Arc<serde_json::Value>>,
    now: jiff::Timestamp,
) -> Result<ClusterView, Vec<crate::problem::Problem>> {
    let carriers = services::Carriers::of(&crate::catalog::Catalog::load()?);
    Ok(picture::of(objects, &carriers, now))
}

/// What pods and nodes use now, asked once.
pub async fn usage(kube: &sys::kube::Kube) -> usage::Heard {
    measure::ask(kube).await
}

/// One picture, taken once: for `status` without `--watch`.
///
/// # Errors
/// The cluster cannot be seen.
pub async fn once(watched: Watched) -> Result<ClusterView, DoorError> {
    live::once(watched).await
}
