//! Preflight checks: what is asked, of whom, and what was found; facts are collected apart from the judgement.

mod certificate;
mod cluster;
mod dns;
mod judge;
mod list;
mod probe;
mod question;
mod run;
mod ssh;
pub mod verdict;

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    problem::{Code, Problem},
    site::Site,
    sys::{Routes, helm::Helm, kube::Source},
};

pub use probe::{Seen, probe, probe_field};
pub use question::question;
pub use run::run;

/// What the checks are asked about.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The site.
    pub site: Arc<Site>,
    /// The site's folder: relative certificate paths begin there.
    pub folder: PathBuf,
    /// The cluster; none skips the cluster's checks with a reason.
    pub source: Option<Source>,
    /// Detours to the practice cluster's name server and nodes; empty in life.
    pub routes: Routes,
    /// Helm, as it was found.
    pub helm: Helm,
    /// The time of the cluster (practice time may differ).
    pub now: Timestamp,
    /// Only checks of this code.
    pub only: Option<Code>,
}

/// Families in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// The nodes answer over SSH.
    Ssh,
    /// Host names resolve to the expected node.
    Dns,
    /// The wildcard certificate.
    Certificate,
    /// The cluster answers and fits.
    Cluster,
    /// This computer: helm and files.
    Workstation,
}

/// One check of one subject, such as `DNS-02` of `api.care.example.org at 10.0.0.2`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CheckId {
    /// The check's own code: it stays the same whatever is found. A failure carries it too, unless a door knew a
    /// more exact one, such as `FILE-03` of a certificate's file.
    pub code: Code,
    /// What is looked at; empty when there is only one.
    pub subject: String,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Fine; `seen` is the evidence.
    Pass {
        /// The evidence, short.
        seen: String,
    },
    /// Worth knowing, does not block.
    Warn {
        /// The evidence, short.
        seen: String,
        /// What and what to do.
        problem: Problem,
    },
    /// Blocks the deploy unless waived.
    Fail {
        /// The evidence, short.
        seen: String,
        /// What and what to do.
        problem: Problem,
    },
    /// Not looked at.
    Skipped {
        /// Why not.
        reason: String,
    },
}

/// A check with its verdict, as it is shown, stored and sent to every face.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Which check.
    pub id: CheckId,
    /// Its family.
    pub family: Family,
    /// What is checked, in words, such as `wildcard answers`.
    pub title: String,
    /// The node it concerns, or `this computer`.
    pub place: String,
    /// What was found.
    pub verdict: Verdict,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A failure that a person accepted, with the reason that goes into the hand-over record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Which check.
    pub id: CheckId,
    /// Why it is accepted.
    pub reason: String,
    /// Who accepted it; records of older versions do not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// When, RFC 3339.
    pub at: Timestamp,
}
