//! Does by hand what was chosen and meant: one change, or a node that is emptied pod by pod.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    app::{
        Input,
        health::deed::{Deed, Workload},
    },
    plan::ObjectRef,
    problem::{Code, Problem},
    sys::kube::{Evicted, Kube, leaving},
};

/// How long a node may take until it is empty.
const DRAINING: Duration = Duration::from_mins(15);

/// Pause between two looks at a node that is emptied.
const LOOK: Duration = Duration::from_secs(2);

/// Labels that tie pods to the job that made them.
const OF_JOB: [&str; 4] = [
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
];

/// Does it, and tells how it went.
pub(super) async fn perform(
    kube: Kube,
    (deed, now): (Deed, Timestamp),
    inputs: mpsc::Sender<Input>,
) {
    tracing::info!(command = deed.command(), "by hand");
    let done = match &deed {
        Deed::Drain(node) => drain(&kube, node, &inputs).await,
        deed => once(&kube, deed, now).await,
    };
    let input = match done {
        Ok(()) => Input::Notice(deed.done()),
        Err(problem) => {
            tracing::warn!(%problem, "by hand, and not done");
            Input::Problem(problem)
        }
    };
    inputs.send(input).await.ok();
}

fn workload(work: &Workload) -> ObjectRef {
    ObjectRef::new("apps/v1", &work.kind, &work.namespace, &work.name)
}

fn node(name: &str) -> ObjectRef {
    ObjectRef::new("v1", "Node", "", name)
}

async fn once(kube: &Kube, deed: &Deed, now: Timestamp) -> Result<(), Problem> {
    match deed {
        Deed::Restart(work) => {
            let note = json!({"kubectl.kubernetes.io/restartedAt": now.to_string()});
            let fields = json!({"spec": {"template": {"metadata": {"annotations": note}}}});
            kube.change(&workload(work), None, &fields).await?;
        }
        Deed::Scale { workload: work, to } => {
            let fields = json!({"spec": {"replicas": to}});
            kube.change(&workload(work), Some("scale"), &fields).await?;
        }
        Deed::DeletePod {
            namespace, name, ..
        } => {
            let target = ObjectRef::new("v1", "Pod", namespace, name);
            kube.delete(&target).await?;
        }
        Deed::Cordon(name) | Deed::Drain(name) => cordon(kube, name, true).await?,
        Deed::Uncordon(name) => cordon(kube, name, false).await?,
        Deed::BackUp { namespace, cluster } => back_up(kube, (namespace, cluster), now).await?,
        Deed::RunAgain {
            kind,
            namespace,
            name,
            new,
        } => {
            let old = ObjectRef::new("batch/v1", kind, namespace, name);
            again(kube, &old, new).await?;
        }
        Deed::Renew {
            namespace,
            certificate,
        } => renew(kube, (namespace, certificate), now).await?,
    }
    Ok(())
}

async fn cordon(kube: &Kube, name: &str, closed: bool) -> Result<(), Problem> {
    let fields = json!({"spec": {"unschedulable": closed.then_some(true)}});
    kube.change(&node(name), None, &fields).await?;
    Ok(())
}

async fn back_up(
    kube: &Kube,
    (namespace, cluster): (&str, &str),
    now: Timestamp,
) -> Result<(), Problem> {
    let name = format!("{cluster}-hand-{}", now.strftime("%Y%m%d%H%M%S"));
    let of = ObjectRef::new("postgresql.cnpg.io/v1", "Backup", namespace, &name);
    // As the database's own schedule makes them.
    let schedules = ObjectRef::new("postgresql.cnpg.io/v1", "ScheduledBackup", namespace, "");
    let schedules = kube.list(&schedules, "").await?;
    let spec = schedules
        .iter()
        .map(|schedule| &schedule["spec"])
        .find(|spec| spec["cluster"]["name"] == cluster);
    let mut wanted = json!({"cluster": {"name": cluster}, "method": "plugin",
        "pluginConfiguration": {"name": "barman-cloud.cloudnative-pg.io"}});
    for field in ["method", "pluginConfiguration", "target", "online"] {
        if let Some(value) = spec.and_then(|spec| spec.get(field)) {
            wanted[field] = value.clone();
        }
    }
    let backup = json!({"apiVersion": of.api_version, "kind": of.kind,
        "metadata": {"namespace": namespace, "name": name}, "spec": wanted});
    kube.make(&of, &backup).await?;
    Ok(())
}

async fn again(kube: &Kube, old: &ObjectRef, new: &str) -> Result<(), Problem> {
    let Some(found) = kube.get(old).await? else {
        let what = format!("{old} is not there any more.");
        let remedy = "Deploy again: the steps that need its work make it anew.";
        return Err(Problem::new(Code::Kube08, what, remedy));
    };
    let job = repeated(&found, new);
    let namespace = old.namespace.as_deref().unwrap_or_default();
    let of = ObjectRef::new("batch/v1", "Job", namespace, new);
    kube.make(&of, &job).await?;
    Ok(())
}

/// The same job under another name, with nothing that ties it to the first one.
fn repeated(old: &Value, new: &str) -> Value {
    let scheduled = old["kind"] == "CronJob";
    let mut spec = if scheduled {
        old["spec"]["jobTemplate"]["spec"].clone()
    } else {
        old["spec"].clone()
    };
    if let Some(spec) = spec.as_object_mut() {
        for field in ["selector", "manualSelector", "suspend"] {
            spec.shift_remove(field);
        }
    }
    let labels = spec.pointer_mut("/template/metadata/labels");
    if let Some(labels) = labels.and_then(Value::as_object_mut) {
        for label in OF_JOB {
            labels.shift_remove(label);
        }
    }
    let mut metadata = json!({"name": new, "namespace": old["metadata"]["namespace"]});
    if scheduled {
        metadata["annotations"] = json!({"cronjob.kubernetes.io/instantiate": "manual"});
        metadata["ownerReferences"] = json!([{"apiVersion": "batch/v1", "kind": "CronJob",
            "name": old["metadata"]["name"], "uid": old["metadata"]["uid"]}]);
    } else {
        metadata["annotations"] = json!({"care-install/repeats": old["metadata"]["name"]});
    }
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})
}

async fn renew(
    kube: &Kube,
    (namespace, name): (&str, &str),
    now: Timestamp,
) -> Result<(), Problem> {
    let of = ObjectRef::new("cert-manager.io/v1", "Certificate", namespace, name);
    let Some(found) = kube.get(&of).await? else {
        let what = format!("{of} is not there any more.");
        let remedy = "Deploy again: the step that orders certificates makes it anew.";
        return Err(Problem::new(Code::Kube08, what, remedy));
    };
    let mut conditions: Vec<Value> = found["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    conditions.retain(|condition| condition["type"] != "Issuing");
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    conditions.push(
        json!({"type": "Issuing", "status": "True", "reason": "ManuallyTriggered",
        "message": "Certificate re-issuance manually triggered", "lastTransitionTime": now,
        "observedGeneration": found["metadata"]["generation"]}),
    );
    let fields = json!({"status": {"conditions": conditions}});
    kube.change(&of, Some("status"), &fields).await?;
    Ok(())
}

async fn drain(kube: &Kube, name: &str, inputs: &mpsc::Sender<Input>) -> Result<(), Problem> {
    cordon(kube, name, true).await?;
    let end = Instant::now() + DRAINING;
    let every = ObjectRef::new("v1", "Pod", "", "");
    let mut first = None;
    loop {
        let closed = kube.get(&node(name)).await?;
        if closed.is_none_or(|node| node["spec"]["unschedulable"] != true) {
            let what = format!(
                "{name} was opened again while it was drained: no more pods are asked to leave."
            );
            let remedy = "Drain it again if that is still meant.";
            return Err(Problem::new(Code::Node01, what, remedy));
        }
        let (pods, alone) = leaving(&kube.list(&every, "").await?, name);
        let all = *first.get_or_insert(pods.len());
        if pods.is_empty() {
            return left_behind(name, &alone);
        }
        let mut waits = String::new();
        for (namespace, pod) in pods.keys() {
            if let Evicted::Refused(why) = kube.evict(namespace, pod).await? {
                waits = format!("; {namespace}/{pod}: {why}");
            }
        }
        let gone = all.saturating_sub(pods.len());
        let words = format!("Draining {name}: {gone} of {all} pods have left{waits}");
        inputs.send(Input::Notice(words)).await.ok();
        if Instant::now() > end {
            let what = format!(
                "{} pods have not left {name} within 15 minutes.",
                pods.len()
            );
            let remedy = format!(
                "Look at what they wait for, then drain again; kubectl uncordon {name} undoes it."
            );
            return Err(Problem::new(Code::Node01, what, remedy).because(waits));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What nobody would start elsewhere was left where it is.
fn left_behind(node: &str, alone: &[String]) -> Result<(), Problem> {
    if alone.is_empty() {
        return Ok(());
    }
    let what = format!("{node} is drained but for pods that nobody would make anew.");
    let remedy = "Delete them by their names if they are not needed; they end with the machine.";
    Err(Problem::new(Code::Node01, what, remedy).because(alone.join(", ")))
}

#[cfg(test)]
mod tests;
