//! Who set which field, read from an object's `managedFields`; and which names stand for people. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::path::{Path, Segment, element};

/// Who we are in `managedFields`; never changed, because ownership of fields hangs on it.
pub const MANAGER: &str = "care-install";

/// Who a person is in `managedFields` who does something by hand on our screens.
pub const BY_HAND: &str = "care-install-console";

/// Names that people's tools leave in `managedFields`.
const PEOPLE: [&str; 8] = [
    BY_HAND, "kubectl", "k9s", "lens", "openlens", "freelens", "mozilla", "curl",
];

/// Names that installers leave, and whoever wrote before there were managers: nobody there sets a field again by itself.
const INSTALLERS: [&str; 3] = [MANAGER, "helm", "before-first-apply"];

/// The operators that the catalogue installs: they follow the objects that we apply.
const OPERATORS: [&str; 6] = [
    "longhorn",
    "manager",
    "cnpg",
    "cloudnative-pg",
    "plugin-barman-cloud",
    "cert-manager",
];

/// Whether a manager's fields are ours to take back: the site's settings say what they have to be, and nobody sets them
/// again by itself.
pub fn may_take_from(manager: &str) -> bool {
    is_one_of(manager, &PEOPLE) || is_one_of(manager, &INSTALLERS) || is_one_of(manager, &OPERATORS)
}

/// Whether a person's tool goes by that name.
pub fn is_person(manager: &str) -> bool {
    is_one_of(manager, &PEOPLE)
}

/// Whether Helm goes by that name.
pub fn is_helm(manager: &str) -> bool {
    is_one_of(manager, &["helm"])
}

fn is_one_of(manager: &str, known: &[&str]) -> bool {
    let name = manager.to_lowercase();
    known.iter().any(|known| {
        name.strip_prefix(known)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
    })
}

/// What one manager has set.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Who, such as `kubectl-edit`.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// Such as `scale`; empty for the object itself.
    pub subresource: String,
    /// When last.
    pub at: Option<Timestamp>,
    fields: Value,
}

/// Everyone who has set something, as the object tells it.
pub fn entries(object: &Value) -> Vec<Entry> {
    let list = object.pointer("/metadata/managedFields");
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.map(|entry| {
        let text = |name| entry.get(name).and_then(Value::as_str).unwrap_or("");
        Entry {
            manager: text("manager").to_owned(),
            operation: text("operation").to_owned(),
            subresource: text("subresource").to_owned(),
            at: text("time").parse().ok(),
            fields: entry.get("fieldsV1").cloned().unwrap_or_default(),
        }
    })
    .collect()
}

impl Entry {
    /// Whether it is ours.
    pub fn is_own(&self) -> bool {
        self.manager == MANAGER
    }

    /// The fields as a tree.
    pub fn tree(&self) -> &Value {
        &self.fields
    }

    /// Whether it has set the field at that way into the object, or something within.
    pub fn owns(&self, path: &Path, object: &Value) -> bool {
        let (mut tree, mut value) = (&self.fields, Some(object));
        for segment in path.segments() {
            value = value.and_then(|value| segment.find(value));
            let Some(map) = tree.as_object() else {
                return false;
            };
            if map.is_empty() {
                // A list or map that is set as a whole.
                return true;
            }
            let Some(below) = step(tree, segment, value) else {
                return false;
            };
            tree = below;
        }
        true
    }

    /// The ways to everything that it has set.
    pub fn leaves(&self) -> Vec<Path> {
        let mut found = Vec::new();
        leaves(&self.fields, &Path::default(), &mut found);
        found
    }
}

/// The part of a tree of fields to which a step leads.
fn step<'t>(tree: &'t Value, segment: &Segment, value: Option<&Value>) -> Option<&'t Value> {
    let map = tree.as_object()?;
    match segment {
        Segment::Key(name) => map.get(&format!("f:{name}")),
        Segment::Index(place) => map
            .get(&format!("i:{place}"))
            .or_else(|| by_fields(tree, value)),
        Segment::Item(item) => map.get(&format!("v:{item}")),
        Segment::Element(fields) => {
            by_fields(tree, Some(&Value::Object(fields.clone()))).or_else(|| by_fields(tree, value))
        }
    }
}

/// The element of a tree whose fields a value has.
fn by_fields<'t>(tree: &'t Value, value: Option<&Value>) -> Option<&'t Value> {
    let found = tree.as_object()?.iter().find(|(name, _)| {
        let fields = element(name);
        fields.is_some_and(|fields| {
            fields
                .iter()
                .all(|(name, wanted)| value.and_then(|value| value.get(name)) == Some(wanted))
        })
    });
    found.map(|(_, below)| below)
}

fn leaves(tree: &Value, at: &Path, found: &mut Vec<Path>) {
    let map = tree.as_object();
    let is_whole = map.is_none_or(|map| {
        // An element that was added as a whole, or a map that has nothing else.
        map.keys().all(|name| name == ".") || (map.contains_key(".") && is_element(at))
    });
    if is_whole {
        if !at.segments().is_empty() {
            found.push(at.clone());
        }
        return;
    }
    for (name, below) in map.into_iter().flatten() {
        let segment = if let Some(key) = name.strip_prefix("f:") {
            Segment::Key(key.to_owned())
        } else if let Some(fields) = element(name) {
            Segment::Element(fields)
        } else if let Some(Ok(item)) = name.strip_prefix("v:").map(serde_json::from_str) {
            Segment::Item(item)
        } else if let Some(Ok(place)) = name.strip_prefix("i:").map(str::parse) {
            Segment::Index(place)
        } else {
            continue;
        };
        leaves(below, &at.then(segment), found);
    }
}

fn is_element(path: &Path) -> bool {
    matches!(path.segments().last(), Some(Segment::Element(_)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object() -> Value {
        json!({
            "metadata": {"managedFields": [{
                "manager": "kubectl-edit", "operation": "Update", "time": "2026-11-26T12:00:01Z",
                "fieldsV1": {
                    "f:data": {"f:A": {}},
                    "f:metadata": {"f:finalizers": {".": {}, "v:\"x\"": {}}},
                    "f:spec": {
                        "f:args": {},
                        "f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}, "k:{\"name\":\"new\"}": {".": {}, "f:name": {}}},
                    },
                },
            }]},
            "data": {"A": "1", "B": "2"},
            "spec": {"args": ["a"], "containers": [{"name": "web", "image": "i"}, {"name": "new"}]},
        })
    }

    #[test]
    fn a_manager_owns_what_its_tree_holds_and_what_lies_within() {
        let object = object();
        let entry = &entries(&object)[0];
        assert_eq!(
            (entry.manager.as_str(), entry.is_own()),
            ("kubectl-edit", false)
        );
        assert_eq!(entry.at, "2026-11-26T12:00:01Z".parse().ok());
        let top = Path::default();
        let web = element(r#"k:{"name":"web"}"#).unwrap();
        let web = top
            .key("spec")
            .key("containers")
            .then(Segment::Element(web));
        for (path, owns) in [
            (top.key("data").key("A"), true),
            (top.key("data").key("B"), false),
            (top.key("data"), true),
            (top.key("spec").key("args").then(Segment::Index(0)), true),
            (web.key("image"), true),
            (web.key("name"), false),
            (
                top.key("spec")
                    .key("containers")
                    .then(Segment::Index(0))
                    .key("image"),
                true,
            ),
        ] {
            assert_eq!(entry.owns(&path, &object), owns, "{path}");
        }
    }

    #[test]
    fn everything_that_a_manager_has_set_is_listed_once() {
        let found: Vec<String> = entries(&object())[0]
            .leaves()
            .iter()
            .map(ToString::to_string)
            .collect();
        let wanted = [
            ".data.A",
            r#".metadata.finalizers["x"]"#,
            ".spec.args",
            r#".spec.containers[name="web"].image"#,
            r#".spec.containers[name="new"]"#,
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn people_are_told_from_programs() {
        for (manager, person, taken) in [
            ("kubectl-edit", true, true),
            ("kubectl", true, true),
            ("k9s", true, true),
            ("Mozilla", true, true),
            ("Helm", false, true),
            ("care-install", false, true),
            ("longhorn-manager", false, true),
            ("manager", false, true),
            ("before-first-apply", false, true),
            ("kubectl-client-side-apply", true, true),
            ("managers-of-others", false, false),
            ("kube-controller-manager", false, false),
            ("argocd-controller", false, false),
            ("terraform", false, false),
            ("helmsman", false, false),
        ] {
            assert_eq!(is_person(manager), person, "{manager}");
            assert_eq!(may_take_from(manager), taken, "{manager}");
        }
    }
}
