//! POST of an object and PUT of a whole one. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Cluster, Writing, align, prune};
use crate::rehearsal::{
    answer::{Answer, Failure},
    apply::drop_nulls,
    call::Call,
    kinds::Kind,
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
        let mut value = call.body.clone();
        align(kind, call, &mut value)?;
        let warnings = prune(kind, call, &mut value)?;
        drop_nulls(&mut value);
        self.invent_name(&mut value);
        let name = text_at(&value, "/metadata/name").unwrap_or("").to_owned();
        if self
            .store
            .get(&kind.key, &call.place.namespace, &name)
            .is_some()
        {
            return Err(Failure::exists(kind, &name));
        }
        if kind.has("status")
            && let Some(map) = value.as_object_mut()
        {
            map.shift_remove("status");
        }
        if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            meta.shift_remove("managedFields");
            meta.shift_remove("resourceVersion");
            meta.shift_remove("uid");
        }
        Self::sign(kind, call, None, &mut value, now);
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
        let old = Arc::clone(self.stored(kind, call)?);
        let mut value = call.body.clone();
        align(kind, call, &mut value)?;
        let warnings = prune(kind, call, &mut value)?;
        drop_nulls(&mut value);
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
        let mut value = confined(kind, call, old, value);
        if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            meta.shift_remove("managedFields");
        }
        Self::sign(kind, call, Some(old), &mut value, now);
        let writing = Writing {
            kind,
            call,
            now,
            warnings,
        };
        self.keep(writing, Some(old), value)
    }
}

/// What of a new value counts: a status write changes only the status, any other everything else.
pub(super) fn confined(kind: &Kind, call: &Call, old: &Value, mut value: Value) -> Value {
    let said = text_at(&value, "/metadata/resourceVersion").map(str::to_owned);
    let uid = text_at(&value, "/metadata/uid").map(str::to_owned);
    let mut confined = match call.place.subresource.as_str() {
        "status" => {
            let mut kept = old.clone();
            transplant(&mut kept, &mut value, "status");
            kept
        }
        "finalize" => {
            let mut kept = old.clone();
            transplant(&mut kept, &mut value, "spec");
            kept
        }
        _ if kind.has("status") => {
            let mut old = old.clone();
            transplant(&mut value, &mut old, "status");
            value
        }
        _ => value,
    };
    for (field, text) in [("resourceVersion", said), ("uid", uid)] {
        if let (Some(text), Some(meta)) = (
            text,
            confined.get_mut("metadata").and_then(Value::as_object_mut),
        ) {
            meta.insert(field.into(), text.into());
        }
    }
    confined
}

fn transplant(into: &mut Value, from: &mut Value, field: &str) {
    let part = from.get_mut(field).map(Value::take);
    let Some(map) = into.as_object_mut() else {
        return;
    };
    match part {
        Some(part) if !part.is_null() => {
            map.insert(field.into(), part);
        }
        _ => {
            map.shift_remove(field);
        }
    }
}
