//! POST of an object and PUT of a whole one. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Came, Cluster, Writing, decode};
use crate::rehearsal::{
    answer::{Answer, Failure},
    body,
    call::Call,
    kinds::{DEFINITION, Kind},
    reset::confined,
    world::text_at,
};

/// Letters of invented names: none that spell words or look like others.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

impl Cluster {
    pub(super) fn create(
        &mut self,
        kind: &Kind,
        call: &Call,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        body::check(kind, call)?;
        let mut value = call.body.clone();
        let warnings = decode(kind, call, &mut value, Came::Whole)?;
        if !text_at(&value, "/metadata/resourceVersion")
            .unwrap_or("")
            .is_empty()
        {
            let why = "resourceVersion should not be set on objects to be created";
            return Err(Failure::unexplained(why));
        }
        self.invent_name(&mut value);
        Self::sign(kind, call, None, &mut value, now);
        unborn(kind, &mut value);
        let writing = Writing {
            kind,
            call,
            now,
            warnings,
        };
        self.keep(writing, None, value)
    }

    /// Completes `generateName`; revisions never repeat, so neither do the names.
    fn invent_name(&self, value: &mut Value) {
        let given = text_at(value, "/metadata/name").is_some_and(|name| !name.is_empty());
        let Some(stem) = text_at(value, "/metadata/generateName").filter(|_| !given) else {
            return;
        };
        let base = LETTERS.len() as u64;
        let mut number = self
            .store
            .revision()
            .wrapping_add(1)
            .wrapping_mul(6_364_136_223_846_793_005)
            >> 20;
        let mut name = stem.to_owned();
        for _ in 0..5 {
            let at = usize::try_from(number % base).unwrap_or(0);
            name.extend(LETTERS.get(at).map(|letter| char::from(*letter)));
            number /= base;
        }
        value["metadata"]["name"] = name.into();
    }

    pub(super) fn put(
        &mut self,
        kind: &Kind,
        call: &Call,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        body::check(kind, call)?;
        let mut value = call.body.clone();
        let warnings = decode(kind, call, &mut value, Came::Whole)?;
        let old = Arc::clone(self.stored(kind, call)?);
        let versioned = kind.custom.is_some()
            || matches!(
                kind.key.as_str(),
                "Lease.coordination.k8s.io" | "PodDisruptionBudget.policy" | DEFINITION
            );
        let said = text_at(&value, "/metadata/resourceVersion").unwrap_or("");
        if versioned && said.is_empty() {
            return Err(Failure::unversioned(kind, &call.place.name));
        }
        self.update(kind, call, (&old, value), (now, warnings))
    }

    /// Keeps a changed value, limited to what the path may change.
    pub(super) fn update(
        &mut self,
        kind: &Kind,
        call: &Call,
        (old, value): (&Value, Value),
        (now, warnings): (Timestamp, Vec<String>),
    ) -> Result<Answer, Failure> {
        let mut value = value;
        Self::sign(kind, call, Some(old), &mut value, now);
        let value = confined(kind, &call.place.subresource, old, value);
        let writing = Writing {
            kind,
            call,
            now,
            warnings,
        };
        self.keep(writing, Some(old), value)
    }
}

/// A new object has no status yet and says nothing of what the server owns.
pub(super) fn unborn(kind: &Kind, value: &mut Value) {
    if kind.has("status")
        && let Some(map) = value.as_object_mut()
    {
        map.shift_remove("status");
    }
    if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in [
            "resourceVersion",
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        ] {
            meta.shift_remove(field);
        }
    }
}
