//! How a request ends: the answers and the refusals in the words and shapes of a real API server. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    kinds::Kind,
    packed::Shown,
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
        self.details = details(name, &kind.group, &kind.plural);
        self
    }

    /// A refusal with details that say nothing.
    pub fn bare(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            details: json!({}),
            ..Self::new(code, reason, message)
        }
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

    /// There is no such pod, asked for by its log or a command in it.
    pub fn no_pod(name: &str) -> Self {
        Self::new(404, "NotFound", format!("pods \"{name}\" not found"))
    }

    /// 404 of a path that nothing serves.
    pub fn no_such_path() -> Self {
        let message = "the server could not find the requested resource";
        Self::bare(404, "NotFound", message)
    }

    /// 405.
    pub fn not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::bare(405, "MethodNotAllowed", message)
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
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::unfulfilled(kind, name, why)
    }

    /// 409 for another reason.
    pub fn unfulfilled(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            kind.resource()
        );
        Self::new(409, "Conflict", message).about(kind, name)
    }

    /// 409 of a deletion that was meant for another object.
    pub fn unmet(kind: &Kind, name: &str, why: &str) -> Self {
        let title = title(kind);
        let message = format!("Operation cannot be fulfilled on {title} \"{name}\": {why}");
        let mut failure = Self::new(409, "Conflict", message);
        failure.details = details(name, &kind.group, &kind.kind);
        failure
    }

    /// 422 of a patch that gives no object of the kind.
    pub fn invalid_patch(shown: &str, why: &str) -> Self {
        let cause = Invalid {
            reason: "FieldValueInvalid",
            field: "patch".to_owned(),
            message: format!("Invalid value: {}: {why}", Value::from(shown)),
        };
        Self::refused_for(" \"\"", details("", "", ""), &[cause])
    }

    /// 422 of options.
    pub fn invalid_options(kind: &str, causes: &[Invalid]) -> Self {
        let title = format!("{kind}.meta.k8s.io \"\"");
        Self::refused_for(&title, details("", "meta.k8s.io", kind), causes)
    }

    /// 422 of a question that asks nothing.
    pub fn invalid_review(group: &str, causes: &[Invalid]) -> Self {
        Self::refused_for(&format!(".{group} \"\""), details("", group, ""), causes)
    }

    /// 422 of a scale.
    pub fn invalid_scale(name: &str, causes: &[Invalid]) -> Self {
        let title = format!("Scale.autoscaling \"{name}\"");
        Self::refused_for(&title, details(name, "autoscaling", "Scale"), causes)
    }

    /// 422 of an update that does not say which version it changes.
    pub fn unversioned(kind: &Kind, name: &str) -> Self {
        let title = format!("{} \"{name}\"", kind.resource());
        let why = "must be specified for an update";
        let wrong = Invalid::value("metadata.resourceVersion", &json!(0), why);
        Self::refused_for(&title, details(name, &kind.group, &kind.plural), &[wrong])
    }

    /// 406 of a list that is wanted in the form of one object.
    pub fn no_partial(kind: &Kind) -> Self {
        let package = kind.group.split('.').next().filter(|name| !name.is_empty());
        let what = match (&kind.custom, package) {
            (Some(_), _) => "unstructured.Unstructured".to_owned(),
            (None, package) => format!("{}.{}", package.unwrap_or("core"), kind.kind),
        };
        let message = format!(
            "you requested PartialObjectMetadata, but the requested object is a list (*{what}List)"
        );
        Self::new(406, "NotAcceptable", message)
    }

    /// 500 of something that only the server's own words explain.
    pub fn unexplained(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
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

    /// 422 with its causes.
    pub fn invalid(kind: &Kind, name: &str, causes: &[Invalid]) -> Self {
        let title = format!("{} \"{name}\"", title(kind));
        Self::refused_for(&title, details(name, &kind.group, &kind.kind), causes)
    }

    fn refused_for(title: &str, mut details: Value, causes: &[Invalid]) -> Self {
        // A cause that is found twice is told once.
        let mut words: Vec<String> = Vec::new();
        for cause in causes {
            let word = format!("{}: {}", cause.field, cause.message);
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let words = match words.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let causes: Vec<_> = causes
            .iter()
            .map(|c| json!({"reason": c.reason, "message": c.message, "field": c.field}))
            .collect();
        details["causes"] = causes.into();
        Self {
            details,
            ..Self::new(422, "Invalid", format!("{title} is invalid: {words}"))
        }
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
        if self.reason.is_empty()
            && let Some(map) = body.as_object_mut()
        {
            map.shift_remove("reason");
        }
        if !self.details.is_null()
            && let Some(map) = body.as_object_mut()
        {
            map.insert("details".into(), self.details.clone());
        }
        body
    }
}

/// The details of a refusal; what says nothing is left out.
fn details(name: &str, group: &str, kind: &str) -> Value {
    let said = [("name", name), ("group", group), ("kind", kind)];
    said.into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(key, text)| (key.to_owned(), Value::from(text)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// `Deployment.apps`
fn title(kind: &Kind) -> String {
    if kind.group.is_empty() {
        kind.kind.clone()
    } else {
        format!("{}.{}", kind.kind, kind.group)
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

    /// A value that is none of those there are.
    pub fn unsupported(field: &str, value: &Value, known: &[&str]) -> Self {
        let known: Vec<_> = known.iter().map(|word| format!("\"{word}\"")).collect();
        Self {
            reason: "FieldValueNotSupported",
            field: field.to_owned(),
            message: format!(
                "Unsupported value: {value}: supported values: {}",
                known.join(", ")
            ),
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
    /// How many are left after this page; not told when a selector chose.
    pub remaining: Option<usize>,
    /// Lists of custom kinds name the kind of each item, and always tell of a next page.
    pub custom: bool,
}

/// An item of a page; only those of custom kinds name their kind.
struct Item<'a>(&'a Value, bool);

impl serde::Serialize for Item<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Some(map) = self.0.as_object().filter(|_| !self.1) else {
            return Shown(self.0).serialize(to);
        };
        to.collect_map(
            map.iter()
                .filter(|(name, _)| !matches!(name.as_str(), "kind" | "apiVersion"))
                .map(|(name, item)| (name, Shown(item))),
        )
    }
}

impl Listing {
    fn meta(&self) -> Value {
        let mut meta = json!({"resourceVersion": self.revision.to_string()});
        if let Some(next) = &self.next {
            meta["continue"] = next.as_str().into();
            if let Some(remaining) = self.remaining {
                meta["remainingItemCount"] = remaining.into();
            }
        } else if self.custom {
            meta["continue"] = "".into();
        }
        meta
    }

    /// The page as it is sent; its objects are not copied for that, but those that name no kind.
    pub fn text(&self) -> String {
        #[derive(serde::Serialize)]
        struct Page<'a> {
            kind: &'a str,
            #[serde(rename = "apiVersion")]
            api_version: &'a str,
            metadata: Value,
            items: Vec<Item<'a>>,
        }
        let items = self.items.iter();
        let page = Page {
            kind: &self.kind,
            api_version: &self.api_version,
            metadata: self.meta(),
            items: items.map(|item| Item(item, self.custom)).collect(),
        };
        // Values have text for keys, so they can always be written.
        serde_json::to_string(&page).unwrap_or_default()
    }

    /// The body of the page.
    pub fn body(self) -> Value {
        let meta = self.meta();
        let custom = self.custom;
        let bare = |item: &Arc<Value>| {
            let mut value = (**item).clone();
            if let Some(map) = value.as_object_mut().filter(|_| !custom) {
                map.shift_remove("kind");
                map.shift_remove("apiVersion");
            }
            value
        };
        let items: Vec<Value> = self.items.iter().map(bare).collect();
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
            Self::List(mut list) => {
                // The rows of a table name their kind, and tables tell of a next page only when there is one.
                let custom = std::mem::replace(&mut list.custom, true);
                let mut body = list.body();
                if let Some(meta) = body.get_mut("metadata").and_then(Value::as_object_mut)
                    && (!custom || matches!(form, Form::Table(_)))
                    && meta.get("continue").is_some_and(|next| next == "")
                {
                    meta.shift_remove("continue");
                }
                Self::Json(table::shape(form, kind, body, now))
            }
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
        let mut details = details(text("/metadata/name"), &kind.group, &kind.plural);
        details["uid"] = text("/metadata/uid").into();
        Self::Json(
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
        )
    }
}
