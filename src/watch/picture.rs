//! One picture from the objects of one moment. Pure.

use jiff::Timestamp;

use super::{facts::Facts, rows, rules, services::Carriers, snapshot::Snapshot, view::ClusterView};

/// Draws the picture.
pub fn draw(snapshot: &Snapshot, carriers: &Carriers, now: Timestamp) -> ClusterView {
    let facts = Facts::new(snapshot, now);
    let found = rules::findings(&facts);
    ClusterView {
        at: Some(now),
        stale_since: None,
        services: carriers.rows(&facts, &found),
        pods: rows::pods::rows(&facts),
        volumes: rows::volumes::rows(&facts),
        nodes: rows::nodes::rows(&facts, carriers),
        findings: found.into_iter().map(|found| found.finding).collect(),
    }
}
