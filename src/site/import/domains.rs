//! Host names: the reference has a public and a local one for each service, a site has one, all of them under one base domain. Pure.

use super::Imported;
use crate::site::Field;

/// What a variable of a host name is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    field: &'static str,
    scope: Scope,
}

/// From where a host name is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Public,
    Local,
    Any,
}

/// Each field with the names that the reference and its charts have for the service.
const SERVICES: [(&str, &[&str]); 8] = [
    (
        "domains.care",
        &[
            "care",
            "care_fe",
            "carefe",
            "care_frontend",
            "frontend",
            "app",
        ],
    ),
    (
        "domains.care_api",
        &[
            "careapi",
            "care_api",
            "care_be",
            "carebe",
            "care_backend",
            "backend",
            "api",
        ],
    ),
    (
        "domains.files",
        &[
            "files",
            "s3",
            "objectstore",
            "object_store",
            "objectstore_api",
            "rustfs",
            "rustfs_api",
            "minio",
        ],
    ),
    (
        "domains.object_console",
        &[
            "objectstore_console",
            "object_store_console",
            "rustfs_console",
            "minio_console",
            "object_console",
            "objects",
        ],
    ),
    ("domains.grafana", &["grafana", "monitoring"]),
    (
        "domains.registry",
        &["registry", "zot", "container_registry"],
    ),
    ("domains.odoo", &["odoo", "erp"]),
    ("domains.metabase", &["metabase", "analytics"]),
];

/// The services that people outside reach.
const OUTSIDE: [&str; 3] = ["domains.care", "domains.care_api", "domains.files"];

/// What a variable names, when it names the host of a service.
pub fn host(name: &str) -> Option<Host> {
    let ends = ["_domain_name", "_domain", "_hostname", "_host", "_fqdn"];
    let stem = ends.iter().find_map(|end| name.strip_suffix(end))?;
    let stem = stem.strip_prefix("domains_").unwrap_or(stem);
    let scopes = [
        ("public", Scope::Public),
        ("external", Scope::Public),
        ("local", Scope::Local),
        ("private", Scope::Local),
        ("internal", Scope::Local),
    ];
    let split = scopes.iter().find_map(|(word, scope)| {
        let behind = stem.strip_suffix(word)?.strip_suffix('_')?;
        Some((behind, *scope))
    });
    let (service, scope) = split.unwrap_or((stem, Scope::Any));
    let row = SERVICES
        .iter()
        .find(|(_, names)| names.contains(&service))?;
    Some(Host {
        field: row.0,
        scope,
    })
}

/// Finds the base domain and takes one name of each service under it.
pub fn take(imported: &mut Imported, hosts: Vec<(usize, String, Host, String)>) {
    let hosts: Vec<(usize, String, Host, String)> = hosts
        .into_iter()
        .map(|(line, name, host, text)| (line, name, host, bare(&text)))
        .collect();
    let first = |field: &str| {
        let of = hosts.iter().filter(|(_, _, host, _)| host.field == field);
        let best = of.min_by_key(|(_, _, host, _)| rank(field, host.scope));
        best.and_then(|(_, _, _, text)| text.split_once('.'))
            .map(|(_, rest)| rest.to_owned())
    };
    if let Some(base) = first("domains.care").or_else(|| first("domains.care_api")) {
        imported.assume("domains.base", &base, "Care's own name lies under it");
    }
    let base = imported.draft.get("domains.base").to_owned();
    let mut sorted = hosts;
    // The best of each service comes first; the others are then told as one too many.
    sorted.sort_by_key(|(line, _, host, _)| (rank(host.field, host.scope), *line));
    for (line, name, host, text) in sorted {
        let is_under = text.split_once('.').is_some_and(|(_, rest)| rest == base);
        let Some(field) = Field::find(host.field) else {
            continue;
        };
        if text.is_empty() {
            imported.leave(line, &name, "it is empty, so the preset holds");
        } else if is_under {
            take_one(imported, (line, &name), field, &text);
        } else {
            let why = format!(
                "{text} does not lie one level under the base domain {base}; the certificate would not cover it"
            );
            imported.leave(line, &name, why);
        }
    }
}

fn take_one(imported: &mut Imported, from: (usize, &str), field: &'static Field, text: &str) {
    let has = imported.draft.get(field.id).to_owned();
    if has.is_empty() || has == text {
        imported.answer(from, field, text);
    } else {
        let why = format!(
            "a site has one name for each service; {} is {has}",
            field.id
        );
        imported.leave(from.0, from.1, why);
    }
}

/// The public name of what people outside reach, the local one of everything else.
fn rank(field: &str, scope: Scope) -> u8 {
    match (scope, OUTSIDE.contains(&field)) {
        (Scope::Public, true) | (Scope::Local, false) => 0,
        (Scope::Any, _) => 1,
        (Scope::Local, true) | (Scope::Public, false) => 2,
    }
}

/// A host name without what people put around it.
fn bare(text: &str) -> String {
    let text = text
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    text.trim_end_matches(['/', '.']).to_lowercase()
}
