//! Tests of the operators with the charts of the catalogue: what they make, and when.

use serde_json::{Value, json};

use crate::{
    ready::{Readiness, object},
    rehearsal::{
        control::{
            pods,
            testing::{Bed, claim_with_pod, course, database, installed, longhorn},
        },
        kinds::Registry,
        schema::Node,
        validate,
        world::{Write, reference, text_at},
    },
};

fn is_ready(live: &Value) -> bool {
    object(&reference(live), Some(live)) == Readiness::Ready
}

fn volume(bed: &Bed) -> Value {
    let all = bed.list("Volume.longhorn.io", "longhorn-system");
    all.first()
        .map_or(Value::Null, |volume| (***volume).clone())
}

#[test]
fn an_operators_own_workloads_come_after_those_of_its_chart_serve() {
    let mut bed = installed(&["longhorn"]);
    let mut serving = None;
    let mut made = None;
    bed.watch(120, |bed| {
        let named = |name: &str| {
            let space = "longhorn-system";
            bed.store.get("Deployment.apps", space, name).is_some()
        };
        let pods = bed.list("Pod", "longhorn-system");
        if serving.is_none() && pods.len() >= 4 && pods.iter().all(|pod| pods::ready(pod)) {
            serving = Some(bed.now);
        }
        if made.is_none() && named("csi-provisioner") {
            made = Some(bed.now);
        }
    });
    let pause = made.unwrap().duration_since(serving.unwrap()).as_secs();
    assert!((15..=30).contains(&pause), "{pause}");
    bed.settle();
    for workload in bed.list("Deployment.apps", "longhorn-system") {
        assert!(is_ready(workload), "{workload}");
    }
    let list = bed.get("ConfigMap", "longhorn-system", "standin-longhorn");
    let target = reference(list);
    bed.store.perform(Write::Delete { target }, bed.now);
    let plugin = bed.get("DaemonSet.apps", "longhorn-system", "longhorn-csi-plugin");
    assert_eq!(
        plugin["metadata"]["ownerReferences"][0]["name"],
        "standin-longhorn"
    );
}

#[test]
fn longhorn_takes_the_disks_of_each_node_from_its_annotation_once() {
    let mut bed = longhorn();
    let node = bed.get("Node.longhorn.io", "longhorn-system", "one");
    assert!(is_ready(node), "{node}");
    assert_eq!(node["spec"]["disks"]["ssd"]["tags"], json!(["ssd"]));
    assert_eq!(node["spec"]["disks"]["hdd"]["path"], "/mnt/hdd");
    let status = &node["status"]["diskStatus"]["hdd"];
    assert_eq!(status["storageMaximum"], 4_u64 << 40);
    bed.change("Node", "", "one", |node| {
        node["metadata"]["annotations"]["node.longhorn.io/default-disks-config"] = "[]".into();
    });
    bed.settle();
    let node = bed.get("Node.longhorn.io", "longhorn-system", "one");
    assert!(node["spec"]["disks"]["ssd"].is_object());
}

#[test]
fn a_volume_is_attached_where_its_pod_runs_and_degraded_without_one_of_its_nodes() {
    let mut bed = longhorn();
    claim_with_pod(&mut bed);
    let states = course(&mut bed, 60, |bed| {
        text_at(&volume(bed), "/status/state")
            .unwrap_or("")
            .to_owned()
    });
    assert_eq!(states, ["", "detached", "attaching", "attached"]);
    let live = volume(&bed);
    assert!(is_ready(&live), "{live}");
    assert_eq!(live["status"]["currentNodeID"], "one");
    assert_eq!(live["status"]["kubernetesStatus"]["pvcName"], "data");
    assert_eq!(live["spec"]["diskSelector"], json!(["hdd"]));
    let disk =
        &bed.get("Node.longhorn.io", "longhorn-system", "two")["status"]["diskStatus"]["hdd"];
    assert_eq!(disk["storageScheduled"], 20_u64 << 30);
    bed.change("Node", "", "two", |node| {
        for condition in node["status"]["conditions"].as_array_mut().unwrap() {
            if condition["type"] == "Ready" {
                condition["status"] = "Unknown".into();
            }
        }
    });
    bed.run(60);
    assert_eq!(volume(&bed)["status"]["robustness"], "degraded");
}

#[test]
fn a_backup_target_answers_once_it_has_an_address_and_its_secret() {
    let mut bed = longhorn();
    let says = |bed: &Bed| {
        let target = bed.get("BackupTarget.longhorn.io", "longhorn-system", "default");
        let message = &target["status"]["conditions"][0]["message"];
        message.as_str().unwrap_or("").to_owned()
    };
    assert_eq!(says(&bed), "backup target URL is empty");
    let name = ("BackupTarget.longhorn.io", "longhorn-system", "default");
    bed.change(name.0, name.1, name.2, |target| {
        target["spec"]["backupTargetURL"] = "s3://bucket@region/".into();
        target["spec"]["credentialSecret"] = "longhorn-backup".into();
    });
    bed.run(60);
    assert!(says(&bed).contains("secrets \"longhorn-backup\" not found"));
    assert!(!is_ready(bed.get(name.0, name.1, name.2)));
    bed.add(json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "longhorn-backup", "namespace": "longhorn-system"}}));
    bed.run(1);
    assert!(!is_ready(bed.get(name.0, name.1, name.2)));
    bed.settle();
    let target = bed.get(name.0, name.1, name.2);
    assert!(is_ready(target), "{target}");
    assert!(target["status"]["lastSyncedAt"].is_string());
}

#[test]
fn a_certificate_is_issued_when_its_issuer_is_ready() {
    let mut bed = installed(&["cert-manager"]);
    bed.run(60);
    let certificate = json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "secretName": "web-tls", "dnsNames": ["web.default.svc"],
            "issuerRef": {"kind": "Issuer", "name": "self"},
        },
    });
    bed.add(certificate).run(60);
    let live = bed.get("Certificate.cert-manager.io", "default", "web");
    assert!(!is_ready(live), "{live}");
    assert_eq!(bed.list("Secret", "default").len(), 0);
    bed.add(json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Issuer",
        "metadata": {"name": "self", "namespace": "default"}, "spec": {"selfSigned": {}},
    }));
    bed.settle();
    let live = bed.get("Certificate.cert-manager.io", "default", "web");
    assert!(is_ready(live), "{live}");
    let secret = bed.get("Secret", "default", "web-tls");
    assert_eq!(secret["type"], "kubernetes.io/tls");
}

#[test]
fn without_its_operator_a_custom_resource_stays_as_it_was() {
    let mut bed = Bed::new();
    for (version, kind) in [
        ("cert-manager.io/v1", "Issuer"),
        ("postgresql.cnpg.io/v1", "Cluster"),
        ("longhorn.io/v1beta2", "BackupTarget"),
    ] {
        let metadata = json!({"name": "x", "namespace": "default"});
        bed.add(json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": {}}));
    }
    bed.settle();
    for kind in [
        "Issuer.cert-manager.io",
        "Cluster.postgresql.cnpg.io",
        "BackupTarget.longhorn.io",
    ] {
        assert!(bed.get(kind, "default", "x")["status"].is_null());
    }
}

/// What controllers write does not pass the API: it has to fit its schema all the same.
#[test]
fn everything_that_operators_make_fits_its_schema() {
    let mut bed = longhorn();
    claim_with_pod(&mut bed);
    database(&mut bed);
    bed.settle();
    let registry = Registry::of(&bed.store);
    let mut checked = 0;
    for kind in registry.all() {
        let Some(schema) = &kind.schema else { continue };
        for live in bed.store.list(&kind.key, None) {
            if live["apiVersion"] != kind.api_version() {
                continue;
            }
            let mut value = (**live).clone();
            let wrong = validate::check(&value, Node::new(schema));
            assert!(wrong.is_empty(), "{wrong:?} in {live}");
            let unknown = validate::prune(&mut value, Node::new(schema));
            assert!(unknown.is_empty(), "{unknown:?} in {live}");
            checked += 1;
        }
    }
    assert!(checked > 150, "{checked}");
}

#[test]
fn a_certificate_that_is_wished_anew_keeps_the_present_one_until_then() {
    let mut bed = installed(&["cert-manager"]);
    for object in [
        json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": {"name": "own", "namespace": "default"},
            "spec": {"acme": {}}}),
        json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "web", "namespace": "default"},
            "spec": {"secretName": "web-tls", "dnsNames": ["a.example.org"], "issuerRef": {"name": "own"}}}),
    ] {
        bed.add(object);
    }
    bed.run(60);
    let kind = "Certificate.cert-manager.io";
    assert_eq!(bed.get(kind, "default", "web")["status"]["revision"], 1);
    let began = bed.get(kind, "default", "web")["status"]["notBefore"].clone();
    let now = super::super::shape::stamp(bed.now);
    bed.change(kind, "default", "web", |one| {
        let wish = json!({"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "lastTransitionTime": now});
        one["status"]["conditions"].as_array_mut().unwrap().push(wish);
    });
    bed.run(60);
    let live = bed.get(kind, "default", "web");
    assert_eq!(live["status"]["revision"], 2);
    assert_ne!(live["status"]["notBefore"], began);
    let left = live["status"]["conditions"].as_array().unwrap();
    assert!(left.iter().all(|one| one["type"] != "Issuing"), "{left:?}");
}
