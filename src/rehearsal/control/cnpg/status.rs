//! The status of a cluster as its operator writes it, computed from what is there. Pure.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    PLUGIN, Phase,
    instances::{Instance, State},
    parts, plugins,
};
use crate::rehearsal::{
    control::shape::{
        Says, after, fingerprint, holds, items, name, namespace, set_condition, stamp, text, time,
        uid,
    },
    world::World,
};

/// Seconds that the cluster's own certificates hold.
const CERTIFICATES: i64 = 90 * 86_400;

/// The new status: one step from the one that is shown towards what there is.
pub(super) fn of(
    world: &World<'_>,
    cluster: &Value,
    (seen, phase): (&[Instance<'_>], &Phase),
    now: Timestamp,
) -> Value {
    let mut status = cluster["status"].clone();
    if !status.is_object() {
        status = json!({});
    }
    fixed(cluster, &mut status);
    put(&mut status, "phase", phase.name.into());
    put(&mut status, "phaseReason", phase.reason.as_str().into());
    leaders(cluster, seen, &mut status, now);
    counts(seen, &mut status);
    lists(seen, &mut status);
    reported(cluster, seen, &mut status);
    roles(world, cluster, seen, &mut status);
    conditions(world, cluster, (seen, phase), &mut status, now);
    super::stage::next(&cluster["status"], status)
}

/// Sets a field; what is empty is absent, as the real operator leaves it out.
fn put(status: &mut Value, field: &str, value: Value) {
    let empty = match &value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_u64() == Some(0),
        Value::Bool(_) | Value::Object(_) => false,
    };
    let Some(map) = status.as_object_mut() else {
        return;
    };
    if empty {
        map.shift_remove(field);
    } else {
        map.insert(field.to_owned(), value);
    }
}

/// What depends on the cluster's name, image and plugins alone.
fn fixed(cluster: &Value, status: &mut Value) {
    let own = name(cluster);
    let born = time(&cluster["metadata"]["creationTimestamp"]).unwrap_or(Timestamp::UNIX_EPOCH);
    let until = after(born, CERTIFICATES).strftime("%Y-%m-%d %H:%M:%S +0000 UTC");
    let until = until.to_string();
    let image = text(&cluster["spec"]["imageName"]);
    let plugins: Vec<Value> = plugins(cluster)
        .map(|plugin| {
            json!({
                "name": plugin["name"], "version": "0.14.0",
                "capabilities": ["TYPE_RECONCILER_HOOKS", "TYPE_LIFECYCLE_SERVICE", "TYPE_INSTANCE_SIDECAR_INJECTION"],
            })
        })
        .collect();
    let fields = json!({
        "certificates": {
            "clientCASecret": format!("{own}-ca"), "serverCASecret": format!("{own}-ca"),
            "replicationTLSSecret": format!("{own}-replication"),
            "serverTLSSecret": format!("{own}-server"),
            "serverAltDNSNames": host_names(cluster),
            "expirations": {
                format!("{own}-ca"): until, format!("{own}-replication"): until,
                format!("{own}-server"): until,
            },
        },
        "image": image,
        "pgDataImageInfo": {"image": image, "majorVersion": parts::major(cluster)},
        "pluginStatus": plugins,
        "poolerIntegrations": {"pgBouncerIntegration": {}},
        "readService": format!("{own}-r"),
        "writeService": format!("{own}-rw"),
        "selector": format!("cnpg.io/cluster={own},cnpg.io/podRole=instance"),
        "switchReplicaClusterStatus": {},
    });
    for (field, value) in fields.as_object().into_iter().flatten() {
        put(status, field, value.clone());
    }
}

/// The names by which its server is reached.
pub(super) fn host_names(cluster: &Value) -> Vec<String> {
    let (own, space) = (name(cluster), namespace(cluster));
    let tails = [
        String::new(),
        format!(".{space}"),
        format!(".{space}.svc"),
        format!(".{space}.svc.cluster.local"),
    ];
    ["rw", "r", "ro"]
        .iter()
        .flat_map(|service| {
            tails
                .iter()
                .map(move |tail| format!("{own}-{service}{tail}"))
        })
        .collect()
}

/// Who is the primary, and who is to be.
fn leaders(cluster: &Value, seen: &[Instance<'_>], status: &mut Value, now: Timestamp) {
    let current = text(&status["currentPrimary"]).to_owned();
    let target = text(&status["targetPrimary"]).to_owned();
    let of = |name: &str| seen.iter().find(|one| one.name == name);
    let runs =
        of(&target).is_some_and(|one| matches!(one.state, State::Replicating | State::Healthy));
    if target.is_empty() {
        aim(status, &format!("{}-1", name(cluster)), now);
    } else if current.is_empty() {
        if runs {
            put(status, "currentPrimary", target.into());
            put(status, "currentPrimaryTimestamp", stamp(now).into());
        }
    } else {
        super::failover::lead((cluster, seen), status, now);
    }
}

fn aim(status: &mut Value, to: &str, now: Timestamp) {
    put(status, "targetPrimary", to.into());
    put(status, "targetPrimaryTimestamp", stamp(now).into());
}

fn counts(seen: &[Instance<'_>], status: &mut Value) {
    let healthy = seen
        .iter()
        .filter(|one| one.state == State::Healthy)
        .count();
    let jobs = seen.iter().filter(|one| one.job.is_some()).count();
    put(status, "instances", seen.len().into());
    put(status, "readyInstances", healthy.into());
    put(status, "jobCount", jobs.into());
    put(status, "pvcCount", seen.len().into());
}

/// The names of the instances by what they are at.
fn lists(seen: &[Instance<'_>], status: &mut Value) {
    let names = |wanted: &dyn Fn(&Instance<'_>) -> bool| -> Value {
        seen.iter()
            .filter(|one| wanted(one))
            .map(|one| Value::from(one.name.as_str()))
            .collect()
    };
    let working = |one: &Instance<'_>| one.state == State::Initializing && one.job.is_some();
    let bound = |one: &Instance<'_>| {
        matches!(
            one.state,
            State::Failed | State::Lost | State::Replicating | State::Healthy
        )
    };
    put(status, "instanceNames", names(&|_| true));
    put(status, "initializingPVC", names(&working));
    put(
        status,
        "danglingPVC",
        names(&|one| !working(one) && !bound(one)),
    );
    put(status, "healthyPVC", names(&bound));
    let by_state: Map<String, Value> = [
        ("failed", State::Failed),
        ("healthy", State::Healthy),
        ("replicating", State::Replicating),
    ]
    .into_iter()
    .map(|(word, state)| (word.to_owned(), names(&|one| one.state == state)))
    .filter(|(_, list)| list.as_array().is_some_and(|list| !list.is_empty()))
    .collect();
    put(status, "instancesStatus", some(by_state));
}

/// A map, or nothing when it is empty.
fn some(map: Map<String, Value>) -> Value {
    if map.is_empty() {
        Value::Null
    } else {
        map.into()
    }
}

/// What the instances say of themselves, and on how many machines they are.
fn reported(cluster: &Value, seen: &[Instance<'_>], status: &mut Value) {
    let current = text(&status["currentPrimary"]).to_owned();
    let shown = &cluster["status"];
    let promoted = shown["instancesReportedState"][&current]["isPrimary"] == false;
    let timeline = match shown["timelineID"].as_u64() {
        // A recovery begins a timeline of its own, and so does whoever takes over.
        None => 1 + u64::from(super::rows::recovery(cluster).is_some()),
        Some(known) => known + u64::from(promoted),
    };
    let said: Map<String, Value> = seen
        .iter()
        .filter(|one| matches!(one.state, State::Replicating | State::Healthy))
        .filter(|_| !current.is_empty())
        .filter_map(|one| {
            let own = one.name.as_str();
            let says = json!({
                "ip": one.pod?["status"]["podIP"], "isPrimary": own == current, "timeLineID": timeline,
            });
            Some((own.to_owned(), says))
        })
        .collect();
    if !current.is_empty() {
        put(status, "timelineID", timeline.into());
    }
    put(status, "instancesReportedState", some(said));
    let placed: Vec<&Instance<'_>> = seen.iter().filter(|one| one.pod.is_some()).collect();
    let nodes: std::collections::BTreeSet<&str> = placed
        .iter()
        .filter_map(|one| one.pod)
        .map(|pod| text(&pod["spec"]["nodeName"]))
        .collect();
    let mut topology = json!({"successfullyExtracted": true});
    if !placed.is_empty() {
        let instances: Map<String, Value> = placed
            .iter()
            .map(|one| (one.name.clone(), json!({})))
            .collect();
        topology["instances"] = instances.into();
        topology["nodesUsed"] = nodes.len().into();
    }
    put(status, "topology", topology);
}

/// The roles that the cluster keeps: they are made once the primary serves and their secrets are there.
fn roles(world: &World<'_>, cluster: &Value, seen: &[Instance<'_>], status: &mut Value) {
    let wanted = &cluster["spec"]["managed"]["roles"];
    let primary = text(&status["currentPrimary"]);
    let serves = seen
        .iter()
        .any(|one| one.name == primary && matches!(one.state, State::Replicating | State::Healthy));
    let led = cluster["status"]["currentPrimary"].is_string();
    if items(wanted).next().is_none() || !serves || !led {
        if !status["managedRolesStatus"].is_object() {
            put(status, "managedRolesStatus", json!({}));
        }
        return;
    }
    let mut done = Vec::new();
    let mut refused = Map::new();
    let mut passwords = Map::new();
    for role in items(wanted) {
        let own = text(&role["name"]);
        let secret = text(&role["passwordSecret"]["name"]);
        let found = world.get("Secret", namespace(cluster), secret);
        if secret.is_empty() || found.is_some() {
            done.push(own);
        } else {
            let why = format!("failed to get password secret: secrets \"{secret}\" not found");
            refused.insert(own.to_owned(), json!([why]));
        }
        if let Some(found) = found {
            let version = json!({
                "resourceVersion": found["metadata"]["resourceVersion"],
                "transactionID": 700 + fingerprint(&json!(own)) % 100,
            });
            passwords.insert(own.to_owned(), version);
        }
    }
    let shown = &cluster["status"];
    let mut known =
        json!({"byStatus": {"not-managed": [owner(cluster)], "reserved": ["postgres"]}});
    if !shown["managedRolesStatus"]["byStatus"].is_object() {
        let pending: Value = items(wanted).map(|role| role["name"].clone()).collect();
        known["byStatus"]["pending-reconciliation"] = pending;
        put(status, "managedRolesStatus", known);
        return;
    }
    known["byStatus"]["reserved"] = if shown["readyInstances"].is_u64() {
        json!(["postgres", "cnpg_metrics_exporter", "streaming_replica"])
    } else {
        json!(["postgres", "cnpg_metrics_exporter"])
    };
    if !done.is_empty() {
        known["byStatus"]["reconciled"] = done.into();
    }
    for (field, map) in [("passwordStatus", passwords), ("cannotReconcile", refused)] {
        put(&mut known, field, some(map));
    }
    put(status, "managedRolesStatus", known);
}

/// The owner of the database that the cluster was made with.
pub(super) fn owner(cluster: &Value) -> &str {
    let how = &cluster["spec"]["bootstrap"];
    how["initdb"]["owner"]
        .as_str()
        .or_else(|| how["recovery"]["owner"].as_str())
        .unwrap_or("app")
}

fn conditions(
    world: &World<'_>,
    cluster: &Value,
    (seen, phase): (&[Instance<'_>], &Phase),
    status: &mut Value,
    now: Timestamp,
) {
    // True as soon as the first claim is there, as in life: it proves nothing.
    let begun = !seen.is_empty() || holds(cluster, "Initialized");
    let (reason, message) = if begun {
        ("BootstrapCompleted", "Cluster has been bootstrapped")
    } else {
        ("BootstrapPending", "Cluster has not been bootstrapped yet")
    };
    set_condition(
        status,
        &Says::new("Initialized", begun, reason, message),
        now,
    );
    let led = status["currentPrimary"].is_string();
    let (reason, message) = if led {
        let id = 7_700_000_000_000_000_000 + fingerprint(&json!(uid(cluster))) % 1_000_000_000_000;
        put(status, "systemID", id.to_string().into());
        (
            "Unique",
            "A single, unique system ID was found across reporting instances.",
        )
    } else {
        (
            "NotFound",
            "No instances are present in the cluster to report a system ID.",
        )
    };
    let says = Says::new("ConsistentSystemID", led, reason, message);
    set_condition(status, &says, now);
    let (reason, message) = if phase.is_healthy() {
        ("ClusterIsReady", "Cluster is Ready")
    } else {
        ("ClusterIsNotReady", "Cluster Is Not Ready")
    };
    let says = Says::new("Ready", phase.is_healthy(), reason, message);
    set_condition(status, &says, now);
    if led {
        let fails = super::rows::archive_fails(world, cluster, now);
        let refuses = super::failover::refuses_archiving(cluster, now);
        let (reason, message) = if refuses {
            ("ContinuousArchivingFailing", super::failover::REFUSED)
        } else if fails {
            (
                "ContinuousArchivingFailing",
                "rpc error: code = Unknown desc = unexpected failure invoking barman-cloud-wal-archive: exit status 4",
            )
        } else {
            (
                "ContinuousArchivingSuccess",
                "Continuous archiving is working",
            )
        };
        let says = Says::new("ContinuousArchiving", !fails && !refuses, reason, message);
        set_condition(status, &says, now);
    }
    if let Some(done) = super::backups::newest_is_done(world, cluster) {
        let (reason, message) = if done {
            ("LastBackupSucceeded", "Backup was successful")
        } else {
            ("BackupStarted", "New Backup starting up")
        };
        let says = Says::new("LastBackupSucceeded", done, reason, message);
        set_condition(status, &says, now);
    }
}

/// The object store and the server's name in it, when a cluster copies itself there.
pub(super) fn archive(cluster: &Value) -> Option<(&str, &str)> {
    let plugin = plugins(cluster).find(|plugin| plugin["name"] == PLUGIN)?;
    let store = plugin["parameters"]["barmanObjectName"].as_str()?;
    let server = plugin["parameters"]["serverName"].as_str();
    Some((store, server.unwrap_or_else(|| name(cluster))))
}
