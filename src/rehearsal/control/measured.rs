//! What the metrics server would have measured: numbers that follow from what each container asks for, and move with the time. They
//! are there while a pod of the metrics server works, and not before. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    machines,
    pods::ready,
    quantity::{bytes, millicores},
    shape::{carries, fingerprint, holds, items, leaving, name, namespace, stamp, text, time},
    trouble::{OUT_OF_MEMORY, plays},
};
use crate::rehearsal::{
    answer::{Answer, Failure},
    call::{Call, Method},
    select::Selector,
    store::Store,
    world::World,
};

/// The group of measurements.
pub const METRICS: &str = "metrics.k8s.io";

/// Its only version.
pub const VERSION: &str = "v1beta1";

/// The workload that measures, in `kube-system`.
const SERVER: &str = "metrics-server";

/// Seconds between two looks at every machine.
const EVERY: i64 = 15;

/// A container has been looked at twice once it runs for so many seconds; before, its use is not known.
const TWICE: i64 = 30;

const MIB: u64 = 1 << 20;

/// What the machine itself uses: thousandths of a core, bytes.
const SYSTEM: (u64, u64) = (180, 900 * MIB);

/// Seconds in which a container that outgrows its memory has done so, as the scenario ends it.
const OUTGROWN: u64 = 20;

/// A use of processor and memory: billionths of a core, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Used {
    cpu: u64,
    memory: u64,
}

impl Used {
    fn with(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            memory: self.memory + other.memory,
        }
    }

    fn words(self) -> Value {
        json!({"cpu": format!("{}n", self.cpu), "memory": format!("{}Ki", self.memory / 1024)})
    }
}

/// Whether the metrics server was deployed: then its group holds kinds.
pub fn deployed(store: &Store) -> bool {
    let world = World::new(store);
    world
        .get("Deployment.apps", "kube-system", SERVER)
        .is_some()
}

/// Answers a question for measurements.
///
/// # Errors
/// 404 while nobody measures, 503 while the one who measures is not ready, as the real API does.
pub fn answer(
    store: &Store,
    (call, selector): (&Call, &Selector),
    now: Timestamp,
) -> Result<Answer, Failure> {
    let place = &call.place;
    let is_pods = place.plural == "pods";
    let known = is_pods || (place.plural == "nodes" && place.namespace.is_empty());
    if !known || place.version != VERSION || !place.subresource.is_empty() {
        return Err(Failure::no_such_path());
    }
    if call.method != Method::Get || call.query.on("watch") {
        return Err(Failure::not_allowed());
    }
    let world = World::new(store);
    if !deployed(store) {
        let why = "the practice cluster measures nothing before the metrics server is deployed (components.metrics: \"on\"); \
                   `kubectl describe node NAME` shows what is requested and what is left";
        return Err(Failure::new(404, "NotFound", why));
    }
    if !works(&world) {
        let why = "the server is currently unable to handle the request";
        return Err(Failure::new(503, "ServiceUnavailable", why));
    }
    let all = if is_pods {
        pods(&world, now)
    } else {
        nodes(&world, now)
    };
    let wanted = all.into_iter().filter(|one| {
        let here = place.namespace.is_empty() || namespace(one) == place.namespace;
        here && selector.matches(one)
    });
    let kind = if is_pods { "PodMetrics" } else { "NodeMetrics" };
    if place.name.is_empty() {
        let items: Vec<Value> = wanted.collect();
        return Ok(Answer::Json(json!({"kind": format!("{kind}List"),
            "apiVersion": format!("{METRICS}/{VERSION}"), "metadata": {}, "items": items})));
    }
    let found = wanted.into_iter().find(|one| name(one) == place.name);
    let Some(mut found) = found else {
        let about = if is_pods {
            format!("{}/{}", place.namespace, place.name)
        } else {
            place.name.clone()
        };
        let why = format!("{}.{METRICS} \"{about}\" not found", place.plural);
        return Err(Failure::new(404, "NotFound", why));
    };
    found["kind"] = kind.into();
    found["apiVersion"] = format!("{METRICS}/{VERSION}").into();
    Ok(Answer::Json(found))
}

/// Whether a pod of the metrics server works, on a machine that does.
fn works(world: &World<'_>) -> bool {
    let labels = json!({"app.kubernetes.io/name": SERVER});
    world
        .list("Pod", Some("kube-system"))
        .any(|pod| carries(pod, &labels) && ready(pod) && !leaving(pod) && reports(world, pod))
}

/// Whether the machine of the pod answers.
fn reports(world: &World<'_>, pod: &Value) -> bool {
    let node = world.get("Node", "", text(&pod["spec"]["nodeName"]));
    node.is_some_and(|node| holds(node, "Ready") && machines::runs(node))
}

/// The last moment at which every machine was looked at.
fn looked(now: Timestamp) -> Timestamp {
    let seconds = now.as_second().div_euclid(EVERY) * EVERY;
    Timestamp::from_second(seconds).unwrap_or(now)
}

/// The pods that were measured, each with its containers.
fn pods(world: &World<'_>, now: Timestamp) -> Vec<Value> {
    let at = looked(now);
    let grows = plays(world, OUT_OF_MEMORY);
    let running = world
        .list("Pod", None)
        .filter(|pod| pod["status"]["phase"] == "Running" && !leaving(pod) && reports(world, pod));
    running
        .filter_map(|pod| {
            let grows =
                grows && pod["metadata"]["labels"]["app.kubernetes.io/component"] == "worker";
            let containers: Option<Vec<Value>> = items(&pod["spec"]["containers"])
                .map(|container| {
                    let used = container_uses(pod, container, (at, grows))?;
                    Some(json!({"name": container["name"], "usage": used.words()}))
                })
                .collect();
            let mut found = measured(pod, at, now);
            found["metadata"]["namespace"] = pod["metadata"]["namespace"].clone();
            found["containers"] = containers?.into();
            Some(found)
        })
        .collect()
}

/// The machines that were measured: what their pods use, and they themselves.
fn nodes(world: &World<'_>, now: Timestamp) -> Vec<Value> {
    let at = looked(now);
    let mut sums: BTreeMap<&str, Used> = BTreeMap::new();
    let grows = plays(world, OUT_OF_MEMORY);
    for pod in world.list("Pod", None) {
        let grows = grows && pod["metadata"]["labels"]["app.kubernetes.io/component"] == "worker";
        for container in items(&pod["spec"]["containers"]) {
            let used = container_uses(pod, container, (at, grows)).unwrap_or_default();
            let sum = sums.entry(text(&pod["spec"]["nodeName"])).or_default();
            *sum = sum.with(used);
        }
    }
    let machines = world
        .list("Node", None)
        .filter(|node| holds(node, "Ready") && machines::runs(node));
    machines
        .map(|node| {
            let room = Used {
                cpu: millicores(text(&node["status"]["allocatable"]["cpu"])) * 1_000_000,
                memory: bytes(text(&node["status"]["allocatable"]["memory"])),
            };
            let sum = sums.get(name(node)).copied().unwrap_or_default();
            let own = Used {
                cpu: SYSTEM.0 * 1_000_000 / 1000
                    * around(fingerprint(&node["metadata"]["name"]), at, 400),
                memory: SYSTEM.1,
            };
            let mut used = sum.with(own);
            used.cpu = used.cpu.min(room.cpu / 100 * 97);
            used.memory = used.memory.min(room.memory / 100 * 92);
            if holds(node, "MemoryPressure") {
                used.memory = room.memory / 100 * 99;
            }
            let mut found = measured(node, at, now);
            found["usage"] = used.words();
            found
        })
        .collect()
}

/// What every measurement says.
fn measured(object: &Value, at: Timestamp, now: Timestamp) -> Value {
    let mut metadata = json!({"name": name(object), "creationTimestamp": stamp(now)});
    if let Some(labels) = object["metadata"].get("labels") {
        metadata["labels"] = labels.clone();
    }
    json!({"metadata": metadata, "timestamp": stamp(at), "window": format!("{EVERY}s")})
}

/// What a container uses; nothing while it has not been looked at twice.
fn container_uses(pod: &Value, container: &Value, (at, grows): (Timestamp, bool)) -> Option<Used> {
    let mut known = items(&pod["status"]["containerStatuses"]);
    let status = known.find(|status| status["name"] == container["name"])?;
    let started = time(&status["state"]["running"]["startedAt"])?;
    let since = at.duration_since(started).as_secs();
    let limit = bytes(text(&container["resources"]["limits"]["memory"]));
    if grows && limit > 0 {
        // It fills what it may have, then it is ended and begins anew.
        let share = (u64::try_from(since).unwrap_or(0) * 400 / OUTGROWN).min(400);
        let memory = limit / 1000 * (590 + share);
        return Some(Used {
            cpu: 400_000_000,
            memory,
        });
    }
    if since < TWICE {
        return None;
    }
    let labels: Vec<&Value> = pod["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| *key != "pod-template-hash")
        .map(|(_, label)| label)
        .collect();
    // Pods of one kind are alike on every practice cluster, whatever their names.
    let kin = fingerprint(&json!([namespace(pod), labels, container["name"]]));
    let own = fingerprint(&pod["metadata"]["name"]);
    let asks = &container["resources"]["requests"];
    let cpu = match millicores(text(&asks["cpu"])) {
        0 => 20 + kin % 40,
        asked => asked,
    };
    let memory = match bytes(text(&asks["memory"])) {
        0 => (48 + kin % 80) * MIB,
        asked => asked,
    };
    let most_cpu = match millicores(text(&container["resources"]["limits"]["cpu"])) {
        0 => u64::MAX,
        limit => limit * 950_000,
    };
    let most = if limit == 0 {
        u64::MAX
    } else {
        limit / 100 * 92
    };
    Some(Used {
        cpu: (cpu * 1000 * (80 + kin % 220) / 1000 * around(own, at, 600)).min(most_cpu),
        memory: (memory / 1000 * (550 + kin % 300) / 1000 * around(own.rotate_left(9), at, 120))
            .min(most),
    })
}

/// About a thousand: a slow wave of so many thousandths at most, and a little that nobody could foretell.
fn around(seed: u64, at: Timestamp, wide: u64) -> u64 {
    let long = 1200 + seed % 1200;
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    let along = (seconds + seed % long) % long * 2000 / long;
    // Up for half of the time, then down.
    let height = if along < 1000 { along } else { 2000 - along };
    let noise = fingerprint(&json!([seed, seconds])) % (wide / 4 + 1);
    1000 - wide + 2 * wide * height / 1000 + noise - wide / 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::{
        call::{Place, Query},
        control::testing::{Bed, workload},
    };

    fn ask(bed: &Bed, path: &str) -> Result<Value, u16> {
        let call = Call {
            method: Method::Get,
            place: Place::parse(path).unwrap(),
            query: Query::default(),
            content: String::new(),
            body: Value::Null,
            broken: None,
            twice: Vec::new(),
            agent: String::new(),
        };
        match answer(&bed.store, (&call, &Selector::default()), bed.now) {
            Ok(Answer::Json(value)) => Ok(value),
            Ok(other) => panic!("{other:?}"),
            Err(failure) => Err(failure.code),
        }
    }

    const PODS: &str = "/apis/metrics.k8s.io/v1beta1/pods";
    const NODES: &str = "/apis/metrics.k8s.io/v1beta1/nodes";

    fn server() -> Value {
        let mut server = workload("Deployment", SERVER, 1);
        server["metadata"]["namespace"] = "kube-system".into();
        server
    }

    fn measuring() -> Bed {
        let mut bed = Bed::new();
        let mut shop = workload("Deployment", "shop", 2);
        shop["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}});
        bed.add(shop).add(server());
        bed.watch(180, |_| {});
        bed
    }

    #[test]
    fn nothing_is_measured_before_the_metrics_server_is_deployed_and_works() {
        let mut bed = Bed::new();
        assert_eq!(ask(&bed, NODES).unwrap_err(), 404);
        bed.add(server());
        assert_eq!(ask(&bed, NODES).unwrap_err(), 503);
        bed.watch(180, |_| {});
        assert_eq!(
            ask(&bed, NODES).unwrap()["items"].as_array().unwrap().len(),
            2
        );
        // Its pod falls ill: no measurement is believed.
        let pod = bed.list("Pod", "kube-system");
        let pod = pod
            .iter()
            .find(|pod| name(pod).starts_with(SERVER))
            .unwrap();
        let pod = name(pod).to_owned();
        bed.change("Pod", "kube-system", &pod, |pod| {
            for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
                condition["status"] = "False".into();
            }
        });
        assert_eq!(ask(&bed, PODS).unwrap_err(), 503);
    }

    #[test]
    fn every_number_is_believable_and_the_same_again_and_moves_with_the_time() {
        let mut bed = measuring();
        let mut seen: Vec<(u64, u64)> = Vec::new();
        for _ in 0..20 {
            let pods = ask(&bed, PODS).unwrap();
            assert_eq!(pods, ask(&bed, PODS).unwrap());
            let found = items(&pods["items"])
                .find(|pod| name(pod).starts_with("shop"))
                .unwrap();
            let usage = &found["containers"][0]["usage"];
            let cpu = text(&usage["cpu"])
                .trim_end_matches('n')
                .parse::<u64>()
                .unwrap();
            let memory = bytes(text(&usage["memory"]));
            assert!((1_000_000..1_000_000_000).contains(&cpu), "{cpu}");
            assert!((64 * MIB..512 * MIB).contains(&memory), "{memory}");
            seen.push((cpu, memory));
            bed.now = super::super::shape::after(bed.now, 60);
        }
        seen.dedup();
        assert!(seen.len() > 15, "it stands still: {seen:?}");
    }

    #[test]
    fn a_machine_uses_what_its_pods_use_and_less_than_it_has() {
        let bed = measuring();
        for node in items(&ask(&bed, NODES).unwrap()["items"]) {
            let here = ask(&bed, PODS).unwrap();
            let here: u64 = items(&here["items"])
                .filter(|pod| {
                    let known = bed.get("Pod", namespace(pod), name(pod));
                    text(&known["spec"]["nodeName"]) == name(node)
                })
                .flat_map(|pod| items(&pod["containers"]))
                .map(|container| bytes(text(&container["usage"]["memory"])))
                .sum();
            let used = bytes(text(&node["usage"]["memory"]));
            let room = &bed.get("Node", "", name(node))["status"]["allocatable"]["memory"];
            assert!(
                used > here && used < bytes(text(room)),
                "{used} {here} {room}"
            );
        }
    }

    #[test]
    fn one_pod_can_be_asked_for_and_what_is_not_measured_is_not_found() {
        let bed = measuring();
        let pods = ask(&bed, PODS).unwrap();
        let first = &pods["items"][0];
        let (place, pod) = (namespace(first), name(first));
        let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{place}/pods/{pod}");
        assert_eq!(ask(&bed, &path).unwrap()["kind"], "PodMetrics");
        assert_eq!(ask(&bed, &format!("{path}-more")).unwrap_err(), 404);
        assert_eq!(ask(&bed, "/apis/metrics.k8s.io/v1/pods").unwrap_err(), 404);
        assert_eq!(
            ask(&bed, "/apis/metrics.k8s.io/v1beta1/claims").unwrap_err(),
            404
        );
    }
}
