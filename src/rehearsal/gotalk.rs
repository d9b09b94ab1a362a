//! The words of the language in which a real server is written: its messages show values and types as it does. Pure.

use serde_json::Value;

use super::{form, kinds::Kind};

/// What a JSON value is called.
pub fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The type of a JSON value once it is read.
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as messages show maps and lists.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut items: Vec<_> = map
                .iter()
                .map(|(key, item)| format!("{key}:{}", shown(item)))
                .collect();
            items.sort();
            format!("map[{}]", items.join(" "))
        }
        Value::Array(list) => {
            let items: Vec<_> = list.iter().map(shown).collect();
            format!("[{}]", items.join(" "))
        }
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// Why a value cannot be read as its built-in kind.
pub fn unreadable(kind: &Kind, value: &Value) -> Option<String> {
    form::misfit(kind, value)
}
