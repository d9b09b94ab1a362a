//! What a step does to the cluster; every action may be repeated, because the cluster itself is asked what is there.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rustls_pki_types::CertificateDer;
use serde_json::Value;

use super::{Task, hooks, node, site};
use crate::{
    plan::{Action, JobRun, Object, ObjectRef, Proof},
    problem::{Code, Problem},
    ready::{self, Readiness},
    sys::{
        DoorError, Doors, http,
        kube::{Applied, Marks},
    },
};

/// Objects on their way to the API server at one time, for each step; the pace of the connection holds them back when it must.
const AT_ONCE: usize = 32;

/// The annotation of a job whose log is told as the step's own.
const TELLS: &str = "care-install/tells";

/// Most lines of it.
const RESULT_LINES: u32 = 1000;

/// How often it is looked whether a deleted job is gone.
const GONE_PAUSE: Duration = Duration::from_millis(200);

/// Does it; says whether anything changed.
pub(super) async fn act(task: &Task, doors: &Doors) -> Result<bool, DoorError> {
    match &task.step.action {
        Action::Helm(release) => {
            let tell = task.tell.clone();
            let (lines, mut written) = tokio::sync::mpsc::channel::<String>(256);
            let log = async {
                while let Some(line) = written.recv().await {
                    tell.log(line).await;
                }
            };
            let work = async { tokio::join!(doors.helm.deploy(release, &doors.kube, lines), log) };
            let (applied, ()) = tokio::select! {
                done = work => done,
                never = hooks::tell(task, release, doors) => match never {},
            };
            Ok(applied? != Applied::Unchanged)
        }
        Action::Apply(objects) => {
            let objects: Vec<&Object> = objects.iter().collect();
            apply(task, doors, &objects).await
        }
        Action::Wait | Action::Confirm { .. } => Ok(false),
        Action::Job(run) | Action::Buckets { run, .. } => job(task, doors, run).await,
        Action::Http(proof) => prove(task, doors, proof).await,
        Action::Delete(targets) => delete(task, doors, targets).await,
        Action::Node(work) => node::act(task, doors, work).await,
        Action::Site(deed) => site::act(task, doors, deed).await,
    }
}

/// Applies the objects: first those that others live in, then all others at once.
pub(super) async fn apply(
    task: &Task,
    doors: &Doors,
    objects: &[&Object],
) -> Result<bool, DoorError> {
    let (first, rest): (Vec<&Object>, Vec<&Object>) = objects
        .iter()
        .copied()
        .partition(|object| comes_first(&object.reference()));
    let mut changed = 0_usize;
    for wave in [first, rest] {
        let marks = doors.kube.marks(&wave).await;
        let sent: Vec<_> = wave
            .into_iter()
            .map(|object| one(task, doors, object, &marks))
            .collect();
        let applied: Vec<Applied> = stream::iter(sent)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        changed += applied
            .iter()
            .filter(|applied| **applied != Applied::Unchanged)
            .count();
    }
    Ok(changed > 0)
}

fn comes_first(target: &ObjectRef) -> bool {
    [
        "Namespace",
        "CustomResourceDefinition",
        "StorageClass",
        "ServiceAccount",
    ]
    .contains(&target.kind.as_str())
}

async fn one(
    task: &Task,
    doors: &Doors,
    object: &Object,
    marks: &Marks,
) -> Result<Applied, DoorError> {
    let (applied, taken) = doors.kube.apply_over(object, marks).await?;
    let word = match applied {
        Applied::Created => "created",
        Applied::Changed => "changed",
        Applied::Unchanged => "unchanged",
    };
    task.tell
        .log(format!("{word} {}", object.reference()))
        .await;
    for clash in taken {
        let line = format!("  {clash} and is as the site says again");
        task.tell.log(line).await;
    }
    Ok(applied)
}

/// Makes the job unless it is there; one that failed before is removed first, because a person asked again.
async fn job(task: &Task, doors: &Doors, run: &JobRun) -> Result<bool, DoorError> {
    let target = run.job.reference();
    let mut there = doors.kube.get(&target).await?;
    if let Some(object) = &there {
        let failed = matches!(ready::object(&target, Some(object)), Readiness::Failed(_));
        if failed {
            task.tell
                .log(format!("removing {target}, which failed before"))
                .await;
            remove(doors, &target, object).await?;
            there = None;
        }
    }
    let objects: Vec<&Object> = run.objects.iter().collect();
    let changed = apply(task, doors, &objects).await?;
    if there.is_some() {
        // Its name holds a digest of what it does: there is nothing to change in it, and it never runs twice.
        task.tell.log(format!("{target} is there already")).await;
        return Ok(changed);
    }
    one(task, doors, &run.job, &Marks::default()).await?;
    Ok(true)
}

/// Shows what a job has found, when its log is what it was run for.
pub(super) async fn tell_results(task: &Task, doors: &Doors) {
    let Action::Job(run) = &task.step.action else {
        return;
    };
    let notes = run.job.value().pointer("/metadata/annotations");
    if notes.and_then(|notes| notes.get(TELLS)).is_none() {
        return;
    }
    // The job is done; a log that cannot be read takes nothing from that.
    for line in job_log(doors, &run.job.reference())
        .await
        .unwrap_or_default()
    {
        task.tell.log(line).await;
    }
}

/// What the pod of a completed job wrote.
pub(super) async fn job_log(doors: &Doors, job: &ObjectRef) -> Result<Vec<String>, DoorError> {
    let namespace = job.namespace.clone().unwrap_or_default();
    let of = ObjectRef::new("v1", "Pod", &namespace, "");
    let pods = doors
        .kube
        .list(&of, &format!("job-name={}", job.name))
        .await?;
    let done = pods
        .iter()
        .find(|pod| pod.pointer("/status/phase").and_then(Value::as_str) == Some("Succeeded"));
    let name = done.and_then(|pod| pod.pointer("/metadata/name")?.as_str());
    match name {
        Some(name) => doors.kube.logs(&namespace, name, None, RESULT_LINES).await,
        None => Ok(Vec::new()),
    }
}

/// Deletes what is there and waits until it is gone; what is gone already is well.
async fn delete(task: &Task, doors: &Doors, targets: &[ObjectRef]) -> Result<bool, DoorError> {
    let mut changed = false;
    for target in targets {
        let Some(object) = doors.kube.get(target).await? else {
            continue;
        };
        task.tell.log(format!("deleting {target}")).await;
        remove(doors, target, &object).await?;
        changed = true;
    }
    Ok(changed)
}

pub(super) async fn remove(
    doors: &Doors,
    target: &ObjectRef,
    object: &Value,
) -> Result<(), DoorError> {
    doors.kube.delete(target).await?;
    let uid = |object: &Value| object.pointer("/metadata/uid").cloned();
    while let Some(still) = doors.kube.get(target).await? {
        if uid(&still) != uid(object) {
            break;
        }
        tokio::time::sleep(GONE_PAUSE).await;
    }
    Ok(())
}

/// Asks every place that answers for the name; nothing in the cluster changes.
async fn prove(task: &Task, doors: &Doors, proof: &Proof) -> Result<bool, DoorError> {
    let chain = shown(doors, proof).await?;
    for place in &proof.at {
        let asked = http::prove(proof, place, &chain, &doors.routes).await;
        let word = match &asked {
            Ok(status) => status.to_string(),
            Err(error) => error.problem.what.clone(),
        };
        let line = format!(
            "{} at {} ({}): {word}",
            proof.url(),
            place.address,
            place.name
        );
        task.tell.log(line).await;
        asked?;
    }
    Ok(false)
}

/// The certificate that the name must show, as the cluster holds it now.
async fn shown(doors: &Doors, proof: &Proof) -> Result<Vec<CertificateDer<'static>>, DoorError> {
    let target = &proof.certificate;
    let fail = |cause: String| {
        let what = format!(
            "The certificate of {} cannot be compared: {target}.",
            proof.host
        );
        let remedy = "Run the step certificate/secrets again; with certificates that are ordered, look at the Certificate of the \
                      same name.";
        DoorError::passing(Problem::new(Code::Http02, what, remedy).because(cause))
    };
    let secret = doors.kube.get(target).await?;
    let secret = secret.ok_or_else(|| fail("it is not there".to_owned()))?;
    let text = secret.pointer("/data/tls.crt").and_then(Value::as_str);
    let pem = STANDARD.decode(text.unwrap_or_default());
    let pem = pem.map_err(|error| fail(error.to_string()))?;
    http::chain(&pem).map_err(fail)
}

/// The objects behind a condition, as values.
pub(super) type Values = Vec<Arc<Value>>;
