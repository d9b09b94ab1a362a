//! What names, labels, annotations and finalizers may be, in the words of a server. Pure.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{answer::Invalid, kinds::Kind};

/// How often a name is long at most.
const NAME: usize = 253;
const LABEL: usize = 63;

/// The size of all annotations of an object, in bytes.
const ANNOTATIONS: usize = 256 * 1024;

fn regex(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static QUALIFIED: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex("^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$"));
static SUBDOMAIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"));
static SIMPLE: LazyLock<Option<Regex>> = LazyLock::new(|| regex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"));
static KEY: LazyLock<Option<Regex>> = LazyLock::new(|| regex("^[-._a-zA-Z0-9]+$"));

fn fits(known: &LazyLock<Option<Regex>>, text: &str) -> bool {
    known.as_ref().is_none_or(|known| known.is_match(text))
}

const SUBDOMAIN_WORDS: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
     '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for \
     validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const SIMPLE_WORDS: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
     and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for \
     validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

const KEY_WORDS: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' \
     (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

const VALUE_WORDS: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
     '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
     used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn too_long(most: usize) -> String {
    format!("must be no more than {most} bytes")
}

/// What is wrong with the name of an object of a kind.
pub fn name(kind: &Kind, name: &str) -> Vec<String> {
    let (most, known, words) = match kind.key.as_str() {
        // Roles and their bindings may hold anything that is one part of a path.
        _ if kind.group == "rbac.authorization.k8s.io" => return Vec::new(),
        "Namespace" | "Service" => (LABEL, &SIMPLE, SIMPLE_WORDS),
        _ => (NAME, &SUBDOMAIN, SUBDOMAIN_WORDS),
    };
    let mut found = Vec::new();
    if name.len() > most {
        found.push(too_long(most));
    }
    if !fits(known, name) {
        found.push(words.to_owned());
    }
    found
}

/// What is wrong with the name of a label or an annotation.
pub fn qualified(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    match prefix {
        Some("") => found.push("prefix part must be non-empty".to_owned()),
        Some(prefix) if !fits(&SUBDOMAIN, prefix) => {
            found.push(format!("prefix part {SUBDOMAIN_WORDS}"));
        }
        _ => {}
    }
    if name.is_empty() {
        found.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL {
        found.push(format!("name part {}", too_long(LABEL)));
    }
    if !fits(&QUALIFIED, name) {
        found.push(
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
             alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
             '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
                .to_owned(),
        );
    }
    found
}

/// What is wrong with the value of a label.
pub fn label_value(text: &str) -> Option<String> {
    if text.len() > LABEL {
        return Some(too_long(LABEL));
    }
    (!text.is_empty() && !fits(&QUALIFIED, text)).then(|| VALUE_WORDS.to_owned())
}

fn texts<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = (&'v str, &'v str)> {
    let mut found: Vec<_> = value
        .pointer(pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, item)| (key.as_str(), item.as_str().unwrap_or_default()))
        .collect();
    found.sort_unstable();
    found.into_iter()
}

/// Everything that is wrong with the metadata of an object.
pub fn metadata(value: &Value) -> Vec<Invalid> {
    let mut wrong = Vec::new();
    labels(value, "/metadata/labels", "metadata.labels", &mut wrong);
    for (key, _) in texts(value, "/metadata/annotations") {
        for why in qualified(&key.to_lowercase()) {
            wrong.push(Invalid::value("metadata.annotations", &key.into(), &why));
        }
    }
    let size: usize = texts(value, "/metadata/annotations")
        .map(|(key, text)| key.len() + text.len())
        .sum();
    if size > ANNOTATIONS {
        wrong.push(Invalid {
            reason: "FieldValueTooLong",
            field: "metadata.annotations".to_owned(),
            message: format!("Too long: may not be more than {ANNOTATIONS} bytes"),
        });
    }
    owners(value, &mut wrong);
    let list = value
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array);
    for (at, finalizer) in list
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .enumerate()
    {
        let field = format!("metadata.finalizers[{at}]");
        let bad = qualified(finalizer);
        for why in &bad {
            wrong.push(Invalid::value(&field, &finalizer.into(), why));
        }
        let known = matches!(finalizer, "foregroundDeletion" | "orphan" | "kubernetes");
        if bad.is_empty() && !known && !finalizer.contains('/') {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            wrong.push(Invalid::value(&field, &finalizer.into(), why));
        }
    }
    wrong
}

/// What is wrong with the labels at a place.
pub fn labels(value: &Value, pointer: &str, field: &str, wrong: &mut Vec<Invalid>) {
    for (key, text) in texts(value, pointer) {
        for why in qualified(key) {
            wrong.push(Invalid::value(field, &key.into(), &why));
        }
        if let Some(why) = label_value(text) {
            wrong.push(Invalid::value(field, &text.into(), &why));
        }
    }
}

/// What of the metadata may not have changed.
pub fn changed(old: &Value, new: &Value) -> Vec<Invalid> {
    let mut wrong = Vec::new();
    let list = |value: &Value| -> Vec<String> {
        let list = value
            .pointer("/metadata/finalizers")
            .and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    };
    if old.pointer("/metadata/deletionTimestamp").is_some() {
        let known = list(old);
        let mut more: Vec<_> = list(new)
            .into_iter()
            .filter(|one| !known.contains(one))
            .collect();
        more.sort();
        if !more.is_empty() {
            let shown: Vec<_> = more.iter().map(|one| format!("\"{one}\"")).collect();
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                shown.join(", ")
            );
            wrong.push(Invalid::forbidden("metadata.finalizers", &why));
        }
    }
    wrong
}

fn owners(value: &Value, wrong: &mut Vec<Invalid>) {
    let list = value
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    for owner in list.into_iter().flatten() {
        for (name, why) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if owner
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or("")
                .is_empty()
            {
                let field = format!("metadata.ownerReferences.{name}");
                wrong.push(Invalid::value(&field, &"".into(), why));
            }
        }
    }
}

/// What is wrong with the keys of a map of configuration.
pub fn keys(value: &Value) -> Vec<Invalid> {
    let mut wrong = Vec::new();
    for side in ["data", "binaryData"] {
        for (key, _) in texts(value, &["/", side].concat()) {
            if !fits(&KEY, key) {
                let field = format!("{side}[{key}]");
                wrong.push(Invalid::value(&field, &key.into(), KEY_WORDS));
            }
        }
    }
    wrong
}
