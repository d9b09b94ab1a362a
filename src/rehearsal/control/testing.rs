//! The loop that drives the controllers in tests, and the objects they are driven with.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CONTROLLERS, beginnings, nodes};
use crate::{
    catalog::{
        Catalog,
        standin::{self, Makers},
    },
    plan::{Action, Plan, build},
    rehearsal::{
        schema,
        store::Store,
        world::{Reaction, World},
    },
    site::{SecretName, Secrets, Site, sample},
};

/// The first moment of every test.
pub const START: &str = "2026-11-24T06:00:00Z";
/// More turns than any test needs: a loop without an end fails instead of hanging.
const TURNS: usize = 20_000;

/// A practice cluster in a test, with its clock.
pub struct Bed {
    pub store: Store,
    pub now: Timestamp,
}

impl Bed {
    /// Two nodes, nothing installed.
    pub fn new() -> Self {
        let mut bed = Self {
            store: Store::default(),
            now: START.parse().unwrap(),
        };
        for object in beginnings() {
            bed.add(object);
        }
        for node in nodes(&[
            ("one", "10.0.0.11", "primary"),
            ("two", "10.0.0.12", "secondary"),
        ]) {
            bed.add(node);
        }
        bed
    }

    pub fn add(&mut self, object: Value) -> &mut Self {
        self.store.create(object, self.now).unwrap();
        self
    }

    /// Changes an object.
    pub fn change(
        &mut self,
        kind: &str,
        namespace: &str,
        name: &str,
        edit: impl FnOnce(&mut Value),
    ) {
        let mut value = (**self.store.get(kind, namespace, name).unwrap()).clone();
        edit(&mut value);
        self.store.replace(value, self.now).unwrap();
    }

    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> &Value {
        self.store
            .get(kind, namespace, name)
            .unwrap_or_else(|| panic!("no {kind} {namespace}/{name}"))
    }

    pub fn list(&self, kind: &str, namespace: &str) -> Vec<&Arc<Value>> {
        self.store.list(kind, Some(namespace)).collect()
    }

    /// The messages of the events of a reason, oldest first.
    pub fn events(&self, reason: &str) -> Vec<String> {
        let mut found: Vec<&Arc<Value>> = self
            .store
            .list("Event", None)
            .filter(|event| event["reason"] == reason)
            .collect();
        found.sort_by_key(|event| event["firstTimestamp"].to_string());
        found
            .iter()
            .map(|event| event["message"].as_str().unwrap().to_owned())
            .collect()
    }

    fn react(&self) -> Reaction {
        CONTROLLERS
            .iter()
            .fold(Reaction::default(), |sum, controller| {
                sum.and(controller(&World::new(&self.store), self.now))
            })
    }

    /// Runs the cluster for so many seconds; the clock jumps from one waking to the next.
    pub fn run(&mut self, seconds: i64) -> &mut Self {
        self.watch(seconds, |_| {});
        self
    }

    /// The same, and shows the cluster after every turn.
    pub fn watch(&mut self, seconds: i64, mut look: impl FnMut(&Self)) {
        let until = super::shape::after(self.now, seconds);
        for _ in 0..TURNS {
            let reaction = self.react();
            let mut changed = false;
            for write in reaction.writes {
                changed |= self.store.perform(write, self.now);
            }
            look(self);
            if changed {
                continue;
            }
            match reaction.wake_at {
                Some(at) if at <= until => {
                    assert!(at > self.now, "woken for nothing at {at}");
                    self.now = at;
                }
                _ => {
                    self.now = until;
                    return;
                }
            }
        }
        panic!("the cluster does not come to rest");
    }

    /// Runs until nothing is left to do and nobody asks to be woken soon: a schedule may, hours later.
    pub fn settle(&mut self) -> &mut Self {
        const LONG: i64 = 4 * 3600;
        const REST: i64 = 3600;
        self.run(LONG);
        let mut reaction = self.react();
        let rest = super::shape::after(self.now, REST);
        reaction.wake_at = reaction.wake_at.filter(|at| *at < rest);
        assert_eq!(
            reaction,
            Reaction::default(),
            "a settled world is left alone"
        );
        self
    }
}

/// A workload object with one container.
pub fn workload(kind: &str, name: &str, replicas: u64) -> Value {
    let group = if kind == "Job" { "batch/v1" } else { "apps/v1" };
    let mut value = json!({
        "apiVersion": group,
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": name}},
                "spec": {"containers": [{"name": "main", "image": format!("example.org/{name}:1")}]},
            },
        },
    });
    match kind {
        "Job" => {
            value["spec"]["template"]["spec"]["restartPolicy"] = "Never".into();
            if let Some(spec) = value["spec"].as_object_mut() {
                spec.shift_remove("selector");
            }
        }
        "DaemonSet" => {}
        _ => value["spec"]["replicas"] = replicas.into(),
    }
    value
}

/// The texts that a question has had as its answer, in order and without repetitions.
pub fn course(bed: &mut Bed, seconds: i64, ask: impl Fn(&Bed) -> String) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    bed.watch(seconds, |bed| {
        let now = ask(bed);
        if seen.last() != Some(&now) {
            seen.push(now);
        }
    });
    seen
}

/// The plan of the sample site, with the programs that have databases of their own.
fn plan() -> Plan {
    let mut secrets = Secrets::new();
    for &name in SecretName::ALL {
        secrets.set(name, "x".into());
    }
    let mut draft = sample();
    for id in ["components.odoo", "components.metabase"] {
        draft.set(id, "on");
    }
    let site = Site::try_from(&draft).unwrap();
    build(&site, &secrets, &Catalog::load().unwrap()).unwrap()
}

/// The objects that a step of the sample plan applies.
pub fn plan_objects(step: &str) -> Vec<Value> {
    let plan = plan();
    let step = plan.steps.iter().find(|one| one.id.as_str() == step);
    let objects = step.unwrap().action.objects();
    objects
        .iter()
        .map(|object| object.value().clone())
        .collect()
}

/// A practice cluster with its namespaces and the charts of these releases, just applied.
pub fn installed(releases: &[&str]) -> Bed {
    let mut bed = Bed::new();
    for namespace in plan_objects("namespaces/namespaces") {
        bed.add(namespace);
    }
    for release in releases {
        install(&mut bed, release);
    }
    bed
}

/// What installs a release in practice: its definitions and what stands for its chart.
pub fn install(bed: &mut Bed, release: &str) {
    let plan = plan();
    let release = plan.steps.iter().find_map(|step| match &step.action {
        Action::Helm(one) if one.name == release => Some(one),
        _ => None,
    });
    let release = release.unwrap();
    for definition in release.crds.iter().filter_map(|name| schema::crd(name)) {
        bed.add(definition);
    }
    for object in standin::objects(release, Makers::Chart) {
        bed.add(object.value().clone());
    }
}

/// Longhorn with its classes and the secret of its backup target.
pub fn longhorn() -> Bed {
    let mut bed = installed(&["longhorn"]);
    for object in plan_objects("longhorn/classes") {
        bed.add(object);
    }
    bed.run(300);
    bed
}

/// A claim on a class of Longhorn, and a Deployment on the primary machine that uses it.
pub fn claim_with_pod(bed: &mut Bed) {
    bed.add(json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "longhorn-object",
            "resources": {"requests": {"storage": "20Gi"}},
        },
    }));
    let mut user = workload("Deployment", "user", 1);
    user["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    user["spec"]["template"]["spec"]["nodeSelector"] = json!({"ohn/role": "primary"});
    bed.add(user);
}

/// The database of the sample site, with everything it needs, just applied.
pub fn database(bed: &mut Bed) {
    for release in ["cert-manager", "cnpg", "plugin-barman-cloud"] {
        install(bed, release);
    }
    bed.run(120);
    for step in [
        "postgres/access",
        "postgres/cluster",
        "databases/databases",
        "postgres/backups",
    ] {
        for object in plan_objects(step) {
            bed.add(object);
        }
    }
}
