//! The healthy site, and hands that make it sick as a kubelet, a controller or an operator would write it.

use std::{collections::BTreeMap, sync::Arc, sync::OnceLock};

use care_install::watch::{self, view::ClusterView};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{catalog::full_plan, scenes::Stage};

/// How long the sickness has lasted when it is looked at.
const LASTS: i64 = 10 * 60;

/// Kind (with its group where two share a word), namespace and name.
type Place = (String, String, String);

/// The objects of one site.
pub struct World {
    objects: BTreeMap<Place, Value>,
    began: Timestamp,
    count: usize,
}

fn place(object: &Value) -> Place {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let longhorn = object["apiVersion"]
        .as_str()
        .is_some_and(|version| version.starts_with("longhorn"));
    let kind = text(&object["kind"]);
    let kind = if longhorn && kind == "Node" {
        "StorageNode".to_owned()
    } else {
        kind
    };
    (
        kind,
        text(&object["metadata"]["namespace"]),
        text(&object["metadata"]["name"]),
    )
}

/// Whether a pod belongs to a workload; jobs have a digest behind their names.
fn belongs(pod: &Value, workload: &str) -> bool {
    let owner = &pod["metadata"]["ownerReferences"][0];
    let name = owner["name"].as_str().unwrap_or("");
    match owner["kind"].as_str().unwrap_or("") {
        "ReplicaSet" => name
            .rsplit_once('-')
            .is_some_and(|(stem, _)| stem == workload),
        "Job" => {
            name == workload
                || name
                    .rsplit_once('-')
                    .is_some_and(|(stem, _)| stem == workload)
        }
        _ => name == workload,
    }
}

impl World {
    /// Everything deployed and well; made once for all tests.
    pub fn healthy() -> Self {
        static MADE: OnceLock<(BTreeMap<Place, Value>, Timestamp)> = OnceLock::new();
        let (objects, began) = MADE.get_or_init(|| {
            let stage = Stage::made(&full_plan());
            let all = stage.store.all();
            // Old events are of the deploy; they say nothing about a site that runs.
            let all = all.filter(|object| object["kind"] != "Event");
            let objects = all
                .map(|object| (place(object), Value::clone(object)))
                .collect();
            (objects, stage.now)
        });
        let mut world = Self {
            objects: objects.clone(),
            began: *began,
            count: 0,
        };
        world.name_server();
        for class in ["private-nginx", "public-nginx"] {
            world.add(json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": class}}));
        }
        world
    }

    /// The name server, as kubeadm brings it; the practice cluster does without.
    fn name_server(&mut self) {
        let labels = json!({"k8s-app": "kube-dns", "pod-template-hash": "674b8bb"});
        self.add(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": "kube-system", "name": "coredns", "creationTimestamp": "2026-11-24T06:00:00Z"},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"k8s-app": "kube-dns"}}}, "status": {"readyReplicas": 2}}));
        for (name, node) in [
            ("coredns-674b8bb-aaaaa", "primary"),
            ("coredns-674b8bb-bbbbb", "secondary"),
        ] {
            self.add(json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"namespace": "kube-system", "name": name, "labels": labels, "creationTimestamp": "2026-11-24T06:00:00Z",
                    "ownerReferences": [{"kind": "ReplicaSet", "name": "coredns-674b8bb"}]},
                "spec": {"nodeName": node, "containers": [{"name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.12.1"}]},
                "status": {"phase": "Running", "startTime": "2026-11-24T06:00:01Z",
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-24T06:00:05Z"}],
                    "containerStatuses": [{"name": "coredns", "ready": true, "restartCount": 0, "lastState": {},
                        "state": {"running": {"startedAt": "2026-11-24T06:00:04Z"}}}]}}));
        }
    }

    /// When the sickness begins.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// So many seconds after it began, as Kubernetes writes it.
    pub fn at(&self, seconds: i64) -> String {
        let at = self.began + SignedDuration::from_secs(seconds);
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The picture ten minutes later.
    pub fn view(&self) -> ClusterView {
        let now = self.began + SignedDuration::from_secs(LASTS);
        let objects = self.objects.values().cloned().map(Arc::new);
        watch::seen(objects, now).unwrap()
    }

    /// Puts an object there, in place of one of that name.
    pub fn add(&mut self, object: Value) {
        self.objects.insert(place(&object), object);
    }

    /// The object of that name, else those whose names begin so; pods by the workload that they belong to.
    fn places(&self, kind: &str, space: &str, start: &str) -> Vec<Place> {
        let exact = (kind.to_owned(), space.to_owned(), start.to_owned());
        if self.objects.contains_key(&exact) {
            return vec![exact];
        }
        let here = |(its, place, name): &Place, object: &Value| {
            let fits = if kind == "Pod" {
                belongs(object, start)
            } else {
                name.starts_with(start)
            };
            its == kind && place == space && fits
        };
        let all = self.objects.iter();
        let found: Vec<Place> = all
            .filter(|(place, object)| here(place, object))
            .map(|(place, _)| place.clone())
            .collect();
        assert!(!found.is_empty(), "no {kind} {space}/{start}*");
        found
    }

    /// Changes every object whose name begins so.
    pub fn change(&mut self, kind: &str, space: &str, start: &str, change: impl Fn(&mut Value)) {
        for place in self.places(kind, space, start) {
            change(self.objects.get_mut(&place).unwrap());
        }
    }

    /// Takes them away.
    pub fn remove(&mut self, kind: &str, space: &str, start: &str) {
        for place in self.places(kind, space, start) {
            self.objects.remove(&place);
        }
        self.settle();
    }

    /// One of them.
    pub fn one(&self, kind: &str, space: &str, start: &str) -> Value {
        self.objects[&self.places(kind, space, start)[0]].clone()
    }

    /// What was said about an object, five minutes after it began and a little before it is looked at.
    pub fn event(&mut self, (kind, space, name): (&str, &str, &str), reason: &str, message: &str) {
        self.count += 1;
        let (first, last) = (self.at(60), self.at(LASTS - 30));
        self.add(json!({"apiVersion": "v1", "kind": "Event", "metadata": {"namespace": space, "name": format!("sick-{}", self.count),
                "creationTimestamp": first}, "involvedObject": {"kind": kind, "namespace": space, "name": name},
            "reason": reason, "message": message, "type": "Warning", "count": 8, "firstTimestamp": first, "lastTimestamp": last}));
    }

    /// What was said about each pod whose name begins so.
    pub fn pods_say(&mut self, space: &str, start: &str, reason: &str, message: &str) {
        for (_, _, name) in self.places("Pod", space, start) {
            self.event(("Pod", space, &name), reason, message);
        }
    }

    /// Pods made anew when it began, so far without a container.
    pub fn fresh(&mut self, space: &str, start: &str) {
        let (made, placed) = (self.at(0), self.at(1));
        self.change("Pod", space, start, |pod| {
            pod["metadata"]["creationTimestamp"] = made.clone().into();
            pod["status"]["startTime"] = placed.clone().into();
        });
    }

    /// Pods of which no container is ready since it began; the first one is in this state.
    pub fn unready(&mut self, space: &str, start: &str, status: &Value) {
        let since = self.at(5);
        self.change("Pod", space, start, |pod| {
            let ready = json!({"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": since});
            condition(pod, ready);
            let one = &mut pod["status"]["containerStatuses"][0];
            one["ready"] = false.into();
            for (key, value) in status.as_object().unwrap() {
                one[key] = value.clone();
            }
        });
        self.settle();
    }

    /// Their first container waits with this reason.
    pub fn waits(&mut self, space: &str, start: &str, reason: &str, message: &str) {
        self.unready(
            space,
            start,
            &json!({"state": {"waiting": {"reason": reason, "message": message}}, "lastState": {}}),
        );
    }

    /// Their first container ends again and again.
    pub fn crashes(&mut self, space: &str, start: &str, (code, reason): (i64, &str)) {
        let status = json!({"restartCount": 6,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 2m40s restarting failed container"}},
            "lastState": {"terminated": {"exitCode": code, "reason": reason, "startedAt": self.at(480), "finishedAt": self.at(500)}}});
        self.unready(space, start, &status);
    }

    /// Their first container runs and its readiness probe fails.
    pub fn probe_fails(&mut self, space: &str, start: &str, said: &str) {
        let started = self.at(2);
        self.unready(
            space,
            start,
            &json!({"state": {"running": {"startedAt": started}}}),
        );
        self.pods_say(
            space,
            start,
            "Unhealthy",
            &format!("Readiness probe failed: {said}"),
        );
    }

    /// Pods made anew for which no node was found.
    pub fn unplaced(&mut self, space: &str, start: &str, message: &str) {
        let (made, said) = (self.at(0), self.at(1));
        self.change("Pod", space, start, |pod| {
            pod["metadata"]["creationTimestamp"] = made.clone().into();
            pod["spec"].as_object_mut().unwrap().remove("nodeName");
            pod["status"] = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
                "reason": "Unschedulable", "message": message, "lastTransitionTime": said}]});
        });
        self.settle();
    }

    /// A node's condition.
    pub fn node(&mut self, node: &str, kind: &str, status: &str, message: &str) {
        let since = self.at(46);
        let said = json!({"type": kind, "status": status, "message": message, "lastTransitionTime": since, "lastHeartbeatTime": since});
        self.change("Node", "", node, |node| condition(node, said.clone()));
    }

    /// A node that fell silent: its pods go on saying that they run.
    pub fn silence(&mut self, node: &str) {
        // It is looked at three minutes later: nothing has been moved to the other machine yet.
        let since = self.at(LASTS - 180);
        let said = json!({"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "lastTransitionTime": since,
            "message": "Kubelet stopped posting node status.", "lastHeartbeatTime": self.at(LASTS - 230)});
        self.change("Node", "", node, |node| condition(node, said.clone()));
        for object in self.objects.values_mut() {
            if object["kind"] == "Pod"
                && object["spec"]["nodeName"] == node
                && object["status"]["phase"] == "Running"
            {
                condition(
                    object,
                    json!({"type": "Ready", "status": "False", "lastTransitionTime": since}),
                );
            }
        }
        self.settle();
    }

    /// As the controllers follow: endpoints take no requests of pods that are not ready, and leave with them.
    pub fn settle(&mut self) {
        let ready: BTreeMap<(String, String), bool> = self
            .objects
            .values()
            .filter(|object| object["kind"] == "Pod")
            .map(|pod| {
                let all = pod["status"]["conditions"].as_array();
                let ready = all.is_some_and(|all| {
                    all.iter()
                        .any(|one| one["type"] == "Ready" && one["status"] == "True")
                });
                let (_, space, name) = place(pod);
                ((space, name), ready)
            })
            .collect();
        for slice in self
            .objects
            .values_mut()
            .filter(|object| object["kind"] == "EndpointSlice")
        {
            let space = slice["metadata"]["namespace"].as_str().unwrap().to_owned();
            let Some(ends) = slice["endpoints"].as_array_mut() else {
                continue;
            };
            ends.retain_mut(|end| {
                let name = end["targetRef"]["name"].as_str().unwrap_or("").to_owned();
                let known = ready.get(&(space.clone(), name));
                end["conditions"]["ready"] = known.copied().unwrap_or(false).into();
                known.is_some()
            });
        }
    }
}

/// Sets a condition of an object.
pub fn condition(object: &mut Value, said: Value) {
    if !object["status"]["conditions"].is_array() {
        object["status"]["conditions"] = json!([]);
    }
    let all = object["status"]["conditions"].as_array_mut().unwrap();
    all.retain(|one| one["type"] != said["type"]);
    all.push(said);
}
