//! The stages of a pod's containers: pulled, started, ready or ended, each after its share of the usual time. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{EXIT, Turn, container_id, digest, full_name, inputs, name_of, runs_once};
use crate::rehearsal::control::shape::{
    Says, after, condition, items, set_condition, stamp, text, time,
};

/// The lists of containers in a spec with the lists of their statuses.
pub const GROUPS: [(&str, &str); 2] = [
    ("initContainers", "initContainerStatuses"),
    ("containers", "containerStatuses"),
];

/// The status of a container that has not started.
pub fn waiting(container: &Value, reason: &str) -> Value {
    json!({
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": false,
        "started": false,
        "restartCount": 0,
        "state": {"waiting": {"reason": reason}},
        "lastState": {},
    })
}

/// How the seconds of a pod are shared out.
struct Shares {
    pull: i64,
    init: i64,
    start: i64,
}

impl Turn<'_> {
    fn shares(&self) -> Shares {
        let total = self.seconds();
        let inits = i64::try_from(items(&self.pod["spec"]["initContainers"]).count()).unwrap_or(0);
        let pull = total * 2 / 5 / (inits + 1);
        let init = if inits > 0 { total / 5 / inits } else { 0 };
        Shares {
            pull,
            init,
            start: total - (pull * (inits + 1)) - init * inits,
        }
    }

    /// The next stage of a pod whose volumes and network are there.
    pub(super) fn run(&mut self) {
        let shares = self.shares();
        let began = condition(self.pod, "PodReadyToStartContainers");
        let mut base = began
            .and_then(|began| time(&began["lastTransitionTime"]))
            .unwrap_or(self.now);
        let inits: Vec<&Value> = items(&self.pod["spec"]["initContainers"]).collect();
        for (index, container) in inits.iter().enumerate() {
            match self.initialize((index, container), base, &shares) {
                Some(next) => base = next,
                None => return,
            }
        }
        let containers: Vec<&Value> = items(&self.pod["spec"]["containers"]).collect();
        let started = items(&self.status["containerStatuses"])
            .filter_map(|status| time(&status["state"]["running"]["startedAt"]))
            .max();
        match started {
            None => self.start("containerStatuses", &containers, after(base, shares.pull)),
            Some(started) => self.complete(after(started, shares.start), started),
        }
    }

    /// When an init container was done; nothing while it is not.
    fn initialize(
        &mut self,
        (index, container): (usize, &Value),
        base: Timestamp,
        shares: &Shares,
    ) -> Option<Timestamp> {
        let state = self.status["initContainerStatuses"][index]["state"].clone();
        if let Some(ended) = time(&state["terminated"]["finishedAt"]) {
            return Some(ended);
        }
        let Some(started) = time(&state["running"]["startedAt"]) else {
            self.start(
                "initContainerStatuses",
                &[container],
                after(base, shares.pull),
            );
            return None;
        };
        if container["restartPolicy"] == "Always" {
            return Some(started);
        }
        if !self.due(after(started, shares.init)) {
            return None;
        }
        let ended = json!({"terminated": {
            "exitCode": 0, "reason": "Completed",
            "startedAt": stamp(started), "finishedAt": stamp(self.now),
            "containerID": container_id(self.pod, name_of(container), 0),
        }});
        let status = &mut self.status["initContainerStatuses"][index];
        status["state"] = ended;
        status["ready"] = true.into();
        status["started"] = false.into();
        self.next_pull(index);
        None
    }

    /// After an init container: the next image is pulled; after the last the pod counts as initialized.
    fn next_pull(&mut self, index: usize) {
        if items(&self.pod["spec"]["initContainers"]).count() > index + 1 {
            self.announce_pull("initContainers", index + 1);
        } else {
            set_condition(
                &mut self.status,
                &Says::new("Initialized", true, "", ""),
                self.now,
            );
            self.announce_pull("containers", 0);
        }
    }

    /// Starts containers when their images are pulled and what they are configured from is there.
    fn start(&mut self, statuses: &str, containers: &[&Value], pulled_at: Timestamp) {
        if !self.due(pulled_at) || !self.pulled(statuses, containers) {
            return;
        }
        let wrong: Vec<(&Value, String)> = containers
            .iter()
            .filter_map(|container| {
                Some((
                    *container,
                    inputs::unconfigured(&self.world, self.pod, container)?,
                ))
            })
            .collect();
        for (container, why) in &wrong {
            self.misconfigured(statuses, container, why);
        }
        if !wrong.is_empty() {
            return;
        }
        for container in containers {
            self.started(statuses, container);
        }
        if statuses == "containerStatuses" {
            self.status["phase"] = "Running".into();
            set_condition(
                &mut self.status,
                &Says::new("Initialized", true, "", ""),
                self.now,
            );
            if runs_once(self.pod) {
                self.ready();
            }
        } else if containers
            .iter()
            .all(|container| container["restartPolicy"] == "Always")
        {
            let index = items(&self.pod["spec"]["initContainers"])
                .position(|init| Some(init) == containers.first().copied());
            self.next_pull(index.unwrap_or(0));
        }
    }

    fn misconfigured(&mut self, statuses: &str, container: &Value, why: &str) {
        let known = items(&self.status[statuses]).any(|status| {
            status["name"] == container["name"] && status["state"]["waiting"]["message"] == why
        });
        if !known {
            self.warn("Failed", format!("Error: {why}"));
            self.set_waiting(
                statuses,
                name_of(container),
                ("CreateContainerConfigError", why),
            );
        }
    }

    fn started(&mut self, statuses: &str, container: &Value) {
        let image = text(&container["image"]);
        let part = name_of(container);
        self.say(
            "Pulled",
            format!(
                "Successfully pulled image \"{image}\" in {0}s ({0}s including waiting).",
                self.shares().pull
            ),
        );
        self.say("Created", format!("Created container: {part}"));
        self.say("Started", format!("Started container {part}"));
        let repository = image.split('@').next().unwrap_or(image);
        let begun = json!({"running": {"startedAt": stamp(self.now)}});
        let id = container_id(self.pod, part, 0);
        let list = self.status[statuses].as_array_mut();
        for status in list
            .into_iter()
            .flatten()
            .filter(|status| status["name"] == part)
        {
            status["state"] = begun.clone();
            status["started"] = true.into();
            status["ready"] = (statuses == "initContainerStatuses").into();
            status["imageID"] = format!("{repository}@sha256:{}", digest(image)).into();
            status["containerID"] = id.as_str().into();
        }
    }

    fn ready(&mut self) {
        for status in self.status["containerStatuses"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            status["ready"] = true.into();
        }
        for kind in ["Ready", "ContainersReady"] {
            set_condition(&mut self.status, &Says::new(kind, true, "", ""), self.now);
        }
    }

    /// Running containers become ready, or end when they are meant to.
    fn complete(&mut self, due: Timestamp, started: Timestamp) {
        if !self.due(due) {
            return;
        }
        if !runs_once(self.pod) {
            self.ready();
            return;
        }
        let code: i64 = self.pod["metadata"]["annotations"][EXIT]
            .as_str()
            .and_then(|code| code.parse().ok())
            .unwrap_or(0);
        let reason = if code == 0 { "Completed" } else { "Error" };
        let now = stamp(self.now);
        for status in self.status["containerStatuses"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            status["ready"] = false.into();
            status["started"] = false.into();
            status["state"] = json!({"terminated": {
                "exitCode": code, "reason": reason, "startedAt": stamp(started),
                "finishedAt": now, "containerID": status["containerID"],
            }});
        }
        self.end_sidecars();
        self.status["phase"] = if code == 0 { "Succeeded" } else { "Failed" }.into();
        let says = Says::new("PodReadyToStartContainers", false, "", "");
        set_condition(&mut self.status, &says, self.now);
        if code == 0 {
            self.unready("PodCompleted", "");
        } else {
            self.unready("PodFailed", "");
            self.warn(
                "BackOff",
                format!(
                    "Back-off restarting failed container in pod {}",
                    full_name(self.pod)
                ),
            );
        }
    }

    /// What runs beside the containers ends with them.
    fn end_sidecars(&mut self) {
        let now = stamp(self.now);
        let list = self.status["initContainerStatuses"].as_array_mut();
        for status in list.into_iter().flatten() {
            let Some(started) = status["state"]["running"]["startedAt"]
                .as_str()
                .map(str::to_owned)
            else {
                continue;
            };
            status["ready"] = false.into();
            status["started"] = false.into();
            status["state"] = json!({"terminated": {
                "exitCode": 0, "reason": "Completed", "startedAt": started,
                "finishedAt": now, "containerID": status["containerID"],
            }});
        }
    }
}
