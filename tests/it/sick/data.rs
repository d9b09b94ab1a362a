//! What is wrong with the database, its backups, the volumes and the certificates.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, tz::TimeZone};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use super::{
    Sickness,
    world::{World, condition},
};

const LONGHORN: &str = "longhorn-system";

pub const ALL: &[Sickness] = &[
    ("the database's primary is down", "WAIT-03", |world| {
        world.crashes("database", &primary(world), (1, "Error"));
        let phase = json!({"phase": "Failing over", "phaseReason": "Failing over from care-db-1 to care-db-2", "readyInstances": 1});
        cluster(world, &phase);
        not_ready(world);
        // The second copy does not take over, and what needs the database fails after it.
        world.crashes("database", &standby(world), (1, "Error"));
        world.crashes("care-be", "care", (1, "Error"));
        world.crashes("odoo", "odoo", (1, "Error"));
        world.probe_fails(
            "metabase",
            "metabase",
            "HTTP probe failed with statuscode: 503",
        );
    }),
    ("the disk of the database is full", "PG-01", |world| {
        cluster(
            world,
            &json!({"phase": "Not enough disk space", "phaseReason": "Insufficient disk space detected in one or more pods is preventing PostgreSQL from running. Please verify your storage settings. Further information inside .status.instancesReportedState"}),
        );
        not_ready(world);
        let pod = primary(world);
        world.probe_fails("database", &pod, "HTTP probe failed with statuscode: 500");
        world.crashes("care-be", "care-worker", (1, "Error"));
    }),
    ("the database's second copy is missing", "PG-02", |world| {
        let pod = standby(world);
        world.remove("Pod", "database", &pod);
        cluster(
            world,
            &json!({"phase": "Waiting for the instances to become active", "readyInstances": 1}),
        );
        not_ready(world);
    }),
    (
        "the image of the database's second copy cannot be pulled",
        "WAIT-02",
        |world| {
            let pod = standby(world);
            world.fresh("database", &pod);
            world.waits(
                "database",
                &pod,
                "ImagePullBackOff",
                "Back-off pulling image",
            );
            cluster(
                world,
                &json!({"phase": "Waiting for the instances to become active", "readyInstances": 1}),
            );
            not_ready(world);
        },
    ),
    ("the operator of the database is down", "PG-07", |world| {
        world.change(
            "Deployment",
            "cnpg-system",
            "cnpg-cloudnative-pg",
            |operator| operator["spec"]["replicas"] = 0.into(),
        );
        world.remove("Pod", "cnpg-system", "cnpg-cloudnative-pg");
    }),
    (
        "the operator of the database ends again and again",
        "WAIT-03",
        |world| {
            world.crashes("cnpg-system", "cnpg-cloudnative-pg", (1, "Error"));
        },
    ),
    (
        "the changes of the database do not reach the backup",
        "PG-03",
        |world| {
            archiving_fails(world);
        },
    ),
    ("the backup server is out of reach", "PG-03", |world| {
        archiving_fails(world);
        backup(
            world,
            "failed",
            240,
            &json!({"error": "rpc error: code = Unknown desc = exit status 4", "stoppedAt": world.at(300)}),
        );
    }),
    ("the newest backup failed", "WAIT-12", |world| {
        backup(
            world,
            "failed",
            240,
            &json!({"error": "encountered an error while taking the backup: 403 Forbidden: AccessDenied", "stoppedAt": world.at(300)}),
        );
    }),
    ("the last backup is old", "PG-04", |world| {
        let (last, next) = (world.at(-16 * 3600), world.at(8 * 3600));
        let old = world.at(-40 * 3600);
        backups_end(world, &old);
        world.change("ScheduledBackup", "database", "care-db", |schedule| {
            schedule["status"] = json!({"lastScheduleTime": last, "nextScheduleTime": next, "lastCheckTime": last});
        });
    }),
    ("the backups are suspended", "PG-08", |world| {
        let old = world.at(-40 * 3600);
        backups_end(world, &old);
        world.change("ScheduledBackup", "database", "care-db", |schedule| {
            schedule["spec"]["suspend"] = true.into();
        });
    }),
    ("a scheduled backup did not start", "PG-08", |world| {
        let due = world.at(-3600);
        world.change("ScheduledBackup", "database", "care-db", |schedule| {
            schedule["status"]["nextScheduleTime"] = due.clone().into();
        });
    }),
    ("the database has no archive any more", "PG-06", |world| {
        world.change("Cluster", "database", "care-db", |cluster| {
            cluster["spec"]["plugins"] = json!([]);
        });
    }),
    (
        "a claim names a class that is not there",
        "WAIT-06",
        |world| {
            claim_waits(
                world,
                "storageclass.storage.k8s.io \"longhorn-ssd\" not found",
            );
        },
    ),
    ("no disk has room for a volume", "WAIT-06", |world| {
        claim_waits(
            world,
            "failed to provision volume with StorageClass \"longhorn-prom\": rpc error: code = ResourceExhausted desc = failed to schedule replicas: insufficient storage",
        );
    }),
    ("a claim has lost its volume", "VOL-07", |world| {
        world.change("PersistentVolumeClaim", "odoo", "odoo-files", |claim| {
            claim["status"]["phase"] = "Lost".into();
        });
    }),
    ("a volume cannot be attached", "WAIT-07", |world| {
        world.fresh("odoo", "odoo");
        world.waits("odoo", "odoo", "ContainerCreating", "");
        world.change("Pod", "odoo", "odoo", |pod| {
            pod["status"]["phase"] = "Pending".into();
        });
        world.pods_say("odoo", "odoo", "FailedAttachVolume", "Multi-Attach error for volume \"pvc-1\" Volume is already exclusively attached to one node and can't be attached to another");
    }),
    ("a volume has one copy less", "VOL-01", |world| {
        let volume = degraded(world, "rustfs-data");
        whole(world, &volume, "primary");
        failed(world, &volume, "secondary");
    }),
    ("a volume is getting a new copy", "VOL-01", |world| {
        let volume = degraded(world, "rustfs-data");
        whole(world, &volume, "primary");
        copy(world, &volume, "secondary", &json!({"healthyAt": ""}));
    }),
    ("a volume has no copy left", "VOL-02", |world| {
        let volume = volume(world, "odoo-files", "faulted", "detached");
        copy(
            world,
            &volume,
            "secondary",
            &json!({"failedAt": world.at(60)}),
        );
        world.fresh("odoo", "odoo");
        world.waits("odoo", "odoo", "ContainerCreating", "");
        world.pods_say("odoo", "odoo", "FailedAttachVolume", "AttachVolume.Attach failed for volume \"pvc-1\" : rpc error: code = Internal desc = volume is not ready for workloads");
    }),
    ("a disk of the volumes is nearly full", "VOL-03", |world| {
        disk(world, "primary", |disk| {
            disk["storageAvailable"] = 20_000_000_000_u64.into();
        });
        let volume = degraded(world, "rustfs-data");
        whole(world, &volume, "secondary");
        let since = world.at(120);
        world.change("Volume", LONGHORN, &volume, |volume| {
            condition(volume, json!({"type": "Scheduled", "status": "False", "reason": "ReplicaSchedulingFailure", "message": "insufficient storage", "lastTransitionTime": since}));
        });
    }),
    ("a disk of the volumes fails", "VOL-04", |world| {
        let since = world.at(30);
        disk(world, "secondary", |disk| {
            disk["conditions"][0] = json!({"type": "Ready", "status": "False", "reason": "NoDiskInfo", "lastTransitionTime": since,
                "message": "disk ssd(/mnt/ssd) on node secondary is not ready: failed to get disk config: input/output error"});
        });
        let volume = degraded(
            world,
            "prometheus-kps-prometheus-db-prometheus-kps-prometheus-0",
        );
        whole(world, &volume, "primary");
        failed(world, &volume, "secondary");
    }),
    ("the volumes are not backed up", "VOL-05", |world| {
        let since = world.at(30);
        world.change("BackupTarget", LONGHORN, "default", |target| {
            target["spec"]["backupTargetURL"] = "s3://backups@us-east-1/".into();
            target["status"]["conditions"] = json!([{"type": "Unavailable", "status": "True", "reason": "Unavailable", "lastTransitionTime": since,
                "message": "failed to list backup volumes in s3://backups@us-east-1/: RequestError: send request failed caused by: dial tcp 192.168.20.9:9000: i/o timeout"}]);
        });
    }),
    ("nobody watches over the volumes", "WAIT-03", |world| {
        world.crashes(LONGHORN, "longhorn-manager", (1, "Error"));
    }),
    ("the certificate ends soon", "CRT-06", |world| {
        certificate(world, "*.care.example.org", 9);
    }),
    ("the certificate has ended", "CRT-06", |world| {
        certificate(world, "*.care.example.org", -1);
    }),
    ("the certificate is for other names", "CRT-04", |world| {
        certificate(world, "*.clinic.example.org", 300);
    }),
    (
        "cert-manager does not get a certificate",
        "CRT-08",
        |world| {
            let since = world.at(-3600);
            world.change("Certificate", "opensearch", "opensearch-node", |issued| {
            issued["status"]["conditions"] = json!([
                {"type": "Ready", "status": "False", "reason": "DoesNotExist", "lastTransitionTime": since,
                    "message": "Issuing certificate as Secret does not exist"},
                {"type": "Issuing", "status": "False", "reason": "Failed", "lastTransitionTime": since,
                    "message": "The certificate request has failed to complete and will be retried: Referenced issuer opensearch-ca is not ready"}]);
        });
        },
    ),
];

fn primary(world: &World) -> String {
    world.one("Cluster", "database", "care-db")["status"]["currentPrimary"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn standby(world: &World) -> String {
    if primary(world) == "care-db-1" {
        "care-db-2"
    } else {
        "care-db-1"
    }
    .to_owned()
}

fn cluster(world: &mut World, status: &Value) {
    world.change("Cluster", "database", "care-db", |cluster| {
        for (key, value) in status.as_object().unwrap() {
            cluster["status"][key] = value.clone();
        }
    });
}

fn not_ready(world: &mut World) {
    let since = world.at(10);
    world.change("Cluster", "database", "care-db", |cluster| {
        condition(cluster, json!({"type": "Ready", "status": "False", "reason": "ClusterIsNotReady", "message": "Cluster Is Not Ready", "lastTransitionTime": since}));
    });
}

fn archiving_fails(world: &mut World) {
    let since = world.at(120);
    world.change("Cluster", "database", "care-db", |cluster| {
        condition(cluster, json!({"type": "ContinuousArchiving", "status": "False", "reason": "ContinuousArchivingFailing",
            "message": "unexpected failure invoking barman-cloud-wal-archive: exit status 4", "lastTransitionTime": since}));
    });
}

/// One more backup, with this status.
fn backup(world: &mut World, phase: &str, seconds: i64, status: &Value) {
    let made = world.at(seconds);
    let mut status = status.clone();
    status["phase"] = phase.into();
    world.add(
        json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Backup",
        "metadata": {"namespace": "database", "name": "care-db-later", "creationTimestamp": made},
        "spec": {"cluster": {"name": "care-db"}, "method": "plugin"}, "status": status}),
    );
}

/// All backups ended then, and the store says the same.
fn backups_end(world: &mut World, at: &str) {
    world.change("Backup", "database", "care-db", |backup| {
        backup["status"]["startedAt"] = at.into();
        backup["status"]["stoppedAt"] = at.into();
    });
    world.change("ObjectStore", "database", "care-db", |store| {
        let windows = store["status"]["serverRecoveryWindow"]
            .as_object_mut()
            .unwrap();
        for window in windows.values_mut() {
            window["lastSuccessfulBackupTime"] = at.into();
        }
    });
}

/// The claim of Prometheus was made anew and waits, and its pod with it.
fn claim_waits(world: &mut World, said: &str) {
    let claim = "prometheus-kps-prometheus-db-prometheus-kps-prometheus-0";
    let made = world.at(0);
    world.change("PersistentVolumeClaim", "monitoring", claim, |claim| {
        claim["metadata"]["creationTimestamp"] = made.clone().into();
        claim["status"] = json!({"phase": "Pending"});
    });
    world.event(
        ("PersistentVolumeClaim", "monitoring", claim),
        "ProvisioningFailed",
        said,
    );
    world.unplaced(
        "monitoring",
        "prometheus-kps-prometheus",
        "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
    );
}

/// The name of the volume of a claim, which says this of itself.
fn volume(world: &mut World, claim: &str, robustness: &str, state: &str) -> String {
    let space = ["rustfs", "odoo", "monitoring"]
        .into_iter()
        .find(|space| claim.starts_with(space))
        .unwrap_or("monitoring");
    let bound = world.one("PersistentVolumeClaim", space, claim);
    let name = bound["spec"]["volumeName"].as_str().unwrap().to_owned();
    let since = world.at(60);
    world.change("Volume", LONGHORN, &name, |volume| {
        volume["status"]["robustness"] = robustness.into();
        volume["status"]["state"] = state.into();
        volume["status"]["lastDegradedAt"] = since.clone().into();
    });
    name
}

fn degraded(world: &mut World, claim: &str) -> String {
    volume(world, claim, "degraded", "attached")
}

fn copy(world: &mut World, volume: &str, node: &str, spec: &Value) {
    let mut all = spec.clone();
    all["volumeName"] = volume.into();
    all["nodeID"] = node.into();
    world.add(json!({"apiVersion": "longhorn.io/v1beta2", "kind": "Replica",
        "metadata": {"namespace": LONGHORN, "name": format!("{volume}-r-{node}")}, "spec": all, "status": {"currentState": "running"}}));
}

/// A copy that has been whole for long.
fn whole(world: &mut World, volume: &str, node: &str) {
    copy(world, volume, node, &json!({"healthyAt": world.at(-600)}));
}

/// A copy that was whole and failed a while ago.
fn failed(world: &mut World, volume: &str, node: &str) {
    copy(
        world,
        volume,
        node,
        &json!({"healthyAt": world.at(-600), "failedAt": world.at(60)}),
    );
}

fn disk(world: &mut World, node: &str, change: impl Fn(&mut Value)) {
    world.change("StorageNode", LONGHORN, node, |node| {
        change(&mut node["status"]["diskStatus"]["ssd"]);
    });
}

/// The site's own certificate, for these names and so many days.
fn certificate(world: &mut World, name: &str, days: i64) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let day = |days: i64| {
        let at = world.began() + SignedDuration::from_hours(24 * days);
        let date = at.to_zoned(TimeZone::UTC).date();
        let small = |number: i8| u8::try_from(number).unwrap();
        date_time_ymd(
            i32::from(date.year()),
            small(date.month()),
            small(date.day()),
        )
    };
    params.not_before = day(-80);
    params.not_after = day(days);
    let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let text = STANDARD.encode(made.pem());
    let kept = "lets-encrypt-cert";
    let spaces = [
        "care-be",
        "care-fe",
        "metabase",
        "monitoring",
        "odoo",
        "private-nginx",
        "public-nginx",
        "registry",
        "rustfs",
    ];
    for space in spaces {
        world.add(
            json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"namespace": space, "name": kept}, "data": {"tls.crt": text}}),
        );
    }
}
