//! A finished Kubernetes object that does not print its secrets. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Names a Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectRef {
    /// `v1`, `apps/v1`, `postgresql.cnpg.io/v1` ...
    pub api_version: String,
    /// `Deployment`, `Cluster` ...
    pub kind: String,
    /// Absent for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Object name.
    pub name: String,
}

impl ObjectRef {
    /// Makes a reference; an empty namespace means cluster-scoped.
    pub fn new(api_version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: (!namespace.is_empty()).then(|| namespace.into()),
            name: name.into(),
        }
    }

    /// API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// API version without the group.
    pub fn version(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or(self.api_version.as_str(), |(_, version)| version)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(out, "{} {namespace}/{}", self.kind, self.name),
            None => write!(out, "{} {}", self.kind, self.name),
        }
    }
}

/// A finished object as it will be sent to the API server.
///
/// `Debug` prints only its reference: Secrets are objects too.
#[derive(Clone, PartialEq)]
pub struct Object(Value);

/// Written down, an object has lost its secrets.
impl Serialize for Object {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.masked().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        Self::from_value(value).map_err(serde::de::Error::missing_field)
    }
}

impl Object {
    /// Takes a value that has `apiVersion`, `kind` and `metadata.name`.
    ///
    /// # Errors
    /// Gives back the name of the missing field.
    pub fn from_value(value: Value) -> Result<Self, &'static str> {
        if value
            .pointer("/apiVersion")
            .and_then(Value::as_str)
            .is_none()
        {
            return Err("apiVersion");
        }
        if value.pointer("/kind").and_then(Value::as_str).is_none() {
            return Err("kind");
        }
        if value
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .is_none()
        {
            return Err("metadata.name");
        }
        Ok(Self(value))
    }

    /// The whole value, secrets included: for the API server only.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Which object this is.
    pub fn reference(&self) -> ObjectRef {
        let text = |pointer| {
            self.0
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or("")
        };
        ObjectRef::new(
            text("/apiVersion"),
            text("/kind"),
            text("/metadata/namespace"),
            text("/metadata/name"),
        )
    }

    /// The value with every Secret's data replaced by `***`.
    pub fn masked(&self) -> Value {
        let mut value = self.0.clone();
        if value.pointer("/kind").and_then(Value::as_str) == Some("Secret") {
            for section in ["data", "stringData"] {
                if let Some(map) = value.get_mut(section).and_then(Value::as_object_mut) {
                    for entry in map.values_mut() {
                        *entry = Value::String("***".into());
                    }
                }
            }
        }
        value
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Object({})", self.reference())
    }
}
