//! The other three kinds of patch: JSON merge, JSON patch and strategic merge. Pure.

mod strategic;

use serde_json::{Map, Value};

pub use strategic::{Unmergeable, strategic};

use super::weight::{DEEPEST, weigh};

/// Operations of one JSON patch; a real server has the same limit.
pub const MOST_OPERATIONS: usize = 10_000;

/// What all operations of a patch may move about, in values.
const MOST_MOVED: usize = 1_000_000;

/// So many items of a list are moved aside in the time of a value.
const ASIDE: usize = 16;

/// RFC 7396.
pub fn json_merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else {
        return;
    };
    for (name, item) in patch {
        if item.is_null() {
            map.shift_remove(name);
        } else {
            json_merge(map.entry(name.clone()).or_insert(Value::Null), item);
        }
    }
}

/// RFC 6902.
///
/// # Errors
/// What cannot be done, as the server says it.
pub fn json_patch(target: &mut Value, operations: &Value) -> Result<(), String> {
    let list = operations.as_array().ok_or("a JSON patch is a list")?;
    let mut moved = 0;
    for operation in list {
        moved += price(target, operation)?;
        if moved > MOST_MOVED {
            return Err(format!("the patch moves more than {MOST_MOVED} values"));
        }
        let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or("");
        let (path, from) = (text("path"), text("from"));
        let given = || operation.get("value").cloned().unwrap_or_default();
        match text("op") {
            "add" => insert(target, path, given())?,
            "remove" => drop(remove(target, path)?),
            "replace" => replace(target, path, given())?,
            "move" => {
                let value = remove(target, from)?;
                insert(target, path, value)?;
            }
            "copy" => {
                let value = target.pointer(from).cloned().ok_or_else(|| absent(from))?;
                insert(target, path, value)?;
            }
            "test" => {
                if target.pointer(path) != Some(&given()) {
                    return Err(format!("testing value {path} failed"));
                }
            }
            other => return Err(format!("Unexpected kind: {other}")),
        }
    }
    Ok(())
}

/// What an operation moves; a patch of a few bytes may double an object again and again, or nest it without end.
fn price(target: &Value, operation: &Value) -> Result<usize, String> {
    let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or("");
    let path = text("path");
    let value = match text("op") {
        "move" | "copy" => target.pointer(text("from")),
        _ => operation.get("value"),
    };
    let left = DEEPEST.saturating_sub(path.matches('/').count());
    let weight = value.map_or(Some(1), |value| weigh(value, left));
    let weight = weight.ok_or_else(|| format!("{path} lies too deep"))?;
    let around = path
        .rsplit_once('/')
        .and_then(|(parent, _)| target.pointer(parent));
    let aside = match around {
        Some(Value::Array(list)) => list.len(),
        Some(Value::Object(map)) => map.len(),
        _ => 0,
    };
    Ok(1 + weight + aside / ASIDE)
}

fn absent(path: &str) -> String {
    format!("doc is missing path: {path}: missing value")
}

fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn insert(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    let Some((parent, key)) = split(path) else {
        *target = value;
        return Ok(());
    };
    match target.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.insert(key, value);
            Ok(())
        }
        Some(Value::Array(list)) => {
            let at = if key == "-" {
                list.len()
            } else {
                key.parse().unwrap_or(usize::MAX)
            };
            if at > list.len() {
                return Err(absent(path));
            }
            list.insert(at, value);
            Ok(())
        }
        _ => Err(absent(path)),
    }
}

/// A real server lets a member be replaced that is not there; `kubectl rollout undo` counts on it.
fn replace(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if let Some(old) = target.pointer_mut(path) {
        *old = value;
        return Ok(());
    }
    let (parent, _) = split(path).ok_or_else(|| absent(path))?;
    match target.pointer(parent) {
        Some(Value::Object(_)) => insert(target, path, value),
        _ => Err(absent(path)),
    }
}

fn remove(target: &mut Value, path: &str) -> Result<Value, String> {
    let (parent, key) = split(path).ok_or_else(|| absent(path))?;
    match target.pointer_mut(parent) {
        Some(Value::Object(map)) => map.shift_remove(&key).ok_or_else(|| absent(path)),
        Some(Value::Array(list)) => match key.parse::<usize>() {
            Ok(at) if at < list.len() => Ok(list.remove(at)),
            _ => Err(absent(path)),
        },
        _ => Err(absent(path)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{json_merge, json_patch, strategic};
    use crate::rehearsal::schema::{Node, builtin};

    fn check(mut target: Value, patch: &Value, expected: &Value) {
        let schema = builtin("apps", "v1", "Deployment").unwrap();
        strategic(&mut target, patch, Some(Node::new(&schema))).unwrap();
        assert_eq!(&target, expected);
    }

    fn containers(list: &Value) -> Value {
        json!({"spec": {"template": {"spec": {"containers": list}}}})
    }

    #[test]
    fn a_patch_that_grows_without_end_is_refused() {
        let double = json!({"op": "copy", "from": "/a", "path": "/a/b"});
        let deepen = json!({"op": "move", "from": "/a", "path": "/c"});
        let back = json!({"op": "move", "from": "/c", "path": "/a/b"});
        let add = json!({"op": "add", "path": "/a", "value": {}});
        for patch in [
            vec![double; 1000],
            vec![vec![add, deepen, back]; 1000].concat(),
        ] {
            let mut value = json!({"a": {"x": "y"}});
            json_patch(&mut value, &patch.into()).unwrap_err();
        }
        let mut value = json!({"a": vec![0; 100_000]});
        let patch = vec![json!({"op": "add", "path": "/a/0", "value": 1}); 10_000];
        json_patch(&mut value, &patch.into()).unwrap_err();
    }

    #[test]
    fn a_strategic_patch_merges_containers_by_name() {
        check(
            containers(&json!([{"name": "a", "image": "x"}, {"name": "b", "image": "y"}])),
            &containers(&json!([{"name": "b", "image": "z"}, {"name": "c", "image": "n"}])),
            &containers(
                &json!([{"name": "a", "image": "x"}, {"name": "b", "image": "z"}, {"name": "c", "image": "n"}]),
            ),
        );
        check(
            containers(&json!([{"name": "a"}, {"name": "b"}])),
            &containers(&json!([{"$patch": "delete", "name": "a"}])),
            &containers(&json!([{"name": "b"}])),
        );
    }

    #[test]
    fn the_items_of_a_strategic_patch_come_first_or_in_the_order_it_sets() {
        let (a, b, c) = (
            json!({"name": "a"}),
            json!({"name": "b"}),
            json!({"name": "c"}),
        );
        check(
            containers(&json!([a])),
            &containers(&json!([c])),
            &containers(&json!([c, a])),
        );
        check(
            containers(&json!([a, b])),
            &json!({"spec": {"template": {"spec": {"$setElementOrder/containers": [b, a]}}}}),
            &containers(&json!([b, a])),
        );
    }

    #[test]
    fn a_strategic_patch_replaces_other_lists_and_removes_nulls() {
        check(
            containers(&json!([{"name": "a", "args": ["1", "2"], "image": "x"}])),
            &containers(&json!([{"name": "a", "args": ["3"], "image": null}])),
            &containers(&json!([{"name": "a", "args": ["3"]}])),
        );
    }

    #[test]
    fn a_merge_patch_removes_nulls_and_a_json_patch_walks_lists() {
        let mut value = json!({"a": {"b": 1, "c": 2}, "list": [1, 2]});
        json_merge(&mut value, &json!({"a": {"b": null, "d": 3}}));
        assert_eq!(value, json!({"a": {"c": 2, "d": 3}, "list": [1, 2]}));
        let patch = json!([{"op": "add", "path": "/list/-", "value": 3}, {"op": "remove", "path": "/list/0"},
            {"op": "move", "from": "/a/c", "path": "/a/x~1y"}, {"op": "test", "path": "/a/x~1y", "value": 2}]);
        json_patch(&mut value, &patch).unwrap();
        assert_eq!(value, json!({"a": {"d": 3, "x/y": 2}, "list": [2, 3]}));
        json_patch(
            &mut value,
            &json!([{"op": "replace", "path": "/new", "value": 1}]),
        )
        .unwrap();
        assert_eq!(value["new"], 1);
        let wrong = json!([{"op": "replace", "path": "/nope/deeper", "value": 1}]);
        assert!(json_patch(&mut value, &wrong).is_err());
    }
}
