//! What was there before an apply, as far as it takes to tell whether the apply changed anything: for many objects of one kind and
//! place it is asked once, not once for each.

use std::collections::{BTreeMap, HashMap, HashSet};

use http::{HeaderValue, Method, header};
use serde_json::Value;

use super::{Kube, MANAGER, PAGE, request};
use crate::plan::{Object, ObjectRef};

/// Fewer objects of one kind and place are asked for one by one: the list may be long.
const ENOUGH: usize = 4;

/// Names, versions and managers only (Kubernetes API concepts, "Retrieving metadata").
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// One object as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    version: Value,
    generation: Value,
    /// Our entry in `managedFields`; its time moves when an apply of ours changes something.
    ours: Value,
}

impl Mark {
    /// Reads it from an object, or from its metadata alone.
    pub fn of(object: &Value) -> Self {
        let field = |name| object.pointer(&format!("/metadata/{name}")).cloned();
        let entries = object.pointer("/metadata/managedFields");
        let mut entries = entries.and_then(Value::as_array).into_iter().flatten();
        let ours = entries.find(|entry| {
            entry["manager"] == MANAGER
                && entry["operation"] == "Apply"
                && entry.get("subresource").is_none()
        });
        Self {
            version: field("resourceVersion").unwrap_or_default(),
            generation: field("generation").unwrap_or_default(),
            ours: ours.cloned().unwrap_or_default(),
        }
    }

    /// Whether our apply changed nothing in between. A new version alone does not say so: a controller may have written the
    /// status at the same moment.
    pub fn same(&self, after: &Self) -> bool {
        self.version == after.version
            || (!self.ours.is_null()
                && !self.generation.is_null()
                && self.ours == after.ours
                && self.generation == after.generation)
    }
}

/// What is known of several objects.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    known: HashMap<ObjectRef, Mark>,
    /// Kinds and places of which all objects are known: what is not there has no mark.
    whole: HashSet<ObjectRef>,
}

impl Marks {
    /// The mark; nothing inside when the object was not there, nothing at all when it was not asked for.
    pub fn of(&self, target: &ObjectRef) -> Option<Option<&Mark>> {
        match self.known.get(target) {
            Some(mark) => Some(Some(mark)),
            None => self.whole.contains(&place(target)).then_some(None),
        }
    }
}

/// The kind and the namespace alone.
fn place(target: &ObjectRef) -> ObjectRef {
    ObjectRef {
        name: String::new(),
        ..target.clone()
    }
}

impl Kube {
    /// Asks once for each kind and place of which many objects are about to be applied. It never fails: what could not be
    /// asked for is not known, and [`Kube::apply_over`] asks for it alone.
    pub async fn marks(&self, objects: &[&Object]) -> Marks {
        let mut places: BTreeMap<ObjectRef, usize> = BTreeMap::new();
        for object in objects {
            *places.entry(place(&object.reference())).or_default() += 1;
        }
        let mut marks = Marks::default();
        for (place, count) in places {
            if count >= ENOUGH {
                self.mark(place, &mut marks).await;
            }
        }
        marks
    }

    async fn mark(&self, place: ObjectRef, marks: &mut Marks) {
        let Ok(Some(collection)) = self.known(&place).await else {
            return;
        };
        let path = format!("{collection}?limit={PAGE}");
        let mut asked = request(&Method::GET, &path, None);
        let accept = HeaderValue::from_static(METADATA);
        asked.headers_mut().insert(header::ACCEPT, accept);
        let Ok((status, bytes, _after)) = self.raw(asked).await else {
            return;
        };
        let Some(list) = serde_json::from_slice::<Value>(&bytes)
            .ok()
            .filter(|_| status.is_success())
        else {
            return;
        };
        let items = list.get("items").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            if let Some(name) = item.pointer("/metadata/name").and_then(Value::as_str) {
                let target = ObjectRef {
                    name: name.to_owned(),
                    ..place.clone()
                };
                marks.known.insert(target, Mark::of(item));
            }
        }
        let next = list.pointer("/metadata/continue").and_then(Value::as_str);
        if items.is_some() && next.is_none_or(str::is_empty) {
            marks.whole.insert(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mark(version: &str, generation: u64, time: &str) -> Mark {
        Mark::of(
            &json!({"metadata": {"resourceVersion": version, "generation": generation, "managedFields": [
                {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "time": version},
                {"manager": MANAGER, "operation": "Apply", "time": time},
            ]}}),
        )
    }

    #[test]
    fn a_status_written_at_the_same_moment_is_no_change_of_ours() {
        let before = mark("7", 1, "10:00:00");
        assert!(before.same(&mark("7", 1, "10:00:00")));
        assert!(before.same(&mark("8", 1, "10:00:00")));
        assert!(!before.same(&mark("8", 1, "10:00:05")));
        assert!(!before.same(&mark("8", 2, "10:00:00")));
    }

    #[test]
    fn an_object_without_a_generation_is_the_same_in_its_version_only() {
        let of = |version: &str| {
            Mark::of(
                &json!({"metadata": {"resourceVersion": version, "managedFields": [
                {"manager": MANAGER, "operation": "Apply", "time": "10:00:00"}]}}),
            )
        };
        assert!(of("7").same(&of("7")));
        assert!(!of("7").same(&of("8")));
    }

    #[test]
    fn what_is_missing_in_a_whole_list_is_known_to_be_missing() {
        let map = |name| ObjectRef::new("v1", "ConfigMap", "shop", name);
        let mut marks = Marks::default();
        assert_eq!(marks.of(&map("a")), None);
        marks.known.insert(map("b"), mark("7", 1, ""));
        assert!(marks.of(&map("b")).is_some_and(|known| known.is_some()));
        assert_eq!(marks.of(&map("a")), None);
        marks.whole.insert(place(&map("")));
        assert_eq!(marks.of(&map("a")), Some(None));
    }
}
