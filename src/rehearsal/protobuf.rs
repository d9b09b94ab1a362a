//! Reads the protobuf bodies that kubectl and helm post, by the field tables of the schema asset. Pure.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::schema;

/// How such a body begins.
pub const MARK: &[u8] = b"k8s\0";

/// How deep messages may lie in each other; real kinds stay below twenty.
const DEEPEST: usize = 48;

/// The types of the envelope are told by name; these are not kinds of their own group.
const OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

/// Reads a body with its envelope.
///
/// # Errors
/// A sentence about what cannot be read.
pub fn read(bytes: &[u8]) -> Result<Value, String> {
    let body = bytes
        .strip_prefix(MARK)
        .ok_or("the body does not begin as protobuf of Kubernetes does")?;
    let (mut version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in Fields(body) {
        match field? {
            (1, Wire::Bytes(meta)) => {
                for field in Fields(meta) {
                    match field? {
                        (1, Wire::Bytes(text)) => version = utf8(text)?,
                        (2, Wire::Bytes(text)) => kind = utf8(text)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(inner)) => raw = inner,
            _ => {}
        }
    }
    let (group, number) = version.split_once('/').unwrap_or(("", &version));
    let name = match kind.as_str() {
        "DeleteOptions" => Some(OPTIONS),
        _ => schema::type_name(group, number, &kind),
    };
    let name =
        name.ok_or_else(|| format!("no kind \"{kind}\" is registered for version \"{version}\""))?;
    let mut value = message(raw, name, DEEPEST)?;
    if let Some(map) = value.as_object_mut() {
        map.insert("apiVersion".into(), version.into());
        map.insert("kind".into(), kind.into());
    }
    Ok(value)
}

/// A value on the wire.
#[derive(Clone, Copy)]
enum Wire<'a> {
    Number(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

/// The fields of a message, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for at in 0..10 {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f).checked_shl(at * 7)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u64, Wire<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Wire::Number(self.varint()?),
            1 => Wire::Double(f64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let count = usize::try_from(self.varint()?).ok()?;
                Wire::Bytes(self.take(count)?)
            }
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let found = self.field().ok_or_else(|| "unexpected EOF".to_owned());
        if found.is_err() {
            self.0 = &[];
        }
        Some(found)
    }
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|error| format!("a text is not UTF-8: {error}"))
}

/// Reads a message of a named type.
fn message(bytes: &[u8], name: &str, depth: usize) -> Result<Value, String> {
    let short = name.rsplit('.').next().unwrap_or(name);
    if name.starts_with("io.k8s.apimachinery.") {
        match short {
            "Time" => return time(bytes, 0),
            "MicroTime" => return time(bytes, 6),
            "Duration" => return duration(bytes),
            "Quantity" => return Ok(first_text(bytes)?.into()),
            "IntOrString" => return either(bytes),
            "FieldsV1" | "RawExtension" => return raw(bytes),
            _ => {}
        }
    }
    let depth = depth.checked_sub(1).ok_or("the body is too deep")?;
    let table = schema::wire(name).ok_or_else(|| format!("the type {name} is not known"))?;
    let mut map = Map::new();
    for field in Fields(bytes) {
        let (number, wire) = field?;
        let Some((json, code)) = entry(table, number) else {
            continue;
        };
        let (optional, code) = (code.starts_with('?'), code.trim_start_matches('?'));
        if json == "@" {
            put(&mut map, json, code, wire, depth)?;
        } else if let Some(code) = code.strip_prefix('+') {
            let inner = single(code.trim_start_matches(['?', '*']), wire, depth)?;
            if let Value::Object(inner) = inner {
                map.extend(inner);
            }
        } else {
            put(&mut map, json, code, wire, depth)?;
            let empty = !code.starts_with('*') && map.get(json).is_some_and(is_zero);
            if empty && (optional || map.get(json).is_some_and(Value::is_null)) {
                map.shift_remove(json);
            }
        }
    }
    Ok(match map.shift_remove("@") {
        Some(list) => list,
        None => map.into(),
    })
}

/// The name and code of a field, from lines such as `5 immutable ?*B`.
fn entry(table: &[Value], number: u64) -> Option<(&str, &str)> {
    table.iter().filter_map(Value::as_str).find_map(|line| {
        let (at, rest) = line.split_once(' ')?;
        (at.parse() == Ok(number)).then(|| rest.split_once(' '))?
    })
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

fn put(
    map: &mut Map<String, Value>,
    json: &str,
    code: &str,
    wire: Wire<'_>,
    depth: usize,
) -> Result<(), String> {
    let code = code.trim_start_matches('*');
    if let Some(code) = code.strip_prefix('[') {
        let list = map.entry(json.to_owned()).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(single(code.trim_start_matches('*'), wire, depth)?);
        }
    } else if let Some(code) = code.strip_prefix('{') {
        let Wire::Bytes(bytes) = wire else {
            return Err("unexpected EOF".into());
        };
        let (mut key, mut value) = (String::new(), Value::Null);
        for field in Fields(bytes) {
            match field? {
                (1, Wire::Bytes(text)) => key = utf8(text)?,
                (2, wire) => value = single(code.trim_start_matches('*'), wire, depth)?,
                _ => {}
            }
        }
        let inner = map.entry(json.to_owned()).or_insert_with(|| json!({}));
        if let Some(inner) = inner.as_object_mut() {
            inner.insert(key, value);
        }
    } else {
        map.insert(json.to_owned(), single(code, wire, depth)?);
    }
    Ok(())
}

fn single(code: &str, wire: Wire<'_>, depth: usize) -> Result<Value, String> {
    Ok(match (code.get(..1).unwrap_or(""), wire) {
        ("s", Wire::Bytes(text)) => utf8(text)?.into(),
        ("b", Wire::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        ("i", Wire::Number(number)) => number.cast_signed().into(),
        ("B", Wire::Number(number)) => (number != 0).into(),
        ("d", Wire::Double(number)) => json!(number),
        ("m", Wire::Bytes(bytes)) => message(bytes, code.get(1..).unwrap_or(""), depth)?,
        ("{", Wire::Bytes(_)) | ("[", _) => {
            let mut map = Map::new();
            put(&mut map, "@", code, wire, depth)?;
            map.shift_remove("@").unwrap_or_default()
        }
        _ => return Err("a field has the wrong wire type".into()),
    })
}

/// Two whole numbers: fields 1 and 2.
fn pair(bytes: &[u8]) -> Result<(i64, i64), String> {
    let mut found = (0, 0);
    for field in Fields(bytes) {
        match field? {
            (1, Wire::Number(number)) => found.0 = number.cast_signed(),
            (2, Wire::Number(number)) => found.1 = number.cast_signed(),
            _ => {}
        }
    }
    Ok(found)
}

/// A moment; that of Go's zero is null.
fn time(bytes: &[u8], digits: usize) -> Result<Value, String> {
    let (seconds, nanos) = pair(bytes)?;
    if (seconds, nanos) == (0, 0) {
        return Ok(Value::Null);
    }
    let nanos = i32::try_from(nanos).unwrap_or(0);
    let at = Timestamp::new(seconds, nanos).map_err(|error| error.to_string())?;
    Ok(format!("{at:.digits$}").into())
}

fn duration(bytes: &[u8]) -> Result<Value, String> {
    let seconds = pair(bytes)?.0 / 1_000_000_000;
    Ok(format!("{seconds}s").into())
}

fn first_text(bytes: &[u8]) -> Result<String, String> {
    for field in Fields(bytes) {
        if let (1, Wire::Bytes(text)) = field? {
            return utf8(text);
        }
    }
    Ok(String::new())
}

fn either(bytes: &[u8]) -> Result<Value, String> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    for field in Fields(bytes) {
        match field? {
            (1, Wire::Number(kind)) => is_text = kind == 1,
            (2, Wire::Number(value)) => number = value.cast_signed(),
            (3, Wire::Bytes(value)) => text = utf8(value)?,
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { number.into() })
}

/// JSON inside of protobuf.
fn raw(bytes: &[u8]) -> Result<Value, String> {
    let text = first_text(bytes)?;
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{MARK, read};

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        out.extend(content);
        out
    }

    fn body(version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [field(1, version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MARK.to_vec(), field(1, &meta), field(2, raw)].concat()
    }

    fn check(version: &str, kind: &str, raw: &[u8], expected: &Value) {
        assert_eq!(&read(&body(version, kind, raw)).unwrap(), expected);
    }

    #[test]
    fn bodies_are_read_as_their_json_would_be() {
        let name = field(1, &field(1, b"x"));
        check(
            "v1",
            "Secret",
            &[
                name.clone(),
                field(2, &[field(1, b"k"), field(2, b"hi")].concat()),
                field(3, b""),
            ]
            .concat(),
            &json!({"metadata": {"name": "x"}, "data": {"k": "aGk="}, "apiVersion": "v1", "kind": "Secret"}),
        );
        // Replicas is a pointer, so zero stays; minReadySeconds is none, so zero goes.
        check(
            "apps/v1",
            "Deployment",
            &[name, field(2, &[1 << 3, 0, 5 << 3, 0])].concat(),
            &json!({"metadata": {"name": "x"}, "spec": {"replicas": 0}, "apiVersion": "apps/v1", "kind": "Deployment"}),
        );
        check(
            "v1",
            "DeleteOptions",
            &field(4, b"Foreground"),
            &json!({"propagationPolicy": "Foreground", "apiVersion": "v1", "kind": "DeleteOptions"}),
        );
    }

    #[test]
    fn inline_parts_and_named_lists_lie_where_json_has_them() {
        let probe = field(
            11,
            &[field(1, &field(1, &field(1, b"ls"))), vec![3 << 3, 4]].concat(),
        );
        let spec = field(2, &field(2, &[field(1, b"c"), probe].concat()));
        check(
            "v1",
            "Pod",
            &spec,
            &json!({"spec": {"containers": [{"name": "c", "readinessProbe": {"exec": {"command": ["ls"]},
                "timeoutSeconds": 4}}]}, "apiVersion": "v1", "kind": "Pod"}),
        );
    }

    #[test]
    fn an_unknown_kind_is_named() {
        let words = read(&body("v1", "Colour", b"")).unwrap_err();
        assert_eq!(words, "no kind \"Colour\" is registered for version \"v1\"");
    }

    proptest! {
        #[test]
        fn no_body_is_too_broken_to_be_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            read(&bytes).ok();
            read(&body("v1", "Pod", &bytes)).ok();
            read(&body("apps/v1", "StatefulSet", &field(2, &bytes))).ok();
        }
    }
}
