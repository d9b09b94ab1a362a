//! The schemas that the practice cluster obeys: types, defaults, list keys and definitions, from one embedded file. Pure.

use std::{io::Read as _, sync::LazyLock};

use serde_json::{Map, Value, json};

/// The derived asset, unpacked once.
#[derive(Debug, Default)]
struct Asset {
    discovery: Value,
    kinds: Map<String, Value>,
    types: Map<String, Value>,
    crds: Map<String, Value>,
    wire: Map<String, Value>,
    columns: Map<String, Value>,
}

static PACKED: &[u8] = include_bytes!("../../assets/schemas.json.gz");

static ASSET: LazyLock<Asset> = LazyLock::new(|| {
    let mut text = String::new();
    // The asset is part of the program and read by the tests: it cannot be broken in a released binary.
    if flate2::read::GzDecoder::new(PACKED)
        .read_to_string(&mut text)
        .is_err()
    {
        return Asset::default();
    }
    let mut value: Value = serde_json::from_str(&text).unwrap_or_default();
    let mut map = |key: &str| match value.get_mut(key).map(Value::take) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let (kinds, types, crds) = (map("kinds"), map("types"), map("crds"));
    let (wire, columns) = (map("wire"), map("columns"));
    Asset {
        discovery: value
            .get_mut("discovery")
            .map(Value::take)
            .unwrap_or_default(),
        kinds,
        types,
        crds,
        wire,
        columns,
    }
});

/// The name of the type that every object's metadata has.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// A CustomResourceDefinition that the program knows, whole, by its name such as `certificates.cert-manager.io`.
pub fn crd(name: &str) -> Option<Value> {
    ASSET.crds.get(name).cloned()
}

/// The names of all known definitions.
pub fn crd_names() -> impl Iterator<Item = &'static str> {
    ASSET.crds.keys().map(String::as_str)
}

/// The groups of the built-in kinds as aggregated discovery gives them; `side` is `api` or `apis`.
pub fn discovery(side: &str) -> &'static [Value] {
    ASSET
        .discovery
        .get(side)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The schema of a built-in kind; an empty group is the core group.
pub fn builtin(group: &str, version: &str, kind: &str) -> Option<Value> {
    let name = ASSET.kinds.get(&format!("{group}/{version}/{kind}"))?;
    Some(json!({ "$ref": name }))
}

/// The schema of a custom kind: what its definition says, with the metadata that every object has.
pub fn custom(open_api: &Value) -> Value {
    let mut schema = open_api.clone();
    if let Some(map) = schema.as_object_mut() {
        let properties = map.entry("properties").or_insert_with(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            properties.insert("apiVersion".into(), json!({"type": "string"}));
            properties.insert("kind".into(), json!({"type": "string"}));
            properties.insert("metadata".into(), json!({ "$ref": OBJECT_META }));
        }
    }
    schema
}

/// Every named type, for the OpenAPI documents.
pub fn types() -> &'static Map<String, Value> {
    &ASSET.types
}

/// The name of the type of a built-in kind.
pub fn type_name(group: &str, version: &str, kind: &str) -> Option<&'static str> {
    ASSET
        .kinds
        .get(&format!("{group}/{version}/{kind}"))?
        .as_str()
}

/// The fields of a type as protobuf numbers them, each a line of `NUMBER NAME CODE`.
pub fn wire(name: &str) -> Option<&'static [Value]> {
    ASSET.wire.get(name)?.as_array().map(Vec::as_slice)
}

/// The fields of every type as protobuf numbers them.
pub fn wires() -> impl Iterator<Item = (&'static str, &'static [Value])> {
    let all = ASSET.wire.iter();
    all.map(|(name, lines)| {
        (
            name.as_str(),
            lines.as_array().map_or(&[][..], Vec::as_slice),
        )
    })
}

/// The columns in which a built-in kind is printed: name, type, format and priority.
pub fn columns(group: &str, version: &str, plural: &str) -> &'static [Value] {
    let found = ASSET.columns.get(&format!("{group}/{version}/{plural}"));
    found.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A place in a schema; references are followed.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// As written where it is used: its default and patch keys.
    outer: &'a Value,
    /// What it refers to, or itself.
    inner: &'a Value,
}

impl<'a> Node<'a> {
    /// Looks at a schema.
    pub fn new(schema: &'a Value) -> Self {
        let inner = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|name| ASSET.types.get(name))
            .unwrap_or(schema);
        Self {
            outer: schema,
            inner,
        }
    }

    fn word(&self, name: &str) -> Option<&'a Value> {
        self.outer.get(name).or_else(|| self.inner.get(name))
    }

    /// A word of the schema, such as `pattern`.
    pub fn says(&self, name: &str) -> Option<&'a Value> {
        self.word(name)
    }

    /// True when the schema sets this flag.
    pub fn flag(&self, name: &str) -> bool {
        self.word(name) == Some(&Value::Bool(true))
    }

    /// The declared fields.
    pub fn properties(&self) -> Option<&'a Map<String, Value>> {
        self.inner.get("properties").and_then(Value::as_object)
    }

    /// The schema of a field, declared or by `additionalProperties`.
    pub fn field(&self, name: &str) -> Option<Node<'a>> {
        self.properties()
            .and_then(|map| map.get(name))
            .or_else(|| {
                self.inner
                    .get("additionalProperties")
                    .filter(|value| value.is_object())
            })
            .map(Node::new)
    }

    /// The schema of a list's items.
    pub fn items(&self) -> Option<Node<'a>> {
        self.inner.get("items").map(Node::new)
    }

    /// The type, where one is given.
    pub fn kind(&self) -> Option<&'a str> {
        self.inner.get("type").and_then(Value::as_str)
    }

    /// True when any content is allowed below this place.
    pub fn open(&self) -> bool {
        self.flag("x-kubernetes-preserve-unknown-fields")
            || self.flag("x-kubernetes-embedded-resource")
            || matches!(
                self.inner.get("additionalProperties"),
                Some(Value::Bool(true) | Value::Object(_))
            )
            || (self.properties().is_none() && self.kind().is_none_or(|kind| kind == "object"))
    }

    /// True when this place is of a named type.
    pub fn refers_to(&self, name: &str) -> bool {
        self.outer.get("$ref").and_then(Value::as_str) == Some(name)
    }

    /// The name of the type of this place.
    pub fn type_name(&self) -> Option<&'a str> {
        self.outer.get("$ref").and_then(Value::as_str)
    }

    /// True when this is one of the types that look like anything and are plain values.
    pub fn refers_to_scalar(&self) -> bool {
        self.refers_to("io.k8s.apimachinery.pkg.api.resource.Quantity")
            || self.word("format").and_then(Value::as_str) == Some("int-or-string")
            || self.flag("x-kubernetes-int-or-string")
    }

    /// True when fields that are not declared take their shape from what is given.
    pub fn deduces(&self) -> bool {
        self.open() || self.kind() != Some("object")
    }

    /// The default as it is written, also one that says nothing.
    pub fn said_default(&self) -> Option<&'a Value> {
        self.outer.get("default")
    }

    /// A default that means something: the zero values that built-in schemas carry do not.
    pub fn default(&self) -> Option<&'a Value> {
        let value = self.outer.get("default")?;
        let zero = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Object(map) => map.is_empty() && self.outer.get("$ref").is_some(),
            Value::Number(_) => value == &json!(0) && self.outer.get("$ref").is_some(),
            _ => false,
        };
        (!zero).then_some(value)
    }

    /// The strategic-merge key of a list whose items are merged.
    pub fn patch_key(&self) -> Option<&'a str> {
        let strategy = self.word("x-kubernetes-patch-strategy")?.as_str()?;
        strategy
            .contains("merge")
            .then(|| self.word("x-kubernetes-patch-merge-key"))
            .flatten()
            .and_then(Value::as_str)
    }

    /// True when a list of plain values is merged by a strategic patch.
    pub fn patch_merges(&self) -> bool {
        self.word("x-kubernetes-patch-strategy")
            .and_then(Value::as_str)
            .is_some_and(|strategy| strategy.contains("merge"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, builtin, crd, crd_names, custom};
    use crate::rehearsal::typed::{How, Shape, shape_of};

    #[test]
    fn containers_are_told_apart_by_name_and_service_ports_by_port_and_protocol() {
        let schema = builtin("", "v1", "Pod").unwrap();
        let containers = Node::new(&schema)
            .field("spec")
            .and_then(|spec| spec.field("containers"))
            .unwrap();
        let list = serde_json::json!([]);
        assert!(matches!(
            shape_of(Some(containers), &list),
            Shape::List(How::Keys(_))
        ));
        assert_eq!(containers.patch_key(), Some("name"));
        let schema = builtin("", "v1", "Service").unwrap();
        let ports = Node::new(&schema)
            .field("spec")
            .and_then(|spec| spec.field("ports"))
            .unwrap();
        let Shape::List(How::Keys(keys)) = shape_of(Some(ports), &list) else {
            panic!("ports have keys")
        };
        assert_eq!(keys.into_iter().collect::<Vec<_>>(), ["port", "protocol"]);
        let protocol = ports.items().and_then(|item| item.field("protocol"));
        assert_eq!(
            protocol.and_then(|node| node.default()),
            Some(&"TCP".into())
        );
    }

    #[test]
    fn every_known_definition_has_a_schema_for_each_served_version() {
        assert!(crd_names().count() >= 30);
        for name in crd_names() {
            let crd = crd(name).unwrap();
            for version in crd["spec"]["versions"].as_array().unwrap() {
                let schema = custom(&version["schema"]["openAPIV3Schema"]);
                let node = Node::new(&schema);
                assert!(node.field("metadata").unwrap().field("name").is_some());
            }
        }
    }
}
