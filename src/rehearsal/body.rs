//! What the body of a request is to its kind: the media types that are known, the words for what cannot be read. Pure.

use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{
    answer::Failure,
    call::{Call, Method},
    kinds::Kind,
};

/// A body as it was read.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// What it says, null when it says nothing or cannot be read.
    pub value: Value,
    /// Why it cannot be read.
    pub broken: Option<String>,
    /// The fields that are said more than once; the last one counts.
    pub twice: Vec<String>,
}

impl Body {
    /// A request without a body.
    pub fn nothing() -> Self {
        Self::broken("json parse error: unexpected end of JSON input (<empty>)")
    }

    /// A body that cannot be read.
    pub fn broken(why: &str) -> Self {
        Self {
            broken: Some(why.to_owned()),
            ..Self::default()
        }
    }
}

/// The fields that a JSON text says more than once; of another text nothing is known.
pub fn twice(bytes: &[u8]) -> Vec<String> {
    let mut twice = Vec::new();
    let seed = Seed {
        path: String::new(),
        twice: &mut twice,
    };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde::de::DeserializeSeed::deserialize(seed, &mut reader);
    if read.and_then(|_| reader.end()).is_err() {
        return Vec::new();
    }
    twice
}

/// The media types in which objects may be sent.
const OBJECTS: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];

/// The media types of patches; custom kinds know no strategic ones.
const PATCHES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
    "application/strategic-merge-patch+json",
];

/// Refuses bodies of a media type that is not known, and such as cannot be read.
///
/// # Errors
/// 415, or 400 in the words that belong to the way of writing.
pub fn check(kind: &Kind, call: &Call) -> Result<(), Failure> {
    let media = call.content.split(';').next().unwrap_or("").trim();
    match call.method {
        Method::Patch => {
            let known = media == "application/apply-patch+json" || PATCHES.contains(&media);
            if !known {
                let what = "415: Unsupported Media Type";
                return Err(Failure::bare(415, "UnsupportedMediaType", what));
            }
            if kind.custom.is_some() && media.contains("strategic") {
                let known = PATCHES.get(..3).unwrap_or_default();
                return Err(unknown_format(known));
            }
            match &call.broken {
                Some(why) if media.contains("apply") => Err(Failure::bad_request(format!(
                    "error decoding YAML: error converting YAML to JSON: {why}"
                ))),
                Some(why) if media.contains("strategic") => Err(Failure::bad_request(why.clone())),
                Some(why) => Err(Failure::bad_request(format!("error decoding patch: {why}"))),
                None => Ok(()),
            }
        }
        Method::Post | Method::Put => {
            if !media.is_empty() && !OBJECTS.contains(&media) {
                return Err(unknown_format(OBJECTS));
            }
            let why = match (&call.broken, &call.body) {
                (Some(why), _) => why.clone(),
                (None, Value::Object(_)) => return Ok(()),
                (None, _) => {
                    "json parse error: json: cannot unmarshal what is no object".to_owned()
                }
            };
            Err(Failure::bad_request(format!(
                "the object provided is unrecognized (must be of type {}): couldn't get version/kind; {why}",
                kind.kind
            )))
        }
        Method::Get | Method::Delete => Ok(()),
    }
}

fn unknown_format(known: &[&str]) -> Failure {
    let why = format!(
        "the body of the request was in an unknown format - accepted media types include: {}",
        known.join(", ")
    );
    Failure::new(415, "UnsupportedMediaType", why)
}

/// Reads a value and remembers which fields are said twice.
struct Seed<'a> {
    path: String,
    twice: &'a mut Vec<String>,
}

impl<'de> serde::de::DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let seed = Seed {
                path: format!("{}[{}]", self.path, items.len()),
                twice: self.twice,
            };
            match list.next_element_seed(seed)? {
                Some(item) => items.push(item),
                None => return Ok(items.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let path = if self.path.is_empty() {
                name.clone()
            } else {
                format!("{}.{name}", self.path)
            };
            if fields.contains_key(&name) && !self.twice.contains(&path) {
                self.twice.push(path.clone());
            }
            let seed = Seed {
                path,
                twice: self.twice,
            };
            let value = map.next_value_seed(seed)?;
            fields.insert(name, value);
        }
        Ok(fields.into())
    }
}

#[cfg(test)]
mod tests {
    use super::twice;

    #[test]
    fn what_is_said_twice_is_named() {
        let text = br#"{"a": {"b": 1, "b": 2}, "c": [{"d": 1, "d": 1}]}"#;
        assert_eq!(twice(text), ["a.b", "c[0].d"]);
        assert!(twice(b"{").is_empty());
        assert!(twice(b"a: b").is_empty());
    }
}
