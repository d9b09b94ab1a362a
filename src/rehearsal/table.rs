//! Objects as `kubectl get` prints them: a `Table` with the columns of a real server, or their metadata alone. Pure.

mod cells;
mod pods;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{call::Query, kinds::Kind, schema, world::text_at};

/// The form in which a client wants to read objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Whole,
    /// `Table`; each row carries this much of its object.
    Table(Carried),
    /// `PartialObjectMetadata`.
    Metadata,
}

/// What a row carries beside its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// Nothing.
    Nothing,
    /// The metadata.
    Metadata,
    /// The whole object.
    Object,
}

impl Form {
    /// The first form of an `Accept` header that is served.
    pub fn of(accept: &str, query: &Query) -> Self {
        for media in accept.split(',') {
            let word = |name: &str| {
                media
                    .split(';')
                    .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
            };
            if !media.trim_start().starts_with("application/json") {
                continue;
            }
            return match (word("as"), word("g"), word("v")) {
                (Some("Table"), Some("meta.k8s.io"), Some("v1")) => {
                    Self::Table(match query.text("includeObject") {
                        "None" => Carried::Nothing,
                        "Object" => Carried::Object,
                        _ => Carried::Metadata,
                    })
                }
                (
                    Some("PartialObjectMetadata" | "PartialObjectMetadataList"),
                    Some("meta.k8s.io"),
                    Some("v1"),
                ) => Self::Metadata,
                (None, ..) => Self::Whole,
                _ => continue,
            };
        }
        Self::Whole
    }
}

/// An object or a list in another form.
pub fn shape(form: Form, kind: &Kind, value: Value, now: Timestamp) -> Value {
    match form {
        Form::Whole => value,
        Form::Metadata => metadata(value),
        Form::Table(carried) => table(kind, value, (carried, true), now),
    }
}

/// The object of a watch's line in another form; only the first table says its columns.
pub fn line(form: Form, kind: &Kind, value: Value, first: bool, now: Timestamp) -> Value {
    match form {
        Form::Table(carried) => table(kind, value, (carried, first), now),
        other => shape(other, kind, value, now),
    }
}

fn metadata(mut value: Value) -> Value {
    let Some(Value::Array(items)) = value.get_mut("items").map(Value::take) else {
        return json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": value.get_mut("metadata").map(Value::take)});
    };
    let items: Vec<Value> = items.into_iter().map(metadata).collect();
    json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
        "metadata": value.get_mut("metadata").map(Value::take), "items": items})
}

fn table(
    kind: &Kind,
    mut value: Value,
    (carried, named): (Carried, bool),
    now: Timestamp,
) -> Value {
    let columns = columns(kind);
    let (meta, items) = match value.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => (
            value
                .get_mut("metadata")
                .map(Value::take)
                .unwrap_or_default(),
            items,
        ),
        _ => (
            json!({"resourceVersion": value.pointer("/metadata/resourceVersion")}),
            vec![value],
        ),
    };
    let rows: Vec<Value> = items
        .into_iter()
        .map(|object| {
            let cells: Vec<Value> = columns
                .iter()
                .map(|column| cell(kind, column, &object, now))
                .collect();
            let mut row = json!({ "cells": cells });
            match carried {
                Carried::Nothing => {}
                Carried::Metadata => row["object"] = metadata(object),
                Carried::Object => row["object"] = object,
            }
            row
        })
        .collect();
    // The later tables of a watch say nothing of their columns.
    let definitions = named.then(|| columns.iter().map(Column::define).collect::<Vec<_>>());
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta,
        "columnDefinitions": definitions, "rows": rows})
}

/// A column.
struct Column {
    name: String,
    kind: String,
    format: String,
    priority: i64,
    /// Where the cell is found, for custom kinds.
    path: Option<String>,
}

impl Column {
    fn define(&self) -> Value {
        json!({"name": self.name, "type": self.kind, "format": self.format, "description": "",
            "priority": self.priority})
    }
}

fn columns(kind: &Kind) -> Vec<Column> {
    let Some(version) = &kind.custom else {
        let known = schema::columns(&kind.group, &kind.version, &kind.plural).iter();
        return known
            .map(|column| Column {
                name: text_at(column, "/0").unwrap_or("").to_owned(),
                kind: text_at(column, "/1").unwrap_or("string").to_owned(),
                format: text_at(column, "/2").unwrap_or("").to_owned(),
                priority: column.pointer("/3").and_then(Value::as_i64).unwrap_or(0),
                path: None,
            })
            .collect();
    };
    let column = |name: &str, kind: &str, path: Option<&str>| Column {
        name: name.to_owned(),
        kind: kind.to_owned(),
        format: String::new(),
        priority: 0,
        path: path.map(str::to_owned),
    };
    let mut found = vec![Column {
        format: "name".into(),
        ..column("Name", "string", Some(".metadata.name"))
    }];
    match version
        .get("additionalPrinterColumns")
        .and_then(Value::as_array)
    {
        None => found.push(column("Age", "date", Some(".metadata.creationTimestamp"))),
        Some(list) => found.extend(list.iter().map(|said| Column {
            format: text_at(said, "/format").unwrap_or("").to_owned(),
            priority: said.get("priority").and_then(Value::as_i64).unwrap_or(0),
            ..column(
                text_at(said, "/name").unwrap_or(""),
                text_at(said, "/type").unwrap_or("string"),
                text_at(said, "/jsonPath"),
            )
        })),
    }
    found
}

fn cell(kind: &Kind, column: &Column, object: &Value, now: Timestamp) -> Value {
    let Some(path) = &column.path else {
        return cells::cell(kind, &column.name, object, now);
    };
    let found = follow(object, path);
    match (column.kind.as_str(), found) {
        (_, None) => Value::Null,
        ("date", Some(at)) => since(at.as_str(), now).into(),
        ("string", Some(value)) if !value.is_string() => value.to_string().into(),
        (_, Some(value)) => value.clone(),
    }
}

/// Follows a JSON path of the simple kinds that printer columns use.
fn follow<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let mut rest = path.trim_start_matches('.');
    let mut at = value;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (inside, after) = inner.split_once(']')?;
            at = chosen(at, inside)?;
            rest = after.trim_start_matches('.');
            continue;
        }
        let (name, after) = segment(rest);
        at = at.get(&name)?;
        rest = after;
    }
    Some(at)
}

/// The next name of a path, in which `\.` is a dot, and what follows it.
fn segment(path: &str) -> (String, &str) {
    let mut name = String::new();
    let mut letters = path.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => name.extend(letters.next().map(|(_, letter)| letter)),
            '.' => return (name, path.get(at + 1..).unwrap_or("")),
            '[' => return (name, path.get(at..).unwrap_or("")),
            other => name.push(other),
        }
    }
    (name, "")
}

fn chosen<'v>(list: &'v Value, inside: &str) -> Option<&'v Value> {
    let list = list.as_array()?;
    if let Ok(at) = inside.parse::<usize>() {
        return list.get(at);
    }
    let test = inside.strip_prefix("?(")?.strip_suffix(')')?;
    let (path, wanted) = test.split_once("==")?;
    let wanted = wanted.trim().trim_matches(['"', '\'']);
    let path = path.trim().trim_start_matches('@');
    list.iter()
        .find(|item| follow(item, path).and_then(Value::as_str) == Some(wanted))
}

/// How long ago, as `kubectl get` says it.
fn since(at: Option<&str>, now: Timestamp) -> String {
    match at.and_then(|at| at.parse::<Timestamp>().ok()) {
        Some(at) => human(now.duration_since(at)),
        None => "<unknown>".to_owned(),
    }
}

fn human(length: SignedDuration) -> String {
    let seconds = length.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    let two = |large: i64, one: &str, small: i64, other: &str| {
        if small == 0 {
            format!("{large}{one}")
        } else {
            format!("{large}{one}{small}{other}")
        }
    };
    match () {
        () if seconds < -1 => "<invalid>".to_owned(),
        () if seconds < 0 => "0s".to_owned(),
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => two(days, "d", hours % 24, "h"),
        () if days < 730 => format!("{days}d"),
        () if days < 2920 => two(years, "y", days % 365, "d"),
        () => format!("{years}y"),
    }
}

/// Labels as a column shows them.
fn labels(map: Option<&Value>) -> String {
    let map: Option<&Map<String, Value>> = map.and_then(Value::as_object);
    let mut words: Vec<String> = map
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    words.sort();
    if words.is_empty() {
        "<none>".to_owned()
    } else {
        words.join(",")
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::{Carried, Form, follow, human};
    use crate::rehearsal::call::Query;

    #[test]
    fn the_form_is_what_the_client_asks_for_first() {
        let check = |accept: &str, query: &str, form| {
            assert_eq!(Form::of(accept, &Query::parse(query)), form, "{accept}");
        };
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        check(table, "", Form::Table(Carried::Metadata));
        check(table, "includeObject=Object", Form::Table(Carried::Object));
        check("application/json", "", Form::Whole);
        check(
            "application/vnd.kubernetes.protobuf,application/json",
            "",
            Form::Whole,
        );
        check(
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            "",
            Form::Metadata,
        );
        check(
            "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
            "",
            Form::Whole,
        );
        check("", "", Form::Whole);
    }

    #[test]
    fn a_length_of_time_is_said_as_kubectl_says_it() {
        for (seconds, said) in [
            (-5, "<invalid>"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (150, "2m30s"),
            (3600, "60m"),
            (3 * 3600, "3h"),
            (7 * 3600 + 120, "7h2m"),
            (30 * 3600, "30h"),
            (3 * 86400, "3d"),
            (9 * 86400, "9d"),
            (800 * 86400, "2y70d"),
            (3000 * 86400, "8y"),
        ] {
            assert_eq!(human(SignedDuration::from_secs(seconds)), said);
        }
    }

    #[test]
    fn paths_of_printer_columns_are_followed() {
        let value = json!({"metadata": {"annotations": {"a.b/c": "x"}}, "status": {"conditions": [
            {"type": "Ready", "status": "True"}]}, "list": [1, 2]});
        assert_eq!(
            follow(&value, r".metadata.annotations.a\.b/c"),
            Some(&json!("x"))
        );
        assert_eq!(
            follow(&value, r#".status.conditions[?(@.type=="Ready")].status"#),
            Some(&json!("True"))
        );
        assert_eq!(follow(&value, ".list[1]"), Some(&json!(2)));
        assert_eq!(follow(&value, ".nothing.here"), None);
    }
}
