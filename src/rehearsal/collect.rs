//! What is left behind is taken away: dependents of gone owners, content of ended namespaces, objects without a definition. Pure.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    kinds::DEFINITION,
    world::{Reaction, World, Write, at, kind_key, reference, text_at},
};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    let list = at(object, "/metadata/finalizers");
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn owners_of(object: &Value) -> impl Iterator<Item = &Value> {
    let list = at(object, "/metadata/ownerReferences");
    list.and_then(Value::as_array).into_iter().flatten()
}

fn deleting(object: &Value) -> bool {
    at(object, "/metadata/deletionTimestamp").is_some()
}

/// The garbage collector: an object whose owners are all gone goes too, in the background, in the foreground, or not at all.
pub fn owners(world: &World<'_>, _now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    let mut uids: HashMap<&str, &Arc<Value>> = HashMap::with_capacity(1024);
    let mut owned: Vec<&Arc<Value>> = Vec::new();
    let mut ending: Vec<&Arc<Value>> = Vec::new();
    for object in world.kinds().flat_map(|kind| world.list(kind, None)) {
        if let Some(uid) = text_at(object, "/metadata/uid") {
            uids.insert(uid, object);
        }
        if owners_of(object).next().is_some() {
            owned.push(object);
        }
        if deleting(object) && finalizers(object).any(|name| name == FOREGROUND || name == ORPHAN) {
            ending.push(object);
        }
    }
    for object in &owned {
        if deleting(object) {
            continue;
        }
        let mut owners = owners_of(object).filter_map(|owner| text_at(owner, "/uid"));
        let alone = owners.all(|uid| {
            uids.get(uid).is_none_or(|owner| {
                deleting(owner) && finalizers(owner).any(|name| name == FOREGROUND)
            })
        });
        if alone {
            reaction.writes.push(Write::Delete {
                target: reference(object),
            });
        }
    }
    for object in ending {
        settle_owner(object, &owned, &mut reaction);
    }
    reaction
}

/// Lets an owner go once its dependents are gone, or once they are set free.
fn settle_owner(owner: &Arc<Value>, all: &[&Arc<Value>], reaction: &mut Reaction) {
    let uid = text_at(owner, "/metadata/uid").unwrap_or("");
    let mine = |object: &&&Arc<Value>| owners_of(object).any(|o| text_at(o, "/uid") == Some(uid));
    let dependents: Vec<_> = all.iter().filter(mine).collect();
    if finalizers(owner).any(|name| name == ORPHAN) {
        for object in dependents {
            let mut free = (***object).clone();
            if let Some(list) = free["metadata"]["ownerReferences"].as_array_mut() {
                list.retain(|entry| text_at(entry, "/uid") != Some(uid));
            }
            drop_empty(&mut free, "ownerReferences");
            reaction.writes.push(Write::Replace(free));
        }
    } else if !dependents.is_empty() {
        return;
    }
    reaction
        .writes
        .push(Write::Replace(without(owner, &[FOREGROUND, ORPHAN])));
}

fn without(object: &Value, names: &[&str]) -> Value {
    let mut value = object.clone();
    if let Some(list) = value["metadata"]["finalizers"].as_array_mut() {
        list.retain(|name| !names.iter().any(|gone| name == gone));
    }
    drop_empty(&mut value, "finalizers");
    value
}

/// A server keeps no empty lists in the metadata.
fn drop_empty(value: &mut Value, field: &str) {
    if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut)
        && meta
            .get(field)
            .and_then(Value::as_array)
            .is_some_and(Vec::is_empty)
    {
        meta.shift_remove(field);
    }
}

/// The namespace controller: an ended namespace takes its content with it and goes when it is empty.
pub fn namespaces(world: &World<'_>, _now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    for namespace in world.list("Namespace", None).filter(|n| deleting(n)) {
        let name = text_at(namespace, "/metadata/name").unwrap_or("");
        let mut empty = true;
        for object in world.kinds().flat_map(|kind| world.list(kind, Some(name))) {
            empty = false;
            if !deleting(object) {
                reaction.writes.push(Write::Delete {
                    target: reference(object),
                });
            }
        }
        let mut value = (**namespace).clone();
        if empty {
            value["spec"]["finalizers"] = Value::Array(Vec::new());
        }
        value["status"]["phase"] = "Terminating".into();
        reaction.writes.push(Write::Replace(value));
    }
    // A namespace without a change costs nothing: the store leaves it out.
    reaction
}

/// Objects of a kind whose definition is gone go with it.
pub fn definitions(world: &World<'_>, _now: Timestamp) -> Reaction {
    let defined: HashSet<String> = world
        .list(DEFINITION, None)
        .filter(|crd| !deleting(crd))
        .filter_map(|crd| {
            let group = text_at(crd, "/spec/group")?;
            let kind = text_at(crd, "/spec/names/kind")?;
            Some(kind_key(&format!("{group}/v1"), kind))
        })
        .collect();
    let mut reaction = Reaction::default();
    let foreign = world.kinds().filter(|kind| {
        let group = kind.split_once('.').map_or("", |(_, group)| group);
        // Built-in groups have no dot, or end in k8s.io.
        group.contains('.') && !group.ends_with("k8s.io") && !defined.contains(*kind)
    });
    for object in foreign.flat_map(|kind| world.list(kind, None)) {
        reaction.writes.push(Write::Remove {
            target: reference(object),
        });
    }
    reaction
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        plan::ObjectRef,
        rehearsal::{
            driver::turn,
            store::Store,
            world::{World, Write, text_at},
        },
    };

    fn now() -> jiff::Timestamp {
        "2026-11-24T10:00:00Z".parse().unwrap()
    }

    fn settle(store: &mut Store) {
        for _ in 0..20 {
            let before = store.revision();
            for write in turn(&World::new(store), now()).writes {
                store.perform(write, now());
            }
            if store.revision() == before {
                return;
            }
        }
        panic!("the controllers do not come to rest");
    }

    fn map(name: &str, owner: Option<&Value>) -> Value {
        let mut value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "care"}});
        if let Some(owner) = owner {
            value["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap",
                "name": text_at(owner, "/metadata/name"), "uid": text_at(owner, "/metadata/uid")}]);
        }
        value
    }

    fn family(store: &mut Store) {
        let parent = store.create(map("parent", None), now()).unwrap();
        let child = store.create(map("child", Some(&parent)), now()).unwrap();
        store
            .create(map("grandchild", Some(&child)), now())
            .unwrap();
    }

    fn names(store: &Store) -> Vec<&str> {
        let all = store.list("ConfigMap", None);
        all.filter_map(|object| text_at(object, "/metadata/name"))
            .collect()
    }

    #[test]
    fn dependents_follow_their_owner() {
        let mut store = Store::default();
        family(&mut store);
        settle(&mut store);
        assert_eq!(names(&store).len(), 3);
        let target = ObjectRef::new("v1", "ConfigMap", "care", "parent");
        store.perform(Write::Delete { target }, now());
        settle(&mut store);
        assert!(names(&store).is_empty());
    }

    #[test]
    fn in_the_foreground_the_owner_goes_last_and_orphans_stay() {
        for (finalizer, left) in [
            ("foregroundDeletion", vec![]),
            ("orphan", vec!["child", "grandchild"]),
        ] {
            let mut store = Store::default();
            family(&mut store);
            let mut parent = (**store.get("ConfigMap", "care", "parent").unwrap()).clone();
            parent["metadata"]["finalizers"] = json!([finalizer]);
            store.replace(parent, now()).unwrap();
            let target = ObjectRef::new("v1", "ConfigMap", "care", "parent");
            store.perform(Write::Delete { target }, now());
            assert!(names(&store).contains(&"parent"), "it waits");
            settle(&mut store);
            assert_eq!(names(&store), left, "{finalizer}");
        }
    }

    #[test]
    fn a_namespace_takes_its_content_with_it() {
        let mut store = Store::default();
        let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "care"},
            "spec": {"finalizers": ["kubernetes"]}});
        store.create(space, now()).unwrap();
        family(&mut store);
        let target = ObjectRef::new("v1", "Namespace", "", "care");
        store.perform(Write::Delete { target }, now());
        settle(&mut store);
        assert!(names(&store).is_empty());
        assert!(store.get("Namespace", "", "care").is_none());
    }
}
