//! How a request ends: the answers and the refusals in the words and shapes of a real API server. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    kinds::Kind,
    store::Refused,
    table::{self, Form},
};

/// A refusal as the `Status` body says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// HTTP status.
    pub code: u16,
    /// CamelCase reason.
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
    /// `details`, null when there are none.
    pub details: Value,
}

impl Failure {
    /// A refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: Value::Null,
        }
    }

    fn about(mut self, kind: &Kind, name: &str) -> Self {
        self.details = json!({"name": name, "group": kind.group, "kind": kind.plural});
        if kind.group.is_empty()
            && let Some(map) = self.details.as_object_mut()
        {
            map.shift_remove("group");
        }
        self
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 404 of an object.
    pub fn missing(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.resource());
        Self::new(404, "NotFound", message).about(kind, name)
    }

    /// 404 of a path that nothing serves.
    pub fn no_such_path() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(404, "NotFound", message)
    }

    /// 405.
    pub fn not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message)
    }

    /// 503 of a practice cluster that answers no more.
    pub fn stopped() -> Self {
        let message = "the practice cluster gives no answer: it may have stopped";
        Self::new(503, "ServiceUnavailable", message)
    }

    /// 409 of a name in use.
    pub fn exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", kind.resource());
        Self::new(409, "AlreadyExists", message).about(kind, name)
    }

    /// 409 of a stale write.
    pub fn conflict(kind: &Kind, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; \
             please apply your changes to the latest version and try again",
            kind.resource()
        );
        Self::new(409, "Conflict", message).about(kind, name)
    }

    /// 403.
    pub fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", kind.resource());
        Self::new(403, "Forbidden", message).about(kind, name)
    }

    /// 410 of a revision that the ring no longer reaches.
    pub fn too_old(asked: u64, oldest: u64) -> Self {
        let message = format!("too old resource version: {asked} ({oldest})");
        Self::new(410, "Expired", message)
    }

    /// 422 with its causes as `(reason, field, message)`.
    pub fn invalid(kind: &Kind, name: &str, causes: &[Invalid]) -> Self {
        let words: Vec<_> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let words = match words.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let title = if kind.group.is_empty() {
            kind.kind.clone()
        } else {
            format!("{}.{}", kind.kind, kind.group)
        };
        let message = format!("{title} \"{name}\" is invalid: {words}");
        let causes: Vec<_> = causes
            .iter()
            .map(|c| json!({"reason": c.reason, "message": c.message, "field": c.field}))
            .collect();
        let mut failure = Self::new(422, "Invalid", message);
        failure.details =
            json!({"name": name, "group": kind.group, "kind": kind.kind, "causes": causes});
        failure
    }

    /// What a refusal of the store means for this object.
    pub fn refused(refused: Refused, kind: &Kind, name: &str) -> Self {
        match refused {
            Refused::Exists => Self::exists(kind, name),
            Refused::Missing => Self::missing(kind, name),
            Refused::Conflict => Self::conflict(kind, name),
            Refused::Nameless => Self::invalid(kind, name, &[Invalid::required("metadata.name")]),
        }
    }

    /// The `Status` body.
    pub fn body(&self) -> Value {
        let mut body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code});
        if !self.details.is_null()
            && let Some(map) = body.as_object_mut()
        {
            map.insert("details".into(), self.details.clone());
        }
        body
    }
}

/// One thing that is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// `FieldValueRequired` ...
    pub reason: &'static str,
    /// `spec.replicas`
    pub field: String,
    /// The sentence after the field.
    pub message: String,
}

impl Invalid {
    /// A field that must be there.
    pub fn required(field: &str) -> Self {
        Self {
            reason: "FieldValueRequired",
            field: field.to_owned(),
            message: "Required value".to_owned(),
        }
    }

    /// A value that cannot be.
    pub fn value(field: &str, value: &Value, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            field: field.to_owned(),
            message: format!("Invalid value: {value}: {why}"),
        }
    }

    /// Something that may not be changed.
    pub fn forbidden(field: &str, why: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            field: field.to_owned(),
            message: format!("Forbidden: {why}"),
        }
    }
}

/// A successful answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// One object.
    Object {
        /// 200 or 201.
        code: u16,
        /// The object.
        object: Arc<Value>,
        /// Warnings for the person who sent it.
        warnings: Vec<String>,
    },
    /// A list.
    List(Listing),
    /// A body as it is.
    Json(Value),
    /// Plain text.
    Text(String),
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Listing {
    /// `PodList` ...
    pub kind: String,
    /// `v1` ...
    pub api_version: String,
    /// The revision of the snapshot.
    pub revision: u64,
    /// The objects.
    pub items: Vec<Arc<Value>>,
    /// The token of the next page.
    pub next: Option<String>,
    /// How many are left after this page.
    pub remaining: usize,
}

impl Listing {
    fn meta(&self) -> Value {
        let mut meta = json!({"resourceVersion": self.revision.to_string()});
        if let Some(next) = &self.next {
            meta["continue"] = next.as_str().into();
            meta["remainingItemCount"] = self.remaining.into();
        }
        meta
    }

    /// The page as it is sent; its objects are not copied for that.
    pub fn text(&self) -> String {
        #[derive(serde::Serialize)]
        struct Page<'a> {
            kind: &'a str,
            #[serde(rename = "apiVersion")]
            api_version: &'a str,
            metadata: Value,
            items: &'a [Arc<Value>],
        }
        let page = Page {
            kind: &self.kind,
            api_version: &self.api_version,
            metadata: self.meta(),
            items: &self.items,
        };
        // Values have text for keys, so they can always be written.
        serde_json::to_string(&page).unwrap_or_default()
    }

    /// The body of the page.
    pub fn body(self) -> Value {
        let meta = self.meta();
        let items: Vec<Value> = self.items.iter().map(|item| (**item).clone()).collect();
        json!({"kind": self.kind, "apiVersion": self.api_version, "metadata": meta, "items": items})
    }
}

impl Answer {
    /// The same in another form.
    #[must_use]
    pub fn in_form(self, form: Form, kind: &Kind, now: Timestamp) -> Self {
        match self {
            Self::Object { object, .. } => {
                Self::Json(table::shape(form, kind, (*object).clone(), now))
            }
            Self::List(list) => Self::Json(table::shape(form, kind, list.body(), now)),
            other => other,
        }
    }

    /// A 200 with an object.
    pub fn ok(object: Arc<Value>) -> Self {
        Self::Object {
            code: 200,
            object,
            warnings: Vec::new(),
        }
    }

    /// The `Status` of a success that has no object, such as a deletion.
    pub fn success(kind: &Kind, object: &Value) -> Self {
        let text = |pointer| super::world::text_at(object, pointer).unwrap_or("");
        Self::Json(
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": text("/metadata/name"), "group": kind.group, "kind": kind.plural,
                "uid": text("/metadata/uid")}}),
        )
    }
}
