//! What is done to a site before its machines are switched off and after they are on again: what writes stops, the database
//! rests, volumes are let go, and all of it comes back. Each may be done again from its beginning; what must be remembered
//! stands on the objects themselves.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Task, act,
    node::{is_instance, is_ready, text},
    stay::Stay,
};
use crate::{
    plan::{JobRun, ObjectRef, SiteDeed},
    ready::{self, Readiness},
    sys::{DoorError, Doors},
};

/// The annotation of a program that was stopped: how many pods it had.
const KEPT: &str = "care-install/pods-before-power-off";

/// The annotation of a database that was stopped here, and not by a person.
const RESTS: &str = "care-install/rests";

/// The operator's annotation, and condition, of a database that is stopped.
const HIBERNATION: &str = "cnpg.io/hibernation";

/// Does it; says whether anything changed.
pub(super) async fn act(task: &Task, doors: &Doors, deed: &SiteDeed) -> Result<bool, DoorError> {
    let mut site = Site {
        stay: Stay::new(task, doors),
        doors,
    };
    match deed {
        SiteDeed::Sound(database) => site.sound(database).await,
        SiteDeed::Whole => site.whole().await,
        SiteDeed::StopWriters(writers) => site.stop(writers).await,
        SiteDeed::Copied { database, job } => site.copied(database, job).await,
        SiteDeed::Rest(database) => site.rest(database).await,
        SiteDeed::Detach => site.detach().await,
        SiteDeed::Wake(database) => site.wake(database).await,
        SiteDeed::StartWriters => site.start().await,
    }
}

struct Site<'a> {
    stay: Stay<'a>,
    doors: &'a Doors,
}

fn noted<'v>(object: &'v Value, annotation: &str) -> Option<&'v str> {
    object["metadata"]["annotations"][annotation].as_str()
}

/// Whether a database is stopped, or is being stopped.
fn rests(cluster: &Value) -> bool {
    noted(cluster, HIBERNATION) == Some("on")
}

fn reference(of: &ObjectRef, object: &Value) -> ObjectRef {
    let (namespace, name) = (
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    );
    ObjectRef::new(&of.api_version, &of.kind, namespace, name)
}

fn volumes() -> ObjectRef {
    ObjectRef::new("longhorn.io/v1beta2", "Volume", "longhorn-system", "")
}

fn every(version: &str, kind: &str) -> ObjectRef {
    ObjectRef::new(version, kind, "", "")
}

impl Site<'_> {
    async fn sound(&mut self, database: &ObjectRef) -> Result<bool, DoorError> {
        let target = format!("{} to be whole", database.name);
        loop {
            let Some(cluster) = self.doors.kube.get(database).await? else {
                return Ok(false);
            };
            if rests(&cluster) {
                self.stay
                    .log(format!("{} rests already", database.name))
                    .await;
                return Ok(false);
            }
            match ready::object(database, Some(&cluster)) {
                Readiness::Ready => return Ok(false),
                Readiness::NotYet(why) => self.stay.on(&target, &[why]).await?,
                Readiness::Failed(problem) => return Err(DoorError::lasting(problem)),
            }
        }
    }

    /// One that nobody uses has nothing to lack.
    async fn whole(&mut self) -> Result<bool, DoorError> {
        loop {
            let volumes = self.doors.kube.list(&volumes(), "").await?;
            let lacking: Vec<String> = volumes.iter().filter_map(lacks).collect();
            if lacking.is_empty() {
                return Ok(false);
            }
            let target = format!("the copies of {} volumes", lacking.len());
            self.stay.on(&target, &lacking).await?;
        }
    }

    /// The number is written down with the very change that needs it: no kill comes between them.
    async fn stop(&mut self, writers: &[ObjectRef]) -> Result<bool, DoorError> {
        let mut changed = false;
        let mut pods = Vec::new();
        for writer in writers {
            let Some(found) = self.doors.kube.get(writer).await? else {
                continue;
            };
            pods.push((writer.clone(), selector(&found)));
            let count = found["spec"]["replicas"].as_u64().unwrap_or(1);
            if count == 0 {
                continue;
            }
            let fields = json!({
                "metadata": {"annotations": {KEPT: count.to_string()}},
                "spec": {"replicas": 0},
            });
            self.doors.kube.change(writer, None, &fields).await?;
            self.stay
                .log(format!("stopped {writer}, which had {count} pods"))
                .await;
            changed = true;
        }
        self.ended(&pods).await?;
        Ok(changed)
    }

    /// Waits until no pod of these programs is left.
    async fn ended(&mut self, of: &[(ObjectRef, String)]) -> Result<(), DoorError> {
        let target = "the pods of what writes to end";
        loop {
            let off = self.off().await?;
            let mut left = Vec::new();
            for (writer, selector) in of {
                let namespace = writer.namespace.clone().unwrap_or_default();
                let pods = ObjectRef::new("v1", "Pod", &namespace, "");
                let pods = self.doors.kube.list(&pods, selector).await?;
                let mine = pods
                    .iter()
                    .filter(|pod| !is_over(pod) && is_of(pod, writer) && !is_on(pod, &off));
                left.extend(mine.map(|pod| format!("pod {} is ending", name_of(pod))));
            }
            if left.is_empty() {
                return Ok(());
            }
            self.stay.on(target, &left).await?;
        }
    }

    /// The machines that are off already: nothing ends there any more, and nothing is written there either.
    async fn off(&self) -> Result<Vec<String>, DoorError> {
        let nodes = self.doors.kube.list(&every("v1", "Node"), "").await?;
        let off = nodes.iter().filter(|node| !is_ready(node));
        Ok(off
            .map(|node| text(node, "/metadata/name").to_owned())
            .collect())
    }

    async fn copied(&mut self, database: &ObjectRef, run: &JobRun) -> Result<bool, DoorError> {
        if self.stay.task.remembered {
            // Nothing has written since; and a database that was not whole may have been ended with its volumes.
            self.stay.log("that was seen to before").await;
            return Ok(false);
        }
        let cluster = self.doors.kube.get(database).await?;
        if cluster.is_none_or(|cluster| rests(&cluster)) {
            self.stay
                .log(format!("{} rests: nothing of it changes", database.name))
                .await;
            return Ok(false);
        }
        let job = run.job.reference();
        // One that has ended is of another time, or of a run that was killed before it took the job away.
        match self.doors.kube.get(&job).await? {
            Some(there) if matches!(ready::object(&job, Some(&there)), Readiness::NotYet(_)) => {}
            Some(there) => {
                act::remove(self.doors, &job, &there).await?;
                act::apply(self.stay.task, self.doors, &[&run.job]).await?;
            }
            None => {
                act::apply(self.stay.task, self.doors, &[&run.job]).await?;
            }
        }
        let target = "the last changes of the database to be in the bucket";
        loop {
            let there = self.doors.kube.get(&job).await?;
            match ready::object(&job, there.as_ref()) {
                Readiness::Ready => break,
                Readiness::NotYet(why) => self.stay.on(target, &[why]).await?,
                Readiness::Failed(problem) => return Err(DoorError::lasting(problem)),
            }
        }
        // A log that cannot be read takes nothing from that.
        for line in act::job_log(self.doors, &job).await.unwrap_or_default() {
            self.stay.log(line).await;
        }
        if let Some(there) = self.doors.kube.get(&job).await? {
            act::remove(self.doors, &job, &there).await?;
        }
        Ok(true)
    }

    async fn clusters(&self, of: &ObjectRef) -> Result<Vec<Arc<Value>>, DoorError> {
        self.doors
            .kube
            .list(&every(&of.api_version, &of.kind), "")
            .await
    }

    async fn rest(&mut self, database: &ObjectRef) -> Result<bool, DoorError> {
        let mut changed = false;
        for cluster in self.clusters(database).await? {
            if rests(&cluster) {
                continue;
            }
            let own = reference(database, &cluster);
            let notes = json!({"metadata": {"annotations": {HIBERNATION: "on", RESTS: "power"}}});
            self.doors.kube.change(&own, None, &notes).await?;
            self.stay.log(format!("changed {own}: it rests")).await;
            changed = true;
        }
        let target = format!("{} to stop in order, the primary first", database.name);
        loop {
            let all = self.clusters(database).await?;
            let busy: Vec<String> = all.iter().filter_map(|one| busy(one, database)).collect();
            if busy.is_empty() {
                return Ok(changed);
            }
            self.stay.on(&target, &busy).await?;
        }
    }

    /// Pods are deleted, not asked by their budgets: there is no place where others could take over.
    async fn detach(&mut self) -> Result<bool, DoorError> {
        let mut changed = false;
        let target = "every volume to be let go";
        loop {
            let volumes = self.doors.kube.list(&volumes(), "").await?;
            let off = self.off().await?;
            let held: Vec<String> = volumes
                .iter()
                .filter(|volume| {
                    !off.iter()
                        .any(|node| node == text(volume, "/status/currentNodeID"))
                })
                .filter_map(held)
                .collect();
            if held.is_empty() {
                return Ok(changed);
            }
            let mut reasons = Vec::new();
            for pod in self.doors.kube.list(&every("v1", "Pod"), "").await? {
                match uses(&pod) {
                    _ if is_on(&pod, &off) => {}
                    Use::None => {}
                    Use::Alone => reasons.push(format!(
                        "pod {} uses a volume and nobody would make it anew: kubectl -n {} delete pod {}",
                        name_of(&pod),
                        text(&pod, "/metadata/namespace"),
                        text(&pod, "/metadata/name"),
                    )),
                    Use::Ends => reasons.push(format!("pod {} is ending", name_of(&pod))),
                    Use::Holds => {
                        let own = reference(&every("v1", "Pod"), &pod);
                        self.doors.kube.delete(&own).await?;
                        self.stay.log(format!("ended pod {}, which uses a volume", name_of(&pod))).await;
                        changed = true;
                    }
                }
            }
            reasons.extend(held);
            self.stay.on(target, &reasons).await?;
        }
    }

    async fn wake(&mut self, database: &ObjectRef) -> Result<bool, DoorError> {
        let mut changed = false;
        for cluster in self.clusters(database).await? {
            let own = reference(database, &cluster);
            // One that a person has stopped stays so, but that which Care uses.
            let ours = noted(&cluster, RESTS).is_some() || own == *database;
            if !ours || !rests(&cluster) {
                continue;
            }
            let notes = json!({"metadata": {"annotations": {HIBERNATION: null, RESTS: null}}});
            self.doors.kube.change(&own, None, &notes).await?;
            self.stay.log(format!("changed {own}: it runs again")).await;
            changed = true;
        }
        let target = format!("{} to be whole", database.name);
        loop {
            let Some(cluster) = self.doors.kube.get(database).await? else {
                return Ok(changed);
            };
            let why = match ready::object(database, Some(&cluster)) {
                Readiness::Ready => return Ok(changed),
                Readiness::NotYet(why) => why,
                Readiness::Failed(problem) => return Err(DoorError::lasting(problem)),
            };
            if let Some(off) = self.without_standby(database, &cluster).await? {
                let line = format!("{} takes writes, without its copy on {off}", database.name);
                self.stay.log(line).await;
                return Ok(changed);
            }
            self.stay.on(&target, &[why]).await?;
        }
    }

    /// The machine that is not on, when the primary serves without it: the hospital does not wait for a second copy.
    async fn without_standby(
        &self,
        database: &ObjectRef,
        cluster: &Value,
    ) -> Result<Option<String>, DoorError> {
        let Some(off) = self.off().await?.into_iter().next() else {
            return Ok(None);
        };
        let primary = text(cluster, "/status/currentPrimary");
        let namespace = database.namespace.clone().unwrap_or_default();
        let pod = ObjectRef::new("v1", "Pod", &namespace, primary);
        let pod = self.doors.kube.get(&pod).await?;
        let serves = pod.is_some_and(|pod| is_instance(&pod) && is_ready(&pod));
        Ok(serves.then_some(off))
    }

    async fn start(&mut self) -> Result<bool, DoorError> {
        let mut changed = false;
        for kind in ["Deployment", "StatefulSet"] {
            let of = every("apps/v1", kind);
            for found in self.doors.kube.list(&of, "").await? {
                let Some(kept) = noted(&found, KEPT) else {
                    continue;
                };
                let own = reference(&of, &found);
                let mut fields = json!({"metadata": {"annotations": {KEPT: null}}});
                // Somebody may have started it meanwhile; then that number holds.
                let stands = found["spec"]["replicas"].as_u64() == Some(0);
                if let Some(count) = kept.parse::<u32>().ok().filter(|_| stands) {
                    fields["spec"]["replicas"] = count.into();
                }
                self.doors.kube.change(&own, None, &fields).await?;
                self.stay
                    .log(format!("started {own}, which had {kept} pods"))
                    .await;
                changed = true;
            }
        }
        Ok(changed)
    }
}

fn name_of(pod: &Value) -> String {
    format!(
        "{}/{}",
        text(pod, "/metadata/namespace"),
        text(pod, "/metadata/name")
    )
}

/// Whether a pod is on one of these machines.
fn is_on(pod: &Value, nodes: &[String]) -> bool {
    nodes.iter().any(|node| node == text(pod, "/spec/nodeName"))
}

fn is_over(pod: &Value) -> bool {
    ["Succeeded", "Failed"].contains(&text(pod, "/status/phase"))
}

/// The labels of a program's pods, as a selector.
fn selector(workload: &Value) -> String {
    let labels = workload["spec"]["selector"]["matchLabels"].as_object();
    let labels = labels.into_iter().flatten();
    let pairs: Vec<String> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.join(",")
}

/// Whether a pod with its labels is the program's own: a Job may use the same ones.
fn is_of(pod: &Value, workload: &ObjectRef) -> bool {
    let wanted = match workload.kind.as_str() {
        "Deployment" => "ReplicaSet",
        kind => kind,
    };
    text(pod, "/metadata/ownerReferences/0/kind") == wanted
}

/// What a database still does that is to rest; of one that is not in use and was not well, nobody expects an end.
fn busy(cluster: &Value, used: &ObjectRef) -> Option<String> {
    let name = text(cluster, "/metadata/name");
    let all = cluster
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let says = all
        .into_iter()
        .flatten()
        .find(|one| one["type"] == HIBERNATION);
    match says {
        Some(says) if says["status"] == "True" => None,
        Some(says) => Some(format!("{name}: {}", text(says, "/message"))),
        None if name == used.name => Some(format!("{name}: {}", text(cluster, "/status/phase"))),
        None => None,
    }
}

/// A volume that is not let go.
fn held(volume: &Arc<Value>) -> Option<String> {
    let state = text(volume, "/status/state");
    (state != "detached").then(|| format!("volume {} is {state}", claimed(volume)))
}

/// How a pod stands to volumes.
#[derive(Debug, PartialEq, Eq)]
enum Use {
    /// It uses none, or not any more.
    None,
    /// It uses one and ends already.
    Ends,
    /// It uses one, and whoever made it would make it anew.
    Holds,
    /// It uses one and belongs to nobody.
    Alone,
}

fn uses(pod: &Value) -> Use {
    let volumes = pod["spec"]["volumes"].as_array();
    let claims = volumes
        .into_iter()
        .flatten()
        .any(|volume| volume["persistentVolumeClaim"].is_object());
    let placed = !text(pod, "/spec/nodeName").is_empty();
    if !claims || !placed || is_over(pod) {
        return Use::None;
    }
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        return Use::Ends;
    }
    match text(pod, "/metadata/ownerReferences/0/kind") {
        "" => Use::Alone,
        _ => Use::Holds,
    }
}

/// A volume by its claim.
fn claimed(volume: &Value) -> &str {
    match text(volume, "/status/kubernetesStatus/pvcName") {
        "" => text(volume, "/metadata/name"),
        claim => claim,
    }
}

fn lacks(volume: &Arc<Value>) -> Option<String> {
    let state = text(volume, "/status/robustness");
    ["degraded", "faulted"]
        .contains(&state)
        .then(|| format!("volume {} is {state}", claimed(volume)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_that_nobody_uses_lacks_nothing() {
        let volume = |robustness: &str| {
            Arc::new(json!({"metadata": {"name": "pvc-1"},
                "status": {"robustness": robustness, "kubernetesStatus": {"pvcName": "files"}}}))
        };
        assert_eq!(lacks(&volume("unknown")), None);
        assert_eq!(lacks(&volume("healthy")), None);
        assert_eq!(
            lacks(&volume("degraded")).unwrap(),
            "volume files is degraded"
        );
    }

    #[test]
    fn only_a_pod_that_holds_a_volume_and_would_be_made_anew_is_ended() {
        let pod = |owner: Option<&str>, claim: bool| {
            let volume = if claim {
                json!({"name": "data", "persistentVolumeClaim": {"claimName": "data"}})
            } else {
                json!({"name": "data", "emptyDir": {}})
            };
            let owner = owner.map(|kind| json!([{"kind": kind}]));
            json!({"metadata": {"ownerReferences": owner}, "spec": {"nodeName": "primary", "volumes": [volume]},
                "status": {"phase": "Running"}})
        };
        assert_eq!(uses(&pod(Some("StatefulSet"), false)), Use::None);
        assert_eq!(uses(&pod(Some("StatefulSet"), true)), Use::Holds);
        assert_eq!(uses(&pod(None, true)), Use::Alone);
        let mut ending = pod(Some("StatefulSet"), true);
        ending["metadata"]["deletionTimestamp"] = "2026-11-24T11:42:00Z".into();
        assert_eq!(uses(&ending), Use::Ends);
        let mut waiting = pod(Some("StatefulSet"), true);
        waiting["spec"]["nodeName"] = "".into();
        assert_eq!(uses(&waiting), Use::None);
    }

    #[test]
    fn a_database_is_waited_for_until_its_operator_says_that_it_rests() {
        let used = ObjectRef::new("postgresql.cnpg.io/v1", "Cluster", "database", "care-db");
        let cluster = |name: &str, says: Option<&str>| {
            let says = says.map(|status| json!([{"type": HIBERNATION, "status": status, "message": "Waiting for pods"}]));
            json!({"metadata": {"name": name}, "status": {"phase": "Failing over", "conditions": says}})
        };
        assert_eq!(busy(&cluster("care-db", Some("True")), &used), None);
        assert_eq!(
            busy(&cluster("care-db", Some("False")), &used).unwrap(),
            "care-db: Waiting for pods"
        );
        assert_eq!(
            busy(&cluster("care-db", None), &used).unwrap(),
            "care-db: Failing over"
        );
        assert_eq!(busy(&cluster("care-db-g2", None), &used), None);
    }
}
