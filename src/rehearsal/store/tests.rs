use jiff::Timestamp;
use serde_json::{Value, json};

use super::{LEAST, MOST_EVENTS, Refused, Store, Verb};
use crate::{
    plan::ObjectRef,
    rehearsal::world::{Note, World, Write},
};

fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

fn map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "care"},
        "data": {"key": value}})
}

fn deployment(replicas: u64) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "care"},
        "spec": {"replicas": replicas}})
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

#[test]
fn a_new_object_gets_what_the_server_owns() {
    let mut store = Store::default();
    let object = store.create(deployment(1), now()).unwrap();
    assert_eq!(text(&object, "/metadata/resourceVersion"), "1");
    assert_eq!(
        text(&object, "/metadata/creationTimestamp"),
        "2026-11-24T10:00:00Z"
    );
    assert_eq!(text(&object, "/metadata/uid").len(), 36);
    assert_eq!(object.pointer("/metadata/generation"), Some(&json!(1)));
    assert_eq!(store.create(deployment(1), now()), Err(Refused::Exists));
}

#[test]
fn only_a_changed_wish_counts_a_generation_and_no_change_keeps_the_revision() {
    let mut store = Store::default();
    store.create(deployment(1), now()).unwrap();
    let same = store.replace(deployment(1), now()).unwrap();
    assert_eq!(text(&same, "/metadata/resourceVersion"), "1");
    let more = store.replace(deployment(2), now()).unwrap();
    assert_eq!(more.pointer("/metadata/generation"), Some(&json!(2)));
    let target = ObjectRef::new("apps/v1", "Deployment", "care", "web");
    let write = Write::Status {
        target,
        status: json!({"replicas": 2}),
    };
    assert!(store.perform(write.clone(), now()));
    assert!(!store.perform(write, now()), "the same status again");
    let live = World::new(&store)
        .get("Deployment.apps", "care", "web")
        .unwrap();
    assert_eq!(live.pointer("/metadata/generation"), Some(&json!(2)));
    assert_eq!(text(live, "/metadata/resourceVersion"), "3");
}

#[test]
fn a_stale_replace_is_refused() {
    let mut store = Store::default();
    let first = store.create(map("a", "1"), now()).unwrap();
    store.replace(map("a", "2"), now()).unwrap();
    let mut stale = (*first).clone();
    stale["data"]["key"] = json!("3");
    assert_eq!(store.replace(stale, now()), Err(Refused::Conflict));
}

#[test]
fn finalizers_hold_an_object_until_they_are_gone() {
    let mut store = Store::default();
    let mut held = map("a", "1");
    held["metadata"]["finalizers"] = json!(["x/y"]);
    store.create(held, now()).unwrap();
    let target = ObjectRef::new("v1", "ConfigMap", "care", "a");
    let marked = store.delete(&target, now(), None).unwrap();
    assert!(!text(&marked, "/metadata/deletionTimestamp").is_empty());
    let mut free = (*marked).clone();
    free["metadata"]["finalizers"] = json!([]);
    store.replace(free, now()).unwrap();
    assert!(store.get("ConfigMap", "care", "a").is_none());
    assert_eq!(
        store.changes_after(2).unwrap().last().unwrap().verb,
        Verb::Deleted
    );
}

#[test]
fn a_pod_on_a_node_stops_before_it_goes_and_one_without_goes_at_once() {
    let mut store = Store::default();
    for (name, spec) in [("on", json!({"nodeName": "primary"})), ("off", json!({}))] {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": spec,
            "metadata": {"name": name, "namespace": "care"}});
        store.create(pod, now()).unwrap();
        let target = ObjectRef::new("v1", "Pod", "care", name);
        assert!(store.perform(Write::Delete { target }, now()));
    }
    assert!(store.get("Pod", "care", "off").is_none());
    let pod = store.get("Pod", "care", "on").unwrap();
    assert_eq!(
        text(pod, "/metadata/deletionTimestamp"),
        "2026-11-24T10:00:30Z"
    );
    let target = ObjectRef::new("v1", "Pod", "care", "on");
    assert!(store.perform(Write::Remove { target }, now()));
    assert!(store.get("Pod", "care", "on").is_none());
}

#[test]
fn a_repeated_event_is_counted() {
    let mut store = Store::default();
    let note = Note {
        about: ObjectRef::new("v1", "Pod", "care", "web"),
        warning: true,
        reason: "FailedScheduling".into(),
        message: "no node fits".into(),
        source: "scheduler".into(),
    };
    store.perform(Write::Event(note.clone()), now());
    store.perform(Write::Event(note), now());
    let events: Vec<_> = World::new(&store).list("Event", Some("care")).collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["count"], json!(2));
}

#[test]
fn the_ring_tells_every_change_in_order_and_says_when_it_no_longer_can() {
    let mut store = Store::default();
    store.create(map("a", "0"), now()).unwrap();
    for turn in 0..super::RING {
        store.replace(map("a", &format!("x{turn}")), now()).unwrap();
    }
    assert!(store.changes_after(0).is_none());
    let seen: Vec<_> = store
        .changes_after(store.revision() - 3)
        .unwrap()
        .map(|change| change.revision)
        .collect();
    assert_eq!(seen.len(), 3);
    assert!(seen.is_sorted());
}

#[test]
fn heavy_changes_leave_the_ring_early_and_the_last_ones_stay() {
    let mut store = Store::default();
    let text = "x".repeat(64 * 1024);
    let map = |turn: usize| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "heavy", "namespace": "care"},
            "data": {"text": text, "turn": turn.to_string()}})
    };
    store.create(map(0), now()).unwrap();
    for turn in 1..2 * LEAST {
        store.replace(map(turn), now()).unwrap();
        store.lighten();
    }
    let last = store.revision();
    assert!(store.changes_after(last - LEAST as u64 - 1).is_none());
    assert_eq!(
        store.changes_after(last - LEAST as u64).unwrap().count(),
        LEAST
    );
}

#[test]
fn only_the_latest_events_are_kept() {
    let mut store = Store::default();
    let about = |turn: usize| Note {
        about: ObjectRef::new("v1", "Pod", "care", &format!("pod-{turn}")),
        warning: false,
        reason: "Started".to_owned(),
        message: "it runs".to_owned(),
        source: "kubelet".to_owned(),
    };
    for turn in 0..MOST_EVENTS + 10 {
        assert!(store.perform(Write::Event(about(turn)), now()));
    }
    assert_eq!(store.list("Event", None).count(), MOST_EVENTS);
    let told = |name: &str| {
        let mut all = store.list("Event", None);
        all.any(|event| event["involvedObject"]["name"] == name)
    };
    assert!(!told("pod-9") && told("pod-10"));
}

#[test]
fn private_notes_of_a_user_concern_no_controller_and_all_else_does() {
    let pod = |meta: Value, spec: Value| {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "care"}, "spec": spec});
        for (name, value) in meta.as_object().unwrap() {
            pod["metadata"][name] = value.clone();
        }
        pod
    };
    let mut store = Store::default();
    store.create(pod(json!({}), json!({})), now()).unwrap();
    let made = store.changed("Pod");
    let noted = pod(json!({"annotations": {"mine": "1"}}), json!({}));
    store.replace(noted, now()).unwrap();
    assert!(store.revision() > made);
    assert_eq!(store.changed("Pod"), made);
    for other in [
        pod(
            json!({"annotations": {"mine": "1", "cnpg.io/x": "1"}}),
            json!({}),
        ),
        pod(json!({"labels": {"mine": "1"}}), json!({})),
        pod(json!({}), json!({"priority": 1})),
    ] {
        store.replace(other.clone(), now()).unwrap();
        assert_eq!(store.changed("Pod"), store.revision(), "{other}");
    }
}
