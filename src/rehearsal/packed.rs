//! Objects in as little memory as they need, and how they are read from there: thousands of them are kept at once. Pure.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::{Map, Value, value::RawValue};

/// Who owns what is asked for seldom and is a third of an object: it is kept as text, behind a letter that no JSON begins with.
const MARK: char = '\u{0}';

/// The only field that is kept so.
const FIELDS: &str = "fieldsV1";

/// The same object as the store keeps it: without spare room, and with the fields of its managers as text.
///
/// A map that was read or changed field by field holds room for twice its fields and more, and most maps of an object hold one
/// to three; over thousands of objects that is the larger part of what they take.
pub fn pack(mut object: Value) -> Value {
    for entry in managers(&mut object) {
        if let Some(fields) = entry.get_mut(FIELDS)
            && fields.is_object()
        {
            *fields = [MARK.to_string(), fields.to_string()].concat().into();
        }
    }
    tight(object)
}

/// The same object with the fields of its managers as they are.
#[must_use]
pub fn unpack(mut object: Value) -> Value {
    for entry in managers(&mut object) {
        if let Some(fields) = entry.get_mut(FIELDS)
            && let Cow::Owned(whole) = fields_of(fields)
        {
            *fields = whole;
        }
    }
    object
}

/// The fields of one manager, however they are kept.
pub fn fields_of(fields: &Value) -> Cow<'_, Value> {
    kept_as_text(FIELDS, fields)
        .and_then(|text| serde_json::from_str(text).ok())
        .map_or(Cow::Borrowed(fields), Cow::Owned)
}

/// An object as JSON, as clients read it.
pub fn text(object: &Value) -> String {
    // Values have text for keys, so they can always be written.
    serde_json::to_string(&Shown(object)).unwrap_or_default()
}

/// A value that holds objects of the store, as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a Value);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(map) => {
                let mut out = to.serialize_map(Some(map.len()))?;
                for (name, item) in map {
                    let raw = kept_as_text(name, item).and_then(raw);
                    match raw {
                        Some(raw) => out.serialize_entry(name, raw)?,
                        None => out.serialize_entry(name, &Self(item))?,
                    }
                }
                out.end()
            }
            Value::Array(list) => {
                let mut out = to.serialize_seq(Some(list.len()))?;
                for item in list {
                    out.serialize_element(&Self(item))?;
                }
                out.end()
            }
            plain => plain.serialize(to),
        }
    }
}

fn kept_as_text<'v>(name: &str, item: &'v Value) -> Option<&'v str> {
    item.as_str().filter(|_| name == FIELDS)?.strip_prefix(MARK)
}

fn raw(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok()
}

fn managers(object: &mut Value) -> impl Iterator<Item = &mut Value> {
    let list = object
        .get_mut("metadata")
        .and_then(|meta| meta.get_mut("managedFields"))
        .and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

fn tight(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut exact = Map::with_capacity(map.len());
            exact.extend(map.into_iter().map(|(mut name, item)| {
                name.shrink_to_fit();
                (name, tight(item))
            }));
            Value::Object(exact)
        }
        Value::Array(list) => {
            let mut exact = Vec::with_capacity(list.len());
            exact.extend(list.into_iter().map(tight));
            Value::Array(exact)
        }
        Value::String(mut text) => {
            text.shrink_to_fit();
            Value::String(text)
        }
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{pack, text, unpack};

    fn pod() -> Value {
        json!({"kind": "Pod", "metadata": {"name": "a", "managedFields": [
            {"manager": "kubectl", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:containers": {"k:{\"name\":\"x\"}": {}}}}},
            {"manager": "nobody"},
        ]}, "spec": {"containers": [{"name": "x"}], "fieldsV1": "said by somebody"}})
    }

    #[test]
    fn what_was_packed_reads_as_before() {
        let packed = pack(pod());
        assert!(packed["metadata"]["managedFields"][0]["fieldsV1"].is_string());
        assert_eq!(text(&packed), pod().to_string());
        assert_eq!(text(&pod()), pod().to_string());
        assert_eq!(unpack(packed.clone()), pod());
        assert_eq!(pack(packed.clone()), packed);
    }

    #[test]
    fn a_text_that_only_looks_packed_stays_a_text() {
        for said in ["\u{0}", "\u{0}no JSON", "{}"] {
            let odd = json!({"data": {"fieldsV1": said}});
            assert_eq!(text(&pack(odd.clone())), odd.to_string());
        }
    }
}
