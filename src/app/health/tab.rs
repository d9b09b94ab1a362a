//! The lists of the health screen and their columns. Pure.

use super::used::Figure;
use crate::watch::view::{ClusterView, Health};

/// The lists of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// What needs attention.
    #[default]
    Attention,
    /// Pods.
    Pods,
    /// Nodes.
    Nodes,
    /// Volume claims.
    Volumes,
    /// Backups.
    Backups,
    /// Certificates.
    Certificates,
    /// Addresses of programs.
    Ingress,
    /// Events.
    Events,
    /// Jobs and their schedules.
    Jobs,
    /// Helm's releases.
    Releases,
    /// What began, ended and changed.
    Timeline,
}

/// How many lists there are.
pub const TABS: usize = 11;

impl Tab {
    /// All, in order.
    pub const ALL: [Self; TABS] = [
        Self::Attention,
        Self::Pods,
        Self::Nodes,
        Self::Volumes,
        Self::Backups,
        Self::Certificates,
        Self::Ingress,
        Self::Events,
        Self::Jobs,
        Self::Releases,
        Self::Timeline,
    ];

    /// Its place.
    pub fn index(self) -> usize {
        Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0)
    }

    /// The list at a place.
    pub fn of(index: usize) -> Self {
        Self::ALL.get(index).copied().unwrap_or_default()
    }

    /// The key that leads to it.
    pub fn key(self) -> char {
        // Ten digits, and a letter for what is none of the lists of things.
        let keys = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '0', 't'];
        keys.get(self.index()).copied().unwrap_or('1')
    }

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Attention => "Attention",
            Self::Pods => "Pods",
            Self::Nodes => "Nodes",
            Self::Volumes => "Volumes",
            Self::Backups => "Backups",
            Self::Certificates => "Certs",
            Self::Ingress => "Ingress",
            Self::Events => "Events",
            Self::Jobs => "Jobs",
            Self::Releases => "Releases",
            Self::Timeline => "Timeline",
        }
    }

    /// How much is in it: all, or those that are well of all.
    pub fn count(self, view: &ClusterView) -> String {
        fn good<R>(rows: &[R], health: impl Fn(&R) -> Health) -> String {
            let good = rows.iter().filter(|row| health(row) == Health::Good);
            format!("{}/{}", good.count(), rows.len())
        }
        match self {
            Self::Attention => view.causes().count().to_string(),
            Self::Pods => good(&view.pods, |row| row.health),
            Self::Nodes => good(&view.nodes, |row| row.health),
            Self::Volumes => good(&view.volumes, |row| row.health),
            Self::Backups => good(&view.backups, |row| row.health),
            Self::Certificates => good(&view.certificates, |row| row.health),
            Self::Ingress => good(&view.ingresses, |row| row.health),
            Self::Events => view.events.len().to_string(),
            Self::Jobs => good(&view.jobs, |row| row.health),
            Self::Releases => good(&view.releases, |row| row.health),
            Self::Timeline => view.timeline.len().to_string(),
        }
    }

    /// The worst that is in it.
    pub fn worst(self, view: &ClusterView) -> Health {
        fn worst<R>(rows: &[R], health: impl Fn(&R) -> Health) -> Health {
            rows.iter().map(health).max().unwrap_or(Health::Good)
        }
        match self {
            Self::Attention => worst(&view.findings, |row| row.health),
            Self::Pods => worst(&view.pods, |row| row.health),
            Self::Nodes => worst(&view.nodes, |row| row.health),
            Self::Volumes => worst(&view.volumes, |row| row.health),
            Self::Backups => worst(&view.backups, |row| row.health),
            Self::Certificates => worst(&view.certificates, |row| row.health),
            Self::Ingress => worst(&view.ingresses, |row| row.health),
            // What was warned of once is history.
            Self::Events | Self::Timeline => Health::Good,
            Self::Jobs => worst(&view.jobs, |row| row.health),
            Self::Releases => worst(&view.releases, |row| row.health),
        }
    }

    /// The kinds that it shows, as the API calls them.
    pub fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Attention | Self::Timeline => &[],
            Self::Pods => &["Pod"],
            Self::Nodes => &["Node"],
            Self::Volumes => &["PersistentVolumeClaim"],
            Self::Backups => &["Backup", "ScheduledBackup", "ObjectStore", "BackupTarget"],
            Self::Certificates | Self::Releases => &["Secret"],
            Self::Ingress => &["Ingress", "EndpointSlice"],
            Self::Events => &["Event"],
            Self::Jobs => &["Job", "CronJob"],
        }
    }

    /// Its columns; those of use only when something is measured.
    pub fn columns(self, measured: bool) -> impl Iterator<Item = &'static Column> {
        let all = self.all_columns().iter();
        all.filter(move |column| measured || Figure::of(column.col).is_none())
    }

    fn all_columns(self) -> &'static [Column] {
        match self {
            Self::Attention => ATTENTION,
            Self::Pods => PODS,
            Self::Nodes => NODES,
            Self::Volumes => VOLUMES,
            Self::Backups => BACKUPS,
            Self::Certificates => CERTIFICATES,
            Self::Ingress => INGRESSES,
            Self::Events => EVENTS,
            Self::Jobs => JOBS,
            Self::Releases => RELEASES,
            Self::Timeline => TIMELINE,
        }
    }
}

/// What a column tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is called as its heading")]
pub enum Col {
    About,
    Address,
    Age,
    App,
    Behind,
    Chart,
    Class,
    Code,
    Cpu,
    CpuShare,
    CpuUse,
    Done,
    Ends,
    Hosts,
    How,
    Issuer,
    Kind,
    Kubelet,
    Memory,
    MemoryShare,
    MemoryUse,
    Message,
    Method,
    Name,
    Names,
    Namespace,
    Node,
    Of,
    Part,
    Pods,
    Ready,
    Reason,
    Renewed,
    Restarts,
    Revision,
    Schedule,
    Size,
    Status,
    Times,
    Took,
    Version,
    What,
}

/// How a column looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Ordinary.
    Plain,
    /// Less important.
    Dim,
    /// In the colour of how the row is.
    Health,
    /// A number or an age: at the right end.
    Number,
}

/// A column of a list.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What it tells.
    pub col: Col,
    /// Its heading.
    pub title: &'static str,
    /// Columns of the terminal; 0 takes what the others leave.
    pub width: usize,
    /// How it looks.
    pub look: Look,
    /// It is shown when the list has so many columns of the terminal.
    pub from: usize,
}

const fn column(col: Col, title: &'static str, width: usize, look: Look) -> Column {
    Column {
        col,
        title,
        width,
        look,
        from: 0,
    }
}

/// A list with so many columns of the terminal shows all that is known in short.
pub const WIDE_LIST: usize = 100;

const fn wide(col: Col, title: &'static str, width: usize, look: Look) -> Column {
    Column {
        col,
        title,
        width,
        look,
        from: WIDE_LIST,
    }
}

/// Columns of the mark before each row.
pub const MARK: usize = 3;

/// Below so many columns of the terminal only what is needed most is shown.
const NARROW: usize = 70;

const fn roomy(col: Col, title: &'static str, width: usize, look: Look) -> Column {
    Column {
        col,
        title,
        width,
        look,
        from: NARROW,
    }
}

/// What is used, where the list has so many columns.
const fn used(from: usize, col: Col, title: &'static str, width: usize) -> Column {
    Column {
        from,
        ..column(col, title, width, Look::Number)
    }
}

const NAMESPACE: Column = roomy(Col::Namespace, "NAMESPACE", 14, Look::Dim);
const AGE: Column = column(Col::Age, "AGE", 7, Look::Number);

const ATTENTION: &[Column] = &[
    column(Col::How, "", 8, Look::Health),
    column(Col::What, "WHAT", 0, Look::Plain),
    wide(Col::About, "ABOUT", 34, Look::Dim),
    column(Col::Code, "CODE", 8, Look::Dim),
    column(Col::Age, "SINCE", 7, Look::Number),
];

const PODS: &[Column] = &[
    NAMESPACE,
    column(Col::Name, "POD", 0, Look::Plain),
    column(Col::Ready, "READY", 5, Look::Plain),
    column(Col::Status, "STATUS", 17, Look::Health),
    column(Col::Restarts, "RST", 3, Look::Number),
    AGE,
    used(90, Col::CpuUse, "CPU", 5),
    used(150, Col::CpuShare, "%REQ", 5),
    used(90, Col::MemoryUse, "MEMORY", 7),
    used(112, Col::MemoryShare, "%LIM", 5),
    Column {
        from: 110,
        ..column(Col::Node, "NODE", 16, Look::Dim)
    },
];

const NODES: &[Column] = &[
    column(Col::Name, "NODE", 0, Look::Plain),
    column(Col::Part, "PART", 10, Look::Dim),
    column(Col::Status, "STATUS", 18, Look::Health),
    wide(Col::Kubelet, "KUBELET", 9, Look::Plain),
    column(Col::Pods, "PODS", 4, Look::Number),
    roomy(Col::Cpu, "CPU", 4, Look::Number),
    used(NARROW, Col::CpuShare, "USED", 5),
    column(Col::Memory, "MEMORY", 8, Look::Number),
    used(NARROW, Col::MemoryShare, "USED", 5),
    wide(Col::Age, "AGE", 7, Look::Number),
];

const VOLUMES: &[Column] = &[
    NAMESPACE,
    column(Col::Name, "CLAIM", 0, Look::Plain),
    column(Col::Status, "STATUS", 11, Look::Health),
    column(Col::Size, "SIZE", 7, Look::Number),
    wide(Col::Class, "CLASS", 20, Look::Dim),
    AGE,
];

const BACKUPS: &[Column] = &[
    NAMESPACE,
    column(Col::Name, "NAME", 0, Look::Plain),
    column(Col::Kind, "WHAT", 8, Look::Plain),
    column(Col::Status, "STATUS", 16, Look::Health),
    column(Col::Took, "TOOK", 6, Look::Number),
    column(Col::Age, "LAST", 7, Look::Number),
    wide(Col::Of, "OF", 14, Look::Dim),
    wide(Col::Method, "METHOD", 10, Look::Dim),
];

const CERTIFICATES: &[Column] = &[
    NAMESPACE,
    column(Col::Name, "SECRET", 0, Look::Plain),
    column(Col::Status, "STATUS", 10, Look::Health),
    column(Col::Ends, "ENDS IN", 8, Look::Number),
    column(Col::Renewed, "RENEWED BY", 12, Look::Dim),
    wide(Col::Names, "NAMES", 24, Look::Plain),
    wide(Col::Issuer, "ISSUER", 12, Look::Dim),
];

const INGRESSES: &[Column] = &[
    NAMESPACE,
    column(Col::Hosts, "ADDRESS", 0, Look::Plain),
    column(Col::Class, "CLASS", 8, Look::Dim),
    column(Col::Behind, "READY", 5, Look::Number),
    column(Col::Status, "STATUS", 17, Look::Health),
    wide(Col::Name, "INGRESS", 14, Look::Plain),
    wide(Col::Address, "LEADS TO", 16, Look::Dim),
    wide(Col::Age, "AGE", 7, Look::Number),
];

const EVENTS: &[Column] = &[
    column(Col::Age, "LAST", 6, Look::Number),
    roomy(Col::Times, "N", 4, Look::Number),
    column(Col::Reason, "REASON", 17, Look::Health),
    wide(Col::Namespace, "NAMESPACE", 14, Look::Dim),
    column(Col::About, "ABOUT", 20, Look::Dim),
    column(Col::Message, "MESSAGE", 0, Look::Plain),
];

const JOBS: &[Column] = &[
    NAMESPACE,
    column(Col::Name, "JOB", 0, Look::Plain),
    column(Col::Status, "STATUS", 10, Look::Health),
    column(Col::Done, "DONE", 5, Look::Plain),
    column(Col::Took, "TOOK", 6, Look::Number),
    column(Col::Age, "BEGAN", 7, Look::Number),
    wide(Col::Kind, "KIND", 8, Look::Dim),
    wide(Col::Schedule, "SCHEDULE", 14, Look::Dim),
];

const RELEASES: &[Column] = &[
    NAMESPACE,
    column(Col::Name, "RELEASE", 0, Look::Plain),
    column(Col::Version, "VERSION", 10, Look::Plain),
    column(Col::Revision, "REV", 4, Look::Number),
    column(Col::Status, "STATUS", 15, Look::Health),
    AGE,
    wide(Col::Chart, "CHART", 16, Look::Dim),
    wide(Col::App, "PROGRAM", 12, Look::Dim),
];

const TIMELINE: &[Column] = &[
    column(Col::Age, "BEGAN", 7, Look::Number),
    column(Col::Took, "LASTED", 7, Look::Number),
    column(Col::Status, "", 7, Look::Health),
    column(Col::What, "WHAT", 0, Look::Plain),
    roomy(Col::Code, "CODE", 8, Look::Dim),
    wide(Col::About, "ABOUT", 34, Look::Dim),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_one_column_that_takes_the_rest_and_room_for_it_at_eighty() {
        for tab in Tab::ALL {
            let rest = tab.columns(true).filter(|column| column.width == 0);
            assert_eq!(rest.count(), 1, "{tab:?}");
            // The least window, the usual one, and wide lists, without the margins.
            for room in [58, 78, 90, WIDE_LIST, 110, 112, 118, 150] {
                let shown = tab.columns(true).filter(|column| column.from <= room);
                let taken: usize = shown.map(|column| column.width + 1).sum();
                assert!(MARK + taken + 8 <= room, "{tab:?} takes {taken} of {room}");
            }
        }
    }

    #[test]
    fn the_digits_lead_to_the_lists_in_their_order() {
        let keys: String = Tab::ALL.into_iter().map(Tab::key).collect();
        assert_eq!(keys, "1234567890t");
        for tab in Tab::ALL {
            assert_eq!(Tab::of(tab.index()), tab);
        }
    }
}
