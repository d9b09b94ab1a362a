//! What a plan changes of what runs, and the copies that are made before: steps in front of every step of such a component. Pure.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Action, Component, DATABASE, Database, Object, ObjectRef, Plan, Ready, Service, Stage, Step,
    StepId,
};

/// The component's name in the ids of the copies' steps.
pub const BEFORE: &str = "before";

/// Where Longhorn keeps its objects.
const LONGHORN: &str = "longhorn-system";

/// How long a copy may take: a large volume is read as a whole the first time.
const COPY_LIMIT: Duration = Duration::from_hours(6);
const SNAPSHOT_LIMIT: Duration = Duration::from_mins(15);

/// Keys of Helm values that say which image runs.
const IMAGE_KEYS: [&str; 5] = ["image", "imageName", "repository", "tag", "digest"];

/// Where objects name the images that they run: with a name of its own for each, or one alone.
const CONTAINERS: [&str; 2] = [
    "/spec/template/spec/initContainers",
    "/spec/template/spec/containers",
];

/// Something that runs in another version than the plan has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upgrade {
    /// The component that it belongs to.
    pub component: String,
    /// Such as `chart rustfs`.
    pub what: String,
    /// What runs.
    pub from: String,
    /// What is planned.
    pub to: String,
    /// Which revision of it runs, so that the same change a second time is another one.
    pub at: String,
}

/// What is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copied {
    /// A database, whole.
    Database(Database),
    /// A volume, by its claim and by Longhorn's own name.
    Volume {
        /// The claim's name.
        claim: String,
        /// The volume's name.
        volume: String,
    },
}

/// What can be said of copies without asking the cluster, by the components that the last whole run here brought.
///
/// `harms` tells whether an upgrade of a component could harm something.
pub fn foreseen(
    plan: &Plan,
    last: Option<&[Component]>,
    harms: impl Fn(&str) -> bool,
) -> Option<String> {
    let mut at_risk = plan.components.iter().filter(|one| harms(&one.id));
    let asks = "care-install plan --diff asks the cluster (d on the screen).";
    let Some(last) = last else {
        at_risk.next()?;
        return Some(format!(
            "No whole run is remembered here: when older versions run already, a deploy makes backups of what it upgrades first. {asks}"
        ));
    };
    let before = |id: &str| last.iter().find(|one| one.id == id).map(|one| &one.pins);
    let changed: Vec<&str> = at_risk
        .filter(|one| before(&one.id).is_some_and(|pins| *pins != one.pins))
        .map(|one| one.title.as_str())
        .collect();
    (!changed.is_empty()).then(|| {
        format!(
            "Since the last run here other versions are planned of {}: a deploy makes backups of what they could harm first. {asks}",
            changed.join(", ")
        )
    })
}

/// A copy with the upgrades that wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// What is copied.
    pub of: Copied,
    /// What is upgraded.
    pub upgrades: Vec<Upgrade>,
    /// Counted from 1: a copy that failed is not tried again under its name.
    pub attempt: u32,
}

impl Copy {
    /// A name that follows from what is upgraded: killed and planned anew, the same copy is looked for.
    fn name(&self) -> String {
        let mut hash = Sha256::new();
        for one in &self.upgrades {
            for part in [&one.component, &one.what, &one.from, &one.to, &one.at] {
                hash.update(part.len().to_le_bytes());
                hash.update(part);
            }
        }
        hash.update(self.attempt.to_le_bytes());
        let digest = hash.finalize();
        let tail: Vec<String> = digest
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let head = match &self.of {
            Copied::Database(database) => database.cluster(),
            Copied::Volume { claim, .. } => claim.clone(),
        };
        format!("{head}-before-{}", tail.concat())
    }

    /// The object by which the copy is known.
    pub fn reference(&self) -> ObjectRef {
        let (version, namespace) = match &self.of {
            Copied::Database(_) => ("postgresql.cnpg.io/v1", DATABASE),
            Copied::Volume { .. } => ("longhorn.io/v1beta2", LONGHORN),
        };
        ObjectRef::new(version, "Backup", namespace, &self.name())
    }

    /// The snapshot that a volume's copy is made of.
    pub fn snapshot(&self) -> Option<ObjectRef> {
        let is_volume = matches!(self.of, Copied::Volume { .. });
        is_volume.then(|| ObjectRef::new("longhorn.io/v1beta2", "Snapshot", LONGHORN, &self.name()))
    }

    /// The last of its steps.
    fn step(&self) -> StepId {
        let name = match &self.of {
            Copied::Database(_) => "database",
            Copied::Volume { claim, .. } => claim,
        };
        StepId::new(BEFORE, name)
    }

    fn steps(&self) -> Vec<Step> {
        let reference = self.reference();
        let mut value = json!({
            "apiVersion": reference.api_version, "kind": reference.kind,
            "metadata": {"name": reference.name, "namespace": reference.namespace},
        });
        match &self.of {
            Copied::Database(database) => {
                value["spec"] = json!({
                    "cluster": {"name": database.cluster()}, "method": "plugin",
                    "pluginConfiguration": {"name": "barman-cloud.cloudnative-pg.io"},
                });
                let step = draft(self.step(), "Backup of PostgreSQL", (value, Vec::new()));
                vec![within(step, Duration::from_mins(3), COPY_LIMIT)]
            }
            Copied::Volume { claim, volume } => {
                let first = StepId::new(BEFORE, &format!("{claim}-snapshot"));
                let snapshot = self.snapshot().unwrap_or_else(|| reference.clone());
                let of = json!({
                    "apiVersion": snapshot.api_version, "kind": snapshot.kind,
                    "metadata": {"name": snapshot.name, "namespace": snapshot.namespace},
                    "spec": {"volume": volume, "createSnapshot": true},
                });
                value["metadata"]["labels"] = json!({"backup-volume": volume});
                value["spec"] = json!({"snapshotName": snapshot.name});
                let title = format!("Snapshot of {claim}");
                let made = draft(first.clone(), &title, (of, Vec::new()));
                let title = format!("Copy of {claim} in the backup bucket");
                let copied = draft(self.step(), &title, (value, vec![first]));
                vec![
                    within(made, Duration::from_secs(10), SNAPSHOT_LIMIT),
                    within(copied, Duration::from_mins(5), COPY_LIMIT),
                ]
            }
        }
    }
}

fn draft(id: StepId, title: &str, (value, needs): (Value, Vec<StepId>)) -> Step {
    // What is written above has a kind and a name.
    let objects: Vec<Object> = Object::from_value(value).into_iter().collect();
    let ready = objects
        .iter()
        .map(|object| Ready::Object(object.reference()));
    Step {
        id,
        component: BEFORE.to_owned(),
        stage: 0,
        title: title.to_owned(),
        needs,
        ready: ready.collect(),
        action: Action::Apply(objects),
        usual: Duration::ZERO,
        limit: COPY_LIMIT,
    }
}

fn within(step: Step, usual: Duration, limit: Duration) -> Step {
    Step {
        usual,
        limit,
        ..step
    }
}

/// The plan with these copies in front: nothing of what is upgraded is touched before its copies are made.
#[must_use]
pub fn secured(mut plan: Plan, upgrades: &[Upgrade], copies: &[Copy]) -> Plan {
    for one in upgrades {
        let waits = copies.iter().any(|copy| copy.upgrades.contains(one));
        let first = if waits { "; a copy is made first" } else { "" };
        plan.notes.push(format!(
            "This upgrades {}: {} {} becomes {}{first}.",
            one.component, one.what, one.from, one.to
        ));
    }
    if copies.is_empty() {
        return plan;
    }
    let mut needed: BTreeMap<&str, Vec<StepId>> = BTreeMap::new();
    for copy in copies {
        for one in &copy.upgrades {
            let steps = needed.entry(&one.component).or_default();
            if !steps.contains(&copy.step()) {
                steps.push(copy.step());
            }
        }
    }
    for step in &mut plan.steps {
        step.stage += 1;
        let more = needed.get(step.component.as_str());
        step.needs.extend(more.into_iter().flatten().cloned());
    }
    plan.stages.insert(
        0,
        Stage {
            id: BEFORE.to_owned(),
            title: "Copies before the upgrade".to_owned(),
        },
    );
    plan.components.insert(
        0,
        Component {
            id: BEFORE.to_owned(),
            title: "Copies before the upgrade".to_owned(),
            summary:
                "What an upgrade could harm is copied into the backup bucket before it begins."
                    .to_owned(),
            service: Service::Platform,
            pins: Vec::new(),
        },
    );
    let before: Vec<Step> = copies.iter().flat_map(Copy::steps).collect();
    plan.steps.splice(0..0, before);
    plan
}

/// Whether a copy has failed for good.
pub fn has_failed(live: &Value) -> bool {
    let text = |at: &str| live.pointer(at).and_then(Value::as_str).unwrap_or_default();
    text("/status/phase") == "failed"
        || text("/status/state") == "Error"
        || (!text("/status/error").is_empty() && live.pointer("/status/readyToUse").is_some())
}

/// The images that an object runs, by what they are called in it.
pub fn images(object: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let one = object.pointer("/spec/imageName").and_then(Value::as_str);
    found.extend(one.map(|image| ("image".to_owned(), image.to_owned())));
    for at in CONTAINERS {
        let all = object.pointer(at).and_then(Value::as_array);
        for container in all.into_iter().flatten() {
            let text = |key: &str| container.get(key).and_then(Value::as_str);
            if let (Some(name), Some(image)) = (text("name"), text("image")) {
                found.insert(format!("image of {name}"), image.to_owned());
            }
        }
    }
    found
}

/// What Helm values say of images, by its path.
pub fn images_of_values(values: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    gather(values, "", &mut found);
    found
}

fn gather(value: &Value, path: &str, found: &mut BTreeMap<String, String>) {
    for (key, below) in value.as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match below {
            Value::Object(_) => gather(below, &path, found),
            Value::String(text) if IMAGE_KEYS.contains(&key.as_str()) => {
                found.insert(path, text.clone());
            }
            Value::Number(number) if IMAGE_KEYS.contains(&key.as_str()) => {
                found.insert(path, number.to_string());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
