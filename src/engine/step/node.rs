//! What is done to a node: closed, emptied, waited for until it is off or on again; each may be done again from its beginning.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Task, stay::Stay};
use crate::{
    plan::{DATABASE, NodeDeed, NodeWork, ObjectRef},
    problem::{Code, Problem},
    sys::{
        DoorError, Doors, Retry,
        kube::{Evicted, leaving},
    },
};

/// How far a node's clock may be off.
const CLOCK: SignedDuration = SignedDuration::from_secs(60);

/// A kubelet tells of itself at least this often, without a lease.
const REPORTS: SignedDuration = SignedDuration::from_mins(6);

/// Does it; says whether anything changed.
pub(super) async fn act(task: &Task, doors: &Doors, work: &NodeWork) -> Result<bool, DoorError> {
    let mut node = Node {
        stay: Stay::new(task, doors),
        name: &work.node,
    };
    match &work.does {
        NodeDeed::Close => node.closed(true).await,
        NodeDeed::Open => node.closed(false).await,
        NodeDeed::HandOver(cluster) => node.hand_over(cluster).await,
        NodeDeed::Empty => node.empty().await,
        NodeDeed::SwitchedOff(how) => node.off(how, false).await,
        NodeDeed::SwitchedOffWithApi(how) => node.off(how, true).await,
        NodeDeed::SwitchedOn(how) => node.on(how).await,
        NodeDeed::Clock => node.clock().await,
    }
}

struct Node<'a> {
    stay: Stay<'a>,
    name: &'a str,
}

pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn ready(node: &Value) -> Option<&Value> {
    let conditions = node.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|one| one["type"] == "Ready")
}

pub(super) fn is_ready(node: &Value) -> bool {
    ready(node).is_some_and(|says| says["status"] == "True")
}

impl Node<'_> {
    fn reference(&self) -> ObjectRef {
        ObjectRef::new("v1", "Node", "", self.name)
    }

    async fn look(&self) -> Result<Value, DoorError> {
        let found = self.stay.doors.kube.get(&self.reference()).await?;
        found.ok_or_else(|| {
            let what = format!("The cluster has no node {} any more.", self.name);
            let remedy = "Look with kubectl get nodes. A machine that was taken out joins again as it once did.";
            DoorError::lasting(Problem::new(Code::Kube08, what, remedy))
        })
    }

    async fn closed(&self, closed: bool) -> Result<bool, DoorError> {
        let node = self.look().await?;
        let is = node.pointer("/spec/unschedulable") == Some(&Value::Bool(true));
        if is == closed {
            let word = if closed { "closed" } else { "open" };
            self.stay
                .log(format!("{} is {word} already", self.name))
                .await;
            return Ok(false);
        }
        let fields = json!({"spec": {"unschedulable": closed.then_some(true)}});
        self.stay
            .doors
            .kube
            .change(&self.reference(), None, &fields)
            .await?;
        let word = if closed {
            "takes no new pods"
        } else {
            "takes pods again"
        };
        self.stay
            .log(format!("changed Node {}: it {word}", self.name))
            .await;
        Ok(true)
    }

    /// Another instance becomes the primary, while this one still runs: nothing is lost, and writes pause for seconds.
    async fn hand_over(&mut self, cluster: &ObjectRef) -> Result<bool, DoorError> {
        let kube = &self.stay.doors.kube;
        let Some(found) = kube.get(cluster).await? else {
            return Ok(false);
        };
        let current = text(&found, "/status/currentPrimary").to_owned();
        let pods = ObjectRef::new("v1", "Pod", DATABASE, "");
        let pods = kube
            .list(&pods, &format!("cnpg.io/cluster={}", cluster.name))
            .await?;
        // Jobs and poolers of the cluster carry the same label.
        let pods: Vec<Arc<Value>> = pods.into_iter().filter(|pod| is_instance(pod)).collect();
        let place = |name: &str| {
            let pod = pods.iter().find(|pod| text(pod, "/metadata/name") == name);
            pod.map_or("", |pod| text(pod, "/spec/nodeName"))
        };
        if place(&current) != self.name {
            let line = format!("the primary {current} runs on {} already", place(&current));
            self.stay.log(line).await;
            return Ok(false);
        }
        let Some(heir) = heir(&pods, self.name) else {
            return Err(DoorError::passing(no_heir(cluster, self.name)));
        };
        let fields = json!({"status": {
            "targetPrimary": heir,
            // The operator reads just this form.
            "targetPrimaryTimestamp": self.stay.doors.clock.now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            "phase": "Switchover in progress",
            "phaseReason": format!("Switching over to {heir}"),
        }});
        kube.change(cluster, Some("status"), &fields).await?;
        self.stay
            .log(format!(
                "changed {cluster}: {heir} takes over from {current}"
            ))
            .await;
        let target = format!("{heir} to take over from {current}");
        loop {
            let now = kube.get(cluster).await?.unwrap_or_default();
            if text(&now, "/status/currentPrimary") == heir {
                return Ok(true);
            }
            let phase = text(&now, "/status/phase").to_owned();
            self.stay.on(&target, &[phase]).await?;
        }
    }

    async fn empty(&mut self) -> Result<bool, DoorError> {
        let every = ObjectRef::new("v1", "Pod", "", "");
        let target = format!("the pods of {} to leave", self.name);
        let mut first = None;
        loop {
            let pods = self.stay.doors.kube.list(&every, "").await?;
            let (pods, alone) = leaving(&pods, self.name);
            let all = *first.get_or_insert(pods.len());
            if pods.is_empty() {
                for pod in alone {
                    let line =
                        format!("{pod} stays: nobody would make it anew, it ends with the machine");
                    self.stay.log(line).await;
                }
                return Ok(all > 0);
            }
            let mut held = Vec::new();
            for (namespace, pod) in pods.keys() {
                match self.stay.doors.kube.evict(namespace, pod).await? {
                    Evicted::Refused(why) => held.push(format!("{namespace}/{pod}: {why}")),
                    Evicted::Leaves | Evicted::Gone => {}
                }
            }
            let gone = all.saturating_sub(pods.len());
            self.stay
                .task
                .tell
                .note(format!("{gone} of {all} pods have left"))
                .await;
            if held.is_empty() {
                held = pods
                    .keys()
                    .map(|(namespace, pod)| format!("{namespace}/{pod} is leaving"))
                    .collect();
            }
            self.stay.on(&target, &held).await?;
        }
    }

    async fn off(&mut self, how: &str, api: bool) -> Result<bool, DoorError> {
        let name = self.name;
        let target = format!("{name} to be switched off");
        let mut first = true;
        let asked = [format!("switch {name} off now: {how}")];
        loop {
            match self.look().await {
                Ok(node) if !is_ready(&node) => return Ok(!first),
                Ok(_) => {}
                // It takes the API with it: what runs elsewhere goes on, and there is nobody left to ask. The door has asked
                // several times, and the lease of this run lasts no longer than that.
                Err(error) if api && error.problem.code == Code::Kube03 => {
                    let line =
                        format!("{name} does not answer any more, and the Kubernetes API with it");
                    self.stay.log(line).await;
                    return Ok(true);
                }
                // An API that is just being ended stumbles: the same attempt must see its end.
                Err(error) if api && error.retry != Retry::No => {
                    self.stay
                        .log(format!("the API stumbles: {}", error.problem.what))
                        .await;
                }
                Err(error) => return Err(error),
            }
            self.stay.on(&target, &asked).await?;
            first = false;
        }
    }

    async fn on(&mut self, how: &str) -> Result<bool, DoorError> {
        let target = format!("{} to be switched on, and to be ready", self.name);
        let mut first = true;
        loop {
            let node = self.look().await?;
            if is_ready(&node) {
                return Ok(!first);
            }
            let says = ready(&node).map_or("", |says| text(says, "/message"));
            let asked = format!("switch {} on now: {how}", self.name);
            self.stay.on(&target, &[asked, says.to_owned()]).await?;
            first = false;
        }
    }

    /// A machine that stood without power may have lost its time: certificates and backups are refused then.
    async fn clock(&self) -> Result<bool, DoorError> {
        let lease = ObjectRef::new(
            "coordination.k8s.io/v1",
            "Lease",
            "kube-node-lease",
            self.name,
        );
        let asked = timeout(self.stay.task.left(), self.stay.doors.kube.get(&lease)).await;
        let lease = asked.ok().transpose()?.flatten();
        let node = self.look().await?;
        if !is_ready(&node) {
            // A person has left its switching on out: nothing of it tells a time.
            self.stay.log(format!("{} is not on", self.name)).await;
            return Ok(false);
        }
        let renewed = lease
            .as_ref()
            .map(|lease| text(lease, "/spec/renewTime").to_owned());
        let heartbeat = ready(&node).map(|says| text(says, "/lastHeartbeatTime").to_owned());
        let (told, slack) = match renewed {
            Some(renewed) => (renewed, CLOCK),
            None => (heartbeat.unwrap_or_default(), REPORTS),
        };
        let Ok(at) = told.parse::<Timestamp>() else {
            self.stay
                .log("the node tells no time of its own".to_owned())
                .await;
            return Ok(false);
        };
        let behind = self.stay.doors.clock.now().duration_since(at);
        self.stay
            .log(format!(
                "its clock showed {at} at most {} s ago",
                behind.as_secs()
            ))
            .await;
        if behind > slack || behind < -CLOCK {
            return Err(DoorError::passing(wrong_clock(self.name, behind)));
        }
        Ok(false)
    }
}

/// Whether it is a pod in which PostgreSQL itself runs.
pub(super) fn is_instance(pod: &Value) -> bool {
    text(pod, "/metadata/labels/cnpg.io~1podRole") == "instance"
}

/// The instance that takes over from one on this node: it is elsewhere, and ready.
fn heir(instances: &[Arc<Value>], node: &str) -> Option<String> {
    let mut able = instances.iter().filter(|pod| {
        text(pod, "/spec/nodeName") != node
            && text(pod, "/metadata/deletionTimestamp").is_empty()
            && is_ready(pod)
    });
    able.next()
        .map(|pod| text(pod, "/metadata/name").to_owned())
}

fn no_heir(cluster: &ObjectRef, node: &str) -> Problem {
    let what = format!(
        "No other instance of {} can take over from the primary on {node}.",
        cluster.name
    );
    let remedy = "Wait until its standby is ready (health shows it), then press r. Without a standby the database stops with \
                  the machine: leave this step out with that reason if it is meant.";
    Problem::new(Code::Wait01, what, remedy)
}

fn wrong_clock(node: &str, behind: SignedDuration) -> Problem {
    let way = if behind.is_negative() {
        "ahead"
    } else {
        "behind"
    };
    let what = format!(
        "The clock of {node} is about {} seconds {way} of this computer's.",
        behind.abs().as_secs()
    );
    let remedy = "See which of the two is right. On the other: sudo timedatectl set-ntp true, and wait until timedatectl says that it is synchronized; then press r. \
                  A clock that is lost with every power-off needs a new battery on its board.";
    Problem::new(Code::Node04, what, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, role: &str, node: &str, ready: &str) -> Arc<Value> {
        Arc::new(json!({
            "metadata": {"name": name, "labels": {"cnpg.io/cluster": "care-db", "cnpg.io/podRole": role}},
            "spec": {"nodeName": node},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
    }

    #[test]
    fn only_a_ready_instance_elsewhere_takes_over_never_a_pooler_or_a_job() {
        let own = pod("care-db-1", "instance", "primary", "True");
        let pooler = pod("care-db-pooler-rw-x", "pooler", "secondary", "True");
        let job = pod("care-db-2-join-x", "", "secondary", "True");
        let behind = pod("care-db-2", "instance", "secondary", "False");
        let standby = pod("care-db-3", "instance", "secondary", "True");
        let of = |pods: &[&Arc<Value>]| {
            let instances = pods.iter().filter(|pod| is_instance(pod));
            let instances: Vec<Arc<Value>> = instances.map(|pod| Arc::clone(pod)).collect();
            heir(&instances, "primary")
        };
        assert_eq!(of(&[&own, &pooler, &job, &behind]), None);
        let all = [&pooler, &job, &own, &behind, &standby];
        assert_eq!(of(&all).as_deref(), Some("care-db-3"));
        let mut leaves = (*standby).clone();
        leaves["metadata"]["deletionTimestamp"] = "2026-11-24T11:42:00Z".into();
        assert_eq!(of(&[&own, &Arc::new(leaves)]), None);
    }

    #[test]
    fn a_wrong_clock_says_which_way() {
        let ahead = wrong_clock("primary", SignedDuration::from_secs(-90));
        assert!(ahead.what.contains("90 seconds ahead of"), "{}", ahead.what);
    }
}
