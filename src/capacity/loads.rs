//! What asks for processor time and memory: the plan's own objects, and what its charts and operators make. Pure.

use std::ops::Add;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::{Action, Besides, Object, Plan, Release, Step, Workload};

/// Processor time in thousandths of a core, and memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Thousandths of a core.
    pub milli: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Amount {
    /// Whether there is room for it.
    pub fn is_within(self, room: Self) -> bool {
        self.milli <= room.milli && self.bytes <= room.bytes
    }

    /// So many times.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self {
            milli: self.milli * count,
            bytes: self.bytes * count,
        }
    }

    /// What is over, and nothing where it is less.
    #[must_use]
    pub fn beyond(self, other: Self) -> Self {
        Self {
            milli: self.milli.saturating_sub(other.milli),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    fn larger(self, other: Self) -> Self {
        Self {
            milli: self.milli.max(other.milli),
            bytes: self.bytes.max(other.bytes),
        }
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            milli: self.milli.saturating_add(other.milli),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// How many pods there are of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// So many.
    Copies(u32),
    /// One on every node.
    EveryNode,
}

/// Something that runs for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Such as `Deployment care-be/care`.
    pub name: String,
    /// How many pods.
    pub shape: Shape,
    /// What one pod asks for.
    pub asks: Amount,
    /// What it asks for besides: hundredths of the processor time of the node that it is on.
    pub cpu_percent: u64,
    /// The `ohn/role` of the node where it belongs.
    pub role: Option<String>,
    /// Whether it runs there and nowhere else.
    pub is_bound: bool,
}

impl Load {
    /// What one pod asks for on a node with this room.
    pub fn asks_of(&self, room: Amount) -> Amount {
        let share = Amount {
            milli: room.milli * self.cpu_percent / 100,
            bytes: 0,
        };
        self.asks + share
    }

    /// What it asks for on nodes with these rooms.
    pub fn whole(&self, rooms: &[Amount]) -> Amount {
        match self.shape {
            Shape::Copies(copies) => self.asks.times(copies.into()),
            Shape::EveryNode => {
                let each = rooms.iter().map(|room| self.asks_of(*room));
                each.fold(Amount::default(), Add::add)
            }
        }
    }
}

/// Everything in a plan that runs for good; jobs end by themselves and are passed over.
pub fn loads(plan: &Plan) -> Vec<Load> {
    plan.steps.iter().flat_map(of_step).collect()
}

/// What one step makes that runs for good.
pub fn of_step(step: &Step) -> Vec<Load> {
    match &step.action {
        Action::Helm(release) => {
            let workloads = release.workloads.iter();
            let besides = release.besides.iter().map(of_besides);
            workloads
                .filter_map(|one| of_chart(release, one))
                .chain(besides)
                .collect()
        }
        action => action.objects().into_iter().filter_map(of_object).collect(),
    }
}

fn of_besides(besides: &Besides) -> Load {
    Load {
        name: besides.name.clone(),
        shape: Shape::EveryNode,
        asks: said(besides.cpu.as_deref(), besides.memory.as_deref()),
        cpu_percent: besides.cpu_percent.into(),
        role: None,
        is_bound: false,
    }
}

fn of_chart(release: &Release, workload: &Workload) -> Option<Load> {
    let namespace = workload.namespace.as_ref().unwrap_or(&release.namespace);
    let bound = bound(&release.values);
    let every = workload.kind == "DaemonSet";
    // A selector among the values is that of a chart's only workload; others say in the catalogue where they are placed.
    let alone = bound.filter(|_| every && release.workloads.len() == 1);
    let role = workload.role.as_deref().or(alone);
    Some(Load {
        name: format!("{} {namespace}/{}", workload.kind, workload.name),
        shape: match workload.kind.as_str() {
            "DaemonSet" if alone.is_none() => Shape::EveryNode,
            "Job" => return None,
            _ => Shape::Copies(workload.replicas),
        },
        asks: said(workload.cpu.as_deref(), workload.memory.as_deref()),
        cpu_percent: 0,
        role: role.map(str::to_owned),
        is_bound: role.is_some() && bound.is_some(),
    })
}

/// Requests as the catalogue writes them.
fn said(cpu: Option<&str>, memory: Option<&str>) -> Amount {
    let part = |text: Option<&str>| {
        let text = text.map(|text| Value::String(text.to_owned()));
        text.and_then(|text| amount(&text)).unwrap_or_default()
    };
    Amount {
        milli: part(cpu) / 1_000,
        bytes: part(memory) / 1_000_000,
    }
}

/// The role to which values bind something.
fn bound(values: &Value) -> Option<&str> {
    match values {
        Value::Object(map) => {
            let selector = map.get("nodeSelector");
            let role = selector.and_then(|selector| selector.get("ohn/role"));
            role.and_then(Value::as_str)
                .or_else(|| map.values().find_map(bound))
        }
        Value::Array(list) => list.iter().find_map(bound),
        _ => None,
    }
}

fn of_object(object: &Object) -> Option<Load> {
    let value = object.value();
    let target = object.reference();
    let number = |pointer: &str| {
        let found = value.pointer(pointer).and_then(Value::as_u64);
        u32::try_from(found.unwrap_or(1)).unwrap_or(u32::MAX)
    };
    let (shape, pod, asks) = match target.kind.as_str() {
        "Deployment" | "StatefulSet" => (
            Shape::Copies(number("/spec/replicas")),
            value.pointer("/spec/template/spec")?,
            asked_by_pod(value.pointer("/spec/template/spec")?),
        ),
        "DaemonSet" => (
            Shape::EveryNode,
            value.pointer("/spec/template/spec")?,
            asked_by_pod(value.pointer("/spec/template/spec")?),
        ),
        "Pod" => (
            Shape::Copies(1),
            value.get("spec")?,
            asked_by_pod(value.get("spec")?),
        ),
        // CloudNativePG makes a pod of each instance.
        "Cluster" if target.group() == "postgresql.cnpg.io" => (
            Shape::Copies(number("/spec/instances")),
            value.pointer("/spec/affinity")?,
            asked(value.get("spec")?),
        ),
        _ => return None,
    };
    let bound = pod
        .pointer("/nodeSelector/ohn~1role")
        .and_then(Value::as_str);
    let role = bound.map(str::to_owned).or_else(|| preferred(pod));
    Some(Load {
        name: target.to_string(),
        shape,
        asks,
        cpu_percent: 0,
        role,
        is_bound: bound.is_some(),
    })
}

/// The role that a pod would rather have.
fn preferred(pod: &Value) -> Option<String> {
    let path = "/affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution";
    let at = pod
        .pointer(path)
        .or_else(|| pod.pointer(path.trim_start_matches("/affinity")))?;
    let rules = at
        .as_array()?
        .iter()
        .filter_map(|wish| wish.pointer("/preference/matchExpressions"));
    let mut rules = rules.filter_map(Value::as_array).flatten();
    let rule = rules.find(|rule| rule.get("key").and_then(Value::as_str) == Some("ohn/role"))?;
    Some(rule.pointer("/values/0")?.as_str()?.to_owned())
}

/// What a pod asks for: its containers together, or its largest first step when that is more.
fn asked_by_pod(pod: &Value) -> Amount {
    let of = |name: &str| {
        pod.get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let together = of("containers")
        .map(asked)
        .fold(Amount::default(), Add::add);
    of("initContainers")
        .map(asked)
        .fold(together, Amount::larger)
}

/// What a container asks for; a limit without a request is a request.
fn asked(container: &Value) -> Amount {
    let of = |name: &str| {
        let part = |kind: &str| container.get("resources")?.get(kind)?.get(name);
        part("requests")
            .or_else(|| part("limits"))
            .and_then(amount)
            .unwrap_or_default()
    };
    Amount {
        milli: of("cpu") / 1_000,
        bytes: of("memory") / 1_000_000,
    }
}

/// A Kubernetes quantity in millionths.
pub fn amount(value: &Value) -> Option<u64> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let end = text
        .find(|letter: char| letter.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let factor: u64 = match unit {
        "u" => 1,
        "m" => 1_000,
        "" => 1_000_000,
        "k" => 1_000_000_000,
        "M" => 1_000_000_000_000,
        "G" => 1_000_000_000_000_000,
        "Ki" => 1_024_000_000,
        "Mi" => 1_048_576_000_000,
        "Gi" => 1_073_741_824_000_000,
        "Ti" => 1_099_511_627_776_000_000,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let mut sum = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let mut unit = factor;
    for digit in part.chars() {
        unit /= 10;
        sum = sum.checked_add(unit * u64::from(digit.to_digit(10)?))?;
    }
    Some(sum)
}
