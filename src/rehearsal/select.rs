//! Label and field selectors of lists and watches. Pure.

mod labels;

use serde_json::Value;

use super::kinds::Kind;

/// Which objects a list or watch wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<Label>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Label {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
    Above(String, i64),
    Below(String, i64),
}

/// The fields by which objects of some kinds may be chosen beside name and namespace.
const FIELDS: &[(&str, &[&str])] = &[
    (
        "Pod",
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
    ),
    (
        "Event",
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
    ),
    ("Secret", &["type"]),
    ("Namespace", &["status.phase"]),
    ("Node", &["spec.unschedulable"]),
    ("Service", &["spec.clusterIP", "spec.type"]),
    ("Job.batch", &["status.successful"]),
    ("ReplicaSet.apps", &["status.replicas"]),
    ("ReplicationController", &["status.replicas"]),
];

/// The kinds that say of an unknown field only that they do not know it.
const SHORT_WORDS: &[&str] = &[
    "Pod",
    "Event",
    "Secret",
    "Namespace",
    "Node",
    "Service",
    "Job.batch",
];

impl Selector {
    /// Reads both selectors of a request to a kind.
    ///
    /// # Errors
    /// A sentence about what cannot be read.
    pub fn parse(labels: &str, fields: &str, kind: &Kind) -> Result<Self, String> {
        let mut selector = Self {
            labels: labels::read(labels)?,
            fields: Vec::new(),
        };
        for part in fields.split(',').filter(|part| !part.is_empty()) {
            let (name, equal, value) = comparison(part).ok_or_else(|| {
                format!("invalid selector: '{fields}'; can't understand '{part}'")
            })?;
            if !known(kind, name) {
                return Err(unknown(kind, name));
            }
            selector
                .fields
                .push((name.to_owned(), equal, value.to_owned()));
        }
        Ok(selector)
    }

    /// Reads a selector of labels alone.
    ///
    /// # Errors
    /// A sentence about what cannot be read.
    pub fn of_labels(text: &str) -> Result<Self, String> {
        Ok(Self {
            labels: labels::read(text)?,
            fields: Vec::new(),
        })
    }

    /// Whether everything is wanted.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is wanted.
    pub fn matches(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        self.labels.iter().all(|label| label.matches(labels))
            && self.fields.iter().all(|(path, equal, wanted)| {
                let pointer = match path.as_str() {
                    "source" => "/source/component".to_owned(),
                    "status.successful" => "/status/succeeded".to_owned(),
                    _ => format!("/{}", path.replace('.', "/")),
                };
                let seen = object.pointer(&pointer).map(plain);
                let unset = match path.as_str() {
                    "status.successful" | "status.replicas" => "0",
                    "spec.unschedulable" | "spec.hostNetwork" => "false",
                    _ => "",
                };
                let seen = seen.unwrap_or_else(|| unset.to_owned());
                (seen == *wanted) == *equal
            })
    }
}

fn known(kind: &Kind, name: &str) -> bool {
    let more = FIELDS.iter().find(|(key, _)| *key == kind.key);
    matches!(name, "metadata.name" | "metadata.namespace")
        || more.is_some_and(|(_, fields)| fields.contains(&name))
        || selectable(kind).any(|path| path == name)
}

/// The fields that a definition lets be chosen by.
fn selectable(kind: &Kind) -> impl Iterator<Item = &str> {
    let list = kind
        .custom
        .as_ref()
        .and_then(|version| version.get("selectableFields"))
        .and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|field| field.get("jsonPath")?.as_str())
        .map(|path| path.trim_start_matches('.'))
}

fn unknown(kind: &Kind, name: &str) -> String {
    if kind.custom.is_some() || SHORT_WORDS.contains(&kind.key.as_str()) {
        return format!("field label not supported: {name}");
    }
    format!(
        "\"{name}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
    )
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn comparison(part: &str) -> Option<(&str, bool, &str)> {
    let found = part
        .split_once("!=")
        .map(|(name, value)| (name, false, value))
        .or_else(|| part.split_once("==").map(|(n, v)| (n, true, v)))
        .or_else(|| part.split_once('=').map(|(n, v)| (n, true, v)))?;
    Some((found.0.trim(), found.1, found.2.trim()))
}

impl Label {
    fn matches(&self, labels: Option<&Value>) -> bool {
        let value = |name: &str| labels.and_then(|map| map.get(name)).and_then(Value::as_str);
        let number = |name: &str| value(name).and_then(|text| text.parse::<i64>().ok());
        match self {
            Self::In(name, values) => {
                value(name).is_some_and(|seen| values.iter().any(|wanted| wanted == seen))
            }
            Self::NotIn(name, values) => {
                value(name).is_none_or(|seen| values.iter().all(|other| other != seen))
            }
            Self::Exists(name) => value(name).is_some(),
            Self::Absent(name) => value(name).is_none(),
            Self::Above(name, than) => number(name).is_some_and(|seen| seen > *than),
            Self::Below(name, than) => number(name).is_some_and(|seen| seen < *than),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Selector;
    use crate::rehearsal::{
        kinds::{Kind, Registry},
        store::Store,
    };

    fn pods() -> Kind {
        let registry = Registry::of(&Store::default());
        (**registry.find("", "v1", "pods").unwrap()).clone()
    }

    #[test]
    fn selectors_choose_as_a_real_server_does() {
        let pod = json!({"metadata": {"name": "web-1", "namespace": "care", "labels": {"app": "web", "tier": "front", "n": "5"}},
            "spec": {"nodeName": "primary"}, "status": {"phase": "Running"}});
        for (labels, fields, wanted) in [
            ("", "", true),
            ("app=web,tier==front", "", true),
            ("app!=web", "", false),
            ("missing!=web", "", true),
            ("app in (api, web),tier notin (back)", "", true),
            ("app,!missing", "", true),
            ("!app", "", false),
            ("n>4,n<6", "", true),
            ("n>5", "", false),
            ("", "metadata.name=web-1,spec.nodeName=primary", true),
            ("", "status.phase!=Running", false),
        ] {
            let selector = Selector::parse(labels, fields, &pods()).unwrap();
            assert_eq!(selector.matches(&pod), wanted, "{labels} {fields}");
        }
    }

    #[test]
    fn what_cannot_be_selected_is_said() {
        let words = Selector::parse("", "spec.colour=red", &pods()).unwrap_err();
        assert_eq!(words, "field label not supported: spec.colour");
        for (labels, words) in [
            (
                "app near (x)",
                "unable to parse requirement: found 'near', expected: in, notin, =, ==, !=, gt, lt",
            ),
            (
                "app in x",
                "unable to parse requirement: found 'x' expected: '('",
            ),
            ("a,,b", "found ',', expected: identifier after ','"),
            (
                "=",
                "found '=', expected: !, identifier, or 'end of string'",
            ),
            ("a=b!c", "found '!', expected: ',' or 'end of string'"),
        ] {
            assert_eq!(Selector::of_labels(labels).unwrap_err(), words, "{labels}");
        }
    }
}
