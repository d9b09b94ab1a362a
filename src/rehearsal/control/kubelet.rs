//! The kubelet of every practice node: brings pods up stage by stage, as long as real ones take, and stops them. Pure.

mod images;
mod inputs;
mod stage;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    pods::ended,
    shape::{
        Says, after, condition, event, fingerprint, holds, items, leaving, name, set_condition,
        stamp, text, time, uid, warning,
    },
};
use crate::rehearsal::world::{Reaction, World, Write, reference};

const SOURCE: &str = "kubelet";

/// The addresses that are taken, looked up once a turn when the first pod needs one.
type Given = Option<BTreeSet<String>>;

/// The annotation of a pod template that says how many seconds its pods take from scheduled to ready.
pub const SECONDS: &str = "rehearsal.care-install/seconds";
/// The annotation of a pod template whose containers end with this exit code instead of 0.
pub const EXIT: &str = "rehearsal.care-install/exit";
/// What a pod takes that does not say.
const USUAL: i64 = 8;
/// What stopping takes when the grace period is not shorter.
const STOPPING: i64 = 2;

/// Seconds until a slow disk is attached, and until somebody says that it is not yet.
const ATTACHING: i64 = 100;
const PATIENCE: i64 = 15;

/// One turn for all pods on nodes.
pub fn kubelet(world: &World<'_>, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    let mut given = None;
    for pod in world.list("Pod", None) {
        let node = text(&pod["spec"]["nodeName"]);
        if node.is_empty() || settled(pod) {
            continue;
        }
        let Some(node) = world.get("Node", "", node) else {
            reaction.writes.push(Write::Remove {
                target: reference(pod),
            });
            continue;
        };
        if !holds(node, "Ready") || !super::machines::runs(node) {
            continue;
        }
        let mut turn = Turn::new(world, pod, now);
        if leaving(pod) {
            turn.stop();
        } else {
            turn.advance(node, &mut given);
        }
        reaction = reaction.and(turn.finish());
    }
    reaction
}

/// Nothing more happens to a pod that is ready or has ended, unless somebody changes or deletes it.
fn settled(pod: &Value) -> bool {
    let seen = pod["status"]["observedGeneration"] == pod["metadata"]["generation"];
    let done = ended(pod) || (seen && holds(pod, "Ready") && !runs_once(pod));
    done && !leaving(pod)
}

/// Whether the containers of a pod are meant to come to an end.
fn runs_once(pod: &Value) -> bool {
    matches!(text(&pod["spec"]["restartPolicy"]), "Never" | "OnFailure")
}

/// One pod's turn: its status as it will be, and what is to be written.
struct Turn<'w> {
    world: World<'w>,
    pod: &'w Value,
    now: Timestamp,
    status: Value,
    /// The note about failed pulls, when it changes.
    pulls: Option<String>,
    reaction: Reaction,
}

impl<'w> Turn<'w> {
    fn new(world: &World<'w>, pod: &'w Value, now: Timestamp) -> Self {
        let mut status = pod["status"].clone();
        if !status.is_object() {
            status = json!({"phase": "Pending"});
        }
        Self {
            world: world.clone(),
            pod,
            now,
            status,
            pulls: None,
            reaction: Reaction::default(),
        }
    }

    fn finish(mut self) -> Reaction {
        if !leaving(self.pod) {
            self.status["observedGeneration"] = self.pod["metadata"]["generation"].clone();
        }
        let changed = self.status != self.pod["status"];
        if let Some(pulls) = self.pulls.take() {
            let mut pod = self.pod.clone();
            pod["metadata"]["annotations"][images::PULLS] = pulls.into();
            pod["status"] = self.status;
            self.reaction.writes.insert(0, Write::Replace(pod));
        } else if changed {
            let target = reference(self.pod);
            let status = self.status;
            self.reaction
                .writes
                .insert(0, Write::Status { target, status });
        }
        self.reaction
    }

    fn say(&mut self, reason: &str, message: impl Into<String>) {
        self.reaction
            .writes
            .push(event(self.pod, SOURCE, reason, message));
    }

    fn warn(&mut self, reason: &str, message: impl Into<String>) {
        self.reaction
            .writes
            .push(warning(self.pod, SOURCE, reason, message));
    }

    /// True when the moment has come; otherwise asks to be woken then.
    fn due(&mut self, at: Timestamp) -> bool {
        if self.now >= at {
            return true;
        }
        self.reaction.wake(at);
        false
    }

    /// The seconds from scheduled to ready.
    fn seconds(&self) -> i64 {
        self.pod["metadata"]["annotations"][SECONDS]
            .as_str()
            .and_then(|seconds| seconds.parse().ok())
            .unwrap_or(USUAL)
            .max(0)
            * inputs::slowness(&self.world, self.pod)
    }

    fn stop(&mut self) {
        let grace = self.pod["metadata"]["deletionGracePeriodSeconds"]
            .as_i64()
            .unwrap_or(0);
        let end = time(&self.pod["metadata"]["deletionTimestamp"]).unwrap_or(self.now);
        let asked = after(end, -grace);
        if self.due(after(asked, grace.min(STOPPING))) {
            let target = reference(self.pod);
            self.reaction.writes.push(Write::Remove { target });
            return;
        }
        if holds(self.pod, "Ready") {
            for container in items(&self.pod["spec"]["containers"]) {
                self.say(
                    "Killing",
                    format!("Stopping container {}", name_of(container)),
                );
            }
            self.unready("PodTerminating", "the pod is being stopped");
        }
    }

    fn unready(&mut self, reason: &str, message: &str) {
        for kind in ["Ready", "ContainersReady"] {
            let says = Says::new(kind, false, reason, message);
            set_condition(&mut self.status, &says, self.now);
        }
    }

    fn advance(&mut self, node: &Value, given: &mut Given) {
        if !self.status["startTime"].is_string() {
            self.begin(node);
        } else if !holds(self.pod, "PodReadyToStartContainers") {
            self.prepare(node, given);
        } else if !holds(self.pod, "Ready") || runs_once(self.pod) {
            self.run();
        }
    }

    /// The kubelet has seen the pod: every container waits.
    fn begin(&mut self, node: &Value) {
        let address = host_address(node);
        self.status["phase"] = "Pending".into();
        self.status["startTime"] = stamp(self.now).into();
        self.status["hostIP"] = address.into();
        self.status["hostIPs"] = json!([{"ip": address}]);
        let first = items(&self.pod["spec"]["initContainers"]).next().is_some();
        let waits = if first {
            "PodInitializing"
        } else {
            "ContainerCreating"
        };
        for (list, statuses) in stage::GROUPS {
            let all: Vec<Value> = items(&self.pod["spec"][list])
                .map(|container| stage::waiting(container, waits))
                .collect();
            if !all.is_empty() {
                self.status[statuses] = all.into();
            }
        }
        set_condition(
            &mut self.status,
            &Says::new("PodReadyToStartContainers", false, "", ""),
            self.now,
        );
        let unready = self.container_names("containers");
        if first {
            let message = format!(
                "containers with incomplete status: [{}]",
                self.container_names("initContainers")
            );
            let says = Says::new("Initialized", false, "ContainersNotInitialized", message);
            set_condition(&mut self.status, &says, self.now);
        } else {
            set_condition(
                &mut self.status,
                &Says::new("Initialized", true, "", ""),
                self.now,
            );
        }
        self.unready(
            "ContainersNotReady",
            &format!("containers with unready status: [{unready}]"),
        );
    }

    fn container_names(&self, list: &str) -> String {
        let names: Vec<&str> = items(&self.pod["spec"][list]).map(name_of).collect();
        names.join(" ")
    }

    /// Volumes and network; a volume whose source is missing holds everything back.
    fn prepare(&mut self, node: &Value, given: &mut Given) {
        if let Some(why) = inputs::unmounted(&self.world, self.pod) {
            let known = condition(self.pod, "PodReadyToStartContainers");
            if known.is_none_or(|known| known["message"] != why.as_str()) {
                self.warn("FailedMount", why.clone());
                let says = Says::new("PodReadyToStartContainers", false, "", why);
                set_condition(&mut self.status, &says, self.now);
            }
            return;
        }
        if !self.attached() {
            return;
        }
        for volume in inputs::volumes(&self.world, self.pod) {
            let text = format!("AttachVolume.Attach succeeded for volume \"{volume}\"");
            let attached = event(
                self.pod,
                "attachdetach-controller",
                "SuccessfulAttachVolume",
                text,
            );
            self.reaction.writes.push(attached);
        }
        let address = self.address(node, given);
        self.status["podIP"] = address.as_str().into();
        self.status["podIPs"] = json!([{"ip": address}]);
        let says = Says::new("PodReadyToStartContainers", true, "", "");
        set_condition(&mut self.status, &says, self.now);
        let list = if items(&self.pod["spec"]["initContainers"]).next().is_some() {
            "initContainers"
        } else {
            "containers"
        };
        self.announce_pull(list, 0);
    }

    /// Whether the pod's disks are there; slow ones say after a while that they are not yet.
    fn attached(&mut self) -> bool {
        let Some(disk) = inputs::slow_volume(&self.world, self.pod) else {
            return true;
        };
        let began = time(&self.status["startTime"]).unwrap_or(self.now);
        if self.due(after(began, ATTACHING)) {
            return true;
        }
        let told = condition(self.pod, "PodReadyToStartContainers")
            .is_some_and(|known| !text(&known["message"]).is_empty());
        if !told && self.due(after(began, PATIENCE)) {
            let why = format!(
                "AttachVolume.Attach failed for volume \"{disk}\" : rpc error: code = DeadlineExceeded desc = volume {disk} failed to attach to node {} with attachmentID csi-{}: the disk is slow to answer",
                text(&self.pod["spec"]["nodeName"]),
                &digest(disk).get(..12).unwrap_or_default(),
            );
            let event = warning(
                self.pod,
                "attachdetach-controller",
                "FailedAttachVolume",
                why.clone(),
            );
            self.reaction.writes.push(event);
            let says = Says::new("PodReadyToStartContainers", false, "", why);
            set_condition(&mut self.status, &says, self.now);
        }
        false
    }

    fn address(&self, node: &Value, given: &mut Given) -> String {
        if self.pod["spec"]["hostNetwork"] == true {
            return host_address(node).to_owned();
        }
        let range = text(&node["spec"]["podCIDR"]);
        let net = range.rsplit_once('.').map_or("10.244.0", |(net, _)| net);
        let given = given.get_or_insert_with(|| {
            let living = self.world.list("Pod", None).filter(|pod| !ended(pod));
            let addresses = living.filter_map(|pod| pod["status"]["podIP"].as_str());
            addresses.map(str::to_owned).collect()
        });
        let start = fingerprint(&self.pod["metadata"]["uid"]) % 250;
        let address = (0..250)
            .map(|step| format!("{net}.{}", 4 + (start + step) % 250))
            .find(|address| !given.contains(address))
            .unwrap_or_else(|| format!("{net}.254"));
        given.insert(address.clone());
        address
    }
}

fn host_address(node: &Value) -> &str {
    items(&node["status"]["addresses"])
        .find(|address| address["type"] == "InternalIP")
        .map_or("127.0.0.1", |address| text(&address["address"]))
}

fn name_of(container: &Value) -> &str {
    text(&container["name"])
}

/// Sixty-four digits that stand for a digest.
fn digest(of: &str) -> String {
    let seed = fingerprint(&Value::from(of));
    let [a, b, c, d] = [
        seed,
        seed.rotate_left(13),
        seed.rotate_left(29),
        seed.rotate_left(47),
    ];
    format!("{a:016x}{b:016x}{c:016x}{d:016x}")
}

/// The id of a container.
fn container_id(pod: &Value, container: &str, restarts: u64) -> String {
    format!(
        "containerd://{}",
        digest(&format!("{} {container} {restarts}", uid(pod)))
    )
}

/// The pod's full name as the kubelet's back-off messages have it.
fn full_name(pod: &Value) -> String {
    format!(
        "{}_{}({})",
        name(pod),
        super::shape::namespace(pod),
        uid(pod)
    )
}
