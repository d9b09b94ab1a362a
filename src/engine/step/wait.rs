//! Waits until a step's conditions hold, from live watches, and says why while they do not.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Task,
    act::Values,
    progress::{self, Progress},
};
use crate::{
    engine::event::{Reason, Waiting},
    plan::{ObjectRef, Ready},
    problem::{Code, Problem},
    ready::{self, Live, Readiness},
    sys::{DoorError, Doors, Retry, feed::Watch},
    waiting::{self, recovery},
};

/// How long it waits before it says why: most conditions hold a moment later.
const SILENCE: Duration = Duration::from_millis(300);

/// How often the reasons are looked at again.
const LOOK: Duration = Duration::from_secs(1);

/// Pause between two dry runs that ask whether a webhook answers.
const ASK: Duration = Duration::from_millis(500);

/// Lines that are read of a failed pod's log.
const LOG_LINES: u32 = 200;

/// Reasons told at once.
const REASONS: usize = 6;

/// A condition with its live objects.
#[derive(Debug)]
struct Reading {
    ready: Ready,
    /// Nothing for a dry run.
    watch: Option<Watch>,
    /// What the API server said after the action, as `namespace/name` to generation: an older picture does not count.
    fence: BTreeMap<String, i64>,
    /// The dry run was accepted.
    accepted: bool,
    /// Why it was not.
    refusal: Option<Problem>,
}

/// The conditions of a step.
#[derive(Debug)]
pub(super) struct Readings {
    all: Vec<Reading>,
    around: BTreeMap<String, Vec<(Kind, Watch)>>,
    /// Pods whose logs were read, as namespace and name.
    read: BTreeSet<(String, String)>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Pods,
    Events,
    Claims,
    ReplicaSets,
    Jobs,
    Nodes,
}

/// What surrounds the objects of a namespace and tells why they wait.
const AROUND: [(Kind, &str, &str); 5] = [
    (Kind::Pods, "v1", "Pod"),
    (Kind::Events, "v1", "Event"),
    (Kind::Claims, "v1", "PersistentVolumeClaim"),
    (Kind::ReplicaSets, "apps/v1", "ReplicaSet"),
    (Kind::Jobs, "batch/v1", "Job"),
];

impl Readings {
    /// Begins the watches.
    pub(super) async fn begin(conditions: &[Ready], doors: &Doors) -> Result<Self, DoorError> {
        let mut all = Vec::with_capacity(conditions.len());
        for ready in conditions {
            let watch = match kind_of(ready) {
                Some(of) => Some(doors.feed.watch(&of).await?),
                None => None,
            };
            all.push(Reading {
                ready: ready.clone(),
                watch,
                fence: BTreeMap::new(),
                accepted: false,
                refusal: None,
            });
        }
        Ok(Self {
            all,
            around: BTreeMap::new(),
            read: BTreeSet::new(),
        })
    }

    /// Whether everything holds right now.
    pub(super) async fn are_ready(&mut self, doors: &Doors) -> Result<bool, DoorError> {
        for reading in &mut self.all {
            if !matches!(reading.judge(), Readiness::Ready) && !reading.ask(doors).await? {
                return Ok(false);
            }
        }
        self.look_around_clusters(doors).await;
        Ok(self.open()?.is_empty())
    }

    /// Reads the targets afresh: from now on only pictures that are at least as new count.
    pub(super) async fn fence(&mut self, doors: &Doors) -> Result<(), DoorError> {
        for reading in &mut self.all {
            let fresh: Values = match &reading.ready {
                Ready::Object(target) => {
                    let object = doors.kube.get(target).await;
                    match object {
                        Ok(object) => object.into_iter().map(Arc::new).collect(),
                        // The kind may come with what was just installed.
                        Err(error) if error.problem.code == Code::Kube05 => Vec::new(),
                        Err(error) => return Err(error),
                    }
                }
                Ready::All { of, selector, .. } => match doors.kube.list(of, selector).await {
                    Ok(list) => list,
                    Err(error) if error.problem.code == Code::Kube05 => Vec::new(),
                    Err(error) => return Err(error),
                },
                Ready::Accepts(_) => continue,
            };
            reading.fence = fresh
                .iter()
                .map(|object| (key(object), generation(object)))
                .collect();
        }
        Ok(())
    }

    /// Waits until all conditions hold; says whether they held at the first look.
    pub(super) async fn wait(&mut self, task: &Task, doors: &Doors) -> Result<bool, DoorError> {
        let began = Instant::now();
        let mut told: Option<Waiting> = None;
        let mut first = true;
        let mut progress = Progress::default();
        self.look_around_clusters(doors).await;
        loop {
            self.ask_webhooks(doors).await?;
            let open = self.open()?;
            if open.is_empty() {
                return Ok(first);
            }
            first = false;
            let waiting = if began.elapsed() >= SILENCE {
                self.surround(doors).await;
                if let Some(problem) = self.hopeless(&open, doors).await {
                    return Err(DoorError::lasting(problem));
                }
                let mut waiting = self.explain(&open, task);
                let places = self.places(&open);
                progress.add(&mut waiting, places, doors).await;
                Some(waiting)
            } else {
                None
            };
            if task.left().is_zero() {
                let last = waiting.or(told);
                return Err(DoorError::lasting(too_late(task, last.as_ref())));
            }
            if let Some(waiting) = waiting
                && told.as_ref() != Some(&waiting)
            {
                task.tell.waiting(waiting.clone()).await;
                told = Some(waiting);
            }
            let pause = if told.is_none() { SILENCE } else { LOOK };
            self.news(pause.min(task.left())).await;
        }
    }

    /// The conditions that do not hold yet, by place.
    fn open(&self) -> Result<Vec<usize>, DoorError> {
        let mut open = Vec::new();
        for (index, reading) in self.all.iter().enumerate() {
            match reading.judge_within(&self.around) {
                Readiness::Ready => {}
                Readiness::NotYet(_) => open.push(index),
                Readiness::Failed(problem) => return Err(DoorError::lasting(problem)),
            }
        }
        Ok(open)
    }

    /// Asks the webhooks, once all else holds.
    async fn ask_webhooks(&mut self, doors: &Doors) -> Result<(), DoorError> {
        let is_question = |reading: &Reading| matches!(reading.ready, Ready::Accepts(_));
        let rest_holds = self
            .all
            .iter()
            .filter(|reading| !is_question(reading))
            .all(|reading| reading.judge() == Readiness::Ready);
        if rest_holds {
            for reading in &mut self.all {
                reading.ask(doors).await?;
            }
        }
        Ok(())
    }

    /// Waits for news of the targets, or for a while.
    async fn news(&mut self, pause: Duration) {
        let asks = self
            .all
            .iter()
            .any(|reading| matches!(reading.ready, Ready::Accepts(_)) && !reading.accepted);
        let pause = if asks { pause.min(ASK) } else { pause };
        let changes: Vec<_> = self
            .all
            .iter_mut()
            .filter_map(|reading| reading.watch.as_mut())
            .map(|watch| Box::pin(watch.changed()))
            .collect();
        let any = async {
            if changes.is_empty() {
                std::future::pending::<()>().await;
            } else {
                futures::future::select_all(changes).await;
            }
        };
        // Either news or the end of the pause: both lead to another look.
        tokio::time::timeout(pause, any).await.ok();
    }

    /// A database calls itself healthy for minutes after its machine and its operator are lost: it is judged with
    /// what surrounds it from the beginning.
    async fn look_around_clusters(&mut self, doors: &Doors) {
        let cluster = |reading: &Reading| {
            kind_of(&reading.ready)
                .is_some_and(|of| of.group() == "postgresql.cnpg.io" && of.kind == "Cluster")
        };
        if self.all.iter().any(cluster) {
            self.surround(doors).await;
        }
    }

    /// Begins to watch what surrounds the targets; what cannot be watched only explains less.
    async fn surround(&mut self, doors: &Doors) {
        let namespaces: Vec<String> = self
            .all
            .iter()
            .filter_map(|reading| kind_of(&reading.ready)?.namespace)
            .filter(|namespace| !self.around.contains_key(namespace))
            .collect();
        for namespace in namespaces {
            let mut watches = Vec::new();
            for (kind, version, name) in AROUND {
                let of = ObjectRef::new(version, name, &namespace, "");
                if let Ok(watch) = doors.feed.watch(&of).await {
                    watches.push((kind, watch));
                }
            }
            if let Ok(watch) = doors
                .feed
                .watch(&ObjectRef::new("v1", "Node", "", ""))
                .await
            {
                watches.push((Kind::Nodes, watch));
            }
            self.around.insert(namespace, watches);
        }
    }

    /// A recovery whose pods fail says why only in their logs; each pod's is read once.
    async fn hopeless(&mut self, open: &[usize], doors: &Doors) -> Option<Problem> {
        let open = open.iter().filter_map(|index| self.all.get(*index));
        let failed: Vec<(String, String)> = open
            .flat_map(|reading| {
                recovery::failed_pods(&reading.ready, &reading.around(&self.around))
            })
            .filter(|pod| !self.read.contains(pod))
            .collect();
        for (namespace, pod) in failed {
            for container in recovery::CONTAINERS {
                let lines = doors
                    .kube
                    .logs(&namespace, &pod, Some(container), LOG_LINES)
                    .await;
                // A log that is gone explains nothing; the next pod's may.
                if let Some(problem) = lines.ok().and_then(|lines| recovery::diagnose(&lines)) {
                    return Some(problem);
                }
            }
            self.read.insert((namespace, pod));
        }
        None
    }

    /// The containers that work for the jobs which are waited for.
    fn places(&self, open: &[usize]) -> Vec<(String, String, String)> {
        let open = open.iter().filter_map(|index| self.all.get(*index));
        open.flat_map(|reading| progress::places(&reading.ready, &reading.around(&self.around)))
            .collect()
    }

    /// Since when the picture of a target may be old.
    fn stale_since(&self) -> Option<Timestamp> {
        let watches = self.all.iter().filter_map(|reading| reading.watch.as_ref());
        watches.filter_map(Watch::stale_since).min()
    }

    fn explain(&self, open: &[usize], task: &Task) -> Waiting {
        let mut reasons: Vec<Reason> = Vec::new();
        for reading in open.iter().filter_map(|index| self.all.get(*index)) {
            for reason in reading.reasons(&self.around) {
                if !reasons
                    .iter()
                    .any(|known| known.sentence == reason.sentence)
                {
                    reasons.push(reason);
                }
            }
        }
        reasons.sort_by_key(|reason| reason.code.is_none());
        if let Some(since) = self.stale_since() {
            reasons.insert(0, old_picture(since));
        }
        reasons.truncate(REASONS);
        let first = open
            .first()
            .and_then(|index| self.all.get(*index))
            .map(|reading| target(&reading.ready));
        let more = match open.len() {
            0 | 1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        Waiting {
            target: format!("{}{more}", first.unwrap_or_default()),
            reasons,
            gives_up_at: task.gives_up_at(),
        }
    }
}

impl Reading {
    fn judge(&self) -> Readiness {
        if let Ready::Accepts(_) = self.ready {
            return if self.accepted {
                Readiness::Ready
            } else {
                Readiness::NotYet("the API server does not accept such an object yet".to_owned())
            };
        }
        let live = self.live();
        for (name, generation) in &self.fence {
            let seen = live
                .targets
                .iter()
                .find(|object| key(object) == *name)
                .map(|object| self::generation(object));
            if seen.is_none_or(|seen| seen < *generation) {
                return Readiness::NotYet(format!("the change of {name} has not been seen yet"));
            }
        }
        ready::judge(&self.ready, &live)
    }

    /// The same, with what is known of what surrounds the targets.
    fn judge_within(&self, around: &BTreeMap<String, Vec<(Kind, Watch)>>) -> Readiness {
        match self.judge() {
            Readiness::Ready if self.watch.is_some() => {
                ready::judge(&self.ready, &self.around(around))
            }
            judged => judged,
        }
    }

    /// The targets alone.
    fn live(&self) -> Live {
        let Some(watch) = &self.watch else {
            return Live::default();
        };
        let objects = watch.objects();
        let targets = match &self.ready {
            Ready::Object(target) => {
                let key = match &target.namespace {
                    Some(namespace) => format!("{namespace}/{}", target.name),
                    None => target.name.clone(),
                };
                objects.get(&key).cloned().into_iter().collect()
            }
            Ready::All { selector, .. } => objects
                .values()
                .filter(|object| carries(object, selector))
                .cloned()
                .collect(),
            Ready::Accepts(_) => Vec::new(),
        };
        Live {
            targets,
            ..Live::default()
        }
    }

    fn reasons(&self, around: &BTreeMap<String, Vec<(Kind, Watch)>>) -> Vec<Reason> {
        if let Some(refusal) = &self.refusal {
            let because = refusal.causes.last().map(|cause| format!(": {cause}"));
            return vec![Reason {
                sentence: format!(
                    "{}{}",
                    refusal.what.trim_end_matches('.'),
                    because.unwrap_or_default()
                ),
                since: None,
                code: None,
                remedy: None,
            }];
        }
        waiting::explain(&self.ready, &self.around(around))
    }

    /// The targets and what surrounds them.
    fn around(&self, around: &BTreeMap<String, Vec<(Kind, Watch)>>) -> Live {
        let mut live = self.live();
        let namespace = kind_of(&self.ready).and_then(|of| of.namespace);
        for (kind, watch) in namespace
            .and_then(|namespace| around.get(&namespace))
            .into_iter()
            .flatten()
        {
            let objects: Values = watch.objects().values().cloned().collect();
            match kind {
                Kind::Pods => live.pods = objects,
                Kind::Events => live.events = objects,
                Kind::Claims => live.claims = objects,
                Kind::ReplicaSets => live.replica_sets = objects,
                Kind::Jobs => live.jobs = objects,
                Kind::Nodes => live.nodes = objects,
            }
        }
        live
    }

    /// Asks a webhook by a dry run; says whether it accepts, and true for conditions of another kind.
    async fn ask(&mut self, doors: &Doors) -> Result<bool, DoorError> {
        let Ready::Accepts(object) = &self.ready else {
            return Ok(self.judge() == Readiness::Ready);
        };
        if self.accepted {
            return Ok(true);
        }
        match doors.kube.dry_run(object).await {
            Ok(_) => {
                self.accepted = true;
                self.refusal = None;
            }
            Err(error) if error.retry == Retry::No && error.problem.code == Code::Kube09 => {
                return Err(error);
            }
            Err(error) => self.refusal = Some(error.problem),
        }
        Ok(self.accepted)
    }
}

fn old_picture(since: Timestamp) -> Reason {
    Reason {
        sentence: "the Kubernetes API does not answer: everything else said here may be old".to_owned(),
        since: Some(since),
        code: Some(Code::Kube03),
        remedy: Some("Check that the primary node is up and that its port 6443 answers; the step goes on by itself.".to_owned()),
    }
}

fn kind_of(ready: &Ready) -> Option<ObjectRef> {
    match ready {
        Ready::Object(target) => Some(target.clone()),
        Ready::All { of, .. } => Some(of.clone()),
        Ready::Accepts(_) => None,
    }
}

fn target(ready: &Ready) -> String {
    match ready {
        Ready::Object(target) => format!("{target} to be ready"),
        Ready::All { of, selector, .. } => {
            let place = of
                .namespace
                .as_ref()
                .map_or_else(String::new, |namespace| format!(" in {namespace}"));
            let which = if selector.is_empty() {
                String::new()
            } else {
                format!(" ({selector})")
            };
            format!("every {}{place}{which} to be ready", of.kind)
        }
        Ready::Accepts(object) => format!("{} to be accepted", object.reference()),
    }
}

/// Whether the object carries every label of `key=value,key=value`.
fn carries(object: &Value, selector: &str) -> bool {
    selector
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .all(|part| {
            let (name, wanted) = part.split_once('=').unwrap_or((part, ""));
            let labels = object.pointer("/metadata/labels");
            let value = labels
                .and_then(|labels| labels.get(name))
                .and_then(Value::as_str);
            value.is_some_and(|value| wanted.is_empty() || value == wanted)
        })
}

fn key(object: &Value) -> String {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
    let name = text("/metadata/name").unwrap_or_default();
    match text("/metadata/namespace") {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

fn generation(object: &Value) -> i64 {
    object
        .pointer("/metadata/generation")
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

fn too_late(task: &Task, waiting: Option<&Waiting>) -> Problem {
    let target = waiting.map_or("it to be ready", |waiting| waiting.target.as_str());
    let minutes = task.step.limit.as_secs() / 60;
    let reasons = waiting.map(|waiting| waiting.reasons.as_slice());
    let reasons = reasons.unwrap_or_default();
    let remedy = reasons.iter().find_map(|reason| reason.remedy.clone());
    let mut problem = Problem::new(
        Code::Wait01,
        format!("Waited {minutes} minutes for {target}, and it is not."),
        remedy.unwrap_or_else(|| {
            "Look at the pods and events of its namespace (press l for the log), then run the step again."
                .to_owned()
        }),
    );
    for reason in reasons {
        problem = problem.because(reason.sentence.clone());
    }
    problem
}
