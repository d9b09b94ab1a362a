//! DELETE of one object or of many. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::Cluster;
use crate::rehearsal::{
    answer::{Answer, Failure, Listing},
    call::Call,
    kinds::Kind,
    store::Refused,
    world::{reference, text_at},
};

/// The kinds whose deletion is answered with what was deleted.
const RETURNED: &[&str] = &[
    "Pod",
    "PodTemplate",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ResourceQuota",
    "Service",
    "ServiceAccount",
    "Namespace",
    "StorageClass.storage.k8s.io",
    "CSIDriver.storage.k8s.io",
    "CSINode.storage.k8s.io",
    "VolumeAttachment.storage.k8s.io",
];

/// The namespaces without which there is no cluster.
const KEPT: &[&str] = &["default", "kube-system", "kube-public"];

impl Cluster {
    pub(super) fn delete(
        &mut self,
        kind: &Kind,
        call: &Call,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        if kind.key == "Namespace" && KEPT.contains(&call.place.name.as_str()) {
            let why = "this namespace may not be deleted";
            return Err(Failure::forbidden(kind, &call.place.name, why));
        }
        let old = Arc::clone(self.stored(kind, call)?);
        preconditions(kind, call, &old)?;
        if call.dry() {
            return Ok(Answer::success(kind, &old));
        }
        let last = self
            .let_go(call, &old, now)
            .map_err(|refused| Failure::refused(refused, kind, &call.place.name))?;
        let place = &call.place;
        let stays = self.store.get(&kind.key, &place.namespace, &place.name);
        Ok(match stays {
            Some(object) => Answer::ok(Arc::clone(object)),
            None if RETURNED.contains(&kind.key.as_str()) => Answer::ok(last),
            None => Answer::success(kind, &last),
        })
    }

    /// Deletes one object the way the caller wants its dependents treated.
    pub(super) fn let_go(
        &mut self,
        call: &Call,
        old: &Arc<Value>,
        now: Timestamp,
    ) -> Result<Arc<Value>, Refused> {
        let target = reference(old);
        let option = |name: &str| {
            let said = call.body.get(name).and_then(Value::as_str).unwrap_or("");
            if said.is_empty() {
                call.query.text(name)
            } else {
                said
            }
            .to_owned()
        };
        let waits_for = match option("propagationPolicy").as_str() {
            "Foreground" => Some("foregroundDeletion"),
            "Orphan" => Some("orphan"),
            _ => None,
        };
        if let Some(finalizer) = waits_for {
            return self.store.delete_held(&target, finalizer, now);
        }
        let grace = call
            .body
            .get("gracePeriodSeconds")
            .and_then(Value::as_i64)
            .or_else(|| call.query.text("gracePeriodSeconds").parse().ok());
        self.store.delete(&target, now, grace)
    }

    pub(super) fn delete_all(
        &mut self,
        kind: &Kind,
        call: &Call,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let selector = call.query.selector(kind)?;
        let items: Vec<_> = self
            .select(kind, &call.place.namespace, &selector)
            .map(Arc::clone)
            .collect();
        if !call.dry() {
            for object in &items {
                let gone = self.let_go(call, object, now);
                let name = text_at(object, "/metadata/name").unwrap_or("");
                gone.map_err(|refused| Failure::refused(refused, kind, name))?;
            }
        }
        Ok(Answer::List(Listing {
            kind: format!("{}List", kind.kind),
            api_version: kind.api_version(),
            revision: self.store.revision(),
            items,
            next: None,
            remaining: None,
            custom: kind.custom.is_some(),
        }))
    }
}

fn preconditions(kind: &Kind, call: &Call, old: &Value) -> Result<(), Failure> {
    for (field, title, after) in [
        (
            "uid",
            "UID",
            "The object might have been deleted and then recreated",
        ),
        (
            "resourceVersion",
            "ResourceVersion",
            "The object might have been modified",
        ),
    ] {
        let wanted = call.body.pointer(&format!("/preconditions/{field}"));
        let wanted = wanted.and_then(Value::as_str).unwrap_or("");
        let known = text_at(old, &format!("/metadata/{field}")).unwrap_or("");
        if !wanted.is_empty() && wanted != known {
            let why = format!(
                "the {title} in the precondition ({wanted}) does not match the {title} in record ({known}). {after}"
            );
            return Err(Failure::unmet(kind, &call.place.name, &why));
        }
    }
    Ok(())
}
