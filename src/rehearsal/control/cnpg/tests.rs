//! Tests of CloudNativePG against the order of states that was recorded on a real cluster.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use x509_parser::pem::Pem;

use crate::{
    ready::{Readiness, object},
    rehearsal::{
        control::{
            shape,
            testing::{Bed, course, database, installed, plan_objects},
        },
        world::{Write, reference},
    },
};

const KIND: &str = "Cluster.postgresql.cnpg.io";

fn with_class() -> Bed {
    let mut bed = installed(&[]);
    bed.add(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "longhorn-database"}, "provisioner": "example.org/disk",
        "volumeBindingMode": "Immediate", "reclaimPolicy": "Retain",
    }));
    database(&mut bed);
    bed
}

fn cluster(bed: &Bed) -> &Value {
    bed.get(KIND, "database", "care-db")
}

fn condition(live: &Value, kind: &str) -> String {
    shape::condition(live, kind).map_or_else(
        || "-".to_owned(),
        |found| found["status"].as_str().unwrap_or("").to_owned(),
    )
}

/// Phase, reason, ready instances, primary, Initialized, Ready: what the recordings are compared by.
fn line(bed: &Bed) -> String {
    let live = cluster(bed);
    let status = &live["status"];
    let text = |field: &str| status[field].as_str().unwrap_or("-").to_owned();
    format!(
        "{} | {} | {} | {} | {} {}",
        text("phase"),
        text("phaseReason"),
        status["readyInstances"],
        text("currentPrimary"),
        condition(live, "Initialized"),
        condition(live, "Ready"),
    )
}

const FIRST: &str =
    "Setting up primary | Creating primary instance care-db-1 | null | - | True False";
const HEALTHY: &str = "Cluster in healthy state | - | 2 | care-db-1 | True True";

/// As recorded in `cnpg-initdb-two-instances`, from the first phase to the healthy cluster.
const RECORDED: [&str; 9] = [
    "Setting up primary | Creating primary instance care-db-1 | null | - | False False",
    FIRST,
    "Waiting for the instances to become active | Some instances are not yet active. Please wait. | null | - | True False",
    "Waiting for the instances to become active | Some instances are not yet active. Please wait. | null | care-db-1 | True False",
    "Waiting for the instances to become active | Some instances are not yet active. Please wait. | 1 | care-db-1 | True False",
    "Creating a new replica | Creating replica care-db-2-join | 1 | care-db-1 | True False",
    "Waiting for the instances to become active | Some instances are not yet active. Please wait. | 1 | care-db-1 | True False",
    "Waiting for the instances to become active | Some instances are not yet active. Please wait. | 2 | care-db-1 | True False",
    HEALTHY,
];

#[test]
fn a_fresh_cluster_passes_through_the_recorded_states_in_their_order() {
    let mut bed = with_class();
    let began = bed.now;
    let mut healthy = None;
    let mut seen: Vec<String> = Vec::new();
    bed.watch(300, |bed| {
        let line = line(bed);
        // Before the first phase only certificates and conditions are written.
        if seen.last() != Some(&line) && !line.starts_with('-') {
            seen.push(line);
        }
        if healthy.is_none() && condition(cluster(bed), "Ready") == "True" {
            healthy = Some(bed.now);
        }
    });
    assert_eq!(seen, RECORDED);
    let took = healthy.unwrap().duration_since(began).as_secs();
    assert!((40..=60).contains(&took), "{took} s");
    let live = cluster(&bed);
    assert_eq!(object(&reference(live), Some(live)), Readiness::Ready);
    let roles = &live["status"]["managedRolesStatus"]["byStatus"];
    assert_eq!(
        roles["reconciled"],
        json!(["odoo", "metabase", "reports", "counts"])
    );
    assert!(live["status"]["jobCount"].is_null());
    assert!(bed.list("Job.batch", "database").is_empty());
}

#[test]
fn the_parts_of_a_cluster_are_named_and_labelled_as_in_life() {
    let mut bed = with_class();
    bed.settle();
    let pod = bed.get("Pod", "database", "care-db-1");
    assert_eq!(pod["metadata"]["labels"]["cnpg.io/instanceRole"], "primary");
    let sidecar = &pod["spec"]["initContainers"][1];
    assert_eq!(
        sidecar["image"],
        "ghcr.io/cloudnative-pg/plugin-barman-cloud-sidecar:v0.14.0"
    );
    assert_eq!(pod["status"]["initContainerStatuses"][1]["ready"], true);
    let nodes = ["care-db-1", "care-db-2"]
        .map(|name| bed.get("Pod", "database", name)["spec"]["nodeName"].clone());
    assert_ne!(nodes[0], nodes[1]);
    for service in ["care-db-rw", "care-db-ro", "care-db-r"] {
        let slices = bed.list("EndpointSlice.discovery.k8s.io", "database");
        let mine = slices
            .iter()
            .find(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == service);
        let ends = mine.unwrap()["endpoints"].as_array().unwrap().len();
        assert_eq!(
            ends,
            if service == "care-db-r" { 2 } else { 1 },
            "{service}"
        );
    }
    certificates(&bed);
    // The login was given.
    assert!(bed.store.get("Secret", "database", "care-db-app").is_none());
}

/// Real ones: the cluster's own authority has signed what its servers and its standby show.
fn certificates(bed: &Bed) {
    let pem = |secret: &str, key: &str| {
        let found = bed.get("Secret", "database", secret);
        let bytes = STANDARD.decode(shape::text(&found["data"][key])).unwrap();
        Pem::iter_from_buffer(&bytes).next().unwrap().unwrap()
    };
    let authority = pem("care-db-ca", "ca.crt");
    let authority = authority.parse_x509().unwrap();
    assert!(authority.is_ca());
    for (secret, common) in [
        ("care-db-server", "CN=care-db-rw"),
        ("care-db-replication", "CN=streaming_replica"),
    ] {
        let shown = pem(secret, "tls.crt");
        let shown = shown.parse_x509().unwrap();
        assert_eq!(shown.subject().to_string(), common);
        assert_eq!(shown.issuer(), authority.subject());
        shown
            .verify_signature(Some(authority.public_key()))
            .unwrap();
        pem(secret, "tls.key");
    }
}

#[test]
fn a_certificate_that_is_deleted_is_made_anew_by_the_same_authority() {
    let mut bed = with_class();
    bed.settle();
    let data = |bed: &Bed, secret: &str| bed.get("Secret", "database", secret)["data"].clone();
    let (authority, server) = (data(&bed, "care-db-ca"), data(&bed, "care-db-server"));
    let target = reference(bed.get("Secret", "database", "care-db-server"));
    bed.store.perform(Write::Delete { target }, bed.now);
    bed.settle();
    certificates(&bed);
    assert_eq!(data(&bed, "care-db-ca"), authority);
    assert_ne!(data(&bed, "care-db-server"), server);
}

#[test]
fn a_cluster_whose_claim_gets_no_volume_stays_in_its_first_phase() {
    let mut bed = installed(&[]);
    database(&mut bed);
    bed.settle();
    assert_eq!(line(&bed), FIRST);
    assert!(!bed.events("ProvisioningFailed").is_empty());
}

#[test]
fn a_cluster_that_names_a_plugin_waits_for_it() {
    let mut bed = with_class();
    bed.store.perform(
        Write::Delete {
            target: reference(bed.get("Deployment.apps", "cnpg-system", "plugin-barman-cloud")),
        },
        bed.now,
    );
    bed.settle();
    let reason = cluster(&bed)["status"]["phaseReason"].as_str().unwrap();
    assert!(reason.starts_with("Unknown plugin: 'barman-cloud.cloudnative-pg.io'"));
}

#[test]
fn databases_are_made_and_one_of_an_unknown_owner_says_so() {
    let mut bed = with_class();
    let mut wrong = plan_objects("databases/databases").remove(0);
    wrong["metadata"]["name"] = "wrong".into();
    wrong["spec"]["owner"] = "nobody".into();
    bed.add(wrong).settle();
    for name in ["odoo", "metabase"] {
        let live = bed.get("Database.postgresql.cnpg.io", "database", name);
        assert_eq!(object(&reference(live), Some(live)), Readiness::Ready);
    }
    let live = bed.get("Database.postgresql.cnpg.io", "database", "wrong");
    assert_eq!(live["status"]["applied"], false);
    assert!(
        live["status"]["message"]
            .as_str()
            .unwrap()
            .contains("role \"nobody\" does not exist")
    );
}

#[test]
fn the_first_backup_of_a_schedule_completes_and_opens_the_window() {
    let mut bed = with_class();
    let phases = course(&mut bed, 300, |bed| {
        let backups = bed.list("Backup.postgresql.cnpg.io", "database");
        let phase = backups.first().map(|backup| &backup["status"]["phase"]);
        phase.and_then(Value::as_str).unwrap_or("").to_owned()
    });
    assert_eq!(phases, ["", "started", "completed"]);
    let backups = bed.list("Backup.postgresql.cnpg.io", "database");
    assert_eq!(backups.len(), 1);
    let end = &backups[0]["status"]["stoppedAt"];
    assert_eq!(backups[0]["status"]["instanceID"]["podName"], "care-db-2");
    let store = bed.get("ObjectStore.barmancloud.cnpg.io", "database", "care-db");
    let window = &store["status"]["serverRecoveryWindow"]["care-db-1"];
    assert_eq!(window["firstRecoverabilityPoint"], *end);
    assert_eq!(window["lastSuccessfulBackupTime"], *end);
    assert_eq!(condition(cluster(&bed), "LastBackupSucceeded"), "True");
    bed.settle();
}

fn delete_pod(bed: &mut Bed, name: &str) {
    let target = reference(bed.get("Pod", "database", name));
    bed.store.perform(Write::Delete { target }, bed.now);
}

#[test]
fn a_deleted_replica_is_made_again_with_its_data() {
    let mut bed = with_class();
    bed.settle();
    let volume = |bed: &Bed| {
        bed.get("PersistentVolumeClaim", "database", "care-db-2")["spec"]["volumeName"].clone()
    };
    let before = (
        volume(&bed),
        bed.get("Pod", "database", "care-db-2")["metadata"]["uid"].clone(),
    );
    delete_pod(&mut bed, "care-db-2");
    bed.settle();
    assert_eq!(line(&bed), HEALTHY);
    assert_eq!(volume(&bed), before.0);
    assert_ne!(
        bed.get("Pod", "database", "care-db-2")["metadata"]["uid"],
        before.1
    );
}

#[test]
fn when_the_primary_goes_the_other_instance_takes_over() {
    let mut bed = with_class();
    bed.settle();
    delete_pod(&mut bed, "care-db-1");
    let phases = course(&mut bed, 300, |bed| {
        cluster(bed)["status"]["phase"].as_str().unwrap().to_owned()
    });
    // It counts its instances before it draws its conclusion.
    let healthy = "Cluster in healthy state";
    assert_eq!(phases[..2], [healthy, "Failing over"]);
    assert_eq!(phases.last().map(String::as_str), Some(healthy));
    let status = &cluster(&bed)["status"];
    assert_eq!(status["currentPrimary"], "care-db-2");
    assert_eq!(status["timelineID"], 2);
    let role = |name: &str| {
        bed.get("Pod", "database", name)["metadata"]["labels"]["cnpg.io/instanceRole"].clone()
    };
    assert_eq!(
        (role("care-db-1"), role("care-db-2")),
        ("replica".into(), "primary".into())
    );
    bed.settle();
}

#[test]
fn a_cluster_grows_and_shrinks_as_it_is_asked() {
    let mut bed = with_class();
    bed.settle();
    let resize = |bed: &mut Bed, instances: u64| {
        bed.change(KIND, "database", "care-db", |cluster| {
            cluster["spec"]["instances"] = instances.into();
        });
        bed.settle();
        cluster(bed)["status"]["instanceNames"].clone()
    };
    let three = json!(["care-db-1", "care-db-2", "care-db-3"]);
    assert_eq!(resize(&mut bed, 3), three);
    assert_eq!(resize(&mut bed, 1), json!(["care-db-1"]));
    let live = cluster(&bed);
    assert_eq!(object(&reference(live), Some(live)), Readiness::Ready);
    assert_eq!(bed.list("PersistentVolumeClaim", "database").len(), 1);
}

#[test]
fn changed_resources_renew_the_replica_first_and_the_primary_in_its_place() {
    let mut bed = with_class();
    bed.settle();
    bed.change(KIND, "database", "care-db", |cluster| {
        cluster["spec"]["resources"]["limits"]["memory"] = "4Gi".into();
    });
    let reasons = course(&mut bed, 300, |bed| {
        cluster(bed)["status"]["phaseReason"]
            .as_str()
            .unwrap_or("")
            .to_owned()
    });
    let restarts: Vec<&String> = reasons
        .iter()
        .filter(|reason| reason.starts_with("Restarting"))
        .collect();
    assert_eq!(restarts.len(), 2, "{reasons:?}");
    assert!(restarts[0].contains("care-db-2") && restarts[1].contains("care-db-1"));
    assert_eq!(line(&bed), HEALTHY);
    for name in ["care-db-1", "care-db-2"] {
        let main = &bed.get("Pod", "database", name)["spec"]["containers"][0];
        assert_eq!(main["resources"]["limits"]["memory"], "4Gi");
    }
    assert_eq!(cluster(&bed)["status"]["timelineID"], 1);
    bed.settle();
}

#[test]
fn a_cluster_that_is_asked_to_rest_stops_its_primary_first_keeps_its_claims_and_wakes_as_it_was() {
    let mut bed = with_class();
    bed.settle();
    let ask = |bed: &mut Bed, how: Value| {
        bed.change(KIND, "database", "care-db", |cluster| {
            cluster["metadata"]["annotations"]["cnpg.io/hibernation"] = how.clone();
        });
    };
    ask(&mut bed, "on".into());
    let seen = course(&mut bed, 300, |bed| {
        let there =
            ["care-db-1", "care-db-2"].map(|name| bed.store.get("Pod", "database", name).is_some());
        let says = shape::condition(cluster(bed), "cnpg.io/hibernation");
        let says = says.map_or("-", |says| says["reason"].as_str().unwrap());
        format!("{there:?} {says}")
    });
    assert_eq!(
        seen.last().map(String::as_str),
        Some("[false, false] Hibernated")
    );
    assert!(
        seen.iter().all(|line| !line.starts_with("[true, false]")),
        "{seen:?}"
    );
    let status = &cluster(&bed)["status"];
    assert_eq!(status["phase"], "Cluster in healthy state");
    assert!(status["readyInstances"].is_null(), "{status}");
    assert_eq!(bed.list("PersistentVolumeClaim", "database").len(), 2);
    bed.settle();

    ask(&mut bed, Value::Null);
    bed.settle();
    assert_eq!(line(&bed), HEALTHY);
    assert!(shape::condition(cluster(&bed), "cnpg.io/hibernation").is_none());
    assert_eq!(cluster(&bed)["status"]["timelineID"], 1);
}
