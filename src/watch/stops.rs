//! What ends when a node stops now: computed from where pods, database copies and volumes are. Pure.

mod by_service;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;

use super::{
    facts::{Facts, Operator, ended, toleration},
    rows::{nodes::is_control_plane, pods::is_instance, volumes::carried},
    services::Carriers,
    short::Short,
    snapshot::{Kind, holds, items, label, name, namespace, text},
};

pub use by_service::of as by_service;

use crate::plan::Service;

/// How long until Kubernetes calls a silent machine not ready (measured).
const NOTICED: Duration = Duration::from_secs(46);

/// From an operator that was started elsewhere to a new primary that takes writes (measured).
const OPERATOR_AND_FAILOVER: Duration = Duration::from_secs(38);

/// From the notice to a new primary, when the operator runs elsewhere.
const FAILOVER: Duration = Duration::from_secs(45);

/// Names in one sentence.
const NAMES: usize = 6;

/// What becomes of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// It ends until the node is back.
    Ends,
    /// It is started elsewhere after a while.
    Moves,
    /// It goes on with the copies elsewhere.
    GoesOn,
}

/// The sentences for one node; none while it is silent already.
pub fn lines(node: &Value, facts: &Facts<'_>, carriers: &Carriers) -> Vec<String> {
    if !holds(node, "Ready") {
        return Vec::new();
    }
    let look = Look::new(node, facts);
    let mut lines = vec![format!("If {} stops now:", name(node))];
    lines.extend(look.control_plane());
    lines.extend(look.databases());
    lines.extend(look.volumes());
    lines.extend(look.workloads(carriers));
    lines.extend(look.budgets());
    if lines.len() == 1 {
        lines.push("  nothing ends: no pod here is needed.".to_owned());
    }
    lines
}

struct Look<'f, 's> {
    node: &'f Value,
    who: &'f str,
    facts: &'f Facts<'s>,
    /// Other nodes that could take pods.
    others: Vec<&'s Arc<Value>>,
    /// Whether anything is moved or repaired afterwards.
    governed: bool,
    /// Volumes whose only good copy is here.
    only: BTreeSet<&'s str>,
}

impl<'f, 's> Look<'f, 's> {
    fn new(node: &'f Value, facts: &'f Facts<'s>) -> Self {
        let who = name(node);
        let others = || facts.standing().iter().filter(|other| other.name != who);
        Self {
            node,
            who,
            facts,
            others: others()
                .filter(|other| !other.is_closed)
                .map(|other| other.node)
                .collect(),
            governed: !is_control_plane(node) || others().any(|other| other.governs),
            only: only_here(facts, who),
        }
    }

    fn control_plane(&self) -> Option<String> {
        let line = "  the Kubernetes API ends with it: what runs elsewhere goes on, and nothing is moved or repaired until it is back; no failover of the database either.";
        (!self.governed).then(|| line.to_owned())
    }

    fn here(&self, pod: &Value) -> bool {
        let short = self.facts.snapshot.short(pod);
        short.is_some_and(|short| &*short.node == self.who)
    }

    fn databases(&self) -> Vec<String> {
        let clusters = self.facts.snapshot.all(Kind::Cluster);
        clusters
            .filter_map(|cluster| self.database(cluster))
            .collect()
    }

    fn database(&self, cluster: &Value) -> Option<String> {
        let who = name(cluster);
        let pods: Vec<&&Arc<Value>> = self
            .facts
            .pods_in(namespace(cluster))
            .iter()
            .filter(|pod| is_instance(pod, who) && !ended(pod))
            .collect();
        let primary = text(cluster, "/status/currentPrimary");
        let local = pods.iter().filter(|pod| self.here(pod)).count();
        if local == 0 {
            return None;
        }
        let spare = pods
            .iter()
            .find(|pod| !self.here(pod) && self.facts.serves(pod))
            .map(|pod| name(pod));
        let primary_here = pods
            .iter()
            .any(|pod| self.here(pod) && name(pod) == primary);
        Some(match (primary_here, spare) {
            (false, _) => format!("  the database {who} goes on, without its copy here."),
            (true, None) => format!(
                "  the database {who} ends until it is back: there is no working copy elsewhere."
            ),
            (true, Some(_)) if !self.governed => {
                format!(
                    "  the database {who} takes no writes until it is back: the primary {primary} is here."
                )
            }
            (true, Some(spare)) => format!(
                "  the database {who} takes no writes for about {}: the primary {primary} is here, {spare} takes over.",
                spoken(self.failover())
            ),
        })
    }

    /// How long until another primary takes writes.
    fn failover(&self) -> Duration {
        let operator: Vec<&Arc<Value>> = self.facts.pods_of(Operator::Cnpg).collect();
        let elsewhere = operator
            .iter()
            .any(|pod| !self.here(pod) && self.facts.serves(pod));
        if elsewhere {
            return NOTICED + FAILOVER;
        }
        let stays = operator.iter().map(|pod| toleration(pod)).min();
        NOTICED + stays.unwrap_or(super::facts::USUAL_TOLERATION) + OPERATOR_AND_FAILOVER
    }

    /// Volumes whose only good copy is here.
    fn volumes(&self) -> Option<String> {
        let only: Vec<String> = self
            .facts
            .snapshot
            .all(Kind::Volume)
            .filter(|volume| self.only.contains(name(volume)))
            .map(|volume| carried(volume))
            .collect();
        (!only.is_empty()).then(|| {
            format!(
                "  the only good copy of these volumes is out of reach: {}.",
                some(&only)
            )
        })
    }

    fn workloads(&self, carriers: &Carriers) -> Vec<String> {
        let mut fates: BTreeMap<Fate, (Vec<String>, usize)> = BTreeMap::new();
        let mut longest = Duration::ZERO;
        for (pod, short) in self.programs(self.facts.pods_on(self.who).iter().copied()) {
            let (place, owner) = (&short.namespace, &short.owner.1);
            let fate = self.fate(pod, short);
            if fate == Fate::Moves {
                longest = longest.max(short.toleration);
            }
            let (names, count) = fates.entry(fate).or_default();
            *count += 1;
            // No sentence has room for more.
            if names.len() == NAMES {
                continue;
            }
            let services: Vec<&str> = carriers
                .clinical(place)
                .into_iter()
                .map(Service::title)
                .collect();
            let serves = match services.join(", ") {
                none if none.is_empty() => none,
                services => format!(" ({services})"),
            };
            names.push(format!("{place}/{owner}{serves}"));
        }
        fates
            .into_iter()
            .map(|(fate, (names, count))| match fate {
                Fate::Ends => format!("  ends until it is back: {}.", some_of(&names, count)),
                Fate::Moves => format!(
                    "  starts elsewhere after about {}: {}.",
                    spoken(NOTICED + longest),
                    some_of(&names, count)
                ),
                Fate::GoesOn => format!(
                    "  goes on elsewhere with fewer copies: {}.",
                    some_of(&names, count)
                ),
            })
            .collect()
    }

    /// One pod of each program among these. Daemons and the node's own pods belong to the node; the database is told by itself.
    fn programs(
        &self,
        pods: impl Iterator<Item = &'s Arc<Value>>,
    ) -> Vec<(&'s Arc<Value>, &'s Short)> {
        let mut seen: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
        let snapshot = self.facts.snapshot;
        pods.filter_map(|pod| Some((pod, snapshot.short(pod)?)))
            .filter(|(_, pod)| {
                let (kind, owner) = &pod.owner;
                let apart = ["DaemonSet", "Node", "Job", "Cluster"].contains(&&**kind);
                !pod.has_ended() && !apart && seen.insert((&pod.namespace, kind, owner))
            })
            .collect()
    }

    fn fate(&self, pod: &Value, short: &Short) -> Fate {
        let elsewhere = self.facts.family(pod).iter().any(|other| {
            !self.here(other) && !self.is_held_here(other) && self.facts.serves(other)
        });
        if elsewhere {
            Fate::GoesOn
        } else if self.governed
            && &*short.owner.0 != "Pod"
            && !self.is_held_here(pod)
            && self.others.iter().any(|node| fits(pod, node))
        {
            Fate::Moves
        } else {
            Fate::Ends
        }
    }
}

/// Volumes whose good copies are all on that node.
fn only_here<'s>(facts: &Facts<'s>, node: &str) -> BTreeSet<&'s str> {
    let mut good: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for copy in facts.snapshot.all(Kind::Replica) {
        let failed = !text(copy, "/spec/failedAt").is_empty();
        let whole = !text(copy, "/spec/healthyAt").is_empty();
        let place = text(copy, "/spec/nodeID");
        if whole && !failed && facts.lost(place).is_none() {
            let volume = text(copy, "/spec/volumeName");
            good.entry(volume).or_default().push(place);
        }
    }
    good.into_iter()
        .filter(|(_, places)| places.iter().all(|place| *place == node))
        .map(|(volume, _)| volume)
        .collect()
}

/// Whether the pod's selector of nodes lets it run there.
fn fits(pod: &Value, node: &Value) -> bool {
    let selector = pod.pointer("/spec/nodeSelector").and_then(Value::as_object);
    let chosen = selector
        .into_iter()
        .flatten()
        .all(|(key, value)| label(node, key) == value.as_str());
    let terms: Vec<&Value> = items(
        pod,
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms",
    )
    .collect();
    chosen && (terms.is_empty() || terms.iter().any(|term| term_fits(term, node)))
}

/// `In` is looked at; other operators are taken to fit.
fn term_fits(term: &Value, node: &Value) -> bool {
    items(term, "/matchExpressions")
        .filter(|one| text(one, "/operator") == "In")
        .all(|one| {
            let have = label(node, text(one, "/key"));
            items(one, "/values").any(|value| value.as_str() == have)
        })
}

fn some(names: &[String]) -> String {
    some_of(names, names.len())
}

/// The first of so many.
fn some_of(names: &[String], count: usize) -> String {
    let shown = names
        .iter()
        .take(NAMES)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match count.saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A duration as people say it.
fn spoken(span: Duration) -> String {
    let seconds = span.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}
