use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Reading, apply, create};
use crate::rehearsal::{
    fields::Fields,
    managed::{Change, Entries, Manager},
    schema::{Node, builtin},
};

static NOTHING: LazyLock<Value> = LazyLock::new(|| json!({"metadata": {}, "spec": {}}));

static RESET: LazyLock<Fields> = LazyLock::new(Fields::default);

fn reading(node: Option<Node<'_>>) -> Reading<'_> {
    Reading {
        node,
        reset: &RESET,
        nothing: &NOTHING,
    }
}

fn manager(name: &str) -> Manager {
    Manager {
        name: name.into(),
        api_version: "apps/v1".into(),
        subresource: String::new(),
        now: "2026-11-24T10:00:00Z".parse().unwrap(),
    }
}

fn deployment(spec: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "care"}, "spec": spec})
}

fn schema() -> Value {
    builtin("apps", "v1", "Deployment").unwrap()
}

fn containers(list: Value) -> Value {
    let mut pod = json!({"template": {"spec": {}}});
    pod["template"]["spec"]["containers"] = list;
    pod
}

fn check(first: &Value, second: &Value, expected: &Value) {
    let schema = schema();
    let node = Some(Node::new(&schema));
    let live = create(&deployment(first), reading(node), &manager("care"));
    let merged = apply(
        &live,
        &deployment(second),
        reading(node),
        &manager("care"),
        false,
    )
    .unwrap();
    assert_eq!(&merged["spec"], expected);
}

#[test]
fn a_field_that_is_no_longer_wished_goes() {
    check(
        &json!({"replicas": 2, "paused": true}),
        &json!({"replicas": 2}),
        &json!({"replicas": 2}),
    );
}

#[test]
fn a_container_that_is_no_longer_wished_goes_and_the_other_stays() {
    check(
        &containers(json!([{"name": "a", "image": "x"}, {"name": "b", "image": "y"}])),
        &containers(json!([{"name": "b", "image": "z"}])),
        &containers(json!([{"name": "b", "image": "z"}])),
    );
}

#[test]
fn what_the_server_filled_in_stays_and_goes_with_its_parent() {
    let schema = schema();
    let node = Some(Node::new(&schema));
    let probe = json!([{"name": "a", "readinessProbe": {"periodSeconds": 3}}]);
    let mut live = create(
        &deployment(&containers(probe.clone())),
        reading(node),
        &manager("care"),
    );
    live["spec"]["replicas"] = json!(1);
    live["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["timeoutSeconds"] =
        json!(1);
    let same = apply(
        &live,
        &deployment(&containers(probe)),
        reading(node),
        &manager("care"),
        false,
    )
    .unwrap();
    assert_eq!(same, live, "nothing changes");
    let bare = containers(json!([{"name": "a"}]));
    let merged = apply(
        &live,
        &deployment(&bare),
        reading(node),
        &manager("care"),
        false,
    )
    .unwrap();
    let container = &merged["spec"]["template"]["spec"]["containers"][0];
    assert!(container.get("readinessProbe").is_none());
    assert_eq!(merged["spec"]["replicas"], json!(1));
}

#[test]
fn another_value_of_a_field_of_another_manager_is_a_conflict_unless_forced() {
    let schema = schema();
    let node = Some(Node::new(&schema));
    let live = create(
        &deployment(&json!({"replicas": 2})),
        reading(node),
        &manager("care"),
    );
    let wish = deployment(&json!({"replicas": 3}));
    let conflicts = apply(&live, &wish, reading(node), &manager("other"), false).unwrap_err();
    assert_eq!(conflicts[0].field, ".spec.replicas");
    assert_eq!(conflicts[0].manager, "\"care\"");
    let forced = apply(&live, &wish, reading(node), &manager("other"), true).unwrap();
    assert_eq!(forced["spec"]["replicas"], json!(3));
    assert!(Entries::of(&forced).applied(&manager("care")).is_empty());
}

#[test]
fn the_same_value_is_shared_and_stays_until_its_last_owner_drops_it() {
    let schema = schema();
    let node = Some(Node::new(&schema));
    let wish = deployment(&json!({"replicas": 2}));
    let live = create(&wish, reading(node), &manager("care"));
    let live = apply(&live, &wish, reading(node), &manager("other"), false).unwrap();
    let live = apply(
        &live,
        &deployment(&json!({})),
        reading(node),
        &manager("care"),
        false,
    )
    .unwrap();
    assert_eq!(live["spec"]["replicas"], json!(2));
    let live = apply(
        &live,
        &deployment(&json!({})),
        reading(node),
        &manager("other"),
        false,
    )
    .unwrap();
    assert!(live["spec"].get("replicas").is_none());
}

#[test]
fn an_edit_takes_the_field_from_the_applier() {
    let schema = schema();
    let node = Some(Node::new(&schema));
    let live = create(
        &deployment(&json!({"replicas": 2, "paused": true})),
        reading(node),
        &manager("care"),
    );
    let mut edited = live.clone();
    edited["spec"]["replicas"] = json!(5);
    let mut entries = Entries::of(&live);
    let change = Change {
        old: &live,
        new: &edited,
        node,
        reset: &RESET,
    };
    entries.updated(change, &manager("hand"));
    entries.write(&mut edited);
    let left = Entries::of(&edited).applied(&manager("care")).to_json();
    assert_eq!(left, json!({"f:spec": {"f:paused": {}}}));
    let wish = deployment(&json!({"replicas": 2, "paused": true}));
    let conflicts = apply(&edited, &wish, reading(node), &manager("care"), false).unwrap_err();
    assert_eq!(conflicts[0].manager, "\"hand\" using apps/v1");
}

#[test]
fn the_ownership_is_written_as_a_real_server_writes_it() {
    let schema = schema();
    let node = Some(Node::new(&schema));
    let wish = deployment(&containers(json!([{"name": "a", "image": "x",
        "ports": [{"containerPort": 80}], "resources": {}}])));
    let live = create(&wish, reading(node), &manager("care"));
    let expected = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {
        ".": {}, "f:name": {}, "f:image": {}, "f:resources": {},
        "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}}}}}});
    assert_eq!(live["metadata"]["managedFields"][0]["fieldsV1"], expected);
}
