//! A plan against the cluster: every object in a dry run, every release by its record, and who changed what; nothing is written.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    compare::{
        self, Change, Difference, Drift, Field, Mask, Revision, Since, Subject, What, of_object,
        of_release, of_revision, of_trial,
    },
    engine::{
        event::Event,
        journal::{Journal, Memory},
        outline,
    },
    plan::{Action, Object, ObjectRef, Plan, Release, Step},
    problem::Problem,
    session::{Session, World},
    sys::{DoorError, Doors, kube::Trial},
};

/// Steps that are compared at one time.
const STEPS: usize = 8;

/// Objects of each of them that are asked about at one time; the pace of the connection holds them back when it must.
const AT_ONCE: usize = 8;

/// Kinds that end by themselves.
const PASSING: [&str; 2] = ["Job", "Pod"];

/// What the cluster has otherwise than the plan.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What a deploy would change, in the order of the plan.
    pub differences: Vec<Difference>,
}

/// What somebody changed since the last run.
#[derive(Clone, Debug)]
pub struct Drifted {
    /// When that run began; nothing when this folder remembers none.
    pub began: Option<Timestamp>,
    /// Each thing, in the order of the plan.
    pub drift: Vec<Drift>,
}

impl Session {
    /// Compares the plan with the cluster, as a deploy would find it.
    ///
    /// # Errors
    /// The plan cannot be made, or the cluster cannot be asked.
    pub async fn compare(&mut self, world: &World) -> Result<Compared, Vec<Problem>> {
        let plan = self.present_plan(world).await?;
        let mask = self.mask()?;
        let (doors, mask) = (&world.doors, &mask);
        let steps: Vec<_> = plan
            .steps
            .iter()
            .map(|step| differences(step, doors, mask))
            .collect();
        let found: Vec<Vec<Difference>> = in_order(steps, STEPS).await?;
        Ok(Compared {
            differences: found.into_iter().flatten().collect(),
        })
    }

    /// Finds what others than a deploy have changed since the last run.
    ///
    /// # Errors
    /// As [`Session::compare`], or the journal cannot be read.
    pub async fn drift(&mut self, world: &World) -> Result<Drifted, Vec<Problem>> {
        let plan = self.present_plan(world).await?;
        let mask = self.mask()?;
        let memory = Journal::look(&self.place.journal()).map_err(|problem| vec![problem])?;
        let began = began(&memory);
        let (doors, mask) = (&world.doors, &mask);
        let since = |step: &Step| Since {
            began,
            // What the last run did not send, or sent otherwise, may be missing for that reason.
            as_sent: memory
                .done
                .get(&step.id)
                .is_some_and(|done| *done == outline::digest(step)),
        };
        let steps: Vec<_> = plan
            .steps
            .iter()
            .map(|step| drift(step, doors, since(step), mask))
            .collect();
        let found: Vec<Vec<Drift>> = in_order(steps, STEPS).await?;
        Ok(Drifted {
            began,
            drift: found.into_iter().flatten().collect(),
        })
    }

    async fn present_plan(&mut self, world: &World) -> Result<Plan, Vec<Problem>> {
        self.plan_for(world).await
    }

    /// What of the site's secrets must not be shown.
    ///
    /// # Errors
    /// The secrets cannot be read.
    pub fn mask(&self) -> Result<Mask, Vec<Problem>> {
        Ok(Mask::of(&self.full_secrets()?))
    }
}

/// When the last run began.
fn began(memory: &Memory) -> Option<Timestamp> {
    let mut events = memory.events.iter();
    events.find_map(|event| match event {
        Event::RunStarted { at, .. } => Some(*at),
        _ => None,
    })
}

/// Asks several at one time and keeps their order.
async fn in_order<T>(
    asked: Vec<impl Future<Output = Result<T, DoorError>>>,
    at_once: usize,
) -> Result<Vec<T>, Vec<Problem>> {
    let answers = stream::iter(asked).buffered(at_once).try_collect().await;
    answers.map_err(|error: DoorError| vec![error.problem])
}

async fn differences(
    step: &Step,
    doors: &Doors,
    mask: &Mask,
) -> Result<Vec<Difference>, DoorError> {
    let found = match &step.action {
        Action::Helm(release) => release_differences(release, doors, mask).await?,
        Action::Delete(targets) => {
            let mut found = Vec::new();
            for target in targets {
                if doors.kube.get(target).await?.is_some() {
                    found.push((Subject::Object(target.clone()), What::Deletes));
                }
            }
            found
        }
        action => {
            let asked = action
                .objects()
                .into_iter()
                .map(|object| object_difference(object, doors, mask));
            let asked: Vec<_> = asked.collect();
            let found = stream::iter(asked).buffered(AT_ONCE);
            let found: Vec<Option<(Subject, What)>> = found.try_collect().await?;
            found.into_iter().flatten().collect()
        }
    };
    let of_step = |(subject, what)| Difference {
        step: step.id.clone(),
        subject,
        what,
    };
    Ok(found.into_iter().map(of_step).collect())
}

async fn object_difference(
    object: &Object,
    doors: &Doors,
    mask: &Mask,
) -> Result<Option<(Subject, What)>, DoorError> {
    let target = object.reference();
    let subject = Subject::Object(target.clone());
    if target.kind == "Job" {
        // Its name holds a digest of what it does: one that is there is never touched.
        let there = doors.kube.get(&target).await?.is_some();
        return Ok((!there).then_some((subject, What::Makes)));
    }
    let what = match doors.kube.try_over(object).await? {
        Trial::Made => Some(What::Makes),
        Trial::There { live, after } => match after {
            Ok(after) => of_trial(&subject, (&live, &after), mask),
            Err(problem) => Some(What::Stops {
                problem: hidden(problem, mask),
            }),
        },
    };
    Ok(what.map(|what| (subject, what)))
}

/// A server may quote what it refuses.
fn hidden(mut problem: Problem, mask: &Mask) -> Problem {
    problem.what = mask.text(&problem.what);
    problem.causes = problem
        .causes
        .iter()
        .map(|cause| mask.text(cause))
        .collect();
    problem
}

async fn release_differences(
    release: &Release,
    doors: &Doors,
    mask: &Mask,
) -> Result<Vec<(Subject, What)>, DoorError> {
    let history = doors.helm.history(release, &doors.kube).await?;
    let newest = history.first();
    let subject = subject(release);
    if let Some(what) = of_release(newest, release, mask) {
        return Ok(vec![(subject, what)]);
    }
    // Nothing but what somebody took away leads helm to work again.
    let mut found = Vec::new();
    for (target, _made) in made(newest) {
        if doors.kube.get(&target).await?.is_none() {
            found.push((Subject::Object(target), What::Makes));
        }
    }
    Ok(found)
}

fn subject(release: &Release) -> Subject {
    Subject::Release {
        namespace: release.namespace.clone(),
        name: release.name.clone(),
    }
}

/// What a release made and what must be there for good.
fn made(revision: Option<&Revision>) -> Vec<(ObjectRef, &Value)> {
    let objects = revision.map_or(&[][..], |revision| &revision.objects);
    let named = objects.iter().filter_map(|value| {
        let target = Object::from_value(value.clone()).ok()?.reference();
        (!PASSING.contains(&target.kind.as_str())).then_some((target, value))
    });
    named.collect()
}

async fn drift(
    step: &Step,
    doors: &Doors,
    since: Since,
    mask: &Mask,
) -> Result<Vec<Drift>, DoorError> {
    let found = match &step.action {
        Action::Helm(release) => release_drift(release, doors, since, mask).await?,
        action => {
            let asked = action
                .objects()
                .into_iter()
                .map(|object| object_drift(object, doors, since, mask));
            let asked: Vec<_> = asked.collect();
            let found = stream::iter(asked).buffered(AT_ONCE);
            let found: Vec<Option<(Subject, Change)>> = found.try_collect().await?;
            found.into_iter().flatten().collect()
        }
    };
    let of_step = |(subject, change)| Drift {
        step: step.id.clone(),
        subject,
        change,
    };
    Ok(found.into_iter().map(of_step).collect())
}

async fn object_drift(
    object: &Object,
    doors: &Doors,
    since: Since,
    mask: &Mask,
) -> Result<Option<(Subject, Change)>, DoorError> {
    let target = object.reference();
    let subject = Subject::Object(target.clone());
    if target.kind == "Job" {
        return match doors.kube.get(&target).await? {
            // Another name stands for another job, which was not made yet.
            None if since.as_sent => Ok(Some((subject, missing(&target, doors).await?))),
            _ => Ok(None),
        };
    }
    let (live, after) = match doors.kube.try_over(object).await? {
        Trial::Made if since.as_sent => return Ok(Some((subject, missing(&target, doors).await?))),
        Trial::Made => return Ok(None),
        Trial::There { live, after } => (live, after),
    };
    // Where a deploy would stop, what it sends is what the object would be.
    let after = match after {
        Ok(after) => after,
        Err(_stops) => doors
            .kube
            .dry_run(object)
            .await
            .unwrap_or_else(|_refused| live.clone()),
    };
    let fields = of_object(&subject, (object.value(), &live, &after), since, mask);
    let fields = dated(fields, &target, doors).await?;
    Ok((!fields.is_empty()).then_some((subject, Change::Fields { fields })))
}

async fn release_drift(
    release: &Release,
    doors: &Doors,
    since: Since,
    mask: &Mask,
) -> Result<Vec<(Subject, Change)>, DoorError> {
    let history = doors.helm.history(release, &doors.kube).await?;
    if history.is_empty() {
        let missing = (subject(release), Change::Missing { told: None });
        return Ok(if since.as_sent {
            vec![missing]
        } else {
            Vec::new()
        });
    }
    let mut found = Vec::new();
    let fields = of_revision(release, &history, since, mask);
    if !fields.is_empty() {
        found.push((subject(release), Change::Fields { fields }));
    }
    let asked = made(history.first())
        .into_iter()
        .map(async |(target, made)| {
            let subject = Subject::Object(target.clone());
            let Some(live) = doors.kube.get(&target).await? else {
                return Ok::<_, DoorError>(Some((subject, missing(&target, doors).await?)));
            };
            let fields = compare::added(&subject, (made, &live), since, mask);
            let fields = dated(fields, &target, doors).await?;
            Ok((!fields.is_empty()).then_some((subject, Change::Fields { fields })))
        });
    let asked: Vec<_> = asked.collect();
    let more = stream::iter(asked).buffered(AT_ONCE);
    let more: Vec<Option<(Subject, Change)>> = more.try_collect().await?;
    found.extend(more.into_iter().flatten());
    Ok(found)
}

/// What is gone, with the newest event that says so.
async fn missing(target: &ObjectRef, doors: &Doors) -> Result<Change, DoorError> {
    let told = newest_event(target, "delet", doors).await?;
    Ok(Change::Missing {
        told: told.map(|(told, at)| format!("{told}, at {at}")),
    })
}

/// Of a change of scale the server notes who, and an event of the same object when.
async fn dated(
    mut fields: Vec<Field>,
    target: &ObjectRef,
    doors: &Doors,
) -> Result<Vec<Field>, DoorError> {
    let undated = fields.iter_mut().filter_map(|field| field.by.as_mut());
    for by in undated.filter(|by| by.at.is_none() && by.subresource == "scale") {
        if let Some((told, at)) = newest_event(target, "scal", doors).await? {
            by.at = Some(at);
            by.event = Some(told);
        }
    }
    Ok(fields)
}

/// The newest event about an object whose reason has this word in it.
async fn newest_event(
    target: &ObjectRef,
    word: &str,
    doors: &Doors,
) -> Result<Option<(String, Timestamp)>, DoorError> {
    let namespace = target.namespace.as_deref().unwrap_or("default");
    let of = ObjectRef::new("v1", "Event", namespace, "");
    let events = doors.kube.list(&of, "").await?;
    let about = events.iter().filter_map(|event| {
        let text = |pointer| event.pointer(pointer).and_then(Value::as_str);
        let is_about = text("/involvedObject/kind") == Some(&target.kind)
            && text("/involvedObject/name") == Some(&target.name)
            && text("/reason").is_some_and(|reason| reason.to_lowercase().contains(word));
        let at = text("/lastTimestamp").or(text("/metadata/creationTimestamp"));
        let at: Timestamp = at?.parse().ok()?;
        is_about.then(|| (text("/message").unwrap_or_default().to_owned(), at))
    });
    Ok(about.max_by_key(|(_, at)| *at))
}
