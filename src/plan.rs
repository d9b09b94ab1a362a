//! The plan: every step with the finished objects it will send, made before anything changes. Pure.

mod build;
mod database;
mod object;
pub mod power;
mod proof;
mod purpose;
pub mod show;
pub mod upgrade;

pub use build::{build, build_with};
pub use database::{COUNT, Database, NAMESPACE as DATABASE, Origin};
pub use object::{Object, ObjectRef};
pub use power::{NodeDeed, NodeWork, Powering, SiteDeed};
pub use proof::{Expect, Place, Proof};
pub use purpose::{Purpose, Restoring};

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

/// The name of a step: `<component>/<step>`, unique in a plan and stable between versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepId(Arc<str>);

impl StepId {
    /// Joins a component's id and a step's name.
    pub fn new(component: &str, step: &str) -> Self {
        Self(format!("{component}/{step}").into())
    }

    /// Takes the id as written in a journal or typed by a person.
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The component's part.
    pub fn component(&self) -> &str {
        self.0.split('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

/// Everything a deploy will do, finished and in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The site's name.
    pub site: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Stages in the order in which they are shown; steps refer to them by index.
    pub stages: Vec<Stage>,
    /// The components that take part.
    pub components: Vec<Component>,
    /// The steps, each after everything it needs.
    pub steps: Vec<Step>,
    /// What the reader should know before saying yes.
    pub notes: Vec<String>,
}

/// A group of steps that a person thinks of as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Stable id, such as `storage`.
    pub id: String,
    /// What is shown, such as `Storage`.
    pub title: String,
}

/// A component as the plan shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Catalogue id, such as `longhorn`.
    pub id: String,
    /// Title, such as `Longhorn`.
    pub title: String,
    /// What it is, in one plain sentence.
    pub summary: String,
    /// The clinical service it carries.
    pub service: Service,
    /// Charts, images and versions, as `name version` with the digest where known.
    pub pins: Vec<Pin>,
}

/// One pinned chart or image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// `chart` or `image`.
    pub kind: String,
    /// Full name, such as `docker.io/rustfs/rustfs`.
    pub name: String,
    /// Exact version or tag.
    pub version: String,
    /// `sha256:...` where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// The clinical services of the health screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Registration and records.
    Records,
    /// Files.
    Files,
    /// Terminology.
    Terminology,
    /// Billing and ERP.
    Billing,
    /// Reports.
    Reports,
    /// Platform.
    Platform,
}

impl Service {
    /// Every service in the order of the health screen.
    pub const ALL: [Self; 6] = [
        Self::Records,
        Self::Files,
        Self::Terminology,
        Self::Billing,
        Self::Reports,
        Self::Platform,
    ];

    /// The words on the health screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Records => "Registration and records",
            Self::Files => "Files",
            Self::Terminology => "Terminology",
            Self::Billing => "Billing and ERP",
            Self::Reports => "Reports",
            Self::Platform => "Platform",
        }
    }
}

/// One step: an action and what must hold afterwards.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Unique id.
    pub id: StepId,
    /// Catalogue id of the component.
    pub component: String,
    /// Index into [`Plan::stages`].
    pub stage: usize,
    /// What is shown, such as `PostgreSQL cluster`.
    pub title: String,
    /// Steps that must be done before.
    pub needs: Vec<StepId>,
    /// What it does.
    pub action: Action,
    /// What must hold before the step is done.
    pub ready: Vec<Ready>,
    /// How long it usually takes.
    pub usual: Duration,
    /// When waiting for readiness gives up.
    pub limit: Duration,
}

/// What a step does; the closed list of the catalogue's step kinds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Action {
    /// Installs or upgrades a Helm release; its own wait is off.
    Helm(Box<Release>),
    /// Applies objects, server side.
    Apply(Vec<Object>),
    /// Changes nothing and waits for readiness.
    Wait,
    /// Applies the objects a job needs, then the job; a job that completed is never run again.
    Job(JobRun),
    /// Creates buckets with their policies through a job beside the object store.
    Buckets {
        /// The buckets, for review.
        buckets: Vec<Bucket>,
        /// The job that makes them.
        run: JobRun,
    },
    /// Asks one of the site's names from outside and compares the answer; it is asked anew in every run.
    Http(Box<Proof>),
    /// Deletes objects and waits until they are gone.
    Delete(Vec<ObjectRef>),
    /// Does something to a node, or waits for what a person does to it.
    Node(NodeWork),
    /// Does something to the site as a whole around the switching of its machines.
    Site(SiteDeed),
    /// Asks a person.
    Confirm {
        /// The question, answered with yes or no.
        question: String,
    },
}

impl Action {
    /// The kind as the catalogue spells it.
    pub fn kind(&self) -> StepKind {
        match self {
            Self::Helm(_) => StepKind::Helm,
            Self::Apply(_) => StepKind::Apply,
            Self::Wait => StepKind::Wait,
            Self::Job(_) => StepKind::Job,
            Self::Buckets { .. } => StepKind::Buckets,
            Self::Http(_) => StepKind::Http,
            Self::Delete(_) => StepKind::Delete,
            Self::Node(_) => StepKind::NodeCommand,
            Self::Site(_) => StepKind::Site,
            Self::Confirm { .. } => StepKind::Confirm,
        }
    }

    /// The objects it sends, without those inside a Helm chart.
    pub fn objects(&self) -> Vec<&Object> {
        match self {
            Self::Apply(objects) => objects.iter().collect(),
            Self::Job(run) | Self::Buckets { run, .. } => {
                run.objects.iter().chain([&run.job]).collect()
            }
            Self::Helm(_)
            | Self::Wait
            | Self::Http(_)
            | Self::Delete(_)
            | Self::Node(_)
            | Self::Site(_)
            | Self::Confirm { .. } => Vec::new(),
        }
    }
}

/// The kinds of step, for limits and for display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Something done to a node.
    NodeCommand,
    /// Something done to the site as a whole.
    Site,
    /// A Helm release.
    Helm,
    /// Objects applied server side.
    Apply,
    /// Only waiting.
    Wait,
    /// A job.
    Job,
    /// S3 buckets.
    Buckets,
    /// An HTTP call.
    Http,
    /// Objects deleted.
    Delete,
    /// A question to a person.
    Confirm,
}

/// A Helm release with its final values; values never hold a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Release name.
    pub name: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Chart reference as helm takes it: an `oci://` address, or the chart's name in `repository`.
    pub chart: String,
    /// Repository address for charts that are not in an OCI registry.
    pub repository: Option<String>,
    /// Exact chart version.
    pub version: String,
    /// Final values.
    pub values: serde_json::Value,
    /// Whether helm holds them against the chart's own schema.
    pub schema: Schema,
    /// What the chart creates, from the catalogue: the stand-in for practice and tests.
    pub workloads: Vec<Workload>,
    /// Names of the CustomResourceDefinitions the chart brings, such as `clusters.postgresql.cnpg.io`.
    pub crds: Vec<String>,
    /// What else it asks for on every node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub besides: Vec<Besides>,
}

/// A pod or container on every node that is counted, and not waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Besides {
    /// What it is, such as `Pod longhorn-system/instance-manager`.
    pub name: String,
    /// CPU request in hundredths of what the node has.
    #[serde(default)]
    pub cpu_percent: u8,
    /// CPU request, such as `100m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Memory request, such as `256Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
}

/// Whether helm holds the values of a release against the schema that its chart brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schema {
    /// As always.
    #[default]
    Checked,
    /// The schema refers to files on the internet, which machines of a hospital may not reach; helm would fail for want of them.
    Unchecked,
}

/// A workload that a chart or an operator creates, as the catalogue lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// `Deployment`, `StatefulSet`, `DaemonSet` or `Job`.
    pub kind: String,
    /// Object name.
    pub name: String,
    /// Namespace, when it is not the release's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Replicas (ignored for a DaemonSet).
    #[serde(default = "one")]
    pub replicas: u32,
    /// Container name.
    pub container: String,
    /// Full image reference.
    pub image: String,
    /// All ports of its containers; the first is the Service's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// Service name in front of it, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// `ohn/role` of the node it is placed on, when it is placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// CPU request, such as `100m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Memory request, such as `256Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Claims it mounts or makes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// True when an operator makes it at run time and not the chart itself.
    #[serde(default)]
    pub by_operator: bool,
}

fn one() -> u32 {
    1
}

/// A persistent volume claim of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Claim name.
    pub name: String,
    /// Storage class.
    pub class: String,
    /// Size, such as `20Gi`.
    pub size: String,
}

/// A job with the objects it needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobRun {
    /// Applied first.
    pub objects: Vec<Object>,
    /// The job; its name ends in a digest of what it does, so that a changed job is a new job.
    pub job: Object,
}

/// A bucket as reviewed in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Bucket name.
    pub name: String,
    /// True when anyone may read its objects.
    pub public_read: bool,
    /// Web origins that may use it from a browser.
    pub cors_origins: Vec<String>,
}

/// What must hold before a step is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ready {
    /// The object exists and is ready in the way of its kind.
    Object(ObjectRef),
    /// Every object of a kind that carries the labels is ready, and there are enough of them.
    All {
        /// Kind and namespace; the name is not used.
        of: ObjectRef,
        /// Label selector, such as `app=longhorn-manager`; empty takes all.
        selector: String,
        /// How many there must be at least.
        at_least: u32,
    },
    /// The API server accepts this object in a dry run: its webhooks answer.
    Accepts(Object),
}
