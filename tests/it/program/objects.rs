//! Everything that a practice cluster holds, read over its API, and what of it is the same from one deploy to the next.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::LazyLock,
};

use care_install::rehearsal;
use http::Request;
use kube::{Client, Config};
use regex::Regex;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Site;

/// Kinds that change by themselves, or tell of what happened and not of what is.
const RESTLESS: &[&str] = &[
    "Event",
    "Lease",
    "Node",
    "ComponentStatus",
    "NodeMetrics",
    "PodMetrics",
];

/// Every object by kind, namespace and name.
pub type Objects = BTreeMap<String, Value>;

/// Reads every object of every kind.
pub(super) async fn all(site: &Site) -> Objects {
    let point = rehearsal::find(&site.cluster())
        .await
        .expect("no practice cluster");
    of(&point.url, &point.token).await
}

/// The same of a practice cluster that is served at this address.
pub async fn of(url: &str, token: &SecretString) -> Objects {
    let mut config = Config::new(url.parse().unwrap());
    config.auth_info.token = Some(token.expose_secret().to_owned().into());
    config.proxy_url = None;
    let client = Client::try_from(config).unwrap();
    let ask = async |path: &str| -> Value {
        let request = Request::get(path).body(Vec::new()).unwrap();
        client.request(request).await.unwrap()
    };
    let mut places = vec!["/api/v1".to_owned()];
    for group in ask("/apis").await["groups"].as_array().unwrap() {
        let version = group["preferredVersion"]["groupVersion"].as_str().unwrap();
        places.push(format!("/apis/{version}"));
    }
    let mut found = Objects::new();
    for place in places {
        for kind in ask(&place).await["resources"].as_array().unwrap() {
            let (name, verbs) = (kind["name"].as_str().unwrap(), kind["verbs"].to_string());
            if name.contains('/') || !verbs.contains("\"list\"") {
                continue;
            }
            let kind = kind["kind"].as_str().unwrap();
            let list = ask(&format!("{place}/{name}")).await;
            for object in list["items"].as_array().unwrap() {
                let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
                let namespace = text("/metadata/namespace").unwrap_or("-");
                let key = format!(
                    "{place} {kind} {namespace} {}",
                    text("/metadata/name").unwrap()
                );
                found.insert(key, object.clone());
            }
        }
    }
    found
}

/// The version of every object that keeps still.
pub fn versions(objects: &Objects) -> BTreeMap<String, String> {
    let still = objects.iter().filter(|(key, _)| !is_restless(key));
    still
        .map(|(key, object)| {
            (
                key.clone(),
                object["metadata"]["resourceVersion"].to_string(),
            )
        })
        .collect()
}

pub fn is_restless(key: &str) -> bool {
    key.split(' ')
        .nth(1)
        .is_some_and(|kind| RESTLESS.contains(&kind))
}

/// Whether it holds the rows of a simulated database, its bucket, or their history: they grow while Care writes.
pub fn holds_rows(key: &str) -> bool {
    key.contains(" ConfigMap ")
        && (key.ends_with("-rows")
            || key.ends_with("-practice")
            || key.ends_with("practice-bucket"))
}

/// What the objects say without what chance and time put into them: a line for each field, sorted.
pub fn neutral(objects: &Objects) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, object) in objects.iter().filter(|(key, _)| !is_restless(key)) {
        let (_place, about) = key.split_once(' ').unwrap();
        let mut fields = Vec::new();
        flatten("", object, &mut fields);
        let issued = is_issued(key, object);
        let kept = fields
            .into_iter()
            .filter(|(path, _)| !(is_chance(about, path) || issued && path.starts_with("/data/")));
        let rows = holds_rows(key);
        lines.extend(kept.map(|(path, value)| {
            let value = if rows { first_count(&value) } else { &value };
            plain(&format!("{about} {path} = {value}"))
        }));
    }
    lines.sort();
    lines
}

/// Whether it is a Secret that the cluster's own authority filled: every cluster has other keys.
fn is_issued(key: &str, object: &Value) -> bool {
    // The operator of the databases signs for each of them by an authority of its own.
    let database = object["metadata"]["ownerReferences"][0]["kind"] == "Cluster"
        && ["-ca", "-server", "-replication"]
            .iter()
            .any(|end| key.ends_with(end));
    let certificate =
        object["metadata"]["annotations"]["cert-manager.io/certificate-name"].is_string();
    key.contains(" Secret ") && (database || certificate)
}

/// A history of counts up to its second entry: how many there are hangs on how much time has passed.
fn first_count(value: &str) -> &str {
    static ENTRY: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"\{\\+"at\\+""#).unwrap());
    let second = ENTRY.find_iter(value).nth(1);
    second.map_or(value, |entry| value.split_at(entry.start()).0)
}

/// Each field that holds a plain value, with its path.
fn flatten(path: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                flatten(&format!("{path}/{name}"), value, fields);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (index, value) in list.iter().enumerate() {
                flatten(&format!("{path}/{index}"), value, fields);
            }
        }
        value => fields.push((path.to_owned(), value.to_string())),
    }
}

/// Fields that chance, time, counting or the choice among equal nodes fill.
fn is_chance(about: &str, path: &str) -> bool {
    const FIELDS: &[&str] = &[
        "resourceVersion",
        "containerID",
        "ContainerID",
        "systemID",
        "nodeName",
        "hostIP",
        "currentNodeID",
        "ownerID",
        "backupId",
        "backupName",
        "instanceID",
        "beginLSN",
        "endLSN",
        "beginWal",
        "endWal",
    ];
    // A release holds the moment at which it was made.
    let release = about.contains("sh.helm.release") && path == "/data/release";
    let placed = path.contains("/hostIPs/")
        || path.contains("/managedFields/")
        || path.contains("/instanceID/");
    release
        || placed
        || FIELDS
            .iter()
            .any(|field| path.ends_with(&format!("/{field}")))
}

/// Moments, identifiers, addresses of pods and the ends of made-up names become words.
fn plain(text: &str) -> String {
    static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (
                r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| \+0000 UTC)",
                "TIME",
            ),
            (r"\b20\d{12}\b", "TIME"),
            (
                r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
                "UID",
            ),
            (r#""10\.(244|96)\.\d+\.\d+""#, "\"IP\""),
            (
                r"\b([A-Za-z0-9.-]*[A-Za-z0-9])-[bcdfghjklmnpqrstvwxz2456789]{5}\b",
                "$1-CHANCE",
            ),
        ]
        .map(|(pattern, word)| (Regex::new(pattern).unwrap(), word))
        .into()
    });
    let mut text = text.to_owned();
    for (pattern, word) in RULES.iter() {
        text = pattern.replace_all(&text, *word).into_owned();
    }
    text
}

/// Says what is only in one of two pictures.
#[track_caller]
pub fn assert_same(left: &[String], expected: &[String]) {
    let differ = |one: &[String], other: &[String]| {
        let other: BTreeSet<&String> = other.iter().collect();
        let only = one.iter().filter(|line| !other.contains(line));
        only.cloned().collect::<Vec<String>>().join("\n  ")
    };
    let (more, fewer) = (differ(left, expected), differ(expected, left));
    assert!(
        more.is_empty() && fewer.is_empty(),
        "only after it was disturbed:\n  {more}\nonly without:\n  {fewer}"
    );
    assert_eq!(left.len(), expected.len());
}

/// No job that the cluster ever had was made or run a second time.
#[track_caller]
pub(super) fn assert_jobs_once(site: &Site) {
    let jobs = jobs_ever(site);
    assert!(jobs.len() >= 3, "{jobs:?}");
    for (name, (made, pods)) in jobs {
        assert_eq!(made.len(), 1, "the job {name} was made anew");
        assert_eq!(pods.len(), 1, "the job {name} ran more than once");
    }
}

/// Every job that the cluster ever had, by name, with its identities and the pods that were made for it, from what the
/// practice cluster wrote to its disk.
pub(super) fn jobs_ever(site: &Site) -> BTreeMap<String, (Vec<String>, Vec<String>)> {
    jobs_in(&site.cluster())
}

/// The same of the practice cluster in this folder.
pub fn jobs_in(cluster: &Path) -> BTreeMap<String, (Vec<String>, Vec<String>)> {
    let text = fs::read_to_string(cluster.join("objects.log")).unwrap();
    let mut jobs: BTreeMap<String, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for line in text.lines() {
        let (_, record) = line.split_once(' ').unwrap();
        // The last line may just be written.
        let Ok(record) = serde_json::from_str::<Value>(record) else {
            continue;
        };
        for change in record["changes"].as_array().unwrap() {
            let object = &change["put"];
            let metadata = &object["metadata"];
            let uid = metadata["uid"].as_str().unwrap_or_default().to_owned();
            let mut note = |name: &Value, is_job: bool| {
                let of = jobs.entry(name.as_str().unwrap().to_owned()).or_default();
                let list = if is_job { &mut of.0 } else { &mut of.1 };
                if !list.contains(&uid) {
                    list.push(uid.clone());
                }
            };
            if object["kind"] == "Job" {
                note(&metadata["name"], true);
            } else if object["kind"] == "Pod" && metadata["ownerReferences"][0]["kind"] == "Job" {
                note(&metadata["ownerReferences"][0]["name"], false);
            }
        }
    }
    jobs
}
