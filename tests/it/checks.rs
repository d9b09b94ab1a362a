//! The checks before a deploy, all together, against ports, a name server, files and a practice cluster.

pub mod peers;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::Duration,
};

use care_install::{
    catalog::standin::{self, Makers},
    check::{self, Asked, CheckResult, Verdict, verdict},
    problem::{Code, Problem},
    rehearsal::{self, ServeOptions, Serving, Speed, control},
    site::{Site, SiteDraft, sample},
    sys::{
        Routes,
        helm::{Helm, Practice},
        kube::Source,
    },
};
use peers::Says;

/// Longest that anything here may take.
const LIMIT: Duration = Duration::from_mins(1);

const NODES: [(&str, &str, &str); 2] = [
    ("primary", "10.0.0.11", "primary"),
    ("secondary", "10.0.0.12", "secondary"),
];

async fn cluster(folder: &Path, nodes: &[(&str, &str, &str)]) -> Serving {
    let mut world = control::beginnings();
    world.extend(control::nodes(nodes));
    let options = ServeOptions {
        dir: folder.join("cluster"),
        port: 0,
        speed: Speed::Max,
        idle_exit: None,
        world,
        token: None,
    };
    rehearsal::serve(options).await.unwrap()
}

fn source(serving: &Serving) -> Source {
    Source::Endpoint {
        url: serving.url.clone(),
        token: serving.token.clone(),
    }
}

fn practice() -> Helm {
    Helm::Practice(Practice {
        objects: |release| standin::objects(release, Makers::Chart),
        definition: |_| None,
    })
}

fn asked(draft: &SiteDraft, folder: &Path) -> Asked {
    Asked {
        site: Arc::new(Site::try_from(draft).unwrap()),
        folder: folder.to_path_buf(),
        source: None,
        routes: Routes::default(),
        helm: practice(),
        now: "2026-06-01T00:00:00Z".parse().unwrap(),
        only: None,
    }
}

fn routes(dns: SocketAddr, primary: SocketAddr, secondary: SocketAddr) -> Routes {
    let connect = [
        ("10.0.0.11:22".to_owned(), primary),
        ("10.0.0.12:22".to_owned(), secondary),
    ];
    Routes {
        dns: Some(dns),
        connect: connect.into(),
        ..Routes::default()
    }
}

/// Every result, by `CODE subject`.
async fn all(asked: Asked) -> BTreeMap<String, CheckResult> {
    let mut results = check::run(asked);
    let mut found = BTreeMap::new();
    let collect = async {
        while let Some(result) = results.recv().await {
            let key = format!("{} {}", result.id.code, result.id.subject);
            assert!(
                found.insert(key.clone(), result).is_none(),
                "{key} was told twice"
            );
        }
    };
    tokio::time::timeout(LIMIT, collect)
        .await
        .expect("the checks end");
    found
}

fn said(result: &CheckResult) -> String {
    match &result.verdict {
        Verdict::Pass { seen } => format!("ok {seen}"),
        Verdict::Warn { seen, .. } => format!("warn {seen}"),
        Verdict::Fail { seen, .. } => format!("FAIL {seen}"),
        Verdict::Skipped { reason } => format!("skipped {reason}"),
    }
}

/// Public names lead to the secondary machine, all others to the primary one.
fn all_good(name: &str) -> Says {
    match name.split('.').next() {
        Some("app" | "api" | "files") => Says::Addresses(&[[10, 0, 0, 12]]),
        _ => Says::Addresses(&[[10, 0, 0, 11]]),
    }
}

#[tokio::test]
async fn a_healthy_world_passes_every_check() {
    let folder = tempfile::tempdir().unwrap();
    peers::certificate(folder.path(), "*.care.example.org");
    let serving = cluster(folder.path(), &NODES).await;
    let ssh = peers::port("SSH-2.0-OpenSSH_9.6\r\n").await;
    let mut draft = sample();
    draft.set("exposure.dns_servers", "10.0.0.2");
    let mut asked = asked(&draft, folder.path());
    asked.source = Some(source(&serving));
    asked.routes = routes(peers::name_server(all_good).await, ssh, ssh);
    let found = all(asked).await;
    let not_ok: Vec<String> = found
        .iter()
        .filter(|(_, result)| !matches!(result.verdict, Verdict::Pass { .. }))
        .map(|(key, result)| format!("{key}: {}", said(result)))
        .collect();
    assert_eq!(
        not_ok,
        ["HELM-01 : skipped the practice cluster brings its own"]
    );
    // Two nodes, eight names and a wildcard at two servers, seven of the certificate, eight of the cluster, helm.
    assert_eq!(found.len(), 2 + 2 * (1 + 8 + 1) + 7 + 2 + 2 * 3 + 1);
    assert_eq!(said(&found["SSH-01 primary"]), "ok SSH-2.0-OpenSSH_9.6");
    let name = &found["DNS-02 api.care.example.org @10.0.0.2"];
    assert_eq!(said(name), "ok 10.0.0.12 (secondary)");
    assert!(found.contains_key("DNS-03 *.care.example.org"));
    assert_eq!(said(&found["K8S-02 "]), "ok v1.36.3");
    assert_eq!(said(&found["K8S-05 secondary"]), "ok secondary, amd64");
    for result in found.values() {
        assert!(result.title.len() <= 24, "{}", result.title);
        let place = if result.id.code == Code::Ssh01
            || NODES.iter().any(|(name, ..)| result.id.subject == *name)
        {
            &result.id.subject
        } else {
            "this computer"
        };
        assert_eq!(result.place, place);
    }
}

fn all_wrong(name: &str) -> Says {
    match name {
        "api.care.example.org" => Says::ServFail,
        "files.care.example.org" => Says::Nothing,
        "objects.care.example.org" => Says::Addresses(&[[10, 9, 9, 9]]),
        "grafana.care.example.org" => Says::Addresses(&[[10, 0, 0, 11], [10, 9, 9, 9]]),
        "registry.care.example.org" => Says::Addresses(&[]),
        "odoo.care.example.org" => Says::Addresses(&[[10, 0, 0, 12]]),
        "metabase.care.example.org" => Says::Addresses(&[[10, 0, 0, 11]]),
        // One more name, and the wildcard.
        _ => Says::NoName,
    }
}

/// What the broken world says.
const BROKEN: [(&str, &str); 28] = [
    ("SSH-01 primary", "FAIL says `HTTP/1.1 400 Bad Request`"),
    ("SSH-01 secondary", "FAIL connection refused"),
    ("DNS-01 this computer's", "ok answered 8 of 9"),
    ("DNS-02 app.care.example.org", "FAIL NXDOMAIN"),
    ("DNS-02 api.care.example.org", "FAIL SERVFAIL"),
    ("DNS-02 files.care.example.org", "FAIL no answer"),
    ("DNS-02 objects.care.example.org", "FAIL 10.9.9.9"),
    (
        "DNS-02 grafana.care.example.org",
        "FAIL 10.0.0.11 (primary), 10.9.9.9",
    ),
    ("DNS-02 registry.care.example.org", "FAIL no A record"),
    ("DNS-02 odoo.care.example.org", "FAIL 10.0.0.12"),
    ("DNS-02 metabase.care.example.org", "ok 10.0.0.11 (primary)"),
    ("DNS-03 *.care.example.org", "FAIL NXDOMAIN"),
    ("CRT-01 ", "ok rcgen self signed cert"),
    ("CRT-02 ", "FAIL not read"),
    ("CRT-03 ", "ok 2 certificates, up to Test Root"),
    ("CRT-04 ", "FAIL only *.example.org"),
    ("CRT-05 ", "ok TLS server"),
    ("CRT-06 ", "FAIL expired 2027-01-01"),
    ("CRT-07 ", "ok EC 256, EC 256"),
    ("K8S-01 ", "FAIL no answer"),
    ("K8S-02 ", "skipped the cluster does not answer"),
    ("K8S-03 primary", "skipped the cluster does not answer"),
    ("K8S-03 secondary", "skipped the cluster does not answer"),
    ("K8S-04 primary", "skipped nothing is known about the node"),
    (
        "K8S-04 secondary",
        "skipped nothing is known about the node",
    ),
    ("K8S-05 primary", "skipped nothing is known about the node"),
    (
        "K8S-05 secondary",
        "skipped nothing is known about the node",
    ),
    ("HELM-01 ", "FAIL cannot be used"),
];

#[tokio::test]
async fn a_broken_world_tells_every_failure_in_one_pass() {
    let folder = tempfile::tempdir().unwrap();
    peers::certificate(folder.path(), "*.example.org");
    std::fs::remove_file(folder.path().join("privkey.pem")).unwrap();
    let closed = peers::closed_port().await;
    let mut asked = asked(&sample(), folder.path());
    asked.source = Some(Source::Endpoint {
        url: format!("http://{closed}"),
        token: "none".to_owned().into(),
    });
    asked.now = "2027-06-01T00:00:00Z".parse().unwrap();
    let http = peers::port("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    asked.routes = routes(peers::name_server(all_wrong).await, http, closed);
    asked.helm = Helm::Missing(Problem::new(
        Code::Helm02,
        "The helm command is too old.",
        "Install a newer one.",
    ));
    let found = all(asked).await;
    let expected: BTreeMap<String, String> = BROKEN
        .into_iter()
        .map(|(key, said)| (key.to_owned(), said.to_owned()))
        .collect();
    let heard: BTreeMap<String, String> = found
        .iter()
        .map(|(key, result)| (key.clone(), said(result)))
        .collect();
    assert_eq!(heard, expected);
    let code = |key: &str| match &found[key].verdict {
        Verdict::Fail { problem, .. } => problem.code,
        other => panic!("{other:?}"),
    };
    // A door that knows more says it with its own code.
    assert_eq!(code("CRT-02 "), Code::File03);
    assert_eq!(code("K8S-01 "), Code::Kube03);
    assert_eq!(code("HELM-01 "), Code::Helm02);
    let results: Vec<CheckResult> = found.into_values().collect();
    assert_eq!(verdict::blocking(&results, &[]).len(), 15);
}

#[tokio::test]
async fn a_name_server_that_is_silent_is_told_once_and_its_names_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut asked = asked(&sample(), folder.path());
    let closed = peers::closed_port().await;
    asked.routes = routes(peers::name_server(|_| Says::Nothing).await, closed, closed);
    asked.only = Some(Code::Dns01);
    let found = all(asked.clone()).await;
    assert_eq!(found.len(), 1);
    assert_eq!(said(&found["DNS-01 this computer's"]), "FAIL no answer");
    asked.only = Some(Code::Dns02);
    let found = all(asked).await;
    assert_eq!(found.len(), 8);
    let words: BTreeSet<String> = found.values().map(said).collect();
    assert_eq!(words, ["skipped no name server answers".to_owned()].into());
}

#[tokio::test]
async fn only_the_checks_of_the_code_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let asked = asked(&sample(), folder.path());
    for (only, expected) in [
        (Code::Crt04, &["CRT-04 "][..]),
        // The codes of the doors mean the checks whose failures carry them.
        (Code::File03, &["CRT-01 ", "CRT-02 "]),
        (Code::Kube03, &["K8S-01 "]),
        (Code::Helm02, &["HELM-01 "]),
        (Code::K8s03, &["K8S-03 primary", "K8S-03 secondary"]),
        (Code::Plan01, &[]),
    ] {
        let mut asked = asked.clone();
        asked.only = Some(only);
        let found: Vec<String> = all(asked).await.into_keys().collect();
        assert_eq!(found, expected, "{only}");
    }
}

#[tokio::test]
async fn without_a_cluster_its_checks_say_why_they_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut asked = asked(&sample(), folder.path());
    asked.only = Some(Code::K8s01);
    let found = all(asked).await;
    assert_eq!(said(&found["K8S-01 "]), "skipped no cluster is named yet");
}

#[tokio::test]
async fn another_cluster_than_the_sites_is_told_node_by_node() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = [
        ("primary", "10.0.0.11", "secondary"),
        ("node-2", "10.0.0.12", "worker"),
    ];
    let serving = cluster(folder.path(), &nodes).await;
    let mut draft = sample();
    draft.set("cluster.version", "1.35");
    let mut asked = asked(&draft, folder.path());
    asked.source = Some(source(&serving));
    for (only, expected) in [
        (Code::K8s02, &["FAIL v1.36.3"][..]),
        (Code::K8s03, &["ok 10.0.0.11", "FAIL not there"]),
        (
            Code::K8s04,
            &["ok Ready, v1.36.3", "skipped the cluster has no such node"],
        ),
        (
            Code::K8s05,
            &[
                "FAIL labelled secondary",
                "skipped the cluster has no such node",
            ],
        ),
    ] {
        asked.only = Some(only);
        let found: Vec<String> = all(asked.clone()).await.values().map(said).collect();
        assert_eq!(found, expected, "{only}");
    }
}

#[tokio::test]
async fn a_wrong_login_is_a_failure_of_the_cluster_check() {
    let folder = tempfile::tempdir().unwrap();
    let serving = cluster(folder.path(), &NODES).await;
    let mut asked = asked(&sample(), folder.path());
    asked.source = Some(Source::Endpoint {
        url: serving.url.clone(),
        token: "canary-wrong".to_owned().into(),
    });
    asked.only = Some(Code::K8s01);
    let found = all(asked).await;
    let Verdict::Fail { problem, .. } = &found["K8S-01 "].verdict else {
        panic!("{found:?}")
    };
    assert_eq!(problem.code, Code::Kube06);
    assert!(!format!("{found:?}").contains("canary"));
}

#[tokio::test]
async fn the_checks_stop_when_nobody_listens_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let (address, called, left) = peers::silent_port().await;
    let mut asked = asked(&sample(), folder.path());
    asked.routes = routes(address, address, peers::closed_port().await);
    asked.only = Some(Code::Ssh01);
    let results = check::run(asked);
    tokio::time::timeout(LIMIT, called).await.unwrap().unwrap();
    drop(results);
    // Well before the limit of the port's own check.
    tokio::time::timeout(Duration::from_secs(2), left)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn typed_answers_are_looked_at_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    peers::certificate(folder.path(), "*.care.example.org");
    let ssh = peers::port("SSH-2.0-x\r\n").await;
    let routes = routes(
        peers::name_server(all_wrong).await,
        ssh,
        peers::closed_port().await,
    );
    let mut draft = SiteDraft::new();
    draft.set("nodes.primary.address", "10.0.0.11");
    draft.set("nodes.secondary.address", "10.0.0.12");
    draft.set("domains.base", "care.example.org");
    draft.set("certificate.chain_file", "fullchain.pem");
    draft.set("certificate.key_file", "missing.pem");
    let probe = check::probe(draft, folder.path().to_path_buf(), routes);
    let seen = tokio::time::timeout(LIMIT, probe).await.unwrap();
    let of = |field: &str| {
        let mut found = seen
            .iter()
            .filter(|seen| seen.field == field)
            .map(|seen| seen.seen.clone());
        let first = found.next();
        assert!(found.next().is_none(), "{field}");
        first
    };
    assert_eq!(
        of("nodes.primary.address"),
        Some(Ok("SSH-2.0-x".to_owned()))
    );
    assert!(
        of("nodes.secondary.address")
            .unwrap()
            .unwrap_err()
            .contains("nothing listens")
    );
    assert!(
        of("domains.base")
            .unwrap()
            .unwrap_err()
            .contains("*.care.example.org")
    );
    assert_eq!(
        of("domains.metabase"),
        Some(Ok("10.0.0.11 (primary)".to_owned()))
    );
    assert!(
        of("domains.odoo")
            .unwrap()
            .unwrap_err()
            .contains("not where this name is served")
    );
    assert!(
        of("domains.care")
            .unwrap()
            .unwrap_err()
            .contains("NXDOMAIN")
    );
    assert!(
        of("certificate.key_file")
            .unwrap()
            .unwrap_err()
            .contains("missing.pem")
    );
    assert!(of("certificate.chain_file").is_some());
    assert_eq!(of("exposure.dns_servers"), None);
    assert_eq!(of("cluster.kubeconfig"), None);
}

#[tokio::test]
async fn an_empty_draft_gives_nothing_to_look_at() {
    let folder = tempfile::tempdir().unwrap();
    let seen = check::probe(
        SiteDraft::new(),
        folder.path().to_path_buf(),
        Routes::default(),
    )
    .await;
    assert_eq!(seen, []);
}
