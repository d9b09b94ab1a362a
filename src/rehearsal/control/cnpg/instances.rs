//! The instances of a cluster, read from its claims, jobs and pods. Pure.

use serde_json::Value;

use crate::rehearsal::{
    control::{
        pods::ready,
        shape::{controller, holds, items, leaving, name, namespace, text, uid},
    },
    world::World,
};

/// Where an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its job has not made its data yet.
    Initializing,
    /// The job is done; the claim does not say so yet.
    Prepared,
    /// It has data and no pod.
    Stopped,
    /// It has a pod in which PostgreSQL does not run.
    Failed,
    /// It has a pod of which nothing is known: it is being ended, or its machine is silent.
    Lost,
    /// PostgreSQL runs and is not ready yet.
    Replicating,
    /// Ready.
    Healthy,
}

/// One instance.
#[derive(Clone, Debug)]
pub(super) struct Instance<'w> {
    pub serial: u64,
    pub name: String,
    /// `primary` or `replica`.
    pub role: &'static str,
    pub claim: &'w Value,
    pub job: Option<&'w Value>,
    pub pod: Option<&'w Value>,
    pub state: State,
}

/// The instances of a cluster by their numbers.
pub(super) fn of<'w>(world: &World<'w>, cluster: &Value) -> Vec<Instance<'w>> {
    let space = namespace(cluster);
    let mine = |object: &&Value| controller(object) == Some(uid(cluster));
    let jobs: Vec<&'w Value> = world
        .list("Job.batch", Some(space))
        .map(AsRef::as_ref)
        .filter(mine)
        .collect();
    let leader = match text(&cluster["status"]["currentPrimary"]) {
        "" => text(&cluster["status"]["targetPrimary"]),
        current => current,
    };
    let mut seen: Vec<Instance<'w>> = world
        .list("PersistentVolumeClaim", Some(space))
        .map(AsRef::as_ref)
        .filter(mine)
        .filter(|claim| !leaving(claim))
        .map(|claim| {
            let pod = world.get("Pod", space, name(claim)).map(AsRef::as_ref);
            let job = jobs.iter().copied().find(|job| {
                job["metadata"]["labels"]["cnpg.io/instanceName"] == claim["metadata"]["name"]
            });
            Instance {
                serial: text(&claim["metadata"]["annotations"]["cnpg.io/nodeSerial"])
                    .parse()
                    .unwrap_or(0),
                name: name(claim).to_owned(),
                role: role(name(claim), leader),
                claim,
                job,
                pod,
                state: state(world, claim, job, pod),
            }
        })
        .collect();
    seen.sort_by_key(|one| one.serial);
    seen
}

fn role(own: &str, leader: &str) -> &'static str {
    if own == leader { "primary" } else { "replica" }
}

fn state(world: &World<'_>, claim: &Value, job: Option<&Value>, pod: Option<&Value>) -> State {
    if claim["metadata"]["annotations"]["cnpg.io/pvcStatus"] != "ready" {
        return match job {
            Some(job) if holds(job, "Complete") => State::Prepared,
            _ => State::Initializing,
        };
    }
    match pod {
        None => State::Stopped,
        Some(pod) if leaving(pod) || silent(world, pod) => State::Lost,
        Some(pod) if ready(pod) => State::Healthy,
        Some(pod) if running(pod) => State::Replicating,
        Some(_) => State::Failed,
    }
}

/// Whether the machine of a pod is silent.
pub(super) fn silent(world: &World<'_>, pod: &Value) -> bool {
    let node = world.get("Node", "", text(&pod["spec"]["nodeName"]));
    node.is_some_and(|node| !holds(node, "Ready"))
}

fn running(pod: &Value) -> bool {
    items(&pod["status"]["containerStatuses"])
        .any(|container| container["name"] == "postgres" && container["started"] == true)
}
