//! Rows of the lists beside pods, nodes and volumes. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::Health;
use crate::problem::Code;

/// A backup, or a place that backups go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRow {
    /// Namespace.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// `Backup`, `Schedule`, `Archive` or `Volumes`.
    pub kind: &'static str,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRow {
    /// Namespace.
    pub namespace: String,
    /// Name of the secret.
    pub name: String,
    /// Names it is valid for.
    pub names: String,
    /// `valid`, `ends soon`, `ended` or `unreadable`.
    pub status: &'static str,
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub status: &'static str,
    /// How that is.
    pub health: Health,
    /// When it was made.
    pub since: Option<Timestamp>,
    /// Further lines for its details.
    pub details: Vec<String>,
}

/// Something that the cluster told about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `Job` or `CronJob`.
    pub kind: &'static str,
    /// `complete`, `running`, `failed`, `scheduled` ...
    pub status: &'static str,
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineRow {
    /// When it began.
    pub at: Option<Timestamp>,
    /// When it ended; nothing while it lasts, or when it was a change of a moment.
    pub until: Option<Timestamp>,
    /// `finding` or `change`.
    pub kind: &'static str,
    /// What.
    pub what: String,
    /// The object it is about.
    pub about: String,
    /// The code of a finding.
    pub code: Option<Code>,
    /// How bad it was, or is.
    pub health: Health,
}
