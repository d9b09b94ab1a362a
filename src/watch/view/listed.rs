//! Rows of the lists beside pods, nodes and volumes. Pure.

use std::{cell::RefCell, collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::Health;
use crate::problem::Code;

/// A word of this program.
pub type Word = &'static str;

thread_local! {
    /// Words that were read from recordings, each once.
    static WORDS: RefCell<BTreeSet<Word>> = const { RefCell::new(BTreeSet::new()) };
}

/// Reads a word from a recording; the program has few of them, and keeps each for ever.
fn word<'de, D: Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
    let text = String::deserialize(from)?;
    Ok(WORDS.with_borrow_mut(|words| {
        if let Some(known) = words.get(text.as_str()) {
            return *known;
        }
        let kept: Word = Box::leak(text.into_boxed_str());
        words.insert(kept);
        kept
    }))
}

/// A backup, or a place that backups go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupRow {
    /// Namespace.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// `Backup`, `Schedule`, `Archive` or `Volumes`.
    #[serde(deserialize_with = "word")]
    pub kind: Word,
    /// The database it is of; empty for volumes.
    pub of: String,
    /// Such as `completed`.
    pub status: String,
    /// How that is.
    pub health: Health,
    /// When it ended, or when it last moved.
    pub at: Option<Timestamp>,
    /// How long it took.
    pub took: Option<Duration>,
    /// How it is made.
    pub method: String,
    /// Further lines for its details.
    pub details: Vec<String>,
}

/// A certificate that a secret holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRow {
    /// Namespace.
    pub namespace: String,
    /// Name of the secret.
    pub name: String,
    /// Names it is valid for.
    pub names: String,
    /// `valid`, `ends soon`, `ended` or `unreadable`.
    #[serde(deserialize_with = "word")]
    pub status: Word,
    /// How that is.
    pub health: Health,
    /// When it ends.
    pub ends: Option<Timestamp>,
    /// Who signed it.
    pub issuer: String,
    /// The object that renews it, such as `Certificate wildcard`; empty when a person does.
    pub renewed_by: String,
    /// Further lines for its details.
    pub details: Vec<String>,
}

/// An address under which a program is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressRow {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Its class, such as `private`.
    pub class: String,
    /// Names that lead to it.
    pub hosts: String,
    /// Address of the ingress controller; empty while it has none.
    pub address: String,
    /// Pods behind it that take requests; nothing when that is not known.
    pub behind: Option<usize>,
    /// `ready`, `nothing behind it` ...
    #[serde(deserialize_with = "word")]
    pub status: Word,
    /// How that is.
    pub health: Health,
    /// When it was made.
    pub since: Option<Timestamp>,
    /// Further lines for its details.
    pub details: Vec<String>,
}

/// Something that the cluster told about an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// Namespace of the event.
    pub namespace: String,
    /// Name of the event.
    pub name: String,
    /// The object, such as `Pod care-1`.
    pub about: String,
    /// Such as `BackOff`.
    pub reason: String,
    /// In the cluster's words.
    pub message: String,
    /// Warn for a warning, else good.
    pub health: Health,
    /// How often.
    pub times: u64,
    /// When last.
    pub at: Option<Timestamp>,
}

/// A job, or a schedule of jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `Job` or `CronJob`.
    #[serde(deserialize_with = "word")]
    pub kind: Word,
    /// `complete`, `running`, `failed`, `scheduled` ...
    #[serde(deserialize_with = "word")]
    pub status: Word,
    /// How that is.
    pub health: Health,
    /// Ends that were reached, of those that are wished.
    pub done: String,
    /// The schedule of a schedule.
    pub schedule: String,
    /// When it began, or when the schedule last did.
    pub at: Option<Timestamp>,
    /// How long it took.
    pub took: Option<Duration>,
    /// Further lines for its details.
    pub details: Vec<String>,
}

/// The newest revision of a Helm release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRow {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Chart.
    pub chart: String,
    /// Version of the chart.
    pub version: String,
    /// Version of the program in it.
    pub app: String,
    /// Revision, counted from 1.
    pub revision: u64,
    /// `deployed`, `failed`, `pending-upgrade` ...
    pub status: String,
    /// How that is.
    pub health: Health,
    /// When it was made.
    pub at: Option<Timestamp>,
    /// Further lines for its details.
    pub details: Vec<String>,
}

/// Something that began, ended or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineRow {
    /// When it began.
    pub at: Option<Timestamp>,
    /// When it ended; nothing while it lasts, or when it was a change of a moment.
    pub until: Option<Timestamp>,
    /// `finding` or `change`.
    #[serde(deserialize_with = "word")]
    pub kind: Word,
    /// What.
    pub what: String,
    /// The object it is about.
    pub about: String,
    /// The code of a finding.
    pub code: Option<Code>,
    /// How bad it was, or is.
    pub health: Health,
}
