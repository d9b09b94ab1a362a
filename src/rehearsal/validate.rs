//! Holds an object against its schema: unknown fields pruned and named, defaults filled in, wrong values refused. Pure.

use serde_json::{Map, Value};

use super::{answer::Invalid, schema::Node};

/// Removes the fields that the schema does not know and gives their paths.
pub fn prune(value: &mut Value, node: Node<'_>) -> Vec<String> {
    let mut found = Vec::new();
    prune_at(value, node, "", &mut found);
    found
}

fn prune_at(value: &mut Value, node: Node<'_>, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let open = node.open();
            map.retain(|name, _| {
                let known = open
                    || node.field(name).is_some()
                    || (path.is_empty() && matches!(name.as_str(), "apiVersion" | "kind"));
                if !known {
                    found.push(join(path, name));
                }
                known
            });
            for (name, item) in map {
                if let Some(inner) = node.field(name) {
                    prune_at(item, inner, &join(path, name), found);
                }
            }
        }
        Value::Array(list) => {
            let Some(inner) = node.items() else { return };
            for (at, item) in list.iter_mut().enumerate() {
                prune_at(item, inner, &format!("{path}[{at}]"), found);
            }
        }
        _ => {}
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Fills in the defaults of the schema, also inside what is given.
pub fn fill(value: &mut Value, node: Node<'_>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in node.properties().into_iter().flatten() {
                let inner = Node::new(inner);
                if let Some(default) = inner.default()
                    && map
                        .get(name)
                        .is_none_or(|old| old.is_null() && !inner.flag("nullable"))
                {
                    map.insert(name.clone(), default.clone());
                }
            }
            for (name, item) in map {
                if let Some(inner) = node.field(name) {
                    fill(item, inner);
                }
            }
        }
        Value::Array(list) => {
            if let Some(inner) = node.items() {
                for item in list {
                    fill(item, inner);
                }
            }
        }
        _ => {}
    }
}

/// Removes the nulls that say nothing: a field that may not be null is missing.
pub fn drop_nulls(value: &mut Value, node: Node<'_>) {
    match value {
        Value::Object(map) => {
            map.retain(|name, item| {
                let nullable = node.field(name).is_none_or(|inner| inner.flag("nullable"));
                !item.is_null() || nullable
            });
            for (name, item) in map {
                if let Some(inner) = node.field(name) {
                    drop_nulls(item, inner);
                }
            }
        }
        Value::Array(list) => {
            if let Some(inner) = node.items() {
                for item in list {
                    drop_nulls(item, inner);
                }
            }
        }
        _ => {}
    }
}

/// Everything about a value that the schema forbids.
pub fn check(value: &Value, node: Node<'_>) -> Vec<Invalid> {
    let mut found = Vec::new();
    check_at(value, node, "", &mut found);
    found
}

/// The same of nothing but the metadata.
pub fn check_metadata(value: &Value, node: Node<'_>) -> Vec<Invalid> {
    let mut found = Vec::new();
    let name = "metadata";
    if let (Some(meta), Some(inner)) = (value.get(name), node.field(name)) {
        check_at(meta, inner, name, &mut found);
    }
    found
}

fn check_at(value: &Value, node: Node<'_>, path: &str, found: &mut Vec<Invalid>) {
    if value.is_null() {
        // Null says nothing: the server drops it before it looks.
        return;
    }
    if let Some(wanted) = wrong_type(value, node) {
        let shown = Value::String(type_of(value).to_owned());
        let why = format!("{path} in body must be of type {wanted}: {shown}");
        found.push(Invalid {
            reason: "FieldValueTypeInvalid",
            ..Invalid::value(path, &shown, &why)
        });
        return;
    }
    match value {
        Value::Object(map) => check_object(map, node, path, found),
        Value::Array(list) => {
            check_items(list, node, path, found);
            if let Some(inner) = node.items() {
                for (at, item) in list.iter().enumerate() {
                    check_at(item, inner, &format!("{path}[{at}]"), found);
                }
            }
        }
        _ => check_plain(value, node, path, found),
    }
}

fn check_object(map: &Map<String, Value>, node: Node<'_>, path: &str, found: &mut Vec<Invalid>) {
    let required = node.says("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if map.get(name).is_none_or(Value::is_null) {
            found.push(Invalid::required(&join(path, name)));
        }
    }
    for (name, item) in map {
        if let Some(inner) = node.field(name) {
            check_at(item, inner, &join(path, name), found);
        }
    }
}

fn check_plain(value: &Value, node: Node<'_>, path: &str, found: &mut Vec<Invalid>) {
    if let Some(allowed) = node.says("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        let words: Vec<_> = allowed.iter().map(Value::to_string).collect();
        found.push(Invalid {
            reason: "FieldValueNotSupported",
            field: path.to_owned(),
            message: format!(
                "Unsupported value: {value}: supported values: {}",
                words.join(", ")
            ),
        });
    }
    if let Some(text) = value.as_str() {
        check_text(text, node, path, found);
    }
    check_range(value, node, path, found);
}

fn check_range(value: &Value, node: Node<'_>, path: &str, found: &mut Vec<Invalid>) {
    let Some(number) = value.as_f64() else { return };
    let limit = |word| node.says(word).and_then(Value::as_f64);
    if let Some(least) = limit("minimum")
        && number < least
    {
        let why = format!("{path} in body should be greater than or equal to {least}");
        found.push(Invalid::value(path, value, &why));
    }
    if let Some(most) = limit("maximum")
        && number > most
    {
        let why = format!("{path} in body should be less than or equal to {most}");
        found.push(Invalid::value(path, value, &why));
    }
}

fn limit(node: Node<'_>, word: &str) -> Option<usize> {
    let said = node.says(word).and_then(Value::as_u64);
    said.and_then(|limit| usize::try_from(limit).ok())
}

/// Of what is wrong with a text, the first thing is told.
fn check_text(text: &str, node: Node<'_>, path: &str, found: &mut Vec<Invalid>) {
    let letters = text.chars().count();
    let shown = Value::from(text);
    if let Some(most) = limit(node, "maxLength").filter(|most| letters > *most) {
        found.push(Invalid {
            reason: "FieldValueTooLong",
            field: path.to_owned(),
            message: format!("Too long: may not be more than {most} bytes"),
        });
    } else if let Some(least) = limit(node, "minLength").filter(|least| letters < *least) {
        let why = format!("{path} in body should be at least {least} chars long");
        found.push(Invalid::value(path, &shown, &why));
    } else if let Some(pattern) = node.says("pattern").and_then(Value::as_str)
        && regex::Regex::new(pattern).is_ok_and(|known| !known.is_match(text))
    {
        let why = format!("{path} in body should match '{pattern}'");
        found.push(Invalid::value(path, &shown, &why));
    }
}

fn check_items(list: &[Value], node: Node<'_>, path: &str, found: &mut Vec<Invalid>) {
    let count = list.len();
    if let Some(most) = limit(node, "maxItems").filter(|most| count > *most) {
        found.push(Invalid {
            reason: "FieldValueTooMany",
            field: path.to_owned(),
            message: format!("Too many: {count}: must have at most {most} items"),
        });
    }
    if let Some(least) = limit(node, "minItems").filter(|least| count < *least) {
        let why = format!("{path} in body should have at least {least} items");
        found.push(Invalid::value(path, &count.into(), &why));
    }
    let shown = |item: &Value| match node.says("x-kubernetes-list-map-keys") {
        Some(keys) => {
            let keys = keys
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let parts = keys.filter_map(|key| Some((key.to_owned(), item.get(key)?.clone())));
            Value::Object(parts.collect())
        }
        None => item.clone(),
    };
    if !matches!(
        node.says("x-kubernetes-list-type").and_then(Value::as_str),
        Some("set" | "map")
    ) {
        return;
    }
    let keys: Vec<Value> = list.iter().map(shown).collect();
    for (at, key) in keys.iter().enumerate() {
        if keys.iter().take(at).any(|before| before == key) {
            found.push(Invalid {
                reason: "FieldValueDuplicate",
                field: format!("{path}[{at}]"),
                message: format!("Duplicate value: {key}"),
            });
        }
    }
}

/// The type that is wanted, when the value has another.
fn wrong_type<'n>(value: &Value, node: Node<'n>) -> Option<&'n str> {
    let either = node.flag("x-kubernetes-int-or-string")
        || node.says("format").and_then(Value::as_str) == Some("int-or-string");
    if either {
        let fits = value.is_string() || value.is_i64() || value.is_u64();
        return (!fits).then_some("integer,string");
    }
    let wanted = node.kind()?;
    let fits = match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        "number" => value.is_number(),
        _ => true,
    };
    (!fits).then_some(wanted)
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{check, fill, prune};
    use crate::rehearsal::schema::{Node, builtin, crd, custom};

    fn cluster() -> Value {
        let crd = crd("clusters.postgresql.cnpg.io").unwrap();
        custom(&crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    }

    #[test]
    fn unknown_fields_are_named_and_go() {
        let schema = builtin("apps", "v1", "Deployment").unwrap();
        let mut value = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "labels": {"a": "b"}},
            "spec": {"replica": 1, "template": {"spec": {"containers": [{"name": "a", "img": "b"}]}}}});
        let found = prune(&mut value, Node::new(&schema));
        assert_eq!(
            found,
            ["spec.replica", "spec.template.spec.containers[0].img"]
        );
        assert_eq!(value["metadata"]["labels"]["a"], json!("b"));
        assert!(value["spec"].get("replica").is_none());
    }

    #[test]
    fn a_definitions_rules_are_held() {
        let schema = cluster();
        let node = Node::new(&schema);
        let wrong = json!({"metadata": {"name": "x"}, "spec": {"instances": "two", "storage": {"size": "1Gi"},
            "primaryUpdateStrategy": "sometimes"}});
        let found = check(&wrong, node);
        let fields: Vec<_> = found.iter().map(|cause| cause.field.as_str()).collect();
        assert_eq!(fields, ["spec.instances", "spec.primaryUpdateStrategy"]);
        assert!(
            found[1]
                .message
                .starts_with("Unsupported value: \"sometimes\"")
        );
        let missing = check(&json!({"metadata": {"name": "x"}}), node);
        assert_eq!(missing[0].field, "spec");
    }

    #[test]
    fn a_definitions_defaults_are_filled_in_and_given_values_stay() {
        let schema = cluster();
        let mut value = json!({"metadata": {"name": "x"}, "spec": {"instances": 3}});
        fill(&mut value, Node::new(&schema));
        assert_eq!(value["spec"]["instances"], json!(3));
        assert_eq!(
            value["spec"]["primaryUpdateStrategy"],
            json!("unsupervised")
        );
    }
}
