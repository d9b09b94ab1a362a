//! The cluster as plain rows: what the watches publish and every face draws. Pure.

mod listed;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::usage::{Amount, Asks};
use crate::{
    plan::Service,
    problem::{Code, Problem},
};
pub use listed::{
    BackupRow, CertificateRow, EventRow, IngressRow, JobRow, ReleaseRow, TimelineRow,
};

/// How something is, from good to bad.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum Health {
    /// As it should be.
    Good,
    /// Not known: nothing was seen yet.
    #[default]
    Unknown,
    /// Coming up, or moving.
    Busy,
    /// Works, with something to look at.
    Warn,
    /// Does not work.
    Bad,
}

impl Health {
    /// The word on every face.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Unknown => "unknown",
            Self::Busy => "busy",
            Self::Warn => "warning",
            Self::Bad => "failing",
        }
    }
}

/// A clinical service and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRow {
    /// Which.
    pub service: Service,
    /// How it is.
    pub health: Health,
    /// The worst that is known about it, short; empty when it is fine.
    pub note: String,
}

/// Something that needs attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is: `Warn` or `Bad`.
    pub health: Health,
    /// What, why and what to do.
    pub problem: Problem,
    /// The object it is about, such as `Pod odoo/odoo-web-5c9f`.
    pub about: String,
    /// Since when, as far as the objects tell.
    pub since: Option<Timestamp>,
    /// The services that it concerns, with those of what follows from it; in their order.
    pub services: Vec<Service>,
    /// What follows from it, a line each; empty when it follows from another one itself.
    pub brings: Vec<String>,
    /// What brings it about, when that is a finding itself: it is told under it.
    pub because_of: Option<Cause>,
}

/// Names a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Its code.
    pub code: Code,
    /// The object it is about.
    pub about: String,
}

impl Finding {
    /// Whether it follows from that one.
    pub fn follows(&self, cause: &Self) -> bool {
        self.because_of
            .as_ref()
            .is_some_and(|known| known.code == cause.problem.code && known.about == cause.about)
    }
}

/// One pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodRow {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Containers that are ready.
    pub ready: u32,
    /// All its containers.
    pub containers: u32,
    /// As `kubectl` says it: `Running`, `CrashLoopBackOff` ...
    pub status: String,
    /// How that is.
    pub health: Health,
    /// Restarts of all containers together.
    pub restarts: u32,
    /// Node it is on; empty when it has none yet.
    pub node: String,
    /// What it belongs to, such as `Deployment odoo-web`.
    pub owner: String,
    /// What it asks for and may have.
    #[serde(default)]
    pub asks: Asks,
    /// When it was made.
    pub since: Option<Timestamp>,
    /// Further lines for its details: containers with images, conditions, the newest events.
    pub details: Vec<String>,
}

/// One volume claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeRow {
    /// Namespace.
    pub namespace: String,
    /// Name of the claim.
    pub name: String,
    /// `Bound`, `Pending` ...
    pub status: String,
    /// How that is.
    pub health: Health,
    /// Size, such as `50Gi`.
    pub size: String,
    /// Storage class.
    pub class: String,
    /// When it was made.
    pub since: Option<Timestamp>,
    /// Further lines for its details.
    pub details: Vec<String>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Name.
    pub name: String,
    /// Its part in the site, such as `primary`.
    pub role: String,
    /// `Ready`, `NotReady`, `Ready, cordoned` ...
    pub status: String,
    /// How that is.
    pub health: Health,
    /// Version of its kubelet.
    pub version: String,
    /// Pods on it.
    pub pods: usize,
    /// CPU for pods, such as `8`.
    pub cpu: String,
    /// Memory for pods, such as `32Gi`.
    pub memory: String,
    /// Both as numbers.
    #[serde(default)]
    pub room: Amount,
    /// When it joined.
    pub since: Option<Timestamp>,
    /// What becomes of each service if this node stops now; empty while it is silent.
    pub stops: Vec<ServiceStop>,
    /// Further lines for its details; what ends when this node stops.
    pub details: Vec<String>,
}

/// What becomes of a service when a node stops, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stop {
    /// Nothing of it is on the node.
    GoesOn,
    /// It goes on with what is elsewhere.
    Fewer,
    /// It is away for about so long.
    Pauses(Duration),
    /// It is away until the node is back.
    Ends,
}

impl Stop {
    /// What becomes of it when the machine is emptied first, in order, before it is switched off.
    pub fn when_planned(self) -> &'static str {
        match self {
            Self::GoesOn => "goes on",
            Self::Fewer => "goes on, with less",
            Self::Pauses(_) => "away for a minute or two, while it moves to another machine",
            Self::Ends => "away from then on, until the machine is back",
        }
    }
}

/// What becomes of one service when a node stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStop {
    /// Which.
    pub service: Service,
    /// What.
    pub stop: Stop,
    /// Because of what; empty when nothing of it is there.
    pub why: String,
}

/// Everything the health screen shows, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// When this was put together; nothing before the first answer.
    pub at: Option<Timestamp>,
    /// Since when the connection is lost, while it is.
    pub stale_since: Option<Timestamp>,
    /// Why nothing is heard, while the connection is lost.
    pub trouble: Option<Problem>,
    /// The services in the order of [`Service::ALL`].
    pub services: Vec<ServiceRow>,
    /// What needs attention, worst first; what follows from a finding comes behind it.
    pub findings: Vec<Finding>,
    /// Pods, sorted by namespace and name. One that is as it was is the same row as in the picture before.
    pub pods: Vec<Arc<PodRow>>,
    /// Volume claims, sorted by namespace and name.
    pub volumes: Vec<VolumeRow>,
    /// Nodes, sorted by name.
    pub nodes: Vec<NodeRow>,
    /// Backups and where they go, newest first.
    pub backups: Vec<BackupRow>,
    /// Certificates, the one that ends first first.
    pub certificates: Vec<CertificateRow>,
    /// Addresses of programs, sorted by namespace and name.
    pub ingresses: Vec<IngressRow>,
    /// Events, newest first.
    pub events: Vec<EventRow>,
    /// Jobs and their schedules, newest first.
    pub jobs: Vec<JobRow>,
    /// The newest revision of each Helm release, sorted by namespace and name.
    pub releases: Vec<ReleaseRow>,
    /// What began, ended and changed, newest first.
    pub timeline: Vec<TimelineRow>,
    /// Kinds that the login may not see, with the server's words: their lists are empty for that reason.
    pub unseen: Vec<(String, String)>,
}

impl ClusterView {
    /// The findings that follow from no other one.
    pub fn causes(&self) -> impl Iterator<Item = &Finding> {
        let found = self.findings.iter();
        found.filter(|finding| finding.because_of.is_none())
    }

    /// What follows from a finding.
    pub fn effects<'v>(&'v self, cause: &'v Finding) -> impl Iterator<Item = &'v Finding> {
        let found = self.findings.iter();
        found.filter(move |finding| finding.follows(cause))
    }
}
