//! What of a value may be shown: no known secret, nothing of a Secret, nothing whose name says that it is one. Pure.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{
    Shown, Subject, owners,
    path::{Path, Segment},
};
use crate::site::Secrets;

/// Stands for what is not shown.
pub(super) const STARS: &str = "***";

/// Shorter texts stand everywhere by chance.
const SHORTEST: usize = 6;

/// A name with one of these in it is the name of a secret ...
const WORDS: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "privatekey",
    "apikey",
    "accesskey",
];

/// ... unless it ends so: then it names something that is none.
const HARMLESS: [&str; 12] = [
    "name",
    "names",
    "ref",
    "refs",
    "file",
    "path",
    "enabled",
    "class",
    "seconds",
    "length",
    "ttl",
    "pullsecrets",
];

/// Knows what must not be shown.
#[derive(Clone, Debug, Default)]
pub struct Mask(Vec<SecretString>);

impl Mask {
    /// With these secrets, as they are and as Kubernetes stores them.
    pub fn of(secrets: &Secrets) -> Self {
        let mut hidden = Vec::new();
        for (_, secret) in secrets.iter() {
            let text = secret.expose_secret();
            if text.len() >= SHORTEST {
                hidden.push(SecretString::from(STANDARD.encode(text)));
                hidden.push(secret.clone());
            }
        }
        Self(hidden)
    }

    /// A text in which every known secret is stars.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret.expose_secret()) {
                text = text.replace(secret.expose_secret(), STARS);
            }
        }
        text
    }

    /// What may be shown of the value at that way of the subject.
    pub fn shown(&self, subject: &Subject, path: &Path, value: Option<&Value>) -> Shown {
        let Some(value) = value else {
            return Shown::Absent;
        };
        let is_secret = matches!(subject, Subject::Object(target) if target.kind == "Secret");
        if is_secret || hides(path, value) {
            return Shown::Secret;
        }
        match self.masked(value) {
            Value::String(text) if text == STARS && value.is_string() => Shown::Secret,
            masked => Shown::Value(masked),
        }
    }

    /// A whole object as it may be shown: of a Secret the names of its entries, and who wrote which field only by name.
    pub fn object(&self, object: &Value) -> Value {
        let mut shown = self.masked(object);
        let is_secret = object.get("kind").and_then(Value::as_str) == Some("Secret");
        for part in ["data", "stringData"] {
            let entries = shown.get_mut(part).filter(|_| is_secret);
            for entry in entries.and_then(Value::as_object_mut).into_iter().flatten() {
                *entry.1 = STARS.into();
            }
        }
        let Some(metadata) = shown.get_mut("metadata").and_then(Value::as_object_mut) else {
            return shown;
        };
        let notes = metadata.get_mut("annotations").filter(|_| is_secret);
        for note in notes.and_then(Value::as_object_mut).into_iter().flatten() {
            if note.1.as_str().is_some_and(|text| text.contains('{')) {
                *note.1 = STARS.into();
            }
        }
        let who: Vec<String> = owners::entries(object)
            .iter()
            .map(|entry| format!("{} ({})", entry.manager, entry.operation))
            .collect();
        if metadata.contains_key("managedFields") {
            let folded = format!("folded: {}", who.join(", "));
            metadata.insert("managedFields".to_owned(), folded.into());
        }
        shown
    }

    /// The value with stars wherever something secret is.
    fn masked(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(list) => list.iter().map(|item| self.masked(item)).collect(),
            Value::Object(map) => {
                let of_secret = map
                    .get("name")
                    .and_then(Value::as_str)
                    .is_some_and(is_secret);
                let part = |(name, part): (&String, &Value)| {
                    let hidden = (of_secret && name == "value") || hides_below(name, part);
                    let part = if hidden {
                        STARS.into()
                    } else {
                        self.masked(part)
                    };
                    (name.clone(), part)
                };
                Value::Object(map.iter().map(part).collect())
            }
            other => other.clone(),
        }
    }
}

/// Whether the way to a value says that it is a secret.
fn hides(path: &Path, value: &Value) -> bool {
    let mut at = path.segments().iter().peekable();
    while let Some(segment) = at.next() {
        let is_last = at.peek().is_none();
        let hidden = match segment {
            Segment::Key(name) if is_last => hides_below(name, value),
            // A map of secrets, such as `secrets.first`.
            Segment::Key(name) => is_secret(name) && !name.eq_ignore_ascii_case("secret"),
            Segment::Element(fields) => {
                let name = fields.get("name").and_then(Value::as_str);
                let next = at.peek();
                name.is_some_and(is_secret)
                    && matches!(next, Some(Segment::Key(next)) if next == "value")
            }
            Segment::Item(_) | Segment::Index(_) => false,
        };
        if hidden {
            return true;
        }
    }
    false
}

/// Whether a value of that name is a secret; yes and no never are.
fn hides_below(name: &str, value: &Value) -> bool {
    match value {
        Value::Bool(_) | Value::Null => false,
        // The source of a volume.
        Value::Object(_) if name == "secret" => false,
        _ => is_secret(name),
    }
}

fn is_secret(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    WORDS.iter().any(|word| plain.contains(word))
        && !HARMLESS.iter().any(|end| plain.ends_with(end))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{plan::ObjectRef, site::SecretName};

    fn subject(kind: &str) -> Subject {
        Subject::Object(ObjectRef::new("v1", kind, "a", "b"))
    }

    fn shown(path: &[&str], value: &Value) -> Shown {
        let mut secrets = Secrets::new();
        secrets.set(SecretName::ValkeyPassword, "canary-8f3a".into());
        let path = path.iter().fold(Path::default(), |path, key| path.key(key));
        Mask::of(&secrets).shown(&subject("Deployment"), &path, Some(value))
    }

    #[test]
    fn nothing_of_a_secret_is_shown_whatever_it_is_called() {
        let mask = Mask::default();
        let path = Path::default().key("metadata").key("annotations");
        let found = mask.shown(&subject("Secret"), &path, Some(&json!({"a": "b"})));
        assert_eq!(found, Shown::Secret);
        assert_eq!(mask.shown(&subject("Secret"), &path, None), Shown::Absent);
    }

    #[test]
    fn a_whole_object_shows_no_secret_and_folds_who_wrote_it() {
        let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a",
            "annotations": {"last": "{\"data\":{\"x\":\"aHVudGVy\"}}", "plain": "kept"},
            "managedFields": [{"manager": "helm", "operation": "Update", "fieldsV1": {"f:data": {}}}]},
            "data": {"x": "aHVudGVy"}, "stringData": {"y": "hunter"}, "type": "Opaque"});
        let shown = Mask::default().object(&object);
        let text = shown.to_string();
        assert!(
            !text.contains("aHVudGVy") && !text.contains("hunter"),
            "{text}"
        );
        assert_eq!(shown["metadata"]["managedFields"], "folded: helm (Update)");
        assert_eq!(shown["metadata"]["annotations"]["plain"], "kept");
        let pod = json!({"kind": "Pod", "spec": {"containers": [{"env": [{"name": "API_TOKEN", "value": "x"}]}]}});
        let shown = Mask::default().object(&pod);
        assert_eq!(shown["spec"]["containers"][0]["env"][0]["value"], "***");
    }

    #[test]
    fn a_known_secret_is_hidden_wherever_it_stands_and_in_both_forms() {
        let text = "redis://:canary-8f3a@valkey:6379";
        assert_eq!(
            shown(&["a"], &json!(text)),
            Shown::Value(json!("redis://:***@valkey:6379"))
        );
        let packed = STANDARD.encode("canary-8f3a");
        assert_eq!(
            shown(&["a"], &json!([{"x": packed}])),
            Shown::Value(json!([{"x": "***"}]))
        );
        assert_eq!(shown(&["a"], &json!("canary-8f3a")), Shown::Secret);
    }

    #[test]
    fn what_is_called_a_secret_is_hidden_and_what_only_names_one_is_not() {
        for (path, value, hidden) in [
            (&["data", "DB_PASSWORD"][..], json!("x"), true),
            (&["auth", "adminPassword"], json!("x"), true),
            (&["secrets", "first"], json!("x"), true),
            (&["api-key"], json!("x"), true),
            (&["spec", "secretName"], json!("x"), false),
            (
                &["valueFrom", "secretKeyRef"],
                json!({"name": "x", "key": "y"}),
                false,
            ),
            (
                &["spec", "automountServiceAccountToken"],
                json!(false),
                false,
            ),
            (&["spec", "imagePullSecrets"], json!([{"name": "x"}]), false),
            (&["spec", "replicas"], json!(2), false),
        ] {
            assert_eq!(shown(path, &value) == Shown::Secret, hidden, "{path:?}");
        }
        let env = json!([{"name": "API_TOKEN", "value": "x"}, {"name": "HOST", "value": "y"}]);
        let masked = json!([{"name": "API_TOKEN", "value": "***"}, {"name": "HOST", "value": "y"}]);
        assert_eq!(shown(&["env"], &env), Shown::Value(masked));
        let name = json!({"name": "API_TOKEN"}).as_object().unwrap().clone();
        let path = Path::default()
            .key("env")
            .then(Segment::Element(name))
            .key("value");
        let found = Mask::default().shown(&subject("Pod"), &path, Some(&json!("x")));
        assert_eq!(found, Shown::Secret);
    }
}
