//! The alert rules of the monitoring: accepted and played by the real promtool, one for each finding that can be measured, in the
//! words of the health screen; and dashboards that hold together.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use care_install::{
    catalog::Catalog,
    plan::{self, Action, Plan},
    problem::Code,
    site::{SecretName, Site},
};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use crate::catalog::{full_plan, full_plan_with, sample_parts};

/// Findings that no metric of the cluster tells, each with its reason.
const NOT_MEASURED: &[(&str, &str)] = &[
    ("WAIT-01", "is about a step of a deploy"),
    ("WAIT-13", "is about a step of a deploy"),
    ("WAIT-08", "is told with POD-05 once it lasts"),
    ("WAIT-09", "shows as APP-01: its pods are missing"),
    (
        "VOL-05",
        "Longhorn has no metric for its target; VOL-01 and PG-03 do not depend on it",
    ),
    (
        "PG-05",
        "a backup that hangs has no metric; PG-04 is told once the last one is too old",
    ),
    (
        "APP-03",
        "what lies behind an address is not counted; pods that do not run show as APP-01",
    ),
    ("APP-04", "which classes there are is no metric"),
    (
        "NODE-05",
        "a drain is a person's doing, who sees it; NODE-01 is told meanwhile",
    ),
    (
        "PG-09",
        "somebody has stopped it on purpose, and what tells alerts rests with it",
    ),
    ("PG-06", "is what the settings say, not what is measured"),
    (
        "PG-08",
        "a schedule that stands still has no metric; PG-04 is told once the last one is too old",
    ),
];

fn applied(plan: &Plan, kind: &str) -> Vec<Value> {
    let objects = plan.steps.iter().flat_map(|step| match &step.action {
        Action::Apply(objects) => objects.as_slice(),
        _ => &[],
    });
    objects
        .map(|object| object.value().clone())
        .filter(|object| object["kind"] == kind)
        .collect()
}

fn rules() -> Value {
    let mut all = applied(&full_plan(), "PrometheusRule");
    assert_eq!(all.len(), 1);
    all.remove(0)["spec"].take()
}

/// Runs the real promtool; without it nothing is shown, and where the real peers are required it must be there.
fn promtool(folder: &Path, arguments: &[&str]) {
    let output = match Command::new("promtool")
        .current_dir(folder)
        .args(arguments)
        .output()
    {
        Ok(output) => output,
        Err(error) => {
            let required = std::env::var("CARE_TESTBED").is_ok_and(|value| value == "required");
            assert!(
                !required,
                "promtool is missing ({error}): apt-get install prometheus"
            );
            return;
        }
    };
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "promtool {arguments:?}\n{}{}",
        said(&output.stdout),
        said(&output.stderr)
    );
}

/// One finding as Prometheus would see it: the alert, what is measured, when it is looked at, and the labels of the alert.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static [(&'static str, &'static str)],
);

const WORKER: &[(&str, &str)] = &[
    ("namespace", "care-be"),
    ("pod", "care-worker-1"),
    ("container", "worker"),
];

const CASES: &[Case] = &[
    (
        "ImagePullFails",
        &[(
            r#"kube_pod_container_status_waiting_reason{namespace="care-be", pod="care-worker-1", container="worker", reason="ImagePullBackOff"}"#,
            "1x20",
        )],
        "6m",
        WORKER,
    ),
    (
        "ContainerOutOfMemory",
        &[
            (
                r#"kube_pod_container_status_restarts_total{namespace="care-be", pod="care-worker-1", container="worker"}"#,
                "0 0 1 1 1 1 1",
            ),
            (
                r#"kube_pod_container_status_last_terminated_reason{namespace="care-be", pod="care-worker-1", container="worker", reason="OOMKilled"}"#,
                "_ _ 1x8",
            ),
        ],
        "2m",
        WORKER,
    ),
    (
        "NodeShort",
        &[(
            r#"kube_node_status_condition{node="secondary", condition="MemoryPressure", status="true"}"#,
            "0 1x8",
        )],
        "3m",
        &[("node", "secondary"), ("condition", "MemoryPressure")],
    ),
    (
        "NamesNotAnswered",
        &[(
            r#"kube_deployment_status_replicas_available{namespace="kube-system", deployment="coredns"}"#,
            "2 0x8",
        )],
        "3m",
        &[("namespace", "kube-system"), ("deployment", "coredns")],
    ),
    (
        "NamespaceDoesNotEnd",
        &[(
            r#"kube_namespace_status_phase{namespace="trial", phase="Terminating"}"#,
            "0 1x30",
        )],
        "12m",
        &[("namespace", "trial")],
    ),
    (
        "ScheduleStandsStill",
        &[
            (
                r#"kube_cronjob_next_schedule_time{namespace="database", cronjob="care-db-rows"}"#,
                "0x60",
            ),
            (
                r#"kube_cronjob_spec_suspend{namespace="database", cronjob="care-db-rows"}"#,
                "0x60",
            ),
        ],
        "21m",
        &[("namespace", "database"), ("cronjob", "care-db-rows")],
    ),
    (
        "JobDoesNotEnd",
        &[
            (
                r#"kube_job_status_start_time{namespace="snowstorm", job_name="snowstorm-load"}"#,
                "0x800",
            ),
            (
                r#"kube_job_status_active{namespace="snowstorm", job_name="snowstorm-load"}"#,
                "1x800",
            ),
        ],
        "366m",
        &[("namespace", "snowstorm"), ("job_name", "snowstorm-load")],
    ),
    (
        "NewVersionWaits",
        &[(
            r#"kube_deployment_status_condition{namespace="care-fe", deployment="care-web", condition="Progressing", status="false"}"#,
            "0 1x8",
        )],
        "3m",
        &[("namespace", "care-fe"), ("deployment", "care-web")],
    ),
    (
        "ClockWrong",
        &[(
            r#"node_time_seconds{instance="192.168.20.12:9100"}"#,
            "0 1000+30x20",
        )],
        "7m",
        &[("instance", "192.168.20.12:9100")],
    ),
    (
        "CertificateNotIssued",
        &[(
            r#"certmanager_certificate_ready_status{namespace="opensearch", name="opensearch-node", condition="False"}"#,
            "0 1x40",
        )],
        "17m",
        &[("namespace", "opensearch"), ("name", "opensearch-node")],
    ),
    (
        "SecondCopyLags",
        &[(
            r#"cnpg_pg_replication_lag{namespace="database", pod="care-db-2"}"#,
            "0 900x20",
        )],
        "7m",
        &[("namespace", "database"), ("pod", "care-db-2")],
    ),
    (
        "NodeSilent",
        &[(
            r#"kube_node_status_condition{node="secondary", condition="Ready", status="true"}"#,
            "1 0x8",
        )],
        "3m",
        &[("node", "secondary")],
    ),
    (
        "DiskNearlyFull",
        &[
            (
                r#"longhorn_disk_usage_bytes{node="primary", disk="ssd"}"#,
                "10 95x20",
            ),
            (
                r#"longhorn_disk_capacity_bytes{node="primary", disk="ssd"}"#,
                "100x21",
            ),
        ],
        "7m",
        &[("node", "primary"), ("disk", "ssd")],
    ),
    (
        "VolumeShortOfCopies",
        &[(
            r#"longhorn_volume_robustness{volume="pvc-1", state="degraded"}"#,
            "0 1x20",
        )],
        "7m",
        &[("volume", "pvc-1")],
    ),
    (
        "ChangesNotArchived",
        &[
            (
                r#"cnpg_pg_stat_archiver_last_failed_time{namespace="database", pod="care-db-1"}"#,
                "-1 200x8",
            ),
            (
                r#"cnpg_pg_stat_archiver_last_archived_time{namespace="database", pod="care-db-1"}"#,
                "100x9",
            ),
        ],
        "3m",
        &[("namespace", "database")],
    ),
    (
        "DatabaseDown",
        &[(
            r#"cnpg_pg_replication_in_recovery{namespace="database", pod="care-db-1"}"#,
            "0 1x8",
        )],
        "3m",
        &[],
    ),
    (
        "DatabaseWithoutSecondCopy",
        &[
            (
                r#"cnpg_collector_up{namespace="database", pod="care-db-1"}"#,
                "1x20",
            ),
            (
                r#"cnpg_collector_up{namespace="database", pod="care-db-2"}"#,
                "1 0x20",
            ),
            (
                r#"cnpg_pg_replication_in_recovery{namespace="database", pod="care-db-1"}"#,
                "0x20",
            ),
        ],
        "7m",
        &[],
    ),
    (
        "CertificateEnds",
        &[(
            r#"certmanager_certificate_expiration_timestamp_seconds{namespace="private-nginx", name="site"}"#,
            "600x40",
        )],
        "11m",
        &[("namespace", "private-nginx"), ("name", "site")],
    ),
];

/// A case as promtool plays it.
fn seen((alert, series, after, labels): &Case) -> Value {
    let rule = rules();
    let rules = rule["groups"].as_array().unwrap().iter();
    let mut rules = rules.flat_map(|group| group["rules"].as_array().unwrap());
    let rule = rules.find(|rule| rule["alert"] == **alert).unwrap().clone();
    let mut all = rule["labels"].clone();
    for (key, value) in *labels {
        all[*key] = (*value).into();
    }
    let about = |text: &Value| {
        let mut text = text.as_str().unwrap().to_owned();
        for (key, value) in all.as_object().unwrap() {
            text = text.replace(&format!("{{{{ $labels.{key} }}}}"), value.as_str().unwrap());
        }
        text
    };
    let notes = &rule["annotations"];
    let expected = json!([{"exp_labels": all, "exp_annotations": {
        "summary": about(&notes["summary"]), "description": about(&notes["description"])}}]);
    let series = series.iter();
    let series = series.map(|(series, values)| json!({"series": series, "values": values}));
    json!({
        "interval": "30s",
        "input_series": series.collect::<Vec<_>>(),
        "alert_rule_test": [
            {"eval_time": "0s", "alertname": alert, "exp_alerts": []},
            {"eval_time": after, "alertname": alert, "exp_alerts": expected},
        ],
    })
}

#[test]
fn the_rules_are_accepted_and_see_what_the_health_screen_sees() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, value: &Value| {
        fs::write(
            folder.path().join(name),
            serde_yaml::to_string(value).unwrap(),
        )
        .unwrap();
    };
    write("rules.yaml", &rules());
    promtool(folder.path(), &["check", "rules", "rules.yaml"]);
    let tests: Vec<Value> = CASES.iter().map(seen).collect();
    write(
        "tests.yaml",
        &json!({"rule_files": ["rules.yaml"], "evaluation_interval": "30s", "tests": tests}),
    );
    promtool(folder.path(), &["test", "rules", "tests.yaml"]);
}

/// The rules of a site whose certificate ends on that day of January 1970, where promtool's time begins.
fn rules_of_one_that_ends(day: u8) -> Value {
    let (mut draft, mut secrets) = sample_parts();
    draft.set("components.monitoring", "on");
    let mut params = CertificateParams::new(vec!["*.care.example.org".to_owned()]).unwrap();
    params.not_before = date_time_ymd(1970, 1, 1);
    params.not_after = date_time_ymd(1970, 1, day);
    let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    secrets.set(SecretName::CertificateChain, made.pem().into());
    let site = Site::try_from(&draft).unwrap();
    let plan = plan::build(&site, &secrets, &Catalog::load().unwrap()).unwrap();
    applied(&plan, "PrometheusRule").remove(0)["spec"].take()
}

#[test]
fn a_certificate_that_was_given_as_files_is_told_three_weeks_and_three_days_before_its_end() {
    for (day, alert, severity) in [
        (22, "CertificateEndsSoon", "warning"),
        (4, "CertificateHardlyLasts", "critical"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let rules = rules_of_one_that_ends(day);
        let expected = json!([{
            "exp_labels": {"severity": severity, "code": "CRT-06"},
            "exp_annotations": {
                "summary": format!("Certificate lets-encrypt-cert: {}", Code::Crt06.title()),
                "description": "care-install explain CRT-06 says what it means and what to do.",
            },
        }]);
        let test = json!({
            "interval": "30s",
            "input_series": [],
            "alert_rule_test": [
                {"eval_time": "0s", "alertname": alert, "exp_alerts": []},
                {"eval_time": "10m", "alertname": alert, "exp_alerts": []},
                {"eval_time": "11m", "alertname": alert, "exp_alerts": expected},
            ],
        });
        let tests =
            json!({"rule_files": ["rules.yaml"], "evaluation_interval": "30s", "tests": [test]});
        for (name, value) in [("rules.yaml", &rules), ("tests.yaml", &tests)] {
            fs::write(
                folder.path().join(name),
                serde_yaml::to_string(value).unwrap(),
            )
            .unwrap();
        }
        promtool(folder.path(), &["check", "rules", "rules.yaml"]);
        promtool(folder.path(), &["test", "rules", "tests.yaml"]);
    }
}

#[test]
fn a_certificate_that_the_cluster_renews_is_told_by_its_own_alert_alone() {
    let plan = full_plan_with(&[
        ("certificate.source", "acme"),
        ("certificate.acme_email", "it@example.org"),
    ]);
    let text = applied(&plan, "PrometheusRule").remove(0).to_string();
    assert!(text.contains("CertificateEnds\""), "{text}");
    assert!(!text.contains("CertificateEndsSoon"), "{text}");
}

#[test]
fn every_finding_of_the_health_screen_has_its_alert_or_a_reason() {
    let rules = rules();
    let groups = rules["groups"].as_array().unwrap();
    let alerts = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap());
    let told: BTreeSet<&str> = alerts
        .map(|rule| rule["labels"]["code"].as_str().unwrap())
        .collect();
    let families = ["WAIT-", "POD-", "APP-", "NODE-", "VOL-", "PG-"];
    let named = |code: &&str| families.iter().any(|family| code.starts_with(family));
    let all: BTreeSet<&str> = Code::ALL
        .iter()
        .map(|code| code.as_str())
        .filter(named)
        .chain(["CRT-06", "CRT-08"])
        .collect();
    let left_out: BTreeSet<&str> = NOT_MEASURED.iter().map(|(code, _)| *code).collect();
    let missing: Vec<_> = all
        .iter()
        .filter(|code| !told.contains(*code) && !left_out.contains(*code))
        .collect();
    let both: Vec<_> = told.intersection(&left_out).collect();
    let unknown: Vec<_> = told.difference(&all).collect();
    assert!(
        missing.is_empty() && both.is_empty() && unknown.is_empty(),
        "{missing:?} {both:?} {unknown:?}"
    );
}

#[test]
fn every_dashboard_is_json_whose_panels_do_not_overlap() {
    let maps = applied(&full_plan(), "ConfigMap");
    let boards = maps
        .iter()
        .filter(|map| map["metadata"]["labels"]["grafana_dashboard"] == "1");
    let mut count = 0;
    for map in boards {
        count += 1;
        let (_, text) = map["data"].as_object().unwrap().iter().next().unwrap();
        let board: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        let mut places = BTreeSet::new();
        for panel in board["panels"].as_array().unwrap() {
            let place = &panel["gridPos"];
            assert!(
                places.insert((place["x"].to_string(), place["y"].to_string())),
                "{board}"
            );
            assert!(["prometheus", "loki"].contains(&panel["datasource"]["uid"].as_str().unwrap()));
            assert!(!panel["targets"][0]["expr"].as_str().unwrap().is_empty());
        }
    }
    assert!(count >= 3, "{count}");
}
