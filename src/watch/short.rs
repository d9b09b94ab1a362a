//! What every picture asks of every pod, read once for as long as the pod does not change. Pure.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{Arc, OnceLock},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    facts,
    snapshot::{Objects, at, holds, items, leaving, made, name, namespace, text, time},
    view::PodRow,
};

/// How a pod ends for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its work is done.
    Succeeded,
    /// It has failed.
    Failed,
}

/// A pod in short.
#[derive(Debug)]
pub struct Short {
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// The node it is on; empty when it has none.
    pub node: Box<str>,
    /// Who owns it: kind and name.
    pub owner: (Box<str>, Box<str>),
    /// Its labels.
    labels: Box<[(Box<str>, Box<str>)]>,
    /// The claims that it mounts.
    pub claims: Box<[Box<str>]>,
    /// Whether it says that it is ready.
    pub is_ready: bool,
    /// Whether somebody asked for its end.
    pub is_leaving: bool,
    /// How it ended, once it has.
    pub end: Option<End>,
    /// How many of its containers ended before.
    broken: usize,
    /// How long it stays where its node falls silent.
    pub toleration: Duration,
    /// When it was made, by the API server's clock, and when it began, by its kubelet's; nothing for a node's own pod.
    pub began: Option<(Timestamp, Timestamp)>,
    /// Its row, while that follows from the pod alone.
    pub row: OnceLock<Arc<PodRow>>,
}

impl Short {
    /// Reads a pod.
    pub fn of(pod: &Value) -> Self {
        let (kind, owner) = facts::owned_by(pod);
        let labels = at(pod, "/metadata/labels").and_then(Value::as_object);
        let labels = labels.into_iter().flatten();
        let claims =
            items(pod, "/spec/volumes").map(|one| text(one, "/persistentVolumeClaim/claimName"));
        let broken = ["/status/containerStatuses", "/status/initContainerStatuses"]
            .iter()
            .flat_map(|list| items(pod, list))
            .filter(|status| at(status, "/lastState/terminated").is_some())
            .count();
        Self {
            namespace: namespace(pod).into(),
            name: name(pod).into(),
            node: facts::node_of(pod).into(),
            owner: (kind.into(), owner.into()),
            labels: labels
                .filter_map(|(name, value)| Some((name.as_str().into(), value.as_str()?.into())))
                .collect(),
            claims: claims
                .filter(|claim| !claim.is_empty())
                .map(Into::into)
                .collect(),
            is_ready: holds(pod, "Ready"),
            is_leaving: leaving(pod),
            end: match text(pod, "/status/phase") {
                "Succeeded" => Some(End::Succeeded),
                "Failed" => Some(End::Failed),
                _ => None,
            },
            broken,
            toleration: facts::toleration(pod),
            began: made(pod)
                .zip(time(pod, "/status/startTime"))
                .filter(|_| !is_static(pod)),
            row: OnceLock::new(),
        }
    }

    /// A label.
    pub fn label(&self, wanted: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(name, _)| &**name == wanted);
        found.map(|(_, value)| &**value)
    }

    /// Whether it has ended for good.
    pub fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Whether nothing can be said against it while its node reports.
    pub fn is_quiet(&self) -> bool {
        self.is_ready && !self.is_leaving && !self.has_ended() && self.broken == 0
    }
}

/// A pod of the node's own files is shown to the API server only after it began.
fn is_static(pod: &Value) -> bool {
    let notes = at(pod, "/metadata/annotations");
    notes.is_some_and(|notes| notes.get("kubernetes.io/config.mirror").is_some())
}

/// Pods in short, by where the pods lie in memory.
#[derive(Clone, Debug, Default)]
pub struct Shorts(HashMap<usize, Arc<Short>, BuildHasherDefault<Place>>);

impl Shorts {
    /// Those of the newest pods. What is known of those before must still be there: where a pod lies, no other lies then.
    pub fn renew(&mut self, pods: &Objects) {
        let mut before = std::mem::take(&mut self.0);
        self.0.reserve(pods.len());
        for pod in pods.values() {
            let place = Arc::as_ptr(pod).addr();
            let known = before.remove(&place);
            let short = known.unwrap_or_else(|| Arc::new(Short::of(pod)));
            self.0.insert(place, short);
        }
    }

    /// A pod in short; nothing for one that is not of these.
    pub fn get(&self, pod: &Value) -> Option<&Short> {
        let found = self.0.get(&std::ptr::from_ref(pod).addr());
        found.map(Arc::as_ref)
    }
}

/// Places in memory differ in their middle: they are spread by one multiplication.
#[derive(Default)]
struct Place(u64);

impl Hasher for Place {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, place: usize) {
        let place = u64::try_from(place).unwrap_or(u64::MAX);
        let spread = (self.0 ^ place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }
}
