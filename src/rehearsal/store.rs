//! The objects of the practice cluster with their revisions and the ring of changes for watches. Pure.

mod meta;

pub use meta::{differs, is_same, same_body, stamp};

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, OnceLock},
};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    packed::{self, pack},
    world::{Note, Write, kind_key, reference, text_at},
};
use crate::plan::ObjectRef;

/// How many changes a watch may lag behind before it is told 410 Gone.
pub const RING: usize = 8192;

/// How much the changes of the ring may weigh as text once there are more than [`LEAST`] ...
const HEAVIEST: usize = 2 * 1024 * 1024;

/// ... which are kept whatever they weigh.
const LEAST: usize = 512;

/// Events that are kept; a real cluster forgets them after an hour.
const MOST_EVENTS: usize = 2000;

/// Stands for the kinds themselves: which of them have an object.
pub const KINDS: &str = "";

type Names = BTreeMap<String, Arc<Value>>;

/// Every object, by kind with group, namespace (empty for cluster-scoped) and name.
#[derive(Clone, Debug, Default)]
pub struct Store {
    kinds: BTreeMap<Arc<str>, BTreeMap<String, Names>>,
    revision: u64,
    /// Changes at or before this revision are no longer in the ring.
    floor: u64,
    ring: VecDeque<Change>,
    /// What the changes of the ring weigh as text, up to this revision.
    weight: (usize, u64),
    /// The revision of the last change of each kind, and under [`KINDS`] that at which a kind came or went.
    changed: BTreeMap<Arc<str>, u64>,
    /// Namespace and name of the events, oldest first; some may be gone already.
    events: VecDeque<(String, String)>,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It is new.
    Added,
    /// It has changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// One change, as watches and the log on disk see it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The revision this change made.
    pub revision: u64,
    /// What happened.
    pub verb: Verb,
    /// Kind with group.
    pub kind: Arc<str>,
    /// The object after the change; for a deletion its last state.
    pub object: Arc<Value>,
    /// The object before the change.
    pub before: Option<Arc<Value>>,
    /// The object as JSON, once somebody has asked for it.
    text: Arc<OnceLock<Box<str>>>,
}

impl Change {
    /// The object as JSON: written once for the log on disk and all watches.
    pub fn text(&self) -> &str {
        self.text.get_or_init(|| packed::text(&self.object).into())
    }
}

/// Why the store refuses a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// An object of this name exists.
    Exists,
    /// No such object.
    Missing,
    /// The object is being deleted and may not get new finalizers, or was changed since it was read.
    Conflict,
    /// The value lacks apiVersion, kind or a name.
    Nameless,
}

impl Store {
    /// The revision of the last change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// One object.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.kinds.get(kind)?.get(namespace)?.get(name)
    }

    /// Every object of a kind, in one namespace or in all, ordered by namespace and name.
    pub fn list<'a>(
        &'a self,
        kind: &str,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &'a Arc<Value>> + use<'a> {
        let spaces = self.kinds.get(kind);
        let one = namespace.and_then(|name| spaces.and_then(|spaces| spaces.get(name)));
        let all = spaces.filter(|_| namespace.is_none());
        one.into_iter()
            .chain(all.into_iter().flat_map(BTreeMap::values))
            .flat_map(BTreeMap::values)
    }

    /// Every kind that has at least one object.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(AsRef::as_ref)
    }

    /// The revision of the last change of a kind that may concern a controller, or of [`KINDS`]; 0 for what was there at the start.
    pub fn changed(&self, kind: &str) -> u64 {
        self.changed.get(kind).copied().unwrap_or(0)
    }

    /// Every object, for a snapshot.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Value>> {
        self.kinds
            .values()
            .flat_map(BTreeMap::values)
            .flat_map(BTreeMap::values)
    }

    /// The changes after a revision, or nothing when the ring no longer reaches so far back.
    pub fn changes_after(&self, revision: u64) -> Option<impl Iterator<Item = &Change>> {
        if revision < self.floor {
            return None;
        }
        let from = self
            .ring
            .partition_point(|change| change.revision <= revision);
        Some(self.ring.range(from..))
    }

    /// Puts an object back as it was written to disk, without a new revision.
    pub fn restore(&mut self, value: Value) {
        let target = reference(&value);
        let kind = self.kind_name(&kind_key(&target.api_version, &target.kind));
        self.put(&kind, &target, Arc::new(pack(value)));
    }

    /// Takes an object away as the log on disk says, without a new revision.
    pub fn forget(&mut self, kind: &str, namespace: &str, name: &str) {
        self.take(kind, namespace, name);
    }

    /// Sets the revision after a restart; watches from before it must list again.
    pub fn resume_at(&mut self, revision: u64) {
        self.revision = revision;
        self.floor = revision;
        self.ring.clear();
        self.weight = (0, revision);
    }

    /// A store that holds only this object and the same revision: where a dry run writes.
    #[must_use]
    pub fn aside(&self, object: Option<&Value>) -> Self {
        let mut aside = Self::default();
        if let Some(object) = object {
            aside.restore(object.clone());
        }
        aside.resume_at(self.revision);
        aside
    }

    /// Creates an object and fills in what the server owns.
    ///
    /// # Errors
    /// When it exists already or has no name.
    pub fn create(&mut self, mut value: Value, now: Timestamp) -> Result<Arc<Value>, Refused> {
        let target = named(&value)?;
        let key = kind_key(&target.api_version, &target.kind);
        let namespace = target.namespace.as_deref().unwrap_or("");
        if self.get(&key, namespace, &target.name).is_some() {
            return Err(Refused::Exists);
        }
        self.revision += 1;
        meta::born(&mut value, self.revision, now);
        let kind = self.kind_name(&key);
        let object = Arc::new(pack(value));
        self.put(&kind, &target, Arc::clone(&object));
        self.note(Verb::Added, kind, Arc::clone(&object), None);
        Ok(object)
    }

    /// Replaces an object; one that is the same afterwards keeps its revision.
    ///
    /// An object whose deletion waited only for the finalizers that are now gone is removed.
    ///
    /// # Errors
    /// When it does not exist, or carries a resourceVersion or uid that is not the present one.
    pub fn replace(&mut self, mut value: Value, now: Timestamp) -> Result<Arc<Value>, Refused> {
        let target = named(&value)?;
        let key = kind_key(&target.api_version, &target.kind);
        let namespace = target.namespace.as_deref().unwrap_or("");
        let old = Arc::clone(
            self.get(&key, namespace, &target.name)
                .ok_or(Refused::Missing)?,
        );
        if !meta::succeeds(&old, &value) {
            return Err(Refused::Conflict);
        }
        meta::inherit(&old, &mut value);
        let mut value = pack(value);
        if *old == value {
            return Ok(old);
        }
        let kind = self.kind_name(&key);
        self.revision += 1;
        meta::renew(&mut value, self.revision);
        let object = Arc::new(value);
        if meta::may_go(&object, now) {
            self.take(&kind, namespace, &target.name);
            self.note(
                Verb::Deleted,
                kind,
                Arc::clone(&object),
                Some(Arc::clone(&old)),
            );
            // The writer hears of no new revision: there is no object any more.
            let mut last = (*object).clone();
            meta::inherit_version(&old, &mut last);
            return Ok(Arc::new(last));
        }
        self.put(&kind, &target, Arc::clone(&object));
        self.note(Verb::Modified, kind, Arc::clone(&object), Some(old));
        Ok(object)
    }

    /// Deletes politely: with finalizers, or for a pod on a node, the object stays with a deletionTimestamp.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn delete(
        &mut self,
        target: &ObjectRef,
        now: Timestamp,
        grace: Option<i64>,
    ) -> Result<Arc<Value>, Refused> {
        let key = kind_key(&target.api_version, &target.kind);
        let namespace = target.namespace.as_deref().unwrap_or("");
        let old = Arc::clone(
            self.get(&key, namespace, &target.name)
                .ok_or(Refused::Missing)?,
        );
        let grace = grace.unwrap_or_else(|| meta::usual_grace(&old));
        if !meta::lingers(&old) && (grace == 0 || !meta::stops_slowly(&old)) {
            return self.remove_marked(target, now);
        }
        let leaves = text_at(&old, "/metadata/deletionTimestamp").is_some();
        if leaves && (grace != 0 || !meta::stops_slowly(&old)) {
            return Ok(old);
        }
        let mut value = (*old).clone();
        meta::mark_deleted(&mut value, now, grace);
        meta::end_namespace(&mut value);
        self.replace(value, now)
    }

    /// Marks an object as being deleted and held, in one change.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn delete_held(
        &mut self,
        target: &ObjectRef,
        finalizer: &str,
        now: Timestamp,
    ) -> Result<Arc<Value>, Refused> {
        let key = kind_key(&target.api_version, &target.kind);
        let namespace = target.namespace.as_deref().unwrap_or("");
        let old = self.get(&key, namespace, &target.name);
        let mut value = (**old.ok_or(Refused::Missing)?).clone();
        meta::hold(&mut value, finalizer);
        if text_at(&value, "/metadata/deletionTimestamp").is_none() {
            let grace = meta::usual_grace(&value);
            meta::mark_deleted(&mut value, now, grace);
            meta::end_namespace(&mut value);
        }
        self.replace(value, now)
    }

    /// Takes an object away at once; a pod says to the end that it was deleted.
    fn remove_marked(&mut self, target: &ObjectRef, now: Timestamp) -> Result<Arc<Value>, Refused> {
        let key = kind_key(&target.api_version, &target.kind);
        let namespace = target.namespace.as_deref().unwrap_or("");
        if key == "Pod"
            && let Some(old) = self.get(&key, namespace, &target.name).cloned()
        {
            let mut value = (*old).clone();
            let kind = self.kind_name(&key);
            meta::mark_deleted(&mut value, now, 0);
            meta::inherit(&old, &mut value);
            self.put(&kind, target, Arc::new(pack(value)));
        }
        self.remove(target)
    }

    /// Takes an object away at once.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn remove(&mut self, target: &ObjectRef) -> Result<Arc<Value>, Refused> {
        let key = kind_key(&target.api_version, &target.kind);
        let namespace = target.namespace.as_deref().unwrap_or("");
        let kind = self.kind_name(&key);
        let old = self
            .take(&key, namespace, &target.name)
            .ok_or(Refused::Missing)?;
        self.revision += 1;
        let mut last = (*old).clone();
        meta::renew(&mut last, self.revision);
        let last = Arc::new(last);
        self.note(Verb::Deleted, kind, Arc::clone(&last), Some(old));
        Ok(last)
    }

    /// Performs a controller's write; says whether anything changed.
    pub fn perform(&mut self, write: Write, now: Timestamp) -> bool {
        let before = self.revision;
        // A refusal means the world has moved on; the controller sees it on its next turn.
        let done = match write {
            Write::Create(value) => self.create(value, now),
            Write::Replace(value) => self.replace(value, now),
            Write::Status { target, status } => self.set_status(&target, status, now),
            Write::Delete { target } => self.delete(&target, now, None),
            Write::Remove { target } => self.remove(&target),
            Write::Event(note) => self.event(&note, now),
        };
        done.is_ok() && self.revision != before
    }

    fn set_status(
        &mut self,
        target: &ObjectRef,
        status: Value,
        now: Timestamp,
    ) -> Result<Arc<Value>, Refused> {
        let key = kind_key(&target.api_version, &target.kind);
        let namespace = target.namespace.as_deref().unwrap_or("");
        let old = self
            .get(&key, namespace, &target.name)
            .ok_or(Refused::Missing)?;
        if old.get("status") == Some(&status) {
            return Ok(Arc::clone(old));
        }
        let mut value = (**old).clone();
        if let Some(map) = value.as_object_mut() {
            map.insert("status".into(), status);
        }
        self.replace(value, now)
    }

    fn event(&mut self, note: &Note, now: Timestamp) -> Result<Arc<Value>, Refused> {
        let about = &note.about;
        let key = kind_key(&about.api_version, &about.kind);
        let uid = self
            .get(&key, about.namespace.as_deref().unwrap_or(""), &about.name)
            .and_then(|object| text_at(object, "/metadata/uid"))
            .unwrap_or_default()
            .to_owned();
        let fresh = meta::event(note, &uid, now);
        let target = reference(&fresh);
        let namespace = target.namespace.as_deref().unwrap_or("");
        if let Some(old) = self.get("Event", namespace, &target.name) {
            let again = meta::repeated(old, now);
            return self.replace(again, now);
        }
        let made = self.create(fresh, now);
        self.forget_events();
        made
    }

    fn kind_name(&mut self, key: &str) -> Arc<str> {
        match self.kinds.get_key_value(key) {
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(key),
        }
    }

    fn put(&mut self, kind: &Arc<str>, target: &ObjectRef, object: Arc<Value>) {
        let namespace = target.namespace.clone().unwrap_or_default();
        if !self.kinds.contains_key(kind) {
            self.changed.insert(Arc::from(KINDS), self.revision);
        }
        let spaces = self.kinds.entry(Arc::clone(kind)).or_default();
        let names = spaces.entry(namespace.clone()).or_default();
        let old = names.insert(target.name.clone(), object);
        if old.is_none() && &**kind == "Event" {
            self.events.push_back((namespace, target.name.clone()));
        }
    }

    /// Forgets the oldest events when there are too many.
    fn forget_events(&mut self) {
        while self.events.len() > MOST_EVENTS
            && let Some((namespace, name)) = self.events.pop_front()
        {
            let version = self.get("Event", &namespace, &name);
            let version = version.and_then(|event| text_at(event, "/apiVersion"));
            if let Some(version) = version {
                let target = ObjectRef::new(version, "Event", &namespace, &name);
                // It is there.
                self.remove(&target).ok();
            }
        }
    }

    fn take(&mut self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let spaces = self.kinds.get_mut(kind)?;
        let names = spaces.get_mut(namespace)?;
        let old = names.remove(name)?;
        if names.is_empty() {
            spaces.remove(namespace);
        }
        if spaces.is_empty() {
            self.kinds.remove(kind);
            // The revision of this change is counted after it.
            self.changed.insert(Arc::from(KINDS), self.revision + 1);
        }
        Some(old)
    }

    fn note(&mut self, verb: Verb, kind: Arc<str>, object: Arc<Value>, before: Option<Arc<Value>>) {
        if self.ring.len() == RING {
            self.drop_oldest();
        }
        let private = |before: &Arc<Value>| meta::only_private_notes(before, &object);
        if !before.as_ref().is_some_and(private) || verb != Verb::Modified {
            self.changed.insert(Arc::clone(&kind), self.revision);
        }
        self.ring.push_back(Change {
            revision: self.revision,
            verb,
            kind,
            object,
            before,
            text: Arc::default(),
        });
    }

    /// Lets the oldest changes go when all together weigh too much: large objects that change often.
    pub fn lighten(&mut self) {
        let (weight, upto) = self.weight;
        let from = self.ring.partition_point(|change| change.revision <= upto);
        let new: usize = self.ring.range(from..).map(|new| new.text().len()).sum();
        self.weight = (weight + new, self.revision);
        while self.weight.0 > HEAVIEST && self.ring.len() > LEAST {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.ring.pop_front() {
            self.floor = oldest.revision;
            if oldest.revision <= self.weight.1 {
                self.weight.0 -= oldest.text().len();
            }
        }
    }
}

fn named(value: &Value) -> Result<ObjectRef, Refused> {
    let target = reference(value);
    if target.api_version.is_empty() || target.kind.is_empty() || target.name.is_empty() {
        return Err(Refused::Nameless);
    }
    Ok(target)
}

#[cfg(test)]
mod tests;
