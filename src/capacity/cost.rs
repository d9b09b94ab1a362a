//! What a plan, or a part of it, asks for in all: processor time, memory and volumes. Pure.

use serde_json::Value;

use super::{
    REFERENCE,
    loads::{Amount, amount, of_step},
};
use crate::plan::{Action, Object, Plan, Release, Step, Workload};

/// What something costs while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Processor time and memory of all its pods.
    pub asks: Amount,
    /// Bytes of its volumes, each counted once: Longhorn keeps a second copy on the other node.
    pub disk: u64,
}

impl Cost {
    /// True when nothing is asked for.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// In a few words: `0.90 cores, 1.2 GiB memory, 20.0 GiB of volumes`.
    pub fn words(self) -> String {
        let mut words = Vec::new();
        if self.asks.milli > 0 {
            let (whole, cents) = (self.asks.milli / 1000, self.asks.milli % 1000 / 10);
            words.push(format!("{whole}.{cents:02} cores"));
        }
        if self.asks.bytes > 0 {
            words.push(format!("{} memory", gib(self.asks.bytes)));
        }
        if self.disk > 0 {
            words.push(format!("{} of volumes", gib(self.disk)));
        }
        words.join(", ")
    }
}

fn gib(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB)
}

/// How many nodes a plan knows of: those that it labels.
pub fn nodes(plan: &Plan) -> u64 {
    let objects = plan.steps.iter().flat_map(|step| step.action.objects());
    let nodes = objects.filter(|object| object.reference().kind == "Node");
    u64::try_from(nodes.count()).unwrap_or(1).max(1)
}

/// What these steps ask for on so many nodes; a share of a node is one of a node of the reference.
pub fn cost<'p>(steps: impl IntoIterator<Item = &'p Step>, nodes: u64) -> Cost {
    let mut sum = Cost::default();
    let rooms = vec![REFERENCE; usize::try_from(nodes).unwrap_or_default()];
    for step in steps {
        for load in of_step(step) {
            sum.asks = sum.asks + load.whole(&rooms);
        }
        sum.disk = sum.disk.saturating_add(disk(&step.action));
    }
    sum
}

fn disk(action: &Action) -> u64 {
    match action {
        Action::Helm(release) => of_release(release),
        action => action.objects().into_iter().map(of_object).sum(),
    }
}

fn of_release(release: &Release) -> u64 {
    let of = |workload: &Workload| -> u64 {
        let claims = workload.claims.iter();
        claims
            .map(|claim| bytes(&Value::String(claim.size.clone())))
            .sum()
    };
    release.workloads.iter().map(of).sum()
}

fn of_object(object: &Object) -> u64 {
    let value = object.value();
    let at = |pointer: &str| value.pointer(pointer).map(bytes).unwrap_or_default();
    let times = |pointer: &str| value.pointer(pointer).and_then(Value::as_u64).unwrap_or(1);
    match object.reference().kind.as_str() {
        "PersistentVolumeClaim" => at("/spec/resources/requests/storage"),
        "StatefulSet" => {
            let claims = value.pointer("/spec/volumeClaimTemplates");
            let claims = claims.and_then(Value::as_array).into_iter().flatten();
            let size = |claim: &Value| claim.pointer("/spec/resources/requests/storage").map(bytes);
            let each: u64 = claims.filter_map(size).sum();
            each * times("/spec/replicas")
        }
        "Cluster" => {
            (at("/spec/storage/size") + at("/spec/walStorage/size")) * times("/spec/instances")
        }
        _ => 0,
    }
}

fn bytes(size: &Value) -> u64 {
    amount(size).unwrap_or_default() / 1_000_000
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::plan::StepId;

    fn step(action: Action) -> Step {
        Step {
            id: StepId::new("a", "b"),
            component: "a".to_owned(),
            stage: 0,
            title: String::new(),
            needs: Vec::new(),
            action,
            ready: Vec::new(),
            usual: Duration::ZERO,
            limit: Duration::ZERO,
        }
    }

    fn object(value: Value) -> Object {
        Object::from_value(value).unwrap()
    }

    #[test]
    fn volumes_are_counted_once_for_each_pod_that_has_its_own() {
        let cluster = object(json!({
            "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster",
            "metadata": {"name": "care-db", "namespace": "database"},
            "spec": {"instances": 2, "storage": {"size": "20Gi"}, "walStorage": {"size": "5Gi"}, "affinity": {}},
        }));
        let claim = object(json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "files", "namespace": "odoo"},
            "spec": {"resources": {"requests": {"storage": "10Gi"}}},
        }));
        let steps = [step(Action::Apply(vec![cluster, claim]))];
        assert_eq!(cost(&steps, 2).disk, 60 << 30);
    }

    #[test]
    fn what_runs_on_every_node_is_counted_for_each_and_the_words_leave_out_what_is_not_asked_for() {
        let daemon = object(json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "a", "namespace": "a"},
            "spec": {"template": {"spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": "150m", "memory": "512Mi"}}}]}}},
        }));
        let steps = [step(Action::Apply(vec![daemon]))];
        assert_eq!(cost(&steps, 2).words(), "0.30 cores, 1.0 GiB memory");
        assert!(cost(&[step(Action::Wait)], 2).is_none());
    }
}
