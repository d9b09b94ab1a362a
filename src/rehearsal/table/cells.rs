//! What stands in each cell of a built-in kind. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{human, labels, pods, since};
use crate::rehearsal::{kinds::Kind, world::text_at};

const NONE: &str = "<none>";

/// The cell of a column.
pub fn cell(kind: &Kind, column: &str, object: &Value, now: Timestamp) -> Value {
    let special = match kind.key.as_str() {
        "Pod" => pod(column, object, now),
        "Deployment.apps" | "ReplicaSet.apps" | "StatefulSet.apps" | "DaemonSet.apps" => {
            workload(kind, column, object)
        }
        "Job.batch" | "CronJob.batch" => job(column, object, now),
        "Service" => service(column, object),
        "Node" => node(column, object),
        "Namespace" => (column == "Status").then(|| text(object, "/status/phase").into()),
        "PersistentVolume" | "PersistentVolumeClaim" | "StorageClass.storage.k8s.io" => {
            storage(kind, column, object)
        }
        "ConfigMap" | "Secret" => content(column, object),
        "Event" | "Event.events.k8s.io" => event(column, object, now),
        "Ingress.networking.k8s.io" => ingress(column, object),
        _ => other(column, object),
    };
    special.unwrap_or_else(|| common(column, object, now))
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    text_at(object, pointer).unwrap_or("")
}

fn or_none(object: &Value, pointer: &str) -> Value {
    text_at(object, pointer)
        .filter(|said| !said.is_empty())
        .unwrap_or(NONE)
        .into()
}

fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

fn list<'v>(object: &'v Value, pointer: &str) -> &'v [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The texts at a place of each item, with commas between.
fn joined(object: &Value, pointer: &str, inner: &str) -> String {
    let words: Vec<&str> = list(object, pointer)
        .iter()
        .filter_map(|item| text_at(item, inner))
        .collect();
    words.join(",")
}

/// Columns that many kinds have.
fn common(column: &str, object: &Value, now: Timestamp) -> Value {
    let containers = |inner| {
        [
            "/spec/template",
            "/spec/jobTemplate/spec/template",
            "/template",
        ]
        .into_iter()
        .map(|place| joined(object, &format!("{place}/spec/containers"), inner))
        .find(|words| !words.is_empty())
        .unwrap_or_default()
    };
    match column {
        "Name" => text(object, "/metadata/name").into(),
        "Age" => since(text_at(object, "/metadata/creationTimestamp"), now).into(),
        "Created At" => text(object, "/metadata/creationTimestamp").into(),
        "Containers" => containers("/name").into(),
        "Images" => containers("/image").into(),
        "Selector" => selector(object.pointer("/spec/selector")).into(),
        _ => NONE.into(),
    }
}

/// A label selector as a column shows it.
fn selector(said: Option<&Value>) -> String {
    let Some(said) = said else {
        return NONE.to_owned();
    };
    let equal = labels(said.get("matchLabels"));
    let mut words: Vec<String> = (equal != NONE).then_some(equal).into_iter().collect();
    for rule in list(said, "/matchExpressions") {
        let values: Vec<&str> = list(rule, "/values")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let (key, values) = (text(rule, "/key"), values.join(","));
        words.push(match text(rule, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    if words.is_empty() {
        NONE.to_owned()
    } else {
        words.join(",")
    }
}

fn pod(column: &str, object: &Value, now: Timestamp) -> Option<Value> {
    let seen = || pods::look(object, now);
    Some(match column {
        "Ready" => format!("{}/{}", seen().ready, seen().total).into(),
        "Status" => seen().reason.into(),
        "Restarts" => seen().restarts.into(),
        "IP" => or_none(object, "/status/podIP"),
        "Node" => or_none(object, "/spec/nodeName"),
        "Nominated Node" => or_none(object, "/status/nominatedNodeName"),
        _ => return None,
    })
}

fn workload(kind: &Kind, column: &str, object: &Value) -> Option<Value> {
    let status = |field: &str| number(object, &format!("/status/{field}"));
    let daemon = kind.kind == "DaemonSet";
    Some(match column {
        "Ready" if daemon => status("numberReady").into(),
        "Ready" if kind.kind == "ReplicaSet" => status("readyReplicas").into(),
        "Ready" => format!(
            "{}/{}",
            status("readyReplicas"),
            number(object, "/spec/replicas")
        )
        .into(),
        "Desired" if daemon => status("desiredNumberScheduled").into(),
        "Desired" => number(object, "/spec/replicas").into(),
        "Current" if daemon => status("currentNumberScheduled").into(),
        "Current" => status("replicas").into(),
        "Up-to-date" if daemon => status("updatedNumberScheduled").into(),
        "Up-to-date" => status("updatedReplicas").into(),
        "Available" if daemon => status("numberAvailable").into(),
        "Available" => status("availableReplicas").into(),
        "Node Selector" => labels(object.pointer("/spec/template/spec/nodeSelector")).into(),
        _ => return None,
    })
}

/// The conditions of a job that name its state, the weightier first.
const STATES: [(&str, &str); 6] = [
    ("Complete", "Complete"),
    ("Failed", "Failed"),
    ("", "Terminating"),
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
];

fn job(column: &str, object: &Value, now: Timestamp) -> Option<Value> {
    let holds = |kind: &str| {
        list(object, "/status/conditions")
            .iter()
            .any(|entry| text(entry, "/type") == kind && text(entry, "/status") == "True")
    };
    let at = |pointer: &str| text_at(object, pointer)?.parse::<Timestamp>().ok();
    Some(match column {
        "Status" => {
            let deleted = object.pointer("/metadata/deletionTimestamp").is_some();
            let found = STATES.iter().find(|(kind, _)| {
                if kind.is_empty() {
                    deleted
                } else {
                    holds(kind)
                }
            });
            found.map_or("Running", |(_, said)| said).into()
        }
        "Completions" => {
            let (done, width) = (
                number(object, "/status/succeeded"),
                number(object, "/spec/parallelism"),
            );
            match object.pointer("/spec/completions").and_then(Value::as_i64) {
                Some(wanted) => format!("{done}/{wanted}"),
                None if width > 1 => format!("{done}/1 of {width}"),
                None => format!("{done}/1"),
            }
            .into()
        }
        "Duration" => {
            let end = at("/status/completionTime").unwrap_or(now);
            at("/status/startTime")
                .map_or(String::new(), |start| human(end.duration_since(start)))
                .into()
        }
        "Schedule" => text(object, "/spec/schedule").into(),
        "Timezone" => or_none(object, "/spec/timeZone"),
        "Suspend" => if object.pointer("/spec/suspend") == Some(&json!(true)) {
            "True"
        } else {
            "False"
        }
        .into(),
        "Active" => list(object, "/status/active").len().into(),
        "Last Schedule" => match text_at(object, "/status/lastScheduleTime") {
            Some(last) => since(Some(last), now).into(),
            None => NONE.into(),
        },
        _ => return None,
    })
}

fn service(column: &str, object: &Value) -> Option<Value> {
    Some(match column {
        "Type" => text(object, "/spec/type").into(),
        "Cluster-IP" => or_none(object, "/spec/clusterIP"),
        "External-IP" => match text(object, "/spec/type") {
            "ExternalName" => text(object, "/spec/externalName").into(),
            form => {
                let given = joined(object, "/status/loadBalancer/ingress", "/ip");
                let own: Vec<_> = list(object, "/spec/externalIPs")
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                match (given.is_empty(), own.is_empty(), form) {
                    (false, ..) => given.into(),
                    (_, false, _) => own.join(",").into(),
                    (.., "LoadBalancer") => "<pending>".into(),
                    _ => NONE.into(),
                }
            }
        },
        "Port(s)" => {
            let ports: Vec<String> = list(object, "/spec/ports")
                .iter()
                .map(|port| match number(port, "/nodePort") {
                    0 => format!("{}/{}", number(port, "/port"), text(port, "/protocol")),
                    node => format!(
                        "{}:{node}/{}",
                        number(port, "/port"),
                        text(port, "/protocol")
                    ),
                })
                .collect();
            if ports.is_empty() {
                NONE.into()
            } else {
                ports.join(",").into()
            }
        }
        "Selector" => labels(object.pointer("/spec/selector")).into(),
        _ => return None,
    })
}

fn node(column: &str, object: &Value) -> Option<Value> {
    let address = |kind: &str| {
        let found = list(object, "/status/addresses")
            .iter()
            .find(|entry| text(entry, "/type") == kind);
        found.map_or(NONE, |entry| text(entry, "/address")).into()
    };
    let info = |field: &str| {
        let said = text(object, &format!("/status/nodeInfo/{field}"));
        if said.is_empty() { "<unknown>" } else { said }.to_owned()
    };
    Some(match column {
        "Status" => {
            let ready = list(object, "/status/conditions")
                .iter()
                .find(|entry| text(entry, "/type") == "Ready");
            let mut words = vec![match ready.map(|entry| text(entry, "/status")) {
                Some("True") => "Ready",
                Some(_) => "NotReady",
                None => "Unknown",
            }];
            if object.pointer("/spec/unschedulable") == Some(&json!(true)) {
                words.push("SchedulingDisabled");
            }
            words.join(",").into()
        }
        "Roles" => {
            let map = object
                .pointer("/metadata/labels")
                .and_then(Value::as_object);
            let mut roles: Vec<&str> = map
                .into_iter()
                .flatten()
                .filter_map(
                    |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
                        None if key == "kubernetes.io/role" => value.as_str(),
                        role => role,
                    },
                )
                .collect();
            roles.sort_unstable();
            if roles.is_empty() {
                NONE.into()
            } else {
                roles.join(",").into()
            }
        }
        "Version" => text(object, "/status/nodeInfo/kubeletVersion").into(),
        "Internal-IP" => address("InternalIP"),
        "External-IP" => address("ExternalIP"),
        "OS-Image" => info("osImage").into(),
        "Kernel-Version" => match text(object, "/status/nodeInfo/architecture") {
            "" => info("kernelVersion").into(),
            machine => format!("{} ({machine})", info("kernelVersion")).into(),
        },
        "Container-Runtime" => info("containerRuntimeVersion").into(),
        _ => return None,
    })
}

fn modes(object: &Value, pointer: &str) -> String {
    let short = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let has = |long: &str| list(object, pointer).iter().any(|mode| mode == long);
    let words: Vec<&str> = short
        .iter()
        .filter(|(long, _)| has(long))
        .map(|(_, short)| *short)
        .collect();
    words.join(",")
}

fn storage(kind: &Kind, column: &str, object: &Value) -> Option<Value> {
    let claim = kind.kind == "PersistentVolumeClaim";
    Some(match column {
        "Name" if kind.kind == "StorageClass" => {
            let mark = "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";
            let usual = if text(object, mark) == "true" {
                " (default)"
            } else {
                ""
            };
            format!("{}{usual}", text(object, "/metadata/name")).into()
        }
        "Provisioner" => text(object, "/provisioner").into(),
        "ReclaimPolicy" => text(object, "/reclaimPolicy").into(),
        "VolumeBindingMode" => text(object, "/volumeBindingMode").into(),
        "AllowVolumeExpansion" => (object.get("allowVolumeExpansion") == Some(&json!(true))).into(),
        "Status" if object.pointer("/metadata/deletionTimestamp").is_some() => "Terminating".into(),
        "Status" => text(object, "/status/phase").into(),
        "Volume" => text(object, "/spec/volumeName").into(),
        // A claim has what its volume has, once it has one.
        "Capacity" | "Access Modes" if claim && text(object, "/spec/volumeName").is_empty() => {
            "".into()
        }
        "Capacity" if claim => text(object, "/status/capacity/storage").into(),
        "Access Modes" if claim => modes(object, "/status/accessModes").into(),
        "Capacity" => text(object, "/spec/capacity/storage").into(),
        "Access Modes" => modes(object, "/spec/accessModes").into(),
        "Reclaim Policy" => text(object, "/spec/persistentVolumeReclaimPolicy").into(),
        "Claim" => match object.pointer("/spec/claimRef") {
            Some(claim) => format!("{}/{}", text(claim, "/namespace"), text(claim, "/name")).into(),
            None => "".into(),
        },
        "StorageClass" => text(object, "/spec/storageClassName").into(),
        "VolumeAttributesClass" => "<unset>".into(),
        "Reason" => text(object, "/status/reason").into(),
        "VolumeMode" => text_at(object, "/spec/volumeMode")
            .unwrap_or("<unset>")
            .into(),
        _ => return None,
    })
}

fn content(column: &str, object: &Value) -> Option<Value> {
    let count = |field: &str| {
        object
            .get(field)
            .and_then(Value::as_object)
            .map_or(0, serde_json::Map::len)
    };
    Some(match column {
        "Data" => (count("data") + count("binaryData")).into(),
        "Type" => text(object, "/type").into(),
        _ => return None,
    })
}

fn event(column: &str, object: &Value, now: Timestamp) -> Option<Value> {
    let first = || match text_at(object, "/firstTimestamp") {
        Some(at) => since(Some(at), now),
        None => since(text_at(object, "/eventTime"), now),
    };
    let about = if object.get("regarding").is_some() {
        "/regarding"
    } else {
        "/involvedObject"
    };
    let inner = |field: &str| text(object, &format!("{about}/{field}"));
    Some(match column {
        "Last Seen" => match text_at(object, "/series/lastObservedTime")
            .or_else(|| text_at(object, "/lastTimestamp"))
        {
            Some(at) => since(Some(at), now).into(),
            None => first().into(),
        },
        "Type" => text(object, "/type").into(),
        "Reason" => text(object, "/reason").into(),
        "Object" => format!("{}/{}", inner("kind").to_lowercase(), inner("name"))
            .trim_end_matches('/')
            .into(),
        "Subobject" => inner("fieldPath").into(),
        "Source" => match (
            text(object, "/source/component"),
            text(object, "/source/host"),
        ) {
            ("", _) => text(object, "/reportingComponent").into(),
            (who, "") => who.into(),
            (who, host) => format!("{who}, {host}").into(),
        },
        "Message" => text(object, "/message").trim().into(),
        "First Seen" => first().into(),
        "Count" => number(object, "/count").max(1).into(),
        _ => return None,
    })
}

fn ingress(column: &str, object: &Value) -> Option<Value> {
    Some(match column {
        "Class" => or_none(object, "/spec/ingressClassName"),
        "Hosts" => {
            let rules = list(object, "/spec/rules");
            let hosts: Vec<&str> = rules
                .iter()
                .map(|rule| text(rule, "/host"))
                .filter(|host| !host.is_empty())
                .collect();
            match hosts.len() {
                0 => "*".into(),
                1..=3 => hosts.join(",").into(),
                all => format!(
                    "{} + {} more...",
                    hosts.iter().take(3).copied().collect::<Vec<_>>().join(","),
                    all - 3
                )
                .into(),
            }
        }
        "Address" => joined(object, "/status/loadBalancer/ingress", "/ip").into(),
        "Ports" => if list(object, "/spec/tls").is_empty() {
            "80"
        } else {
            "80, 443"
        }
        .into(),
        _ => return None,
    })
}

/// The rarer kinds; their columns have names of their own.
fn other(column: &str, object: &Value) -> Option<Value> {
    let either = |pointer: &str| match object.pointer(pointer) {
        Some(Value::String(said)) => said.clone(),
        Some(said) => said.to_string(),
        None => "N/A".into(),
    };
    let subjects = |kind: &str| {
        let own = list(object, "/subjects")
            .iter()
            .filter(|subject| text(subject, "/kind") == kind);
        let names = own.map(|subject| match text(subject, "/namespace") {
            "" => text(subject, "/name").to_owned(),
            space => format!("{space}/{}", text(subject, "/name")),
        });
        names.collect::<Vec<_>>().join(", ")
    };
    Some(match column {
        "Min Available" => either("/spec/minAvailable").into(),
        "Max Unavailable" => either("/spec/maxUnavailable").into(),
        "Allowed Disruptions" => number(object, "/status/disruptionsAllowed").into(),
        "Role" => format!(
            "{}/{}",
            text(object, "/roleRef/kind"),
            text(object, "/roleRef/name")
        )
        .into(),
        "Users" => subjects("User").into(),
        "Groups" => subjects("Group").into(),
        "ServiceAccounts" => subjects("ServiceAccount").into(),
        "Holder" => text(object, "/spec/holderIdentity").into(),
        "Pod-Selector" => selector(object.pointer("/spec/podSelector")).into(),
        "Controller" => text(object, "/spec/controller").into(),
        "Webhooks" => list(object, "/webhooks").len().into(),
        "Value" => number(object, "/value").into(),
        "Global-Default" => (object.get("globalDefault") == Some(&json!(true))).into(),
        "PreemptionPolicy" => text(object, "/preemptionPolicy").into(),
        "AddressType" => text(object, "/addressType").into(),
        _ => return None,
    })
}
