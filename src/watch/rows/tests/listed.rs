//! The lists beside pods, nodes and volumes: what each says, and that nothing is believed whose writer is silent.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

use super::NOW;
use crate::watch::{
    tests::{at, node, pod, silent, view},
    view::Health,
};

fn operator(node: &str) -> Value {
    let mut one = pod("cnpg-system", "cnpg-1", node);
    one["metadata"]["labels"] = json!({"app.kubernetes.io/name": "cloudnative-pg"});
    one
}

fn backup(name: &str, status: Value) -> Value {
    let mut one = json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Backup",
        "metadata": {"namespace": "database", "name": name, "creationTimestamp": "2026-11-23T02:00:00Z"},
        "spec": {"cluster": {"name": "care-db"}, "method": "plugin"}});
    one["status"] = status;
    one
}

#[test]
fn backups_are_listed_newest_first_below_the_places_they_go_to() {
    let cluster = json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"namespace": "database", "name": "care-db"},
        "spec": {"plugins": [{"name": "barman-cloud.cloudnative-pg.io", "isWALArchiver": true, "parameters": {"barmanObjectName": "store"}}]},
        "status": {"conditions": [{"type": "ContinuousArchiving", "status": "True"}]}});
    let store = json!({"apiVersion": "barmancloud.cnpg.io/v1", "kind": "ObjectStore", "metadata": {"namespace": "database", "name": "store"},
        "status": {"serverRecoveryWindow": {"care-db": {"firstRecoverabilityPoint": "2026-11-20T02:00:00Z", "lastSuccessfulBackupTime": "2026-11-23T02:01:00Z"}}}});
    let done = json!({"phase": "completed", "startedAt": "2026-11-23T02:00:00Z", "stoppedAt": "2026-11-23T02:01:30Z"});
    let objects = [
        node("primary"),
        operator("primary"),
        cluster.clone(),
        store.clone(),
        backup("old", done),
        backup(
            "new",
            json!({"phase": "started", "startedAt": "2026-11-24T01:00:00Z"}),
        ),
    ];
    let rows = view(&objects, NOW).backups;
    let said: Vec<_> = rows
        .iter()
        .map(|row| (row.kind, row.name.as_str(), row.status.as_str(), row.health))
        .collect();
    assert_eq!(
        said,
        [
            ("Archive", "care-db", "archiving", Health::Good),
            ("Backup", "new", "started", Health::Busy),
            ("Backup", "old", "completed", Health::Good),
        ]
    );
    assert_eq!(rows[0].at, Some(at("2026-11-23T02:01:00Z")));
    assert!(rows[0].details[1].contains("2026-11-20 02:00:00"));
    assert_eq!(rows[2].took.unwrap().as_secs(), 90);
    // Its operator was on a machine that is silent now: nobody can tell.
    let objects = [silent("primary"), operator("primary"), cluster, store];
    let row = view(&objects, NOW).backups.remove(0);
    assert_eq!(
        (row.status.as_str(), row.health),
        ("unknown", Health::Unknown)
    );
}

fn certificate(name: &str, until: (i32, u8, u8), notes: Value) -> Value {
    let mut params = CertificateParams::new(vec!["*.care.example.org".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    params
        .distinguished_name
        .push(DnType::CommonName, "Authority of the test");
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"namespace": "care", "name": name}, "data": {"tls.crt": STANDARD.encode(pem)}});
    secret["metadata"]["annotations"] = notes;
    secret
}

#[test]
fn certificates_say_when_they_end_for_whom_they_are_and_who_renews_them() {
    let by = json!({"cert-manager.io/certificate-name": "wildcard"});
    let junk = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"namespace": "care", "name": "junk"}, "data": {"tls.crt": "AAAA"}});
    let rows = view(
        &[
            certificate("far", (2027, 6, 1), Value::Null),
            certificate("near", (2026, 12, 1), Value::Null),
            certificate("renewed", (2026, 12, 2), by),
            certificate("ended", (2026, 11, 20), Value::Null),
            junk,
        ],
        NOW,
    )
    .certificates;
    let said: Vec<_> = rows
        .iter()
        .map(|row| (row.name.as_str(), row.status, row.health))
        .collect();
    assert_eq!(
        said,
        [
            ("ended", "ended", Health::Bad),
            ("near", "ends soon", Health::Warn),
            ("renewed", "valid", Health::Good),
            ("far", "valid", Health::Good),
            ("junk", "unreadable", Health::Unknown),
        ]
    );
    assert_eq!(rows[0].names, "*.care.example.org");
    assert!(rows[0].issuer.contains("Authority of the test"));
    assert_eq!(rows[2].renewed_by, "Certificate wildcard");
    assert!(
        rows[1]
            .details
            .iter()
            .any(|line| line.starts_with("a person renews it"))
    );
}

fn ingress(service: &str) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"namespace": "odoo", "name": service},
        "spec": {"ingressClassName": "private", "rules": [{"host": "odoo.example.org", "http": {"paths": [
            {"path": "/", "backend": {"service": {"name": service}}}]}}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.2"}]}}})
}

fn slice(service: &str, ends: Value) -> Value {
    let mut one = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"namespace": "odoo", "name": format!("{service}-1"), "labels": {"kubernetes.io/service-name": service}}});
    one["endpoints"] = ends;
    one
}

#[test]
fn an_address_serves_only_while_a_pod_on_a_node_that_reports_takes_requests() {
    let ready = |node: &str| json!([{"conditions": {"ready": true}, "nodeName": node}]);
    let unready = json!([{"conditions": {"ready": false}, "nodeName": "primary"}]);
    let check = |ends: Value| {
        let objects = [
            node("primary"),
            silent("secondary"),
            ingress("web"),
            slice("web", ends),
        ];
        let row = view(&objects, NOW).ingresses.remove(0);
        (row.status, row.behind, row.health)
    };
    assert_eq!(check(ready("primary")), ("ready", Some(1), Health::Good));
    let nothing = ("nothing behind it", Some(0), Health::Bad);
    assert_eq!(check(ready("secondary")), nothing);
    assert_eq!(check(unready), nothing);
    assert_eq!(check(json!([])), nothing);
    let row = view(&[ingress("web")], NOW).ingresses.remove(0);
    assert_eq!((row.status, row.behind), ("unknown", None));
    assert_eq!(
        (row.hosts.as_str(), row.address.as_str()),
        ("odoo.example.org", "10.0.0.2")
    );
}

#[test]
fn jobs_and_schedules_say_how_far_they_are() {
    let job = |name: &str, status: Value| {
        let mut one = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"namespace": "a", "name": name}});
        one["status"] = status;
        one
    };
    let begun = "2026-11-24T01:00:00Z";
    let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"namespace": "a", "name": "rows"},
        "spec": {"schedule": "*/10 * * * *", "suspend": true}, "status": {"lastScheduleTime": "2026-11-24T01:50:00Z"}});
    let done = json!({"startTime": begun, "completionTime": "2026-11-24T01:00:42Z", "succeeded": 1,
        "conditions": [{"type": "Complete", "status": "True"}]});
    let failed = json!({"startTime": "2026-11-24T00:59:00Z", "failed": 4,
        "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}]});
    let rows = view(&[job("done", done), job("bad", failed), cron], NOW).jobs;
    let said: Vec<_> = rows
        .iter()
        .map(|row| (row.name.as_str(), row.status, row.done.as_str(), row.health))
        .collect();
    assert_eq!(
        said,
        [
            ("rows", "suspended", "", Health::Warn),
            ("done", "complete", "1/1", Health::Good),
            ("bad", "failed", "0/1", Health::Bad),
        ]
    );
    assert_eq!(rows[1].took.unwrap().as_secs(), 42);
    assert_eq!(rows[2].details[0], "BackoffLimitExceeded: too often");
}

#[test]
fn of_each_release_the_newest_revision_is_listed() {
    let revision = |number: u64, status: &str, made: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {"namespace": "longhorn-system", "name": format!("sh.helm.release.v1.longhorn.v{number}"),
                "creationTimestamp": made, "labels": {"name": "longhorn", "owner": "helm", "status": status, "version": number.to_string()}},
            "release": {"chart": "longhorn", "version": format!("1.{number}.0"), "app": "v1", "description": "Upgrade complete"}})
    };
    let old = revision(9, "superseded", "2026-11-01T00:00:00Z");
    let check = |status: &str, health: Health| {
        let new = revision(10, status, "2026-11-24T01:00:00Z");
        let rows = view(&[new, old.clone()], NOW).releases;
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!(
            (row.revision, row.version.as_str(), row.health),
            (10, "1.10.0", health),
            "{status}"
        );
        assert!(
            row.details[1].starts_with("revision 10: ")
                && row.details[2].starts_with("revision 9: superseded")
        );
    };
    check("deployed", Health::Good);
    check("failed", Health::Bad);
    // An hour is too long for a helm that is still at work.
    check("pending-upgrade", Health::Warn);
}

#[test]
fn events_are_listed_newest_first_with_how_often_they_came() {
    let event = |name: &str, kind: &str, at: &str, count: u64| {
        json!({"apiVersion": "v1", "kind": "Event", "metadata": {"namespace": "odoo", "name": name},
            "type": kind, "reason": "BackOff", "message": "Back-off\n restarting", "lastTimestamp": at, "count": count,
            "involvedObject": {"kind": "Pod", "namespace": "odoo", "name": "odoo-1"}})
    };
    let rows = view(
        &[
            event("a", "Normal", "2026-11-24T01:00:00Z", 1),
            event("b", "Warning", "2026-11-24T01:30:00Z", 7),
        ],
        NOW,
    )
    .events;
    assert_eq!(
        (rows[0].name.as_str(), rows[0].times, rows[0].health),
        ("b", 7, Health::Warn)
    );
    assert_eq!(
        (rows[0].about.as_str(), rows[0].message.as_str()),
        ("Pod odoo-1", "Back-off restarting")
    );
    assert_eq!(rows[1].health, Health::Good);
}

#[test]
fn the_timeline_tells_what_the_objects_remember() {
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "care", "name": "web"},
        "status": {"conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "lastUpdateTime": "2026-11-24T01:20:00Z"}]}});
    let done = json!({"phase": "completed", "startedAt": "2026-11-24T01:40:00Z", "stoppedAt": "2026-11-24T01:41:00Z"});
    let rows = view(&[silent("secondary"), deployment, backup("one", done)], NOW).timeline;
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.what.as_str(), row.health, row.until.is_some()))
        .collect();
    assert_eq!(
        told,
        [
            ("care-db: backup completed.", Health::Good, true),
            ("secondary is not ready any more.", Health::Bad, false),
            ("web: its newest version is out.", Health::Good, false),
        ]
    );
}
