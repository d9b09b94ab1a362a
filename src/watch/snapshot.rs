//! The live objects that one picture is made of, and how they are read. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::Value;

use super::short::{Short, Shorts};
use crate::plan::ObjectRef;

/// Objects by `namespace/name`, as the watches hold them.
pub type Objects = BTreeMap<String, Arc<Value>>;

/// The kinds that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Pods.
    Pod,
    /// Nodes.
    Node,
    /// Volume claims.
    Claim,
    /// Events.
    Event,
    /// Deployments.
    Deployment,
    /// Stateful sets.
    StatefulSet,
    /// Daemon sets.
    DaemonSet,
    /// Jobs.
    Job,
    /// PostgreSQL clusters.
    Cluster,
    /// Backups of them.
    Backup,
    /// Their schedules.
    ScheduledBackup,
    /// Where their backups go.
    ObjectStore,
    /// Longhorn's volumes.
    Volume,
    /// The copies of those volumes.
    Replica,
    /// Longhorn's view of the nodes and their disks.
    StorageNode,
    /// Where Longhorn's backups go.
    BackupTarget,
    /// Secrets with a certificate; nothing but the certificate is kept of them.
    Certificate,
    /// Certificates that cert-manager renews.
    Issued,
    /// Helm's memory of its releases; nothing but what a release is called is kept of it.
    Release,
    /// Addresses of programs.
    Ingress,
    /// What is behind a service.
    Endpoints,
    /// Schedules of jobs.
    CronJob,
    /// How many pods may be away by a person's wish.
    Budget,
    /// The classes of addresses, each served by an entrance.
    Class,
    /// Namespaces.
    Space,
}

impl Kind {
    /// All, in order.
    pub const ALL: [Self; 25] = [
        Self::Pod,
        Self::Node,
        Self::Claim,
        Self::Event,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::Cluster,
        Self::Backup,
        Self::ScheduledBackup,
        Self::ObjectStore,
        Self::Volume,
        Self::Replica,
        Self::StorageNode,
        Self::BackupTarget,
        Self::Certificate,
        Self::Issued,
        Self::Release,
        Self::Ingress,
        Self::Endpoints,
        Self::CronJob,
        Self::Budget,
        Self::Class,
        Self::Space,
    ];

    /// API version and kind.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Pod => ("v1", "Pod"),
            Self::Node => ("v1", "Node"),
            Self::Claim => ("v1", "PersistentVolumeClaim"),
            Self::Event => ("v1", "Event"),
            Self::Deployment => ("apps/v1", "Deployment"),
            Self::StatefulSet => ("apps/v1", "StatefulSet"),
            Self::DaemonSet => ("apps/v1", "DaemonSet"),
            Self::Job => ("batch/v1", "Job"),
            Self::Cluster => ("postgresql.cnpg.io/v1", "Cluster"),
            Self::Backup => ("postgresql.cnpg.io/v1", "Backup"),
            Self::ScheduledBackup => ("postgresql.cnpg.io/v1", "ScheduledBackup"),
            Self::ObjectStore => ("barmancloud.cnpg.io/v1", "ObjectStore"),
            Self::Volume => ("longhorn.io/v1beta2", "Volume"),
            Self::Replica => ("longhorn.io/v1beta2", "Replica"),
            Self::StorageNode => ("longhorn.io/v1beta2", "Node"),
            Self::BackupTarget => ("longhorn.io/v1beta2", "BackupTarget"),
            Self::Certificate | Self::Release => ("v1", "Secret"),
            Self::Issued => ("cert-manager.io/v1", "Certificate"),
            Self::Ingress => ("networking.k8s.io/v1", "Ingress"),
            Self::Endpoints => ("discovery.k8s.io/v1", "EndpointSlice"),
            Self::CronJob => ("batch/v1", "CronJob"),
            Self::Budget => ("policy/v1", "PodDisruptionBudget"),
            Self::Class => ("networking.k8s.io/v1", "IngressClass"),
            Self::Space => ("v1", "Namespace"),
        }
    }

    /// The kind in all namespaces, as a door takes it.
    pub fn everywhere(self) -> ObjectRef {
        let (version, kind) = self.words();
        ObjectRef::new(version, kind, "", "")
    }

    /// The kind's word, such as `Deployment`.
    pub fn word(self) -> &'static str {
        self.words().1
    }

    /// Whether the kind comes with an operator that may not be there.
    pub fn comes_with_an_operator(self) -> bool {
        let version = self.words().0;
        [".cnpg.io", "longhorn.io", "cert-manager.io"]
            .iter()
            .any(|group| version.contains(group))
    }

    /// Whether the picture is true without it, only smaller: whoever may not see it sees the rest.
    pub fn may_be_hidden(self) -> bool {
        self.comes_with_an_operator()
            || matches!(
                self,
                Self::Certificate
                    | Self::Release
                    | Self::Ingress
                    | Self::Endpoints
                    | Self::CronJob
                    | Self::Budget
                    | Self::Class
                    | Self::Space
            )
    }

    /// The kind of an object; nothing when it is not watched.
    pub fn of(object: &Value) -> Option<Self> {
        let (version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
        match (version, kind, text(object, "/type")) {
            ("v1", "Secret", "kubernetes.io/tls") => Some(Self::Certificate),
            ("v1", "Secret", "helm.sh/release.v1") => Some(Self::Release),
            ("v1", "Secret", _) => None,
            _ => Self::ALL
                .into_iter()
                .find(|known| known.words() == (version, kind)),
        }
    }
}

/// Everything that is known of the cluster at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    kinds: HashMap<Kind, Arc<Objects>>,
    shorts: Shorts,
}

impl Snapshot {
    /// Takes the newest objects of a kind; says whether anything is different.
    pub fn take(&mut self, kind: Kind, objects: Arc<Objects>) -> bool {
        let same = self
            .kinds
            .get(&kind)
            .is_some_and(|known| alike(known, &objects));
        if !same {
            if kind == Kind::Pod {
                self.shorts.renew(&objects);
            }
            self.kinds.insert(kind, objects);
        }
        !same
    }

    /// All pods, each with what was read of it.
    pub fn pods(&self) -> impl Iterator<Item = (&Arc<Value>, &Short)> {
        let all = self.all(Kind::Pod);
        all.filter_map(|pod| Some((pod, self.short(pod)?)))
    }

    /// What was read of a pod; nothing for one that is not of this snapshot.
    pub fn short(&self, pod: &Value) -> Option<&Short> {
        self.shorts.get(pod)
    }

    /// The objects of a kind, by namespace and name.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Arc<Value>> {
        self.kinds
            .get(&kind)
            .into_iter()
            .flat_map(|objects| objects.values())
    }

    /// One object.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Value> {
        self.find(kind, namespace, name).map(Arc::as_ref)
    }

    /// The same, to be kept.
    pub fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        let objects = self.kinds.get(&kind)?;
        if namespace.is_empty() {
            objects.get(name)
        } else {
            objects.get(&format!("{namespace}/{name}"))
        }
    }
}

/// The same objects: watches keep what did not change. The key of an object follows from it.
fn alike(left: &Objects, right: &Objects) -> bool {
    let mut pairs = left.values().zip(right.values());
    left.len() == right.len() && pairs.all(|(left, right)| Arc::ptr_eq(left, right))
}

/// The key under which an object is kept.
pub fn key(object: &Value) -> String {
    match namespace(object) {
        "" => name(object).to_owned(),
        namespace => format!("{namespace}/{}", name(object)),
    }
}

/// A value inside an object by JSON pointer. Each picture asks this many times of every object, so that it must not allocate as
/// [`Value::pointer`] does.
pub fn at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    if pointer.contains('~') {
        return value.pointer(pointer);
    }
    let mut value = value;
    for part in pointer.split('/').skip(1) {
        value = match value {
            Value::Object(map) => map.get(part)?,
            Value::Array(list) => list.get(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// A text; empty when it is not there.
pub fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    at(value, pointer).and_then(Value::as_str).unwrap_or("")
}

/// A moment.
pub fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    text(value, pointer).parse().ok()
}

/// A number that is there; absent is not zero.
pub fn number(value: &Value, pointer: &str) -> Option<u64> {
    at(value, pointer).and_then(Value::as_u64)
}

/// The items of a list; none when it is not there.
pub fn items<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    at(value, pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The name of an object.
pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// The namespace of an object.
pub fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// When the object was made.
pub fn made(object: &Value) -> Option<Timestamp> {
    time(object, "/metadata/creationTimestamp")
}

/// A label's value.
pub fn label<'v>(object: &'v Value, label: &str) -> Option<&'v str> {
    at(object, "/metadata/labels")?
        .get(label)
        .and_then(Value::as_str)
}

/// A condition of the object.
pub fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    items(object, "/status/conditions").find(|condition| text(condition, "/type") == kind)
}

/// Whether a condition is there and true.
pub fn holds(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| text(condition, "/status") == "True")
}

/// Whether somebody asked for its end.
pub fn leaving(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

/// A moment as it stands in sentences.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
