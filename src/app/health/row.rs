//! A row of any list: what it is, what its columns say, and by what it is sorted and found. Pure.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{
    tab::{Col, Tab},
    used::{self, Figure},
};
use crate::{
    app::words::{since, span},
    plan::ObjectRef,
    watch::{
        usage::{Usage, thousandths},
        view::{
            BackupRow, CertificateRow, ClusterView, EventRow, Finding, Health, IngressRow, JobRow,
            NodeRow, PodRow, ReleaseRow, TimelineRow, VolumeRow,
        },
    },
};

/// A row of any list.
#[derive(Clone, Copy, Debug)]
pub enum Row<'a> {
    /// Something that needs attention.
    Finding(&'a Finding),
    /// A pod.
    Pod(&'a PodRow),
    /// A node.
    Node(&'a NodeRow),
    /// A volume claim.
    Volume(&'a VolumeRow),
    /// A backup.
    Backup(&'a BackupRow),
    /// A certificate.
    Certificate(&'a CertificateRow),
    /// An address.
    Ingress(&'a IngressRow),
    /// An event.
    Event(&'a EventRow),
    /// A job.
    Job(&'a JobRow),
    /// A release.
    Release(&'a ReleaseRow),
    /// Something that began, ended or changed.
    Change(&'a TimelineRow),
}

/// By what rows are sorted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'a> {
    /// By how they are, the worst first.
    Health(std::cmp::Reverse<Health>),
    /// By a number.
    Number(i64),
    /// By a text.
    Text(Cow<'a, str>),
    /// What is not known comes last.
    Nothing,
}

/// By what a row is told beside itself: the time, and what is used.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// Now.
    pub now: Timestamp,
    /// What pods and nodes use.
    pub usage: &'a Usage,
}

/// All rows of a list, in the order in which they are known.
pub fn all(view: &ClusterView, tab: Tab) -> impl Iterator<Item = Row<'_>> {
    (0..count(view, tab)).filter_map(move |index| get(view, tab, index))
}

/// The places of a list; some may hold no row.
pub fn count(view: &ClusterView, tab: Tab) -> usize {
    match tab {
        Tab::Attention => view.findings.len(),
        Tab::Pods => view.pods.len(),
        Tab::Nodes => view.nodes.len(),
        Tab::Volumes => view.volumes.len(),
        Tab::Backups => view.backups.len(),
        Tab::Certificates => view.certificates.len(),
        Tab::Ingress => view.ingresses.len(),
        Tab::Events => view.events.len(),
        Tab::Jobs => view.jobs.len(),
        Tab::Releases => view.releases.len(),
        Tab::Timeline => view.timeline.len(),
    }
}

/// The row at a place of a list.
pub fn get(view: &ClusterView, tab: Tab, index: usize) -> Option<Row<'_>> {
    match tab {
        // What follows from a finding stands in its details.
        Tab::Attention => {
            let found = view.findings.get(index);
            let cause = found.filter(|finding| finding.because_of.is_none());
            cause.map(Row::Finding)
        }
        Tab::Pods => view.pods.get(index).map(|pod| Row::Pod(pod)),
        Tab::Nodes => view.nodes.get(index).map(Row::Node),
        Tab::Volumes => view.volumes.get(index).map(Row::Volume),
        Tab::Backups => view.backups.get(index).map(Row::Backup),
        Tab::Certificates => view.certificates.get(index).map(Row::Certificate),
        Tab::Ingress => view.ingresses.get(index).map(Row::Ingress),
        Tab::Events => view.events.get(index).map(Row::Event),
        Tab::Jobs => view.jobs.get(index).map(Row::Job),
        Tab::Releases => view.releases.get(index).map(Row::Release),
        Tab::Timeline => view.timeline.get(index).map(Row::Change),
    }
}

impl<'a> Row<'a> {
    /// Its namespace; empty when it has none.
    pub fn namespace(&self) -> &'a str {
        match self {
            Self::Finding(row) => place(&row.about).0,
            Self::Change(row) => place(&row.about).0,
            Self::Pod(row) => &row.namespace,
            Self::Node(_) => "",
            Self::Volume(row) => &row.namespace,
            Self::Backup(row) => &row.namespace,
            Self::Certificate(row) => &row.namespace,
            Self::Ingress(row) => &row.namespace,
            Self::Event(row) => &row.namespace,
            Self::Job(row) => &row.namespace,
            Self::Release(row) => &row.namespace,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        match self {
            Self::Finding(row) => &row.about,
            Self::Change(row) => &row.about,
            Self::Pod(row) => &row.name,
            Self::Node(row) => &row.name,
            Self::Volume(row) => &row.name,
            Self::Backup(row) => &row.name,
            Self::Certificate(row) => &row.name,
            Self::Ingress(row) => &row.name,
            Self::Event(row) => &row.name,
            Self::Job(row) => &row.name,
            Self::Release(row) => &row.name,
        }
    }

    /// What tells it from others with the same name.
    fn mark(&self) -> &'a str {
        match self {
            Self::Finding(row) => row.problem.code.as_str(),
            Self::Backup(row) => row.kind,
            Self::Job(row) => row.kind,
            Self::Change(row) => row.code.map_or("", |code| code.as_str()),
            _ => "",
        }
    }

    /// What makes it the same row when the data changes.
    pub fn identity(&self) -> String {
        let (mark, namespace, name) = (self.mark(), self.namespace(), self.name());
        match self {
            Self::Finding(_) => format!("{mark} {name}"),
            Self::Node(_) => name.to_owned(),
            Self::Change(row) => {
                let at = row.at.map_or(0, Timestamp::as_second);
                format!("{mark} {at} {name}")
            }
            _ if mark.is_empty() => format!("{namespace}/{name}"),
            _ => format!("{mark} {namespace}/{name}"),
        }
    }

    /// Whether it is the row of that identity; cheaper than making one.
    pub fn is(&self, identity: &str) -> bool {
        identity.ends_with(self.name()) && self.identity() == identity
    }

    /// How it is.
    pub fn health(&self) -> Health {
        match self {
            Self::Finding(row) => row.health,
            Self::Pod(row) => row.health,
            Self::Node(row) => row.health,
            Self::Volume(row) => row.health,
            Self::Backup(row) => row.health,
            Self::Certificate(row) => row.health,
            Self::Ingress(row) => row.health,
            Self::Event(row) => row.health,
            Self::Job(row) => row.health,
            Self::Release(row) => row.health,
            Self::Change(row) => row.health,
        }
    }

    /// Its status, in one or two words.
    pub fn status(&self) -> &'a str {
        match self {
            Self::Finding(row) => row.health.word(),
            Self::Pod(row) => &row.status,
            Self::Node(row) => &row.status,
            Self::Volume(row) => &row.status,
            Self::Backup(row) => &row.status,
            Self::Certificate(row) => row.status,
            Self::Ingress(row) => row.status,
            Self::Event(row) => &row.reason,
            Self::Job(row) => row.status,
            Self::Release(row) => &row.status,
            Self::Change(row) => match (row.kind, row.until) {
                ("finding", None) => "lasts",
                ("finding", Some(_)) => "over",
                _ => row.kind,
            },
        }
    }

    /// Since when it is, or when it happened.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Finding(row) => row.since,
            Self::Pod(row) => row.since,
            Self::Node(row) => row.since,
            Self::Volume(row) => row.since,
            Self::Backup(row) => row.at,
            Self::Certificate(row) => row.ends,
            Self::Ingress(row) => row.since,
            Self::Event(row) => row.at,
            Self::Job(row) => row.at,
            Self::Release(row) => row.at,
            Self::Change(row) => row.at,
        }
    }

    /// The lines that were found out about it.
    pub fn more(&self) -> &'a [String] {
        match self {
            Self::Finding(_) | Self::Event(_) | Self::Change(_) => &[],
            Self::Pod(row) => &row.details,
            Self::Node(row) => &row.details,
            Self::Volume(row) => &row.details,
            Self::Backup(row) => &row.details,
            Self::Certificate(row) => &row.details,
            Self::Ingress(row) => &row.details,
            Self::Job(row) => &row.details,
            Self::Release(row) => &row.details,
        }
    }

    /// The object behind it, as the API names it; nothing when there is none.
    pub fn object(&self) -> Option<ObjectRef> {
        let of = |version: &str, kind: &str| {
            Some(ObjectRef::new(version, kind, self.namespace(), self.name()))
        };
        match self {
            Self::Finding(row) => named(&row.about),
            Self::Change(row) => named(&row.about),
            Self::Pod(_) => of("v1", "Pod"),
            Self::Node(_) => of("v1", "Node"),
            Self::Volume(_) => of("v1", "PersistentVolumeClaim"),
            Self::Backup(row) => match row.kind {
                "Backup" => of("postgresql.cnpg.io/v1", "Backup"),
                "Schedule" => of("postgresql.cnpg.io/v1", "ScheduledBackup"),
                "Archive" => of("postgresql.cnpg.io/v1", "Cluster"),
                _ => of("longhorn.io/v1beta2", "BackupTarget"),
            },
            Self::Certificate(_) => of("v1", "Secret"),
            Self::Ingress(_) => of("networking.k8s.io/v1", "Ingress"),
            Self::Event(_) => of("v1", "Event"),
            Self::Job(row) => of("batch/v1", row.kind),
            // What helm remembers is no YAML, and full of settings that may be secret.
            Self::Release(_) => None,
        }
    }

    /// What a column says.
    pub fn cell(&self, col: Col, by: By<'_>) -> Cow<'a, str> {
        let now = by.now;
        if let Some(figure) = Figure::of(col) {
            return used::cell(*self, figure, by).into();
        }
        match (self, col) {
            (_, Col::Namespace) => self.namespace().into(),
            (_, Col::Name) => self.name().into(),
            (_, Col::Status | Col::Reason) => self.status().into(),
            (_, Col::How) => self.health().word().into(),
            (_, Col::Ends) => ends(self.at(), now).into(),
            (_, Col::Age) => age(self.at(), now).into(),
            (Self::Volume(row), Col::Size) => row.size.as_str().into(),
            (Self::Node(row), Col::Cpu) => row.cpu.as_str().into(),
            (Self::Node(row), Col::Memory) => row.memory.as_str().into(),
            (Self::Backup(BackupRow { took, .. }) | Self::Job(JobRow { took, .. }), Col::Took) => {
                took.map_or_else(String::new, span).into()
            }
            (Self::Change(row), Col::Took) => {
                lasted(row, now).map_or_else(String::new, span).into()
            }
            (Self::Event(row), Col::Times) if row.times < 2 => "".into(),
            (Self::Ingress(row), Col::Behind) => row
                .behind
                .map_or("-".into(), |count| count.to_string().into()),
            _ => match self.own_key(col) {
                Key::Text(text) => text,
                Key::Number(number) => number.to_string().into(),
                Key::Health(_) | Key::Nothing => "".into(),
            },
        }
    }

    /// By what a column is sorted.
    pub fn key(&self, col: Col, by: By<'_>) -> Key<'a> {
        let Some(figure) = Figure::of(col) else {
            return self.own_key(col);
        };
        let figure = used::figure(*self, figure, by);
        figure.map_or(Key::Nothing, |figure| {
            Key::Number(i64::try_from(figure).unwrap_or(i64::MAX))
        })
    }

    /// By what a column is sorted that the row tells by itself.
    fn own_key(&self, col: Col) -> Key<'a> {
        let text = |text: &'a str| Key::Text(text.into());
        let count = |count: usize| Key::Number(i64::try_from(count).unwrap_or(i64::MAX));
        match (self, col) {
            (_, Col::Namespace) => text(self.namespace()),
            (_, Col::Name) => text(self.name()),
            (_, Col::Status | Col::Reason) => text(self.status()),
            (_, Col::How) => Key::Health(std::cmp::Reverse(self.health())),
            (_, Col::Ends) => self
                .at()
                .map_or(Key::Nothing, |at| Key::Number(at.as_second())),
            // The youngest first, as ages grow.
            (_, Col::Age) => self
                .at()
                .map_or(Key::Nothing, |at| Key::Number(-at.as_second())),
            (Self::Finding(row), Col::What) => text(&row.problem.what),
            (Self::Finding(row), Col::Code) => text(row.problem.code.as_str()),
            (Self::Finding(row), Col::About) => text(&row.about),
            (Self::Event(row), Col::About) => text(&row.about),
            (Self::Change(row), Col::What) => text(&row.what),
            (Self::Change(row), Col::About) => text(&row.about),
            (Self::Change(row), Col::Code) => text(row.code.map_or("", |code| code.as_str())),
            (Self::Change(row), Col::Took) => {
                let lasted = row.until.zip(row.at).map(|(until, at)| since(at, until));
                lasted.map_or(Key::Nothing, |span| {
                    count(span.as_secs().try_into().unwrap_or(0))
                })
            }
            (Self::Event(row), Col::Message) => text(&row.message),
            (Self::Event(row), Col::Times) => count(usize::try_from(row.times).unwrap_or(0)),
            (Self::Pod(row), Col::Ready) => {
                Key::Text(format!("{}/{}", row.ready, row.containers).into())
            }
            (Self::Pod(row), Col::Restarts) => Key::Number(row.restarts.into()),
            (Self::Pod(row), Col::Node) => text(&row.node),
            (Self::Node(row), Col::Part) => text(&row.role),
            (Self::Node(row), Col::Kubelet) => text(&row.version),
            (Self::Node(row), Col::Pods) => count(row.pods),
            (Self::Node(row), Col::Cpu) => quantity(&row.cpu),
            (Self::Node(row), Col::Memory) => quantity(&row.memory),
            (Self::Volume(row), Col::Size) => quantity(&row.size),
            (Self::Volume(row), Col::Class) => text(&row.class),
            (Self::Ingress(row), Col::Class) => text(&row.class),
            (Self::Ingress(row), Col::Hosts) => text(&row.hosts),
            (Self::Ingress(row), Col::Address) => text(&row.address),
            (Self::Ingress(row), Col::Behind) => row.behind.map_or(Key::Nothing, count),
            (Self::Certificate(row), Col::Names) => text(&row.names),
            (Self::Certificate(row), Col::Issuer) => text(&row.issuer),
            (Self::Certificate(row), Col::Renewed) => text(match row.renewed_by.split_once(' ') {
                None => "a person",
                Some(("Certificate", _)) => "cert-manager",
                Some((owner, _)) => owner,
            }),
            (Self::Backup(row), Col::Kind) => text(row.kind),
            (Self::Backup(row), Col::Of) => text(&row.of),
            (Self::Backup(row), Col::Method) => text(&row.method),
            (Self::Job(row), Col::Kind) => text(row.kind),
            (Self::Job(row), Col::Done) => text(&row.done),
            (Self::Job(row), Col::Schedule) => text(&row.schedule),
            (Self::Backup(BackupRow { took, .. }) | Self::Job(JobRow { took, .. }), Col::Took) => {
                took.map_or(Key::Nothing, |took| {
                    count(took.as_secs().try_into().unwrap_or(0))
                })
            }
            (Self::Release(row), Col::Chart) => text(&row.chart),
            (Self::Release(row), Col::Version) => text(&row.version),
            (Self::Release(row), Col::App) => text(&row.app),
            (Self::Release(row), Col::Revision) => {
                count(usize::try_from(row.revision).unwrap_or(0))
            }
            _ => Key::Nothing,
        }
    }

    /// Whether it holds a text, whatever the letters' case.
    pub fn holds(&self, wanted: &str) -> bool {
        if wanted.is_empty() {
            return true;
        }
        let (namespace, name) = (self.namespace(), self.name());
        let by_name = [namespace, name, self.status()]
            .iter()
            .any(|text| has(text, wanted));
        by_name
            || (wanted.contains('/') && has(&format!("{namespace}/{name}"), wanted))
            || self.further().iter().any(|text| has(text, wanted))
    }

    /// What else the filter looks at.
    fn further(&self) -> [&'a str; 3] {
        match self {
            Self::Finding(row) => [row.problem.code.as_str(), &row.about, &row.problem.what],
            Self::Pod(row) => [&row.node, "", ""],
            Self::Node(row) => [&row.role, &row.version, ""],
            Self::Volume(row) => [&row.class, "", ""],
            Self::Backup(row) => [&row.of, row.kind, &row.method],
            Self::Certificate(row) => [&row.names, &row.issuer, &row.renewed_by],
            Self::Ingress(row) => [&row.hosts, &row.class, &row.address],
            Self::Event(row) => [&row.about, &row.message, ""],
            Self::Job(row) => [row.kind, &row.schedule, ""],
            Self::Release(row) => [&row.chart, &row.version, &row.app],
            Self::Change(row) => [&row.what, &row.about, row.kind],
        }
    }
}

/// A quantity of Kubernetes, such as `50Gi` or `500m`.
fn quantity<'a>(text: &str) -> Key<'a> {
    thousandths(text).map_or(Key::Nothing, Key::Number)
}

/// The object in `Pod odoo/odoo-web-5c9f`, when its kind is known here.
fn named(about: &str) -> Option<ObjectRef> {
    let (namespace, name) = place(about);
    let (kind, _) = about.split_once(' ')?;
    let version = match kind {
        "Pod" | "Node" | "PersistentVolumeClaim" => "v1",
        "Deployment" | "StatefulSet" | "DaemonSet" => "apps/v1",
        "Job" => "batch/v1",
        "Cluster" | "Backup" => "postgresql.cnpg.io/v1",
        _ => return None,
    };
    Some(ObjectRef::new(version, kind, namespace, name))
}

/// Namespace and name in `Pod odoo/odoo-web-5c9f` or `Node primary`.
pub fn place(about: &str) -> (&str, &str) {
    let object = about.split_once(' ').map_or(about, |(_, object)| object);
    object.split_once('/').unwrap_or(("", object))
}

/// How long something lasted, or lasts; a change of a moment does not.
fn lasted(row: &TimelineRow, now: Timestamp) -> Option<std::time::Duration> {
    let until = match (row.until, row.kind) {
        (None, "finding") => Some(now),
        (until, _) => until,
    };
    Some(since(row.at?, until?))
}

fn age(then: Option<Timestamp>, now: Timestamp) -> String {
    then.map_or_else(String::new, |then| span(since(then, now)))
}

fn ends(at: Option<Timestamp>, now: Timestamp) -> String {
    match at {
        None => "-".to_owned(),
        Some(at) if at <= now => "ended".to_owned(),
        Some(at) => span(since(now, at)),
    }
}

/// Whether a text holds another, whatever the case of its letters; nothing is copied for plain letters.
fn has(text: &str, wanted: &str) -> bool {
    if text.is_ascii() && wanted.is_ascii() {
        let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
        return text
            .windows(wanted.len().max(1))
            .any(|part| part.eq_ignore_ascii_case(wanted));
    }
    text.to_lowercase().contains(&wanted.to_lowercase())
}
