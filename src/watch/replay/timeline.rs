//! The lines of the recordings and the events between them, in the order of the cluster's own revisions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{applied, standins};
use crate::{sys::files::recording, watch::snapshot::key};

/// What happens to one object.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is as recorded.
    Is(Value),
    /// It is not there any more.
    Gone(Value),
    /// An event about it.
    Told(Value),
}

/// One change at its moment.
#[derive(Clone, Debug)]
pub struct Line {
    /// When, as far as the objects tell.
    pub at: Timestamp,
    pub change: Change,
}

/// Everything that happens, in order.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    pub lines: Vec<Line>,
}

fn revision(object: &Value) -> u64 {
    let revision = object["metadata"]["resourceVersion"].as_str();
    revision.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The newest moment that an object speaks of; what lies ahead of it, such as the end of a grace period, is left out.
fn newest(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Array(list) => list.iter().filter_map(newest).max(),
        Value::Object(map) => {
            // What a person wished, such as a moment to go back to, did not happen.
            let past = map
                .iter()
                .filter(|(field, _)| !["deletionTimestamp", "spec"].contains(&field.as_str()));
            past.filter_map(|(_, value)| newest(value)).max()
        }
        _ => None,
    }
}

/// Whether an event is about the cluster or something of it.
fn about(event: &Value, cluster: &str) -> bool {
    let name = event["involvedObject"]["name"].as_str().unwrap_or("");
    name.strip_prefix(cluster)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn events() -> Vec<Value> {
    recording("events-database")
}

/// What stood around the recorded objects: the nodes, and the operator that wrote their status.
fn around() -> Vec<Value> {
    let nodes = recording("node-lost-nodes").into_iter().take(2);
    let operators = recording("node-lost-pods").into_iter().take(2);
    let mut all: Vec<Value> = nodes.chain(operators).collect();
    for object in &mut all {
        dated(object);
        // They were recorded later than what they stand around here.
        for said in object["status"]["conditions"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            if let Some(said) = said.as_object_mut() {
                said.remove("lastHeartbeatTime");
            }
        }
    }
    all
}

/// The streams of pods and nodes hold no `creationTimestamp`: the first moment they speak of is not later.
fn dated(object: &mut Value) {
    if object["kind"] == "Pod" {
        contained(object);
    }
    if object["metadata"]["creationTimestamp"].is_string() {
        return;
    }
    let first = object["status"]["startTime"].clone();
    if first.is_string() {
        object["metadata"]["creationTimestamp"] = first;
    }
}

/// The streams of pods hold no containers in `spec`: their statuses name them.
fn contained(pod: &mut Value) {
    const SIDECAR: &str = "plugin-barman-cloud";
    for (list, statuses) in [
        ("initContainers", "initContainerStatuses"),
        ("containers", "containerStatuses"),
    ] {
        let all = pod["status"][statuses]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let named = all.iter().map(|one| match one["name"].as_str() {
            Some(SIDECAR) => json!({"name": SIDECAR, "restartPolicy": "Always"}),
            _ => json!({"name": one["name"]}),
        });
        pod["spec"][list] = named.collect();
    }
}

impl Timeline {
    /// A recording of a cluster with the events about it between its lines.
    pub fn of_cluster(name: &str, cluster: &str) -> Self {
        let mut told = recording(name);
        if name == "cnpg-backup" {
            // A backup is judged beside its cluster.
            told.extend(recording("cnpg-initdb-archiver-s3-unreachable-then-ok"));
        }
        let last = told.iter().map(revision).max().unwrap_or(0);
        let events = events().into_iter();
        let events = events.filter(|event| {
            about(event, cluster)
                || (cluster == "pg" && event["involvedObject"]["kind"] == "Backup")
        });
        let mut all: Vec<(u64, Change)> = told
            .into_iter()
            .map(|object| (revision(&object), Change::Is(object)))
            .chain(events.map(|event| (revision(&event), Change::Told(event))))
            .filter(|(revision, _)| *revision <= last)
            .collect();
        all.sort_by_key(|(revision, _)| *revision);
        let lines = timed(all.into_iter().map(|(_, change)| change));
        Self {
            lines: completed(lines),
        }
        .with_context()
    }

    /// Only the events, with the objects that they speak of.
    pub fn of_events() -> Self {
        let lines = timed(events().into_iter().map(Change::Told));
        Self { lines }.with_context()
    }

    /// Nodes, pods and cluster of the night a machine was lost, by their own moments.
    pub fn of_the_lost_node() -> Self {
        let nodes = recording("node-lost-nodes");
        let began = nodes.first().and_then(newest).unwrap();
        let clusters = interpolated(recording("node-lost-cluster"), &anchors(&nodes));
        let mut all = Vec::new();
        for (order, name) in ["node-lost-nodes", "node-lost-pods"]
            .into_iter()
            .enumerate()
        {
            let lines = recording(name).into_iter().map(|mut object| {
                dated(&mut object);
                Change::Is(object)
            });
            all.extend(timed(lines).into_iter().map(|line| (order, line)));
        }
        all.extend(clusters.into_iter().map(|line| (2, line)));
        for (_, line) in &mut all {
            // What was there when the recording began speaks of earlier moments.
            line.at = line.at.max(began);
        }
        all.sort_by_key(|(order, line)| (line.at, *order));
        let lines = all.into_iter().map(|(_, line)| line).collect();
        Self {
            lines: with_ends(completed(lines)),
        }
    }

    /// The same up to a revision: what would be told had nothing changed any more.
    pub fn until(mut self, last: u64) -> Self {
        self.lines.retain(|line| match &line.change {
            Change::Is(object) | Change::Gone(object) | Change::Told(object) => {
                object["kind"] == "Node" || revision(object) <= last
            }
        });
        self
    }

    fn with_context(mut self) -> Self {
        let at = self.lines.first().map(|line| line.at).unwrap_or_default();
        let context = around().into_iter().map(|object| Line {
            at,
            change: Change::Is(object),
        });
        self.lines.splice(0..0, context);
        self
    }
}

/// Gives every change its moment: none is earlier than the one before.
fn timed(changes: impl Iterator<Item = Change>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut waiting: Vec<Change> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for change in changes {
        let own = match &change {
            Change::Is(object) | Change::Gone(object) => newest(object),
            Change::Told(event) => event["lastTimestamp"]
                .as_str()
                .and_then(|at| at.parse().ok()),
        };
        last = last.max(own);
        waiting.push(change);
        let Some(at) = last else { continue };
        lines.extend(waiting.drain(..).map(|change| Line { at, change }));
    }
    lines
}

/// Revisions whose moment is known: from nodes and events.
fn anchors(nodes: &[Value]) -> BTreeMap<u64, Timestamp> {
    let events = events();
    let told = events.iter().filter_map(|event| {
        let at = event["lastTimestamp"].as_str()?.parse().ok()?;
        Some((revision(event), at))
    });
    let seen = nodes
        .iter()
        .filter_map(|node| Some((revision(node), newest(node)?)));
    told.chain(seen).collect()
}

/// Gives each line the moment that lies between the known ones as its revision does.
fn interpolated(objects: Vec<Value>, known: &BTreeMap<u64, Timestamp>) -> Vec<Line> {
    let mut anchors = known.clone();
    let mut last = None;
    for object in &objects {
        let own = newest(object);
        if own > last {
            anchors.extend(own.map(|own| (revision(object), own)));
            last = own;
        }
    }
    let at = |revision: u64| {
        let before = anchors.range(..=revision).next_back();
        let after = anchors.range(revision..).next();
        match (before, after) {
            (Some((from, begin)), Some((to, end))) if to > from => {
                let part =
                    end.duration_since(*begin).as_secs() * i64::try_from(revision - from).unwrap();
                *begin + jiff::SignedDuration::from_secs(part / i64::try_from(to - from).unwrap())
            }
            (Some((_, begin)), _) => *begin,
            (None, after) => *after.unwrap().1,
        }
    };
    let lines = objects.into_iter();
    lines
        .map(|object| Line {
            at: at(revision(&object)),
            change: Change::Is(object),
        })
        .collect()
}

/// Adds what the status streams leave out: when a Cluster was made and what was applied.
fn completed(mut lines: Vec<Line>) -> Vec<Line> {
    let mut made: BTreeMap<String, Timestamp> = BTreeMap::new();
    for line in &mut lines {
        let Change::Is(object) = &mut line.change else {
            continue;
        };
        if object["kind"] != "Cluster" || object["spec"].is_object() {
            continue;
        }
        let name = object["metadata"]["name"].as_str().unwrap_or("").to_owned();
        object["spec"] = applied(&name);
        let born = *made.entry(name).or_insert(line.at);
        object["metadata"]["creationTimestamp"] = standins::stamp(born).into();
    }
    lines
}

/// A pod that came to its end while it was being deleted is gone after its last line.
fn with_ends(lines: Vec<Line>) -> Vec<Line> {
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    let mut fresh: BTreeMap<String, String> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        if let Change::Is(object) = &line.change {
            last.insert(key(object), index);
            fresh.insert(key(object), object["metadata"]["uid"].to_string());
        }
    }
    let mut all = Vec::new();
    for (index, line) in lines.into_iter().enumerate() {
        let gone = match &line.change {
            Change::Is(object) if object["kind"] == "Pod" => {
                let ended = object["status"]["phase"] == "Failed"
                    && object["metadata"]["deletionTimestamp"].is_string();
                (ended && last.get(&key(object)) == Some(&index)).then(|| object.clone())
            }
            _ => None,
        };
        let at = line.at;
        all.push(line);
        all.extend(gone.map(|object| Line {
            at,
            change: Change::Gone(object),
        }));
    }
    all
}

/// The identity of an object among those of its kind.
pub fn place(object: &Value) -> (String, String) {
    (
        object["kind"].as_str().unwrap_or("").to_owned(),
        key(object),
    )
}

/// An object that stands for one that was not recorded.
pub fn standing_for(kind: &str, name: &str, at: Timestamp) -> Value {
    json!({"kind": kind, "metadata": {"namespace": "database", "name": name,
        "creationTimestamp": standins::stamp(at), "labels": {}, "annotations": {standins::MARK: "true"}}, "status": {}})
}
