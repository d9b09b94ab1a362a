//! What one look over the objects tells before any rule: which nodes are silent, who owns a pod, which operators work. Pure.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::snapshot::{
    Kind, Snapshot, condition, holds, items, label, made, name, namespace, text, time,
};
use super::{
    rows::nodes::{is_control_plane, is_cordoned},
    short::{End, Short},
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

/// A node that reports.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'s> {
    /// The node.
    pub node: &'s Arc<Value>,
    /// Its name.
    pub name: &'s str,
    /// Whether the API server and its store run on it.
    pub governs: bool,
    /// Whether it takes no new pods by order.
    pub is_closed: bool,
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
    /// The nodes that report.
    standing: Vec<Standing<'s>>,
    reports: HashSet<&'s str>,
    events: HashMap<(&'s str, &'s str, &'s str), Vec<&'s Arc<Value>>>,
    places: HashMap<&'s str, Vec<&'s Arc<Value>>>,
    nodes: HashMap<&'s str, Vec<&'s Arc<Value>>>,
    /// By namespace and the name of a label that somebody chose pods by: the pods by its value.
    labelled: RefCell<HashMap<(String, String), Named<'s>>>,
    /// Pods of a family that serve or have done their work, by where the family lies in memory.
    helpers: RefCell<HashMap<usize, usize>>,
    /// By namespace, and kind and name of the owner.
    families: HashMap<&'s str, HashMap<&'s str, Named<'s>>>,
    works: HashMap<Operator, Works>,
}

/// Who owns a pod: kind and name.
pub type Owner = (String, String);

/// Pods by a name, or by the value of a label.
type Named<'s> = HashMap<&'s str, Vec<&'s Arc<Value>>>;

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
        let reporting = snapshot.all(Kind::Node).filter(|node| holds(node, "Ready"));
        let standing: Vec<Standing<'_>> = reporting
            .map(|node| Standing {
                node,
                name: name(node),
                governs: is_control_plane(node),
                is_closed: is_cordoned(node),
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
        let mut nodes: HashMap<_, Vec<_>> = HashMap::new();
        let mut families: HashMap<_, HashMap<_, Named<'_>>> = HashMap::new();
        for (pod, short) in snapshot.pods() {
            let (kind, owner) = &short.owner;
            places.entry(&*short.namespace).or_default().push(pod);
            nodes.entry(&*short.node).or_default().push(pod);
            let family = families.entry(&*short.namespace).or_default();
            let family = family.entry(&**kind).or_default();
            family.entry(&**owner).or_default().push(pod);
        }
        let mut facts = Self {
            snapshot,
            now,
            lost,
            reports: standing.iter().map(|node| node.name).collect(),
            standing,
            events,
            places,
            nodes,
            families,
            labelled: RefCell::default(),
            helpers: RefCell::default(),
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
        let Some(short) = self.snapshot.short(pod) else {
            return &[];
        };
        let (kind, owner) = &short.owner;
        let kinds = self.families.get(&*short.namespace);
        let names = kinds.and_then(|kinds| kinds.get(&**kind));
        let family = names.and_then(|names| names.get(&**owner));
        family.map_or(&[], Vec::as_slice)
    }

    /// The pods on a node.
    pub fn pods_on(&self, node: &str) -> &[&'s Arc<Value>] {
        self.nodes.get(node).map_or(&[], Vec::as_slice)
    }

    /// The nodes that report.
    pub fn standing(&self) -> &[Standing<'s>] {
        &self.standing
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
        self.short_lost(self.snapshot.short(pod)?)
    }

    /// The same for a pod in short.
    pub fn short_lost(&self, pod: &Short) -> Option<Lost> {
        if pod.has_ended() {
            return None;
        }
        if self.reports.contains(&*pod.node) {
            return None;
        }
        self.lost(&pod.node)
    }

    /// Whether the pod is ready and its node confirms it.
    pub fn serves(&self, pod: &Value) -> bool {
        let short = self.snapshot.short(pod);
        short.is_some_and(|pod| pod.is_ready && !pod.is_leaving && self.short_lost(pod).is_none())
    }

    /// Whether there are events about a pod.
    pub fn has_events(&self, pod: &Short) -> bool {
        let about = ("Pod", &*pod.namespace, &*pod.name);
        !self.events.is_empty() && self.events.contains_key(&about)
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
        self.fewest(namespace(workload), wanted)
            .into_iter()
            .filter(|pod| {
                let short = self.snapshot.short(pod);
                wanted.iter().all(|(name, value)| {
                    short.and_then(|short| short.label(name)) == value.as_str()
                })
            })
            .collect()
    }

    /// Pods of a namespace that carry one of these labels: the one that the fewest carry. A thousand workloads in one namespace
    /// must not look at all of its pods each.
    fn fewest(&self, place: &str, wanted: &Map<String, Value>) -> Vec<&'s Arc<Value>> {
        let mut labelled = self.labelled.borrow_mut();
        let mut fewest: Option<(usize, (String, String), &str)> = None;
        for (label, value) in wanted {
            let key = (place.to_owned(), label.clone());
            let value = value.as_str().unwrap_or_default();
            let by_value = labelled
                .entry(key.clone())
                .or_insert_with(|| self.by_label(place, label));
            let count = by_value.get(value).map_or(0, Vec::len);
            if fewest.as_ref().is_none_or(|(known, ..)| count < *known) {
                fewest = Some((count, key, value));
            }
        }
        let found = fewest.and_then(|(_, key, value)| labelled.get(&key)?.get(value));
        found.cloned().unwrap_or_default()
    }

    /// The pods of a namespace by the value of a label.
    fn by_label(&self, place: &str, key: &str) -> Named<'s> {
        let mut named = Named::new();
        for pod in self.pods_in(place) {
            let short = self.snapshot.short(pod);
            if let Some(value) = short.and_then(|short| short.label(key)) {
                named.entry(value).or_default().push(*pod);
            }
        }
        named
    }

    /// Whether another pod of the same owner serves, or has done the work.
    pub fn replaced(&self, pod: &Value) -> bool {
        let helps = |pod: &Value| {
            let short = self.snapshot.short(pod);
            self.serves(pod) || short.is_some_and(|short| short.end == Some(End::Succeeded))
        };
        let family = self.family(pod);
        // Counted once for all of them: each of ten thousand asks.
        let mut helpers = self.helpers.borrow_mut();
        let all = *helpers
            .entry(family.as_ptr().addr())
            .or_insert_with(|| family.iter().filter(|pod| helps(pod)).count());
        all > usize::from(helps(pod))
    }

    /// Whether an operator works.
    pub fn works(&self, operator: Operator) -> Works {
        let known = self.works.get(&operator);
        known.cloned().unwrap_or(Works::Absent)
    }

    fn look_at(&self, operator: Operator) -> Works {
        let pods: Vec<&Arc<Value>> = self
            .snapshot
            .pods()
            .filter(|(_, short)| belongs(short, operator) && !short.has_ended())
            .map(|(pod, _)| pod)
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
            .pods()
            .filter(move |(_, short)| belongs(short, operator) && !short.has_ended())
            .map(|(pod, _)| pod)
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

fn belongs(pod: &Short, operator: Operator) -> bool {
    match operator {
        Operator::Cnpg => {
            pod.label("app.kubernetes.io/name")
                .is_some_and(|name| ["cloudnative-pg", "cnpg-cloudnative-pg"].contains(&name))
                && pod.label("cnpg.io/cluster").is_none()
        }
        Operator::Longhorn => {
            &*pod.namespace == "longhorn-system" && pod.name.starts_with("longhorn-manager")
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
    let (kind, name) = owned_by(pod);
    (kind.to_owned(), name.to_owned())
}

/// The same without a copy.
pub fn owned_by(pod: &Value) -> (&str, &str) {
    if let Some(cluster) = label(pod, "cnpg.io/cluster")
        && label(pod, "cnpg.io/jobRole").is_none()
    {
        return ("Cluster", cluster);
    }
    let hash = label(pod, "pod-template-hash");
    let Some(owner) = items(pod, "/metadata/ownerReferences").next() else {
        let hash = hash.map(|hash| format!("-{hash}"));
        let stem = hash.and_then(|hash| name(pod).rsplit_once(hash.as_str()));
        return match stem {
            Some((deployment, _)) => ("Deployment", deployment),
            None => ("Pod", name(pod)),
        };
    };
    let (kind, name) = (text(owner, "/kind"), text(owner, "/name"));
    if kind == "ReplicaSet" {
        let stem = hash.and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-'));
        return ("Deployment", stem.unwrap_or(name));
    }
    (kind, name)
}

/// How long the pod stays bound to a silent node.
pub fn toleration(pod: &Value) -> Duration {
    let seconds = items(pod, "/spec/tolerations")
        .filter(|one| text(one, "/key") == "node.kubernetes.io/unreachable")
        .find_map(|one| one.pointer("/tolerationSeconds").and_then(Value::as_u64));
    seconds.map_or(USUAL_TOLERATION, Duration::from_secs)
}
