//! What a simulated controller sees and what it may ask for: values only, no clock of its own, no I/O. Pure.

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use super::store::{KINDS, Store};
use crate::plan::ObjectRef;

/// The read-only cluster as one controller turn sees it.
///
/// Kinds are named as `kubectl` names them: `Pod`, `Deployment.apps`, `Cluster.postgresql.cnpg.io`.
/// The namespace of a cluster-scoped object is the empty text.
#[derive(Clone, Debug)]
pub struct World<'a> {
    store: &'a Store,
    seen: Option<&'a Seen>,
}

/// The kinds that a controller has looked at: while they stay the same, so does what it answers.
#[derive(Clone, Debug, Default)]
pub struct Seen(RefCell<BTreeSet<String>>);

impl Seen {
    fn mark(&self, kind: &str) {
        let mut kinds = self.0.borrow_mut();
        if !kinds.contains(kind) {
            kinds.insert(kind.to_owned());
        }
    }

    /// Whether none of these kinds has changed after a revision.
    pub fn is_unchanged(&self, store: &Store, after: u64) -> bool {
        self.0
            .borrow()
            .iter()
            .all(|kind| store.changed(kind) <= after)
    }
}

impl<'a> World<'a> {
    /// Looks at a store.
    pub fn new(store: &'a Store) -> Self {
        Self { store, seen: None }
    }

    /// Looks at a store and notes at what.
    pub fn noting(store: &'a Store, seen: &'a Seen) -> Self {
        let seen = Some(seen);
        Self { store, seen }
    }

    fn mark(&self, kind: &str) {
        if let Some(seen) = self.seen {
            seen.mark(kind);
        }
    }

    /// One object.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<&'a Arc<Value>> {
        self.mark(kind);
        self.store.get(kind, namespace, name)
    }

    /// Every object of a kind, in one namespace or in all, ordered by namespace and name.
    pub fn list(
        &self,
        kind: &str,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &'a Arc<Value>> + use<'a> {
        self.mark(kind);
        self.store.list(kind, namespace)
    }

    /// Every kind that has at least one object.
    pub fn kinds(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.mark(KINDS);
        self.store.kinds()
    }

    /// The revision of the last change, for names that never repeat; nothing else may hang on it, for a controller is not asked
    /// again when only this number has changed.
    pub fn revision(&self) -> u64 {
        self.store.revision()
    }
}

/// The kind with its group as [`World`] takes it: `Pod` for `v1`, `Deployment.apps` for `apps/v1`.
pub fn kind_key(api_version: &str, kind: &str) -> String {
    match api_version.split_once('/') {
        Some((group, _)) => format!("{kind}.{group}"),
        None => kind.to_owned(),
    }
}

/// A change that a controller asks for.
///
/// The server fills in uid, creationTimestamp, generation and resourceVersion; a write that changes nothing
/// costs no revision, one that creates what exists or touches what is gone is left out in silence, because the next
/// turn sees the world as it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A new object, whole; a status is kept as given.
    Create(Value),
    /// An existing object, whole, status included (usually the object from the world with something changed).
    Replace(Value),
    /// Only the status of an existing object.
    Status {
        /// Which.
        target: ObjectRef,
        /// The whole new status.
        status: Value,
    },
    /// A polite delete: finalizers and, for a pod on a node, the grace period come first.
    Delete {
        /// Which.
        target: ObjectRef,
    },
    /// The end of an object, whatever it waits for: what the kubelet does when a pod has stopped.
    Remove {
        /// Which.
        target: ObjectRef,
    },
    /// An Event about an object; a repetition raises the count of the former one.
    Event(Note),
}

/// An Event as a controller words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The object it is about.
    pub about: ObjectRef,
    /// True for `Warning`, false for `Normal`.
    pub warning: bool,
    /// CamelCase reason, such as `FailedScheduling`.
    pub reason: String,
    /// The sentence.
    pub message: String,
    /// Who says so, such as `kubelet`.
    pub source: String,
}

/// What a controller answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reaction {
    /// The changes it wants now; empty when the world is as it should be.
    pub writes: Vec<Write>,
    /// When it must be asked again although nothing changes; only for a change that is due then.
    /// Never a heartbeat: at `Speed::Max` the clock jumps from one of these to the next.
    pub wake_at: Option<Timestamp>,
}

impl Reaction {
    /// Adds another reaction: all writes, the earlier waking.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.writes.extend(other.writes);
        self.wake_at = match (self.wake_at, other.wake_at) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (left, right) => left.or(right),
        };
        self
    }

    /// Asks to be woken at this moment, or earlier if already asked.
    pub fn wake(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |known| known.min(at)));
    }
}

/// A simulated controller: level-triggered and pure. It compares the world with what should be and never remembers.
pub type Controller = fn(&World<'_>, Timestamp) -> Reaction;

/// A text inside an object by JSON pointer.
pub fn text_at<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    at(value, pointer).and_then(Value::as_str)
}

/// A value inside an object by JSON pointer. Every turn of the controllers asks this many thousand times, so that it
/// must not allocate as [`Value::pointer`] does.
pub fn at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    if pointer.contains('~') {
        return value.pointer(pointer);
    }
    let mut value = value;
    for part in pointer.split('/').skip(1) {
        value = match value {
            Value::Object(map) => map.get(part)?,
            Value::Array(list) => list.get(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// The reference of an object; fields that are missing are empty.
pub fn reference(value: &Value) -> ObjectRef {
    let text = |pointer| text_at(value, pointer).unwrap_or("");
    ObjectRef::new(
        text("/apiVersion"),
        text("/kind"),
        text("/metadata/namespace"),
        text("/metadata/name"),
    )
}
