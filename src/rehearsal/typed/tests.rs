use serde_json::{Value, json};

use super::{compare, merge, undeclared};
use crate::rehearsal::schema::{Node, builtin};

fn schema() -> Value {
    builtin("apps", "v1", "Deployment").unwrap()
}

fn containers(list: &Value) -> Value {
    json!({"spec": {"template": {"spec": {"containers": list}}}})
}

fn check(old: &Value, new: &Value, merged: &Value) {
    let schema = schema();
    let node = Some(Node::new(&schema));
    let found = merge(Some(&containers(old)), Some(&containers(new)), node).unwrap();
    assert_eq!(found, containers(merged));
}

#[test]
fn the_order_of_a_list_follows_the_wish_as_far_as_the_list_allows() {
    let item = |name: &str| json!({ "name": name });
    let (a, b, c, d) = (item("a"), item("b"), item("c"), item("d"));
    check(&json!([a, b]), &json!([c]), &json!([a, b, c]));
    check(&json!([a, b]), &json!([b, a]), &json!([b, a]));
    check(&json!([a, b, c]), &json!([d, b]), &json!([a, d, b, c]));
}

#[test]
fn a_comparison_tells_what_came_what_went_and_what_changed() {
    let schema = schema();
    let node = Some(Node::new(&schema));
    let old = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"replicas": 1}});
    let new = json!({"metadata": {"labels": {"a": "2"}}, "spec": {"replicas": 1, "paused": true}});
    let found = compare(Some(&old), Some(&new), node);
    assert_eq!(
        found.removed.to_json(),
        json!({"f:metadata": {"f:labels": {"f:b": {}}}})
    );
    assert_eq!(
        found.modified.to_json(),
        json!({"f:metadata": {"f:labels": {"f:a": {}}}})
    );
    assert_eq!(found.added.to_json(), json!({"f:spec": {"f:paused": {}}}));
}

#[test]
fn a_field_that_the_schema_does_not_declare_is_named_with_its_place() {
    let schema = schema();
    let value = containers(&json!([{"name": "a", "img": "b"}]));
    let found = undeclared(&value, Node::new(&schema));
    assert_eq!(
        found.as_deref(),
        Some(".spec.template.spec.containers[name=\"a\"].img")
    );
}
