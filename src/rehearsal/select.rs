//! Label and field selectors of lists and watches. Pure.

use serde_json::Value;

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
}

/// The fields that may be selected; a real server knows few more.
const FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.unschedulable",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
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
    "status.successful",
];

impl Selector {
    /// Reads both selectors of a request.
    ///
    /// # Errors
    /// A sentence about what cannot be read.
    pub fn parse(labels: &str, fields: &str) -> Result<Self, String> {
        let mut selector = Self::default();
        for part in split(labels) {
            selector.labels.push(label(part.trim())?);
        }
        for part in fields.split(',').filter(|part| !part.is_empty()) {
            let (name, equal, value) = comparison(part)
                .ok_or_else(|| format!("invalid selector: '{part}'; can't understand it"))?;
            if !FIELDS.contains(&name) {
                return Err(format!("field label not supported: {name}"));
            }
            selector
                .fields
                .push((name.to_owned(), equal, value.to_owned()));
        }
        Ok(selector)
    }

    /// Whether an object is wanted.
    pub fn matches(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        self.labels.iter().all(|label| label.matches(labels))
            && self.fields.iter().all(|(path, equal, wanted)| {
                let pointer = match path.as_str() {
                    "source" => "/source/component".to_owned(),
                    _ => format!("/{}", path.replace('.', "/")),
                };
                let seen = object.pointer(&pointer).map(plain).unwrap_or_default();
                (seen == *wanted) == *equal
            })
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Splits at commas outside of brackets.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    })
    .filter(|part| !part.trim().is_empty())
    .collect()
}

fn comparison(part: &str) -> Option<(&str, bool, &str)> {
    let found = part
        .split_once("!=")
        .map(|(name, value)| (name, false, value))
        .or_else(|| part.split_once("==").map(|(n, v)| (n, true, v)))
        .or_else(|| part.split_once('=').map(|(n, v)| (n, true, v)))?;
    Some((found.0.trim(), found.1, found.2.trim()))
}

fn label(part: &str) -> Result<Label, String> {
    let failed = || format!("unable to parse requirement: {part}");
    if let Some((name, equal, value)) = comparison(part) {
        let values = vec![value.to_owned()];
        return Ok(if equal {
            Label::In(name.to_owned(), values)
        } else {
            Label::NotIn(name.to_owned(), values)
        });
    }
    if let Some(name) = part.strip_prefix('!') {
        return Ok(Label::Absent(name.trim().to_owned()));
    }
    let Some((head, rest)) = part.split_once('(') else {
        return if part.contains(' ') {
            Err(failed())
        } else {
            Ok(Label::Exists(part.to_owned()))
        };
    };
    let values = rest.strip_suffix(')').ok_or_else(failed)?;
    let values = values.split(',').map(|v| v.trim().to_owned()).collect();
    match head.split_whitespace().collect::<Vec<_>>().as_slice() {
        [name, "in"] => Ok(Label::In((*name).to_owned(), values)),
        [name, "notin"] => Ok(Label::NotIn((*name).to_owned(), values)),
        _ => Err(failed()),
    }
}

impl Label {
    fn matches(&self, labels: Option<&Value>) -> bool {
        let value = |name: &str| labels.and_then(|map| map.get(name)).and_then(Value::as_str);
        match self {
            Self::In(name, values) => {
                value(name).is_some_and(|seen| values.iter().any(|wanted| wanted == seen))
            }
            Self::NotIn(name, values) => {
                value(name).is_none_or(|seen| values.iter().all(|other| other != seen))
            }
            Self::Exists(name) => value(name).is_some(),
            Self::Absent(name) => value(name).is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Selector;

    #[test]
    fn selectors_choose_as_a_real_server_does() {
        let pod = json!({"metadata": {"name": "web-1", "namespace": "care", "labels": {"app": "web", "tier": "front"}},
            "spec": {"nodeName": "primary"}, "status": {"phase": "Running"}});
        for (labels, fields, wanted) in [
            ("", "", true),
            ("app=web,tier==front", "", true),
            ("app!=web", "", false),
            ("missing!=web", "", true),
            ("app in (api, web),tier notin (back)", "", true),
            ("app,!missing", "", true),
            ("!app", "", false),
            ("", "metadata.name=web-1,spec.nodeName=primary", true),
            ("", "status.phase!=Running", false),
        ] {
            let selector = Selector::parse(labels, fields).unwrap();
            assert_eq!(selector.matches(&pod), wanted, "{labels} {fields}");
        }
    }

    #[test]
    fn what_cannot_be_selected_is_said() {
        let words = Selector::parse("", "spec.colour=red").unwrap_err();
        assert_eq!(words, "field label not supported: spec.colour");
        assert!(Selector::parse("app near (x)", "").is_err());
    }
}
