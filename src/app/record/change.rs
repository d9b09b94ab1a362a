//! What is otherwise between two values, so that a picture of the cluster is written down once. Pure.

use serde_json::{Map, Value, json};

/// What makes the second of the first; nothing when they are the same.
///
/// `{"is": value}` takes its place, `{"of": {field: change}, "gone": [fields]}` changes an object,
/// `{"at": {index: change}, "len": n, "more": [values]}` a list.
pub fn between(before: &Value, now: &Value) -> Value {
    match (before, now) {
        _ if before == now => Value::Null,
        (Value::Object(before), Value::Object(now)) => objects(before, now),
        (Value::Array(before), Value::Array(now)) => lists(before, now),
        _ => json!({"is": now}),
    }
}

fn objects(before: &Map<String, Value>, now: &Map<String, Value>) -> Value {
    let mut of = Map::new();
    for (field, value) in now {
        let change = match before.get(field) {
            Some(before) => between(before, value),
            None => json!({"is": value}),
        };
        if !change.is_null() {
            of.insert(field.clone(), change);
        }
    }
    let gone: Vec<&String> = before
        .keys()
        .filter(|field| !now.contains_key(*field))
        .collect();
    json!({"of": of, "gone": gone})
}

fn lists(before: &[Value], now: &[Value]) -> Value {
    let mut at = Map::new();
    for (index, (before, now)) in before.iter().zip(now).enumerate() {
        let change = between(before, now);
        if !change.is_null() {
            at.insert(index.to_string(), change);
        }
    }
    let more = now.get(before.len()..).unwrap_or_default();
    json!({"at": at, "len": now.len(), "more": more})
}

/// Makes the change.
pub fn apply(value: &mut Value, change: &Value) {
    if let Some(is) = change.get("is") {
        *value = is.clone();
        return;
    }
    let none = Map::new();
    let changes = |name: &str| change.get(name).and_then(Value::as_object).unwrap_or(&none);
    match value {
        Value::Object(fields) => {
            let gone = change.get("gone").and_then(Value::as_array);
            for field in gone.into_iter().flatten().filter_map(Value::as_str) {
                fields.remove(field);
            }
            for (field, change) in changes("of") {
                apply(fields.entry(field.clone()).or_insert(Value::Null), change);
            }
        }
        Value::Array(items) => {
            for (index, change) in changes("at") {
                let item = index
                    .parse()
                    .ok()
                    .and_then(|index: usize| items.get_mut(index));
                if let Some(item) = item {
                    apply(item, change);
                }
            }
            if let Some(len) = change.get("len").and_then(Value::as_u64) {
                items.truncate(usize::try_from(len).unwrap_or(usize::MAX));
            }
            let more = change.get("more").and_then(Value::as_array);
            items.extend(more.into_iter().flatten().cloned());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..4).prop_map(Value::from),
            "[ab]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_change_makes_the_second_of_the_first(before in values(), now in values()) {
            let mut value = before.clone();
            apply(&mut value, &between(&before, &now));
            prop_assert_eq!(value, now);
        }
    }

    #[test]
    fn what_is_the_same_is_not_written_again() {
        let before = json!({"pods": [{"name": "a", "status": "Running"}, {"name": "b"}], "at": 1});
        let mut now = before.clone();
        now["at"] = 2.into();
        let change = between(&before, &now);
        assert_eq!(change, json!({"of": {"at": {"is": 2}}, "gone": []}));
    }
}
