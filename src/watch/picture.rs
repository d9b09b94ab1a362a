//! One picture from the objects of one moment. Pure.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    facts::Facts,
    rows, rules,
    services::Carriers,
    snapshot::{Kind, Objects, Snapshot, key},
    view::ClusterView,
};

/// Draws the picture.
pub fn draw(snapshot: &Snapshot, carriers: &Carriers, now: Timestamp) -> ClusterView {
    let facts = Facts::new(snapshot, now);
    let found = rules::fold(rules::findings(&facts), &facts, carriers);
    let backups = rows::backups::rows(&facts);
    let jobs = rows::jobs::rows(&facts);
    let releases = rows::releases::rows(&facts);
    ClusterView {
        at: Some(now),
        stale_since: None,
        trouble: None,
        services: carriers.rows(&facts, &found),
        pods: rows::pods::rows(&facts),
        volumes: rows::volumes::rows(&facts),
        nodes: rows::nodes::rows(&facts, carriers),
        certificates: rows::certificates::rows(&facts),
        ingresses: rows::ingresses::rows(&facts),
        events: rows::events::rows(&facts),
        timeline: rows::changes::rows(&facts, (&releases, &jobs, &backups)),
        backups,
        jobs,
        releases,
        unseen: Vec::new(),
        findings: found.into_iter().map(|found| found.finding).collect(),
    }
}

/// The picture of these objects, as it would be drawn at that moment; kinds that are not watched are left out.
pub fn of(
    objects: impl IntoIterator<Item = Arc<Value>>,
    carriers: &Carriers,
    now: Timestamp,
) -> ClusterView {
    let mut kinds: HashMap<Kind, Objects> = HashMap::new();
    for object in objects {
        let known = Kind::of(&object);
        if let Some(known) = known {
            kinds.entry(known).or_default().insert(key(&object), object);
        }
    }
    let mut snapshot = Snapshot::default();
    for (kind, objects) in kinds {
        snapshot.take(kind, Arc::new(objects));
    }
    draw(&snapshot, carriers, now)
}
