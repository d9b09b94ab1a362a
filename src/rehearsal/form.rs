//! The form that a server's own types give to an object: what says nothing is left out, what is always there is there. Pure.

use std::{collections::HashMap, sync::LazyLock};

use serde_json::{Map, Value, json};

use super::{kinds::Kind, quantity, schema};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";

/// How a field is kept.
#[derive(Clone, Debug)]
enum Code {
    Text,
    Bytes,
    Number,
    Yes,
    List(Box<Code>),
    Map(Box<Code>),
    Pointer(Box<Code>),
    Type(&'static str),
}

#[derive(Clone, Debug)]
struct Field {
    name: &'static str,
    /// Its fields lie among those of its owner.
    inline: bool,
    /// What says nothing is left out.
    omitted: bool,
    code: Code,
}

/// The fields of each type, from the tables of the schema asset.
static TYPES: LazyLock<HashMap<&'static str, Vec<Field>>> = LazyLock::new(|| {
    schema::wires()
        .map(|(name, lines)| {
            let lines = lines.iter().filter_map(Value::as_str);
            (name, lines.filter_map(field).collect())
        })
        .collect()
});

fn field(line: &'static str) -> Option<Field> {
    let mut words = line.split(' ');
    let (_, name, code) = (words.next()?, words.next()?, words.next()?);
    let rest = code.trim_start_matches(['+', '?']);
    let marks = code.strip_suffix(rest)?;
    Some(Field {
        name,
        inline: marks.contains('+'),
        omitted: marks.contains('?'),
        code: read(rest)?,
    })
}

fn read(code: &'static str) -> Option<Code> {
    let rest = code.get(1..)?;
    Some(match code.chars().next()? {
        's' => Code::Text,
        'b' => Code::Bytes,
        'i' | 'd' => Code::Number,
        'B' => Code::Yes,
        '[' => Code::List(Box::new(read(rest)?)),
        '{' => Code::Map(Box::new(read(rest)?)),
        '*' => Code::Pointer(Box::new(read(rest)?)),
        'm' => Code::Type(rest),
        _ => return None,
    })
}

/// Gives an object its form. Of custom kinds only the metadata has one.
pub fn shape(kind: &Kind, value: &mut Value) {
    let known = schema::type_name(&kind.group, &kind.version, &kind.kind)
        .filter(|name| kind.custom.is_none() && TYPES.contains_key(name));
    let Some(name) = known else {
        return shape_metadata(value);
    };
    let Some(map) = value.as_object_mut() else {
        return;
    };
    let mut out = Map::new();
    for field in ["kind", "apiVersion"] {
        if let Some(text) = map.get_mut(field) {
            out.insert(field.into(), text.take());
        }
    }
    fill(&mut out, &mut Value::Object(std::mem::take(map)), name);
    *value = out.into();
}

/// Gives only the metadata its form: the rest has it.
pub fn shape_metadata(value: &mut Value) {
    if let Some(map) = value.as_object_mut() {
        let meta = map.get_mut("metadata").map(Value::take);
        let meta = message(meta.unwrap_or_default(), &[META, "ObjectMeta"].concat());
        map.insert("metadata".into(), meta);
    }
}

/// The first place at which a value does not fit its built-in type, in the words of a server.
pub fn misfit(kind: &Kind, value: &Value) -> Option<String> {
    let name = schema::type_name(&kind.group, &kind.version, &kind.kind)?;
    unfit_message(value, name, "")
}

fn unfit_message(value: &Value, name: &str, path: &str) -> Option<String> {
    let owner = name.rsplit('.').next().unwrap_or(name);
    if !value.is_object() {
        return None;
    }
    TYPES.get(name).into_iter().flatten().find_map(|field| {
        if field.inline {
            return match field.code {
                Code::Type(inner) => unfit_message(value, inner, path),
                _ => None,
            };
        }
        let given = value.get(field.name)?;
        let path = if path.is_empty() {
            field.name.to_owned()
        } else {
            format!("{path}.{}", field.name)
        };
        unfit(given, &field.code, (owner, &path))
    })
}

/// The Go name of what a field holds.
fn go_type(code: &Code) -> String {
    match code {
        Code::Text => "string".to_owned(),
        Code::Bytes => "[]uint8".to_owned(),
        Code::Number => "int32".to_owned(),
        Code::Yes => "bool".to_owned(),
        Code::Pointer(inner) => go_type(inner),
        Code::List(inner) => format!("[]{}", go_type(inner)),
        Code::Map(inner) => format!("map[string]{}", go_type(inner)),
        Code::Type(name) => {
            let mut parts = name.rsplit('.');
            let (own, version) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            match TYPES.get(name).map(Vec::as_slice) {
                Some([only]) if only.name == "@" => match only.code {
                    Code::Text => "string".to_owned(),
                    _ => go_type(&only.code),
                },
                _ => format!("{version}.{own}"),
            }
        }
    }
}

fn unfit(given: &Value, code: &Code, (owner, path): (&str, &str)) -> Option<String> {
    if given.is_null() {
        return None;
    }
    let wrong = || {
        let word = super::gotalk::word(given);
        let wanted = go_type(code);
        Some(format!(
            "json: cannot unmarshal {word} into Go struct field {owner}.{path} of type {wanted}"
        ))
    };
    match (code, given) {
        (Code::Pointer(inner), _) => unfit(given, inner, (owner, path)),
        (Code::List(inner), Value::Array(list)) => list
            .iter()
            .find_map(|item| unfit(item, inner, (owner, path))),
        (Code::Map(inner), Value::Object(map)) => map
            .values()
            .find_map(|item| unfit(item, inner, (owner, path))),
        (Code::Bytes, Value::String(text)) => {
            use base64::Engine as _;
            let read = base64::engine::general_purpose::STANDARD.decode(text);
            let at = match read {
                Ok(_) => return None,
                Err(base64::DecodeError::InvalidByte(at, _)) => at,
                Err(_) => text.len(),
            };
            Some(format!("illegal base64 data at input byte {at}"))
        }
        (Code::Text, Value::String(_))
        | (Code::Yes, Value::Bool(_))
        | (Code::Number, Value::Number(_)) => None,
        (Code::Type(name), _) => match TYPES.get(name).map(Vec::as_slice) {
            Some([only]) if only.name == "@" => unfit(given, &only.code, (owner, path)),
            Some(_) if given.is_object() => unfit_message(given, name, path),
            Some(_) => wrong(),
            None => unfit_plain(given, name),
        },
        _ => wrong(),
    }
}

/// Quantities and moments that are none.
fn unfit_plain(given: &Value, name: &str) -> Option<String> {
    let bare = name.rsplit('.').next().unwrap_or(name);
    match (bare, given) {
        ("Quantity", Value::String(text)) if !quantity::is(text) => Some(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'".to_owned(),
        ),
        ("Time" | "MicroTime", Value::String(text)) => {
            let read: Result<jiff::Timestamp, _> = text.parse();
            read.is_err().then(|| {
                format!(
                    "parsing time \"{text}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"{text}\" as \"2006\""
                )
            })
        }
        _ => None,
    }
}

/// An object of a kind about which nothing is said yet.
pub fn nothing(kind: &Kind) -> Value {
    let mut value = json!({"apiVersion": kind.api_version(), "kind": kind.kind});
    if kind.custom.is_none() {
        shape(kind, &mut value);
    }
    value
}

fn message(mut value: Value, name: &str) -> Value {
    let mut out = Map::new();
    fill(&mut out, &mut value, name);
    out.into()
}

/// Takes the fields of a type out of a value, in their order.
fn fill(out: &mut Map<String, Value>, value: &mut Value, name: &str) {
    for field in TYPES.get(name).into_iter().flatten() {
        if field.inline {
            if let Code::Type(inner) = field.code {
                fill(out, value, inner);
            }
            continue;
        }
        let given = value.get_mut(field.name).map(Value::take);
        let given = given.filter(|given| !given.is_null());
        // The one field of this kind that is left out while it is zero.
        let born = field.name == "creationTimestamp" && name.ends_with(".ObjectMeta");
        let kept = if born {
            given
        } else {
            formed(given, &field.code, field.omitted)
        };
        if let Some(kept) = kept {
            out.insert(field.name.to_owned(), kept);
        }
    }
}

fn formed(given: Option<Value>, code: &Code, omitted: bool) -> Option<Value> {
    let nil = || (!omitted).then_some(Value::Null);
    let inside =
        |item: Value, code: &Code| formed(Some(item).filter(|item| !item.is_null()), code, false);
    match code {
        Code::Pointer(inner) => match given {
            Some(value) => formed(Some(value), inner, false),
            None => nil(),
        },
        Code::List(inner) => match given {
            Some(Value::Array(list)) if !list.is_empty() => Some(
                list.into_iter()
                    .filter_map(|item| inside(item, inner))
                    .collect(),
            ),
            Some(Value::Array(_)) | None => nil(),
            other => other,
        },
        Code::Map(inner) => match given {
            Some(Value::Object(map)) if !map.is_empty() => {
                let items = map
                    .into_iter()
                    .filter_map(|(key, item)| Some((key, inside(item, inner)?)));
                Some(Value::Object(items.collect()))
            }
            Some(Value::Object(_)) | None => nil(),
            other => other,
        },
        Code::Bytes => match given {
            Some(value) if omitted && value == "" => None,
            None => nil(),
            other => other,
        },
        Code::Text => plain(given, || json!(""), omitted),
        Code::Number => plain(given, || json!(0), omitted),
        Code::Yes => plain(given, || json!(false), omitted),
        Code::Type(name) => Some(typed(given, name)),
    }
    .filter(|value| !(omitted && matches!(code, Code::List(_) | Code::Map(_)) && value.is_null()))
}

fn plain(given: Option<Value>, zero: impl Fn() -> Value, omitted: bool) -> Option<Value> {
    match given {
        Some(value) if !omitted || value != zero() => Some(value),
        None if !omitted => Some(zero()),
        _ => None,
    }
}

/// A value of a named type; it is there even when nothing is said about it.
fn typed(given: Option<Value>, name: &str) -> Value {
    let bare = name.rsplit('.').next().unwrap_or(name);
    match (TYPES.get(name).map(Vec::as_slice), given) {
        // Another name for a plain type.
        (Some([only]), given) if only.name == "@" => {
            formed(given, &only.code, false).unwrap_or_default()
        }
        (Some(_), given) => {
            let mut given = given.unwrap_or_default();
            let mut said = Vec::new();
            // Templates of claims name their kind.
            if bare == "PersistentVolumeClaim" {
                for field in ["kind", "apiVersion"] {
                    said.extend(given.get_mut(field).map(|text| (field, text.take())));
                }
            }
            let mut value = message(given, name);
            for (field, text) in said {
                value[field] = text;
            }
            value
        }
        (None, Some(value)) if bare == "Quantity" => quantity::canonical(&value),
        (None, Some(value)) => moment(value, bare),
        (None, None) => match bare {
            "Quantity" => "0".into(),
            "IntOrString" => json!(0),
            "Duration" => "0s".into(),
            _ => Value::Null,
        },
    }
}

/// Moments are written in one way.
fn moment(value: Value, bare: &str) -> Value {
    let form = match bare {
        "Time" => "%Y-%m-%dT%H:%M:%SZ",
        "MicroTime" => "%Y-%m-%dT%H:%M:%S.%6fZ",
        _ => return value,
    };
    let at: Option<jiff::Timestamp> = value.as_str().and_then(|text| text.parse().ok());
    at.map_or(value, |at| at.strftime(form).to_string().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::shape;
    use crate::rehearsal::{kinds::Registry, store::Store};

    fn check(plural: (&str, &str), given: serde_json::Value, formed: &serde_json::Value) {
        let registry = Registry::of(&Store::default());
        let kind = registry.find(plural.0, "v1", plural.1).unwrap();
        let mut value = given;
        shape(kind, &mut value);
        assert_eq!(&value, formed);
    }

    #[test]
    fn what_says_nothing_goes_and_what_is_always_there_is_there() {
        check(
            ("", "services"),
            json!({"metadata": {"name": "x", "labels": {}}, "spec": {"ports": [{"port": 80, "name": ""}]}}),
            &json!({"metadata": {"name": "x"}, "spec": {"ports": [{"port": 80, "targetPort": 0}]},
                "status": {"loadBalancer": {}}}),
        );
        check(
            ("rbac.authorization.k8s.io", "roles"),
            json!({"metadata": {"name": "x"}, "rules": []}),
            &json!({"metadata": {"name": "x"}, "rules": null}),
        );
        check(
            ("coordination.k8s.io", "leases"),
            json!({"metadata": {"name": "x"}, "spec": {"renewTime": "2001-01-01T00:00:00Z"}}),
            &json!({"metadata": {"name": "x"}, "spec": {"renewTime": "2001-01-01T00:00:00.000000Z"}}),
        );
    }
}
