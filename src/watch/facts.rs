//! What one look over the objects tells before any rule: which nodes are silent, who owns a pod, which operators work. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;

use super::snapshot::{
    Kind, Snapshot, condition, holds, items, label, leaving, made, name, namespace, text, time,
};

/// How long a pod stays where it is when its node falls silent, unless it says otherwise.
pub const USUAL_TOLERATION: Duration = Duration::from_mins(5);

/// A node that does not report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Since when, from the node's own condition.
    pub since: Option<Timestamp>,
}

/// The operators whose custom resources are believed only while they work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `CloudNativePG`.
    Cnpg,
    /// Longhorn's managers.
    Longhorn,
}

/// Whether an operator works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Works {
    /// A pod of it is ready on a node that reports.
    Yes,
    /// It has pods, and none works.
    No {
        /// Since when.
        since: Option<Timestamp>,
        /// The silent node it was on, when that is the reason.
        lost_with: Option<String>,
    },
    /// It has no pods at all.
    Absent,
}

/// The snapshot with what was found at the first look.
#[derive(Debug)]
pub struct Facts<'s> {
    /// The objects.
    pub snapshot: &'s Snapshot,
    /// The moment at which they are judged.
    pub now: Timestamp,
    lost: BTreeMap<&'s str, Lost>,
    events: HashMap<(&'s str, &'s str, &'s str), Vec<&'s Arc<Value>>>,
    places: HashMap<&'s str, Vec<&'s Arc<Value>>>,
    families: HashMap<(String, Owner), Vec<&'s Arc<Value>>>,
    works: HashMap<Operator, Works>,
}

/// Who owns a pod: kind and name.
pub type Owner = (String, String);

impl<'s> Facts<'s> {
    /// Looks once over the objects.
    pub fn new(snapshot: &'s Snapshot, now: Timestamp) -> Self {
        let lost = snapshot
            .all(Kind::Node)
            .filter(|node| !holds(node, "Ready"))
            .map(|node| {
                let since =
                    condition(node, "Ready").and_then(|ready| time(ready, "/lastTransitionTime"));
                let since = since.or_else(|| made(node));
                (name(node), Lost { since })
            })
            .collect();
        let mut events: HashMap<_, Vec<_>> = HashMap::new();
        for event in snapshot.all(Kind::Event) {
            let about = (
                text(event, "/involvedObject/kind"),
                text(event, "/involvedObject/namespace"),
                text(event, "/involvedObject/name"),
            );
            events.entry(about).or_default().push(event);
        }
        let mut places: HashMap<_, Vec<_>> = HashMap::new();
        let mut families: HashMap<_, Vec<_>> = HashMap::new();
        for pod in snapshot.all(Kind::Pod) {
            places.entry(namespace(pod)).or_default().push(pod);
            let family = (namespace(pod).to_owned(), owner(pod));
            families.entry(family).or_default().push(pod);
        }
        let mut facts = Self {
            snapshot,
            now,
            lost,
            events,
            places,
            families,
            works: HashMap::new(),
        };
        for operator in [Operator::Cnpg, Operator::Longhorn] {
            let works = facts.look_at(operator);
            facts.works.insert(operator, works);
        }
        facts
    }

    /// The pods of a namespace.
    pub fn pods_in(&self, namespace: &str) -> &[&'s Arc<Value>] {
        self.places.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// The pod and all others of its owner.
    pub fn family(&self, pod: &Value) -> &[&'s Arc<Value>] {
        let family = (namespace(pod).to_owned(), owner(pod));
        self.families.get(&family).map_or(&[], Vec::as_slice)
    }

    /// The node, when it does not report.
    pub fn lost(&self, node: &str) -> Option<Lost> {
        if let Some(lost) = self.lost.get(node) {
            return Some(*lost);
        }
        let gone = !node.is_empty() && self.snapshot.get(Kind::Node, "", node).is_none();
        gone.then_some(Lost { since: None })
    }

    /// The loss of the pod's node, when the pod still claims to run there.
    pub fn pod_lost(&self, pod: &Value) -> Option<Lost> {
        if ended(pod) {
            return None;
        }
        self.lost(node_of(pod))
    }

    /// Whether the pod is ready and its node confirms it.
    pub fn serves(&self, pod: &Value) -> bool {
        holds(pod, "Ready") && !leaving(pod) && self.pod_lost(pod).is_none()
    }

    /// Events about an object.
    pub fn events(&self, kind: &str, object: &Value) -> Vec<Arc<Value>> {
        let about = (kind, namespace(object), name(object));
        let found = self.events.get(&about).into_iter().flatten();
        found.map(|event| Arc::clone(event)).collect()
    }

    /// Pods of a namespace that carry the labels of `spec.selector.matchLabels`.
    pub fn selected(&self, workload: &Value) -> Vec<&'s Arc<Value>> {
        let Some(wanted) = workload
            .pointer("/spec/selector/matchLabels")
            .and_then(Value::as_object)
            .filter(|wanted| !wanted.is_empty())
        else {
            return Vec::new();
        };
        self.pods_in(namespace(workload))
            .iter()
            .copied()
            .filter(|pod| {
                wanted
                    .iter()
                    .all(|(name, value)| label(pod, name) == value.as_str())
            })
            .collect()
    }

    /// Whether an operator works.
    pub fn works(&self, operator: Operator) -> Works {
        let known = self.works.get(&operator);
        known.cloned().unwrap_or(Works::Absent)
    }

    fn look_at(&self, operator: Operator) -> Works {
        let pods: Vec<&Arc<Value>> = self
            .snapshot
            .all(Kind::Pod)
            .filter(|pod| belongs(pod, operator) && !ended(pod))
            .collect();
        if pods.is_empty() {
            return Works::Absent;
        }
        if pods.iter().any(|pod| self.serves(pod)) {
            return Works::Yes;
        }
        let lost = pods
            .iter()
            .find(|pod| self.pod_lost(pod).is_some())
            .map(|pod| node_of(pod));
        let since = match lost {
            Some(node) => self.lost(node).and_then(|lost| lost.since),
            None => pods.iter().filter_map(|pod| unready_since(pod)).max(),
        };
        Works::No {
            since,
            lost_with: lost.map(str::to_owned),
        }
    }

    /// Pods of an operator.
    pub fn pods_of(&self, operator: Operator) -> impl Iterator<Item = &'s Arc<Value>> {
        self.snapshot
            .all(Kind::Pod)
            .filter(move |pod| belongs(pod, operator) && !ended(pod))
    }

    /// Whether something began at least so long ago; what has no beginning has not.
    pub fn lasts(&self, since: Option<Timestamp>, at_least: Duration) -> bool {
        age(since, self.now).is_some_and(|age| age >= at_least)
    }
}

/// How long ago; nothing when it lies ahead or is not known.
pub fn age(since: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let span = now.duration_since(since?);
    Duration::try_from(span).ok()
}

fn belongs(pod: &Value, operator: Operator) -> bool {
    match operator {
        Operator::Cnpg => {
            label(pod, "app.kubernetes.io/name")
                .is_some_and(|name| ["cloudnative-pg", "cnpg-cloudnative-pg"].contains(&name))
                && label(pod, "cnpg.io/cluster").is_none()
        }
        Operator::Longhorn => {
            namespace(pod) == "longhorn-system" && name(pod).starts_with("longhorn-manager")
        }
    }
}

/// The node the pod is on; empty when it has none.
pub fn node_of(pod: &Value) -> &str {
    text(pod, "/spec/nodeName")
}

/// Whether the pod has ended for good.
pub fn ended(pod: &Value) -> bool {
    ["Succeeded", "Failed"].contains(&text(pod, "/status/phase"))
}

/// Since when a pod is not ready.
pub fn unready_since(pod: &Value) -> Option<Timestamp> {
    condition(pod, "Ready")
        .and_then(|ready| time(ready, "/lastTransitionTime"))
        .or_else(|| made(pod))
}

/// Who owns a pod, as kind and name; a replica set's Deployment, and the pod itself when nobody does.
pub fn owner(pod: &Value) -> Owner {
    if let Some(cluster) = label(pod, "cnpg.io/cluster")
        && label(pod, "cnpg.io/jobRole").is_none()
    {
        return ("Cluster".to_owned(), cluster.to_owned());
    }
    let hash = label(pod, "pod-template-hash").map(|hash| format!("-{hash}"));
    let Some(owner) = items(pod, "/metadata/ownerReferences").next() else {
        let stem = hash.and_then(|hash| name(pod).rsplit_once(hash.as_str()));
        return match stem {
            Some((deployment, _)) => ("Deployment".to_owned(), deployment.to_owned()),
            None => ("Pod".to_owned(), name(pod).to_owned()),
        };
    };
    let (kind, name) = (text(owner, "/kind"), text(owner, "/name"));
    if kind == "ReplicaSet" {
        let stem = hash.and_then(|hash| name.strip_suffix(hash.as_str()));
        return ("Deployment".to_owned(), stem.unwrap_or(name).to_owned());
    }
    (kind.to_owned(), name.to_owned())
}

/// How long the pod stays bound to a silent node.
pub fn toleration(pod: &Value) -> Duration {
    let seconds = items(pod, "/spec/tolerations")
        .filter(|one| text(one, "/key") == "node.kubernetes.io/unreachable")
        .find_map(|one| one.pointer("/tolerationSeconds").and_then(Value::as_u64));
    seconds.map_or(USUAL_TOLERATION, Duration::from_secs)
}
