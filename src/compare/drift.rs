//! What somebody changed since a deploy: fields with their names from `managedFields`, releases with their revisions. Pure.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::{
    Mask, Shown, Subject,
    difference::{self, Revision, fields_of, is_note},
    owners::{self, Entry},
    path::{Lists, Path, differs},
};
use crate::plan::{Release, StepId};

/// `managedFields` know whole seconds.
const GRAIN: SignedDuration = SignedDuration::from_secs(1);

/// One thing that somebody changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The step that made it.
    pub step: StepId,
    /// What was changed.
    #[serde(flatten)]
    pub subject: Subject,
    /// In which way.
    #[serde(flatten)]
    pub change: Change,
}

/// In which way something was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// It is not there any more.
    Missing {
        /// What an event says of it, when there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        told: Option<String>,
    },
    /// These fields are otherwise.
    Fields {
        /// Each of them.
        fields: Vec<Field>,
    },
}

/// A field that somebody set, or took away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its place, such as `.spec.replicas`.
    pub field: String,
    /// What it would be without that.
    pub was: Shown,
    /// What it is.
    pub is: Shown,
    /// Who, when the cluster tells.
    pub by: Option<By>,
}

/// Who changed something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct By {
    /// The name that the program left, such as `kubectl-edit`.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// Such as `scale`; empty for the object itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subresource: String,
    /// When.
    pub at: Option<Timestamp>,
    /// The event that told when: of a change of scale the server notes no time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The release's revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
}

/// What is compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Since {
    /// When the last run began.
    pub began: Option<Timestamp>,
    /// Whether that run sent just what the settings say now: then what is missing was taken away in the cluster.
    pub as_sent: bool,
}

impl Since {
    fn is_later(&self, entry: &Entry) -> bool {
        match (self.began, entry.at) {
            (Some(began), Some(at)) => at.saturating_add(GRAIN).unwrap_or(at) >= began,
            _ => true,
        }
    }
}

impl By {
    fn of(entry: &Entry) -> Self {
        Self {
            manager: entry.manager.clone(),
            operation: entry.operation.clone(),
            subresource: entry.subresource.clone(),
            at: entry.at,
            event: None,
            revision: None,
        }
    }
}

/// What others changed in an object that we apply: `sent` is what the plan says, `after` what an apply would make of it.
pub fn of_object(
    subject: &Subject,
    (sent, live, after): (&Value, &Value, &Value),
    since: Since,
    mask: &Mask,
) -> Vec<Field> {
    let entries = owners::entries(live);
    let (own, others): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|one| one.is_own());
    let changed = fields_of(after, live);
    let mut fields = Vec::new();
    for one in &changed {
        let owner = others.iter().filter(|entry| entry.owns(&one.path, live));
        let owner = owner.max_by_key(|entry| entry.at);
        // What is still ours is so because the settings have been changed meanwhile.
        let is_ours = own.iter().any(|entry| entry.owns(&one.path, live));
        if owner.is_none() && (is_ours || !since.as_sent) {
            continue;
        }
        fields.push(Field {
            field: one.path.to_string(),
            was: mask.shown(subject, &one.path, one.from.as_ref()),
            is: mask.shown(subject, &one.path, one.to.as_ref()),
            by: owner.map(|entry| By::of(entry)),
        });
    }
    let is_told = |path: &Path| {
        let mut changed = changed.iter();
        changed.any(|one| path.is_within(&one.path) || one.path.is_within(path))
    };
    let by_hand =
        |entry: &&Entry| owners::is_person(&entry.manager) || owners::is_helm(&entry.manager);
    for entry in others.into_iter().filter(by_hand) {
        let more = set_by(subject, entry, (sent, live), mask).into_iter();
        let more = more.filter(|(path, field)| {
            field.was == Shown::Absent && since.is_later(entry) && !is_told(path)
        });
        fields.extend(more.map(|(_, field)| field));
    }
    fields
}

/// What people changed in an object that a chart made: `made` is what the chart says.
pub fn added(
    subject: &Subject,
    (made, live): (&Value, &Value),
    since: Since,
    mask: &Mask,
) -> Vec<Field> {
    let entries = owners::entries(live);
    let people = entries
        .iter()
        .filter(|entry| owners::is_person(&entry.manager));
    let mut fields = Vec::new();
    for entry in people {
        let set = set_by(subject, entry, (made, live), mask).into_iter();
        // A deploy leaves the chart's fields alone: what is otherwise than the chart says stays worth telling.
        let told = set.filter(|(_, field)| field.was != Shown::Absent || since.is_later(entry));
        fields.extend(told.map(|(_, field)| field));
    }
    fields
}

/// What one manager has set otherwise than it was sent.
fn set_by(
    subject: &Subject,
    entry: &Entry,
    (sent, live): (&Value, &Value),
    mask: &Mask,
) -> Vec<(Path, Field)> {
    if entry.subresource == "status" {
        return Vec::new();
    }
    let mut found = Vec::new();
    for path in entry.leaves() {
        let (was, is) = (path.find(sent), path.find(live));
        if is.is_none() || was == is || is_note(&path) {
            continue;
        }
        let field = Field {
            field: path.to_string(),
            was: mask.shown(subject, &path, was),
            is: mask.shown(subject, &path, is),
            by: Some(By::of(entry)),
        };
        found.push((path, field));
    }
    found
}

/// What somebody changed in a release, by its revisions, the newest first.
pub fn of_revision(
    release: &Release,
    history: &[Revision],
    since: Since,
    mask: &Mask,
) -> Vec<Field> {
    let Some(newest) = history.first() else {
        return Vec::new();
    };
    let base = if since.as_sent {
        Some(difference::told(release))
    } else {
        // The settings have been changed: what the last run left is the newest revision that is not later than it.
        let later = |revision: &&Revision| revision.by.iter().all(|entry| !since.is_later(entry));
        history.iter().find(later).map(Revision::told)
    };
    let Some(base) = base else {
        return Vec::new();
    };
    let subject = difference::subject(release);
    let by = newest
        .by
        .iter()
        .max_by_key(|entry| entry.at)
        .map(|entry| By {
            revision: Some(newest.number),
            ..By::of(entry)
        });
    let found = differs(&base, &newest.told(), &Lists::default()).into_iter();
    found
        .map(|one| Field {
            field: one.path.to_string(),
            was: mask.shown(&subject, &one.path, one.from.as_ref()),
            is: mask.shown(&subject, &one.path, one.to.as_ref()),
            by: by.clone(),
        })
        .collect()
}
