//! Where two answers differ, path by path.

use serde_json::Value;

use super::two::Reply;

/// How many differing places of one answer are shown.
const SHOWN: usize = 18;

/// The places at which two marked answers differ.
pub fn between(real: &Reply, practice: &Reply) -> Vec<String> {
    let mut found = Vec::new();
    if real.code != practice.code {
        found.push(format!("code: {} <> {}", real.code, practice.code));
    }
    if real.content != practice.content {
        found.push(format!("type: {} <> {}", real.content, practice.content));
    }
    // The warnings of what is refused all the same are not told.
    if real.code < 400 && real.warnings != practice.warnings {
        found.push(format!(
            "warnings: {:?} <> {:?}",
            real.warnings, practice.warnings
        ));
    }
    walk(&real.body, &practice.body, "", &mut found);
    if found.len() > SHOWN {
        let more = found.len() - SHOWN;
        found.truncate(SHOWN);
        found.push(format!("and {more} more"));
    }
    found
}

/// The places at which two values differ.
pub fn walk(real: &Value, practice: &Value, path: &str, found: &mut Vec<String>) {
    match (real, practice) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, item) in a {
                let path = format!("{path}/{key}");
                match b.get(key) {
                    Some(other) => walk(item, other, &path, found),
                    None => found.push(format!("{path}: {} <> nothing", short(item))),
                }
            }
            for (key, item) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                found.push(format!("{path}/{key}: nothing <> {}", short(item)));
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for (at, (one, other)) in a.iter().zip(b).enumerate() {
                walk(one, other, &format!("{path}/{at}"), found);
            }
            if a.len() != b.len() {
                found.push(format!("{path}: {} items <> {}", a.len(), b.len()));
                let (longer, from) = if a.len() > b.len() {
                    (a, b.len())
                } else {
                    (b, a.len())
                };
                found.extend(
                    longer
                        .iter()
                        .skip(from)
                        .take(2)
                        .map(|item| format!("{path}: only one has {}", short(item))),
                );
            }
        }
        (a, b) if a != b => found.push(format!("{path}: {} <> {}", short(a), short(b))),
        _ => {}
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 900 {
        return text;
    }
    text.chars().take(900).chain("...".chars()).collect()
}
