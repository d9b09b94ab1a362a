//! Requests that `tests/conformance/requests/*.yaml` lists, sent to both in order.

use std::{collections::HashMap, path::Path, sync::Arc};

use serde_json::{Value, json};

use super::{
    difference,
    marks::Marks,
    two::{Life, Reply, Sent, Side, Two, media, side_by_side},
};

const READER: &str =
    "how the JSON and YAML readers of the real server's language complain of a broken text";
const PRINTED: &str = "the whole object, or two versions of it line by line, as the real server's language prints them";
const PROSE: &str = "the documentation of the fields, which the practice cluster leaves out";

/// What stays different: a word of where the difference lies, a word of it, and why. None of it is a status, a reason or a
/// field that is named.
const STAYS: &[(&str, &str, &str)] = &[
    ("message", "json parse error", READER),
    ("message", "invalid character", READER),
    ("message", "yaml: line", READER),
    ("message", "Invalid value: \\\"{", PRINTED),
    ("message", "Invalid value: {\\\"Volumes", PRINTED),
    ("message", "Forbidden: spec is immutable after", PRINTED),
    ("message", "Forbidden: pod updates may not change", PRINTED),
    ("columnDefinitions/", "/description: ", PROSE),
    (
        "/rows/",
        "/object: null <> nothing",
        "a missing object says the same",
    ),
    (
        "/serverAddressByClientCIDRs",
        "",
        "the address at which each is served",
    ),
    ("/status/userInfo", "", "whose token it is"),
    (
        "ResourceRules",
        "",
        "the practice cluster lets its one user do everything by one rule",
    ),
    (
        "resourceRules",
        "",
        "the practice cluster lets its one user do everything by one rule",
    ),
];

/// Whether a difference is one that stays.
pub fn stays(difference: &str) -> bool {
    let (place, _) = difference.split_once(": ").unwrap_or((difference, ""));
    STAYS
        .iter()
        .any(|(at, word, _)| place.contains(at) && difference.contains(word))
}

/// How many groups run at once.
const AT_ONCE: usize = 4;

/// A sequence of requests in a namespace of its own.
#[derive(Clone)]
struct Group {
    title: String,
    namespace: String,
    life: String,
    steps: Vec<Value>,
}

fn groups() -> Vec<Group> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/requests");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let read: Vec<Value> = serde_yaml::from_str(&text)
            .map_err(|error| format!("{}: {error}", file.display()))
            .unwrap();
        for group in read {
            let only = std::env::var("CARE_CONFORMANCE_ONLY").unwrap_or_default();
            let title = group["group"].as_str().unwrap().to_owned();
            if !title.contains(&only) {
                continue;
            }
            found.push(Group {
                title,
                namespace: format!("conf-{}", found.len()),
                life: group["life"].as_str().unwrap_or("still").to_owned(),
                steps: group["steps"].as_array().unwrap().clone(),
            });
        }
    }
    found
}

/// One side of one group.
pub struct Run<'a> {
    pub side: &'a Side,
    pub namespace: &'a str,
    pub marks: Marks,
    pub kept: HashMap<String, Value>,
}

impl Run<'_> {
    /// Fills in the namespace and what earlier answers said.
    fn fill(&self, text: &str) -> String {
        let mut out = text.replace("NSX", self.namespace);
        while let Some((before, rest)) = out.split_once("<<") {
            let (place, after) = rest.split_once(">>").unwrap();
            let (label, pointer) = place.split_once('/').unwrap();
            let value = self
                .kept
                .get(label)
                .and_then(|kept| kept.pointer(&format!("/{pointer}")));
            let value = value.map_or_else(
                || "missing".to_owned(),
                |value| {
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned)
                },
            );
            out = format!("{before}{value}{after}");
        }
        out
    }

    pub fn sent(&self, step: &Value) -> Sent {
        let text = |key: &str| step[key].as_str().unwrap_or("");
        let method = ["get", "post", "put", "patch", "delete", "head", "options"]
            .into_iter()
            .find(|method| step.get(method).is_some())
            .ok_or_else(|| format!("no method: {step}"))
            .unwrap();
        let body = match (step.get("body"), step.get("raw")) {
            (Some(body), _) => body.to_string(),
            (_, Some(raw)) => raw.as_str().unwrap().to_owned(),
            _ => String::new(),
        };
        let usual = match method {
            _ if body.is_empty() => "",
            "patch" => "merge",
            _ => "json",
        };
        let content = if step.get("as").is_some() {
            text("as")
        } else {
            usual
        };
        let accept = if step.get("accept").is_some() {
            text("accept")
        } else {
            "json"
        };
        Sent {
            method: method.to_uppercase(),
            path: self.fill(text(method)),
            content: media(content).to_owned(),
            accept: media(accept).to_owned(),
            body: self.fill(&body),
        }
    }

    pub async fn step(&mut self, step: &Value) -> (Sent, Reply) {
        let sent = self.sent(step);
        let reply = match step.get("until") {
            Some(until) => {
                let wanted = until["code"].as_u64().unwrap_or(200);
                let pointer = until["path"].as_str().unwrap_or("");
                let is = until.get("is").cloned();
                self.side
                    .until(&sent, |reply| {
                        u64::from(reply.code) == wanted
                            && (pointer.is_empty() || reply.body.pointer(pointer) == is.as_ref())
                    })
                    .await
            }
            None => self.side.send(&sent).await,
        };
        if let Some(label) = step["name"].as_str() {
            self.kept.insert(label.to_owned(), reply.body.clone());
        }
        if step["silent"] == true {
            return (sent, reply);
        }
        let marked = self.marks.reply(&reply);
        (sent, marked)
    }
}

async fn run(two: Arc<Two>, group: Group) -> Vec<String> {
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": group.namespace}});
    two.make("/api/v1/namespaces", &namespace).await;
    let start = |side| Run {
        side,
        namespace: &group.namespace,
        marks: Marks::new(group.life == "moving"),
        kept: HashMap::new(),
    };
    let (mut real, mut practice) = (start(&two.real), start(&two.practice));
    let mut found = Vec::new();
    for step in &group.steps {
        let ((sent, one), (_, other)) = tokio::join!(real.step(step), practice.step(step));
        if step["silent"] == true {
            continue;
        }
        let differences = difference::between(&one, &other);
        let differences: Vec<_> = differences
            .into_iter()
            .filter(|difference| !stays(difference))
            .collect();
        if !differences.is_empty() {
            found.push(format!(
                "[{}] {sent}\n    {}",
                group.title,
                differences.join("\n    ")
            ));
        }
    }
    found
}

async fn check(life: Life, word: &str) {
    let groups: Vec<_> = groups().into_iter().filter(|g| g.life == word).collect();
    let count: usize = groups.iter().map(|group| group.steps.len()).sum();
    if groups.is_empty() {
        return;
    }
    report(&format!("requests-{word}"), &[]);
    let two = Arc::new(Two::start(life).await);
    two.define(&[
        "clusters.postgresql.cnpg.io",
        "backups.postgresql.cnpg.io",
        "objectstores.barmancloud.cnpg.io",
        "certificates.cert-manager.io",
    ])
    .await;
    let found = side_by_side(groups, AT_ONCE, |group| run(Arc::clone(&two), group)).await;
    if let Ok(two) = Arc::try_unwrap(two) {
        two.end().await;
    }
    report(&format!("requests-{word}"), &found);
    assert!(
        found.is_empty(),
        "{} of {count} answers differ (real <> practice):\n{}",
        found.len(),
        found.join("\n")
    );
}

/// Keeps what differs in a file too: there is often more than a terminal shows.
pub fn report(name: &str, found: &[String]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("conformance-{name}.txt"));
    std::fs::write(file, found.join("\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(has_go),
    ignore = "needs the `go` command to build the control plane"
)]
async fn requests_are_answered_as_a_real_server_answers_them() {
    check(Life::Still, "still").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(has_go),
    ignore = "needs the `go` command to build the control plane"
)]
async fn what_controllers_do_with_owners_and_namespaces_is_the_same() {
    check(Life::Moving, "moving").await;
}
