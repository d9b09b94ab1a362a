//! Derives the field tables of the protobuf bodies from the Go types of the Kubernetes API.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use regex::Regex;
use serde_json::{Map, Value};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// Types that the rehearsal reads by hand.
const BY_HAND: &[&str] = &[
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Duration",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
    "io.k8s.apimachinery.pkg.api.resource.Quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    "io.k8s.apimachinery.pkg.runtime.RawExtension",
];

/// What a Go type is.
enum Go {
    /// Its fields: number, JSON name (empty when inline), whether zero is left out, Go type.
    Struct(Vec<(u32, String, bool, String)>),
    /// Another name for this Go type.
    Alias(String),
}

/// The tables of these types and of all that they hold.
///
/// A field is `NUMBER NAME CODE`; a code is of `+` inline, `*` pointer, `?` zero is left out, `[` list, `{` map by name, and
/// then `s` text, `b` bytes, `i` whole number, `B` yes or no, `d` number, or `m` with the name of a type.
pub fn tables(modules: &Path, version: &str, wanted: BTreeSet<String>) -> Value {
    let mut types = BTreeMap::new();
    let api = modules.join(format!("api@{version}"));
    for group in std::fs::read_dir(&api).unwrap() {
        let group = group.unwrap().path();
        let name = group.file_name().unwrap().to_str().unwrap().to_owned();
        read(
            &group.join("v1"),
            &format!("io.k8s.api.{name}.v1"),
            &mut types,
        );
    }
    let meta = modules.join(format!("apimachinery@{version}/pkg/apis/meta/v1"));
    read(&meta, META, &mut types);
    let mut found = Map::new();
    let mut left: Vec<String> = wanted.into_iter().collect();
    left.push(format!("{META}.DeleteOptions"));
    while let Some(name) = left.pop() {
        if found.contains_key(&name) || BY_HAND.contains(&name.as_str()) {
            continue;
        }
        let package = name.rsplit_once('.').unwrap().0;
        let lines: Vec<Value> = match types.get(&name) {
            None => continue,
            Some(Go::Alias(of)) => {
                vec![format!("1 @ {}", code(of, package, &types, &mut left)).into()]
            }
            Some(Go::Struct(fields)) => fields
                .iter()
                .map(|(number, json, omitted, of)| {
                    let marks = [("+", json.is_empty()), ("?", *omitted)];
                    let marks: String = marks
                        .iter()
                        .filter(|mark| mark.1)
                        .map(|mark| mark.0)
                        .collect();
                    let shown = if json.is_empty() { "-" } else { json };
                    format!(
                        "{number} {shown} {marks}{}",
                        code(of, package, &types, &mut left)
                    )
                    .into()
                })
                .collect(),
        };
        found.insert(name, lines.into());
    }
    found.into()
}

fn read(folder: &Path, package: &str, types: &mut BTreeMap<String, Go>) {
    let Ok(files) = std::fs::read_dir(folder) else {
        return;
    };
    let files = files.map(|file| file.unwrap().path());
    for file in files.filter(|file: &PathBuf| file.extension().is_some_and(|ending| ending == "go"))
    {
        read_file(&std::fs::read_to_string(file).unwrap(), package, types);
    }
}

fn read_file(text: &str, package: &str, types: &mut BTreeMap<String, Go>) {
    let alias = Regex::new(r"^type (\w+) ([\w.\[\]]+)").unwrap();
    let field =
        Regex::new(r#"^\s+(?:\w+\s+)?([\w.*\[\]]+)\s+`.*json:"([^"]*)".*protobuf:"\w+,(\d+),"#)
            .unwrap();
    let mut open: Option<(String, Vec<_>)> = None;
    for line in text.lines() {
        if let Some((name, fields)) = &mut open {
            if line == "}" {
                types.insert(std::mem::take(name), Go::Struct(std::mem::take(fields)));
                open = None;
            } else if let Some(found) = field.captures(line) {
                let mut words = found[2].split(',');
                let json = words.next().unwrap().to_owned();
                let omitted = words.any(|word| word == "omitempty" || word == "omitzero");
                fields.push((
                    found[3].parse().unwrap(),
                    json,
                    omitted,
                    found[1].to_owned(),
                ));
            }
        } else if let Some(found) = alias.captures(line) {
            let name = format!("{package}.{}", &found[1]);
            if &found[2] == "struct" {
                if line.ends_with('{') {
                    open = Some((name, Vec::new()));
                }
            } else {
                types.insert(name, Go::Alias(found[2].to_owned()));
            }
        }
    }
}

fn code(of: &str, package: &str, types: &BTreeMap<String, Go>, left: &mut Vec<String>) -> String {
    if let Some(of) = of.strip_prefix('*') {
        return format!("*{}", code(of, package, types, left));
    }
    match of {
        "[]byte" => return "b".into(),
        "string" | "types.UID" | "types.NodeName" => return "s".into(),
        "int32" | "int64" | "int" | "byte" => return "i".into(),
        "bool" => return "B".into(),
        "float64" | "float32" => return "d".into(),
        _ => {}
    }
    if let Some(of) = of.strip_prefix("[]") {
        return format!("[{}", code(of, package, types, left));
    }
    if let Some((_, of)) = of
        .strip_prefix("map[")
        .and_then(|rest| rest.split_once(']'))
    {
        return format!("{{{}", code(of, package, types, left));
    }
    let (package, bare) = match of.split_once('.') {
        Some(("metav1", bare)) => (META, bare),
        Some(("resource", bare)) => ("io.k8s.apimachinery.pkg.api.resource", bare),
        Some(("intstr", bare)) => ("io.k8s.apimachinery.pkg.util.intstr", bare),
        Some(("runtime", bare)) => ("io.k8s.apimachinery.pkg.runtime", bare),
        Some(("v1" | "corev1" | "apiv1" | "core", bare)) => ("io.k8s.api.core.v1", bare),
        foreign => {
            assert!(foreign.is_none(), "whose is {of}?");
            (package, of)
        }
    };
    let name = format!("{package}.{bare}");
    match types.get(&name) {
        // A named map is a map on the wire too, a named list is a message around one.
        Some(Go::Alias(of)) if !of.starts_with("[]") => code(of, package, types, left),
        _ => {
            left.push(name.clone());
            format!("m{name}")
        }
    }
}
