//! What the server calls the kinds it serves; learned once per group, asked again for kinds not seen yet.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use serde_json::Value;

use crate::plan::ObjectRef;

/// How a kind is found in paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Plural name in paths.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// The kinds learned so far.
#[derive(Debug, Default)]
pub struct Discovery(RwLock<HashMap<(String, String), Resource>>);

impl Discovery {
    /// The kind, when it was learned.
    pub fn find(&self, target: &ObjectRef) -> Option<Resource> {
        let key = (target.api_version.clone(), target.kind.clone());
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&key).cloned()
    }

    /// Learns the kinds of an `APIResourceList`; subresources are passed over.
    pub fn learn(&self, api_version: &str, list: &Value) {
        let resources = list.get("resources").and_then(Value::as_array);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for resource in resources.into_iter().flatten() {
            let text = |field| resource.get(field).and_then(Value::as_str).unwrap_or("");
            if text("name").contains('/') || text("kind").is_empty() {
                continue;
            }
            let namespaced = resource.get("namespaced").and_then(Value::as_bool);
            known.insert(
                (api_version.to_owned(), text("kind").to_owned()),
                Resource {
                    plural: text("name").to_owned(),
                    namespaced: namespaced.unwrap_or(false),
                },
            );
        }
    }
}
