//! The older OpenAPI document in the one form in which kubectl reads it: the protobuf messages of `openapi.v2`. kubectl asks for it
//! when it checks an object of kind `List`. Pure.

use serde_json::{Map, Value};

/// The media type that clients name for it.
pub const ASKED: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/// The media type of the answer: `@` may not stand in one.
pub const ANSWERED: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The wire type of texts and messages: a length, then the bytes.
const BYTES: u64 = 2;

/// How deep schemas may lie in each other; those of real definitions stay below twenty.
const DEEPEST: usize = 64;

/// The message `Document` (`swagger` 1, `info` 2, `paths` 8, `definitions` 9).
pub fn document(json: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, 1, json.get("swagger"));
    let mut info = Vec::new();
    text(&mut info, 1, json.pointer("/info/title"));
    text(&mut info, 2, json.pointer("/info/version"));
    bytes(&mut out, 2, &info);
    bytes(&mut out, 8, &[]);
    let definitions = json.get("definitions").and_then(Value::as_object);
    bytes(&mut out, 9, &named(definitions, DEEPEST));
    out
}

/// Named schemas (`Definitions` and `Properties`: `additional_properties` 1, each `name` 1 and `value` 2).
fn named(schemas: Option<&Map<String, Value>>, depth: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, node) in schemas.into_iter().flatten() {
        let mut one = Vec::new();
        bytes(&mut one, 1, name.as_bytes());
        bytes(&mut one, 2, &schema(node, depth));
        bytes(&mut out, 1, &one);
    }
    out
}

/// The message `Schema`, as far as clients check by it: what a field is, not which values it may have.
fn schema(node: &Value, depth: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let Some(depth) = depth.checked_sub(1) else {
        return out;
    };
    // A reference that says more is wrapped in the newer document; the older has no words for it.
    let wrapped = node.pointer("/allOf/0/$ref");
    if let Some(target) = node.get("$ref").or(wrapped) {
        text(&mut out, 1, Some(target));
        return out;
    }
    text(&mut out, 2, node.get("format"));
    text(&mut out, 4, node.get("description"));
    for name in node
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        text(&mut out, 19, Some(name));
    }
    match node.get("additionalProperties") {
        Some(Value::Bool(open)) => {
            let mut any = Vec::new();
            varint(&mut any, 2 << 3);
            varint(&mut any, u64::from(*open));
            bytes(&mut out, 21, &any);
        }
        Some(inner) => wrap(&mut out, 21, &schema(inner, depth)),
        None => {}
    }
    if let Some(kind) = node.get("type").and_then(Value::as_str) {
        wrap(&mut out, 22, kind.as_bytes());
    }
    if let Some(items) = node.get("items") {
        wrap(&mut out, 23, &schema(items, depth));
    }
    if let Some(properties) = node.get("properties").and_then(Value::as_object) {
        bytes(&mut out, 25, &named(Some(properties), depth));
    }
    let extensions = node.as_object().into_iter().flatten();
    for (name, value) in extensions.filter(|(name, _)| name.starts_with("x-")) {
        let (mut one, mut any) = (Vec::new(), Vec::new());
        // The message `Any` holds YAML (2), and JSON is YAML.
        bytes(&mut any, 2, value.to_string().as_bytes());
        bytes(&mut one, 1, name.as_bytes());
        bytes(&mut one, 2, &any);
        bytes(&mut out, 31, &one);
    }
    out
}

/// A message whose only field, the first, is this.
fn wrap(out: &mut Vec<u8>, number: u64, inner: &[u8]) {
    let mut one = Vec::new();
    bytes(&mut one, 1, inner);
    bytes(out, number, &one);
}

fn text(out: &mut Vec<u8>, number: u64, value: Option<&Value>) {
    if let Some(value) = value.and_then(Value::as_str) {
        bytes(out, number, value.as_bytes());
    }
}

fn bytes(out: &mut Vec<u8>, number: u64, inner: &[u8]) {
    varint(out, (number << 3) | BYTES);
    varint(out, inner.len() as u64);
    out.extend_from_slice(inner);
}

/// Seven bits at a time, the low ones first.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(low_bits(value) | 0x80);
        value >>= 7;
    }
    out.push(low_bits(value));
}

fn low_bits(value: u64) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low & 0x7f
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_written_as_its_messages() {
        let json = json!({"swagger": "2.0", "definitions": {"a": {"type": "object",
            "properties": {"b": {"$ref": "#/definitions/a"}, "c": {"type": "array", "items": {"type": "string"}}}}}});
        let written = document(&json);
        // swagger, an empty info without title, no paths.
        assert!(written.starts_with(b"\x0a\x032.0\x12\x00\x42\x00\x4a"));
        let inside = |part: &[u8]| written.windows(part.len()).any(|at| at == part);
        assert!(inside(b"\xb2\x01\x08\x0a\x06object"), "{written:?}");
        assert!(inside(b"\x0a\x01b\x12\x11\x0a\x0f#/definitions/a"));
        assert!(inside(
            b"\xb2\x01\x07\x0a\x05array\xba\x01\x0d\x0a\x0b\xb2\x01\x08\x0a\x06string"
        ));
    }

    #[test]
    fn long_lengths_take_several_bytes() {
        let written = |value| {
            let mut out = Vec::new();
            varint(&mut out, value);
            out
        };
        assert_eq!(written(0), [0]);
        assert_eq!(written(127), [127]);
        assert_eq!(written(300), [0xac, 2]);
        assert_eq!(written(16_384), [0x80, 0x80, 1]);
    }
}
