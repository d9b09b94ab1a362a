//! What needs attention: objects to findings with since-when and remedy, worst first. It believes no custom resource whose operator is not running, and no pod whose node is silent. Pure.

mod backups;
mod certificates;
mod database;
mod fold;
mod jobs;
mod network;
mod nodes;
mod pods;
mod releases;
mod spaces;
#[cfg(test)]
mod tests;
mod volumes;
mod workloads;

use std::{cmp::Reverse, time::Duration};

use jiff::Timestamp;

use super::{
    facts::Facts,
    view::{Finding, Health},
};
use crate::problem::Problem;
pub use certificates::{LATE as CERTIFICATE_LATE, SOON as CERTIFICATE_SOON};
pub use database::archivers;
pub use fold::fold;

/// Findings shown at once; more would hide the first.
const MOST: usize = 200;

/// How long a fresh or changing workload may be below its wish.
const SETTLING: Duration = Duration::from_mins(2);

/// What is away for a moment while it is replaced.
const BRIEF: Duration = Duration::from_secs(30);

/// Whom a finding concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Area {
    /// What lives in this namespace.
    Namespace(String),
    /// Everybody.
    Platform,
}

/// A finding with what the services need of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// For the screens.
    pub finding: Finding,
    /// A few words for the line of a service.
    pub short: String,
    /// Whom it concerns.
    pub area: Area,
    /// The owner of the pods it is about, as kind and name: so that nothing is told twice.
    pub owner: (String, String),
    /// Causes come before their effects: 0 is the deepest.
    rank: u8,
    /// Namespaces that it concerns as well.
    pub touches: Vec<String>,
    /// What it tells of, besides its owner.
    tells: Vec<Link>,
    /// What it may follow from, besides its owner.
    follows: Vec<Link>,
}

/// What ties an effect to its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Link {
    /// This node is silent.
    Silent(String),
    /// This node is closed to new pods.
    Closed(String),
    /// This node is short of something.
    Short(String),
    /// A disk of the volumes on this node is full or fails.
    Disk(String),
    /// The claim, by namespace and name, has no volume that works.
    Claim(String, String),
    /// The workload, by namespace, kind and name.
    Owner(String, String, String),
    /// No Longhorn manager works.
    Unattached,
    /// This image does not come.
    Image(String),
}

impl Found {
    fn new(health: Health, about: String, since: Option<Timestamp>, problem: Problem) -> Self {
        Self {
            short: problem.code.title().to_owned(),
            finding: Finding {
                health,
                problem,
                about,
                since,
                services: Vec::new(),
                brings: Vec::new(),
                because_of: None,
            },
            area: Area::Platform,
            owner: (String::new(), String::new()),
            rank: 5,
            touches: Vec::new(),
            tells: Vec::new(),
            follows: Vec::new(),
        }
    }

    fn touching(mut self, namespaces: &[String]) -> Self {
        self.touches.extend(namespaces.iter().cloned());
        self
    }

    fn tells(mut self, link: Link) -> Self {
        self.tells.push(link);
        self
    }

    fn follows(mut self, links: impl IntoIterator<Item = Link>) -> Self {
        self.follows.extend(links);
        self
    }

    fn within(mut self, namespace: &str) -> Self {
        self.area = Area::Namespace(namespace.to_owned());
        self
    }

    fn short(mut self, short: impl Into<String>) -> Self {
        self.short = short.into();
        self
    }

    fn ranked(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }

    fn of(mut self, kind: &str, name: &str) -> Self {
        self.owner = (kind.to_owned(), name.to_owned());
        self
    }
}

/// Everything that needs attention, worst first, causes before effects.
pub fn findings(facts: &Facts<'_>) -> Vec<Found> {
    let mut found = nodes::findings(facts);
    found.extend(database::findings(facts));
    found.extend(volumes::findings(facts));
    found.extend(certificates::findings(facts));
    let pods = pods::findings(facts);
    found.extend(workloads::findings(facts, &pods));
    found.extend(pods);
    found.extend(jobs::findings(facts));
    found.extend(network::findings(facts));
    found.extend(releases::findings(facts));
    found.extend(spaces::findings(facts));
    found.sort_by(|left, right| order(left).cmp(&order(right)));
    found.truncate(MOST);
    found
}

fn order(found: &Found) -> (Reverse<Health>, u8, bool, Option<Timestamp>, &str) {
    let since = found.finding.since;
    (
        Reverse(found.finding.health),
        found.rank,
        since.is_none(),
        since,
        &found.finding.about,
    )
}

/// `1 copy`, `2 copies`: a count with its word.
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A sentence: first letter large, one period.
fn sentence(words: &str) -> String {
    let words = words.trim().trim_end_matches('.');
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// The first of some names, and how many more there are.
fn some(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
