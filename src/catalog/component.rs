//! The shape of a component's file; unknown keys are refused. Pure.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::plan::{Besides, Expect, Schema, Service, Workload};

/// One file of `assets/catalog`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentFile {
    /// Stable id, the file's name.
    pub id: String,
    /// Title.
    pub title: String,
    /// What it is, in one plain sentence.
    pub summary: String,
    /// The clinical service it carries.
    pub service: Service,
    /// Stage in which it is shown.
    pub stage: String,
    /// Whether a site has it: a `{{ ... }}` over the settings that gives `on` or `off`; without it every site does.
    #[serde(default)]
    pub when: Option<String>,
    /// Components that must be done before; one that the site does not have stands for those it needs itself.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Charts and images with their versions.
    pub pins: Vec<PinSpec>,
    /// What backs it up, in a sentence.
    pub backup: String,
    /// How it is restored, in a sentence.
    pub restore: String,
    /// What is copied before an upgrade of it begins.
    #[serde(default)]
    pub secure: Vec<Secure>,
    /// What to do about its known failures.
    #[serde(default)]
    pub remedies: Vec<Remedy>,
    /// Its steps; each needs the one before unless it says what it needs.
    pub steps: Vec<StepFile>,
}

impl ComponentFile {
    /// Keeps the steps that a site has. One that is left out is replaced by what it needs wherever it is needed.
    pub fn keep(&mut self, mut has: impl FnMut(&StepFile) -> bool) {
        let mut left = LeftOut::default();
        self.steps.retain_mut(|step| {
            step.needs = step.needs.as_ref().map(|needs| left.settled(needs));
            let kept = has(step);
            if !kept {
                left.note(&step.name, step.needs.clone().unwrap_or_default());
            }
            kept
        });
    }

    /// Whether another of its steps builds on the step at this place.
    pub fn builds_on(&self, index: usize) -> bool {
        let name = self.steps.get(index).map(|step| &step.name);
        let mut others = self.steps.iter().enumerate();
        others.any(|(other, step)| match &step.needs {
            Some(needs) => name.is_some_and(|name| needs.contains(name)),
            None => other == index + 1,
        })
    }
}

/// What is left out, each with what stands for it.
#[derive(Debug, Default)]
pub(super) struct LeftOut(BTreeMap<String, Vec<String>>);

impl LeftOut {
    /// The same needs without what is left out.
    pub(super) fn settled(&self, needs: &[String]) -> Vec<String> {
        let mut settled: Vec<String> = Vec::new();
        for need in needs {
            let stands = self.0.get(need).cloned();
            for name in stands.unwrap_or_else(|| vec![need.clone()]) {
                if !settled.contains(&name) {
                    settled.push(name);
                }
            }
        }
        settled
    }

    /// This one is left out; its needs are settled already.
    pub(super) fn note(&mut self, name: &str, needs: Vec<String>) {
        self.0.insert(name.to_owned(), needs);
    }
}

/// A pinned chart or image.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinSpec {
    /// `chart` or `image`.
    pub kind: String,
    /// Full name; an image that the site chooses is `{{ site... }}` and brings its version along.
    pub name: String,
    /// Exact version or tag.
    #[serde(default)]
    pub version: Option<String>,
    /// `sha256:...` where known.
    #[serde(default)]
    pub digest: Option<String>,
}

/// What an upgrade could harm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Secure {
    /// The database of Care and of the programs beside it.
    Database,
    /// A volume, as `namespace/claim`.
    Volume(String),
}

/// A known failure and its cure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remedy {
    /// How it shows.
    pub when: String,
    /// What to do.
    pub fix: String,
}

/// One step; exactly one of its kinds is given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    /// Name within the component.
    pub name: String,
    /// What is shown.
    pub title: String,
    /// Whether a site has it, as for a component; one that it does not have stands for those it needs itself.
    #[serde(default)]
    pub when: Option<String>,
    /// Names of steps of this component that come before; `[]` begins as soon as the component may.
    #[serde(default)]
    pub needs: Option<Vec<String>>,
    /// A Helm release.
    pub helm: Option<HelmSpec>,
    /// Templates of objects to apply.
    pub apply: Option<Vec<String>>,
    /// Only waiting.
    pub wait: Option<Nothing>,
    /// A job.
    pub job: Option<JobSpec>,
    /// Buckets.
    pub buckets: Option<BucketsSpec>,
    /// A request from outside.
    pub http: Option<HttpSpec>,
    /// A question to a person.
    pub confirm: Option<String>,
    /// What must hold afterwards, beside what the step sends.
    #[serde(default)]
    pub ready: Vec<ReadySpec>,
    /// How long it usually takes.
    #[serde(deserialize_with = "duration")]
    pub usual: Duration,
    /// When it gives up.
    #[serde(deserialize_with = "duration")]
    pub limit: Duration,
}

/// An empty map.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl StepFile {
    /// How many kinds are given.
    pub fn kinds(&self) -> usize {
        [
            self.helm.is_some(),
            self.apply.is_some(),
            self.wait.is_some(),
            self.job.is_some(),
            self.buckets.is_some(),
            self.http.is_some(),
            self.confirm.is_some(),
        ]
        .into_iter()
        .filter(|given| *given)
        .count()
    }

    /// The templates it renders.
    pub fn templates(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        names.extend(self.helm.iter().map(|helm| helm.values.as_str()));
        names.extend(self.apply.iter().flatten().map(String::as_str));
        names.extend(self.job.iter().map(|job| job.template.as_str()));
        names.extend(self.buckets.iter().map(|buckets| buckets.template.as_str()));
        names.extend(self.ready.iter().filter_map(|ready| match ready {
            ReadySpec::Accepts(name) => Some(name.as_str()),
            _ => None,
        }));
        names
    }
}

/// A Helm release.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelmSpec {
    /// Release name.
    pub release: String,
    /// Namespace.
    pub namespace: String,
    /// `oci://` address, or the chart's name in `repository`.
    pub chart: String,
    /// Repository address.
    #[serde(default)]
    pub repository: Option<String>,
    /// Exact version.
    pub version: String,
    /// Template of the values.
    pub values: String,
    /// Whether helm holds the values against the chart's own schema.
    #[serde(default)]
    pub schema: Schema,
    /// What the chart and its operator make; all of it is waited for.
    pub workloads: Vec<Workload>,
    /// Definitions that the chart brings.
    #[serde(default)]
    pub crds: Vec<String>,
    /// What else asks for something on every node: further containers, pods of its operator. It is counted, and nobody waits for it.
    #[serde(default)]
    pub besides: Vec<Besides>,
}

/// A job: its template holds the objects it needs and, last, the job.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// The template.
    pub template: String,
    /// What this job is told beside the settings, when several share a template.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
}

/// Buckets and the job that makes them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketsSpec {
    /// The template; it sees the buckets as `buckets`.
    pub template: String,
    /// The buckets.
    pub buckets: Vec<BucketSpec>,
}

/// One bucket.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketSpec {
    /// Name.
    pub name: String,
    /// Anyone may read its objects.
    #[serde(default)]
    pub public_read: bool,
    /// Short names of the hosts whose pages may use it from a browser.
    #[serde(default)]
    pub origins: Vec<String>,
}

/// A request from outside to one of the site's names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec {
    /// Short name of the host, such as `care`; it may be a `{{ ... }}` over the settings.
    pub host: String,
    /// Namespace of the program behind the name.
    pub namespace: String,
    /// Path with its query.
    pub path: String,
    /// What the answer must be.
    pub expect: Expect,
}

/// A condition.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ReadySpec {
    /// An object, as `apiVersion kind namespace/name` (or `apiVersion kind name`).
    Object(String),
    /// At least so many objects, all of them ready.
    All {
        /// `apiVersion kind namespace` (or `apiVersion kind`).
        of: String,
        /// Labels, `key=value,key=value`.
        #[serde(default)]
        selector: String,
        /// How many at least.
        at_least: u32,
    },
    /// The API server accepts the object of this template in a dry run.
    Accepts(String),
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let span: jiff::SignedDuration = text.parse().map_err(D::Error::custom)?;
    Duration::try_from(span).map_err(D::Error::custom)
}
