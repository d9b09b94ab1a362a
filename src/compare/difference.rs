//! What a deploy would change: an object as it is against the same after a dry run, a release against its plan. Pure.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Mask, Shown, Subject,
    owners::{self, Entry},
    path::{Differs, Lists, Segment, differs},
};
use crate::{
    plan::{Release, StepId},
    problem::Problem,
};

/// What the server itself keeps in an object's metadata.
const OF_THE_SERVER: [&str; 6] = [
    "managedFields",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "uid",
    "selfLink",
];

/// One thing that a deploy would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The step that would do it.
    pub step: StepId,
    /// To what.
    #[serde(flatten)]
    pub subject: Subject,
    /// What it would do.
    #[serde(flatten)]
    pub what: What,
}

/// What a deploy would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "deploy", rename_all = "snake_case")]
pub enum What {
    /// It is not there and would be made.
    Makes,
    /// It is there and would be deleted.
    Deletes,
    /// These fields would become otherwise.
    Changes {
        /// Each of them.
        fields: Vec<Becomes>,
    },
    /// It would stop here.
    Stops {
        /// Why, and what to do.
        problem: Problem,
    },
}

/// A field that would become otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Becomes {
    /// Its place, such as `.spec.replicas`.
    pub field: String,
    /// What the cluster has.
    pub from: Shown,
    /// What the plan says.
    pub to: Shown,
}

/// A release as Helm remembers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Counted from 1.
    pub number: u64,
    /// `deployed`, `failed` ...
    pub status: String,
    /// The chart's name.
    pub chart: String,
    /// The chart's version.
    pub version: String,
    /// The values that were given.
    pub values: Value,
    /// What the chart made of them.
    pub objects: Vec<Value>,
    /// Who wrote it down.
    pub by: Vec<Entry>,
}

/// What a dry run would change in an object that is there.
pub fn of_trial(subject: &Subject, (live, after): (&Value, &Value), mask: &Mask) -> Option<What> {
    let fields: Vec<Becomes> = fields_of(live, after)
        .iter()
        .map(|one| becomes(subject, one, mask))
        .collect();
    (!fields.is_empty()).then_some(What::Changes { fields })
}

/// Every field in which an object differs from what an apply would make of it; what the server keeps is passed over.
pub(super) fn fields_of(live: &Value, after: &Value) -> Vec<Differs> {
    let mut lists = Lists::default();
    for entry in owners::entries(after).iter().chain(&owners::entries(live)) {
        lists.learn(entry.tree());
    }
    differs(&bare(live), &bare(after), &lists)
}

fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.shift_remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|name, _| !OF_THE_SERVER.contains(&name.as_str()));
    }
    object
}

/// What a deploy would change in a release: chart, version and values.
pub fn of_release(newest: Option<&Revision>, release: &Release, mask: &Mask) -> Option<What> {
    let Some(newest) = newest else {
        return Some(What::Makes);
    };
    let subject = subject(release);
    let (mut from, mut to) = (newest.told(), told(release));
    // What helm left unfinished is done again.
    from["status"] = newest.status.clone().into();
    to["status"] = "deployed".into();
    let fields: Vec<Becomes> = differs(&from, &to, &Lists::default())
        .iter()
        .map(|one| becomes(&subject, one, mask))
        .collect();
    (!fields.is_empty()).then_some(What::Changes { fields })
}

/// A release as a subject.
pub(super) fn subject(release: &Release) -> Subject {
    Subject::Release {
        namespace: release.namespace.clone(),
        name: release.name.clone(),
    }
}

/// What a plan says of a release.
pub(super) fn told(release: &Release) -> Value {
    let chart = release.chart.rsplit('/').next();
    json!({
        "chart": chart, "version": release.version.trim_start_matches('v'), "values": given(&release.values),
    })
}

impl Revision {
    /// What a revision says of its release.
    pub(super) fn told(&self) -> Value {
        json!({
            "chart": self.chart, "version": self.version.trim_start_matches('v'), "values": given(&self.values),
        })
    }
}

/// Helm keeps no values as null.
fn given(values: &Value) -> Value {
    if values.is_null() {
        return json!({});
    }
    values.clone()
}

fn becomes(subject: &Subject, one: &Differs, mask: &Mask) -> Becomes {
    Becomes {
        field: one.path.to_string(),
        from: mask.shown(subject, &one.path, one.from.as_ref()),
        to: mask.shown(subject, &one.path, one.to.as_ref()),
    }
}

/// Whether a way leads to what `kubectl apply` notes for itself.
pub(super) fn is_note(path: &super::path::Path) -> bool {
    let last = path.segments().last();
    matches!(last, Some(Segment::Key(name)) if name.starts_with("kubectl.kubernetes.io/last-applied"))
}
