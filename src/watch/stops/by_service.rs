//! What a node's stop means for each service: the worst of all that carries it. Pure.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{Fate, Look, NOTICED, some};
use crate::{
    plan::Service,
    watch::{
        facts::ended,
        rows::pods::is_instance,
        services::Carriers,
        snapshot::{Kind, holds, label, name, namespace, number, text},
        view::{ServiceStop, Stop},
    },
};

/// What is told of one service so far.
type Told = BTreeMap<Service, (Stop, Vec<String>)>;

/// What becomes of each installed service when the node stops now; nothing while it is silent already.
pub fn of(
    node: &Value,
    facts: &crate::watch::facts::Facts<'_>,
    carriers: &Carriers,
) -> Vec<ServiceStop> {
    if !holds(node, "Ready") {
        return Vec::new();
    }
    let look = Look::new(node, facts);
    let mut told: Told = carriers
        .installed(facts)
        .into_iter()
        .map(|service| (service, (Stop::GoesOn, Vec::new())))
        .collect();
    look.note_databases(carriers, &mut told);
    look.note_workloads(carriers, &mut told);
    if !look.governed {
        let why = "nothing is moved or repaired: the Kubernetes API is here";
        note(&mut told, &[Service::Platform], Stop::Ends, why);
    }
    told.into_iter()
        .map(|(service, (stop, why))| ServiceStop {
            service,
            stop,
            why: some(&why),
        })
        .collect()
}

/// Keeps the worst, with every reason for it.
fn note(told: &mut Told, services: &[Service], stop: Stop, why: &str) {
    for service in services {
        let Some((known, reasons)) = told.get_mut(service) else {
            continue;
        };
        if stop > *known {
            *known = stop;
            reasons.clear();
        }
        if stop == *known && !reasons.iter().any(|known| known == why) {
            reasons.push(why.to_owned());
        }
    }
}

impl Look<'_, '_> {
    fn note_databases(&self, carriers: &Carriers, told: &mut Told) {
        for cluster in self.facts.snapshot.all(Kind::Cluster) {
            let who = name(cluster);
            let pods = self.facts.pods_in(namespace(cluster)).iter();
            let pods: Vec<&&Arc<Value>> = pods
                .filter(|pod| is_instance(pod, who) && !ended(pod))
                .collect();
            let primary = text(cluster, "/status/currentPrimary");
            if !pods.iter().any(|pod| self.here(pod)) {
                continue;
            }
            let primary_here = pods
                .iter()
                .any(|pod| self.here(pod) && name(pod) == primary);
            let spare = pods
                .iter()
                .any(|pod| !self.here(pod) && self.facts.serves(pod));
            let (stop, why) = match (primary_here, spare) {
                (false, _) => (Stop::Fewer, format!("{who} without its copy here")),
                (true, true) if self.governed => (
                    Stop::Pauses(self.failover()),
                    format!("{who} changes its primary"),
                ),
                (true, _) => (Stop::Ends, format!("{who} takes no writes")),
            };
            let owner = ("Cluster".to_owned(), who.to_owned());
            let services = carriers.carried_by(&owner, namespace(cluster));
            note(told, &services, stop, &why);
        }
    }

    fn note_workloads(&self, carriers: &Carriers, told: &mut Told) {
        if told.is_empty() {
            return;
        }
        // Pods elsewhere are only looked at when a volume of theirs may be here alone.
        let here = self.facts.pods_on(self.who).iter().copied();
        let everywhere = self.facts.snapshot.all(Kind::Pod);
        let looked_at: Vec<&Arc<Value>> = if self.only.is_empty() {
            here.collect()
        } else {
            everywhere
                .filter(|pod| self.here(pod) || self.is_held_here(pod))
                .collect()
        };
        for (pod, short) in self.programs(looked_at.into_iter()) {
            let (kind, who) = &short.owner;
            let (stop, why) = match self.fate(pod, short) {
                Fate::GoesOn => (Stop::Fewer, format!("{who} with fewer copies")),
                Fate::Moves => (
                    Stop::Pauses(NOTICED + short.toleration),
                    format!("{who} starts elsewhere"),
                ),
                Fate::Ends if self.is_held_here(pod) => {
                    (Stop::Ends, format!("{who}: its volume has no other copy"))
                }
                Fate::Ends => (Stop::Ends, who.to_string()),
            };
            let owner = (kind.to_string(), who.to_string());
            let services = carriers.carried_by(&owner, &short.namespace);
            note(told, &services, stop, &why);
        }
    }

    /// Whether a volume of the pod has its only good copy on this node.
    pub(super) fn is_held_here(&self, pod: &Value) -> bool {
        let snapshot = self.facts.snapshot;
        let Some(pod) = snapshot.short(pod).filter(|_| !self.only.is_empty()) else {
            return false;
        };
        let claims = pod.claims.iter();
        claims
            .filter_map(|claim| snapshot.get(Kind::Claim, &pod.namespace, claim))
            .any(|claim| self.only.contains(text(claim, "/spec/volumeName")))
    }

    /// Budgets that would keep a pod of this node from leaving it now.
    pub(super) fn budgets(&self) -> Option<String> {
        let budgets = self.facts.snapshot.all(Kind::Budget);
        let tight: Vec<String> = budgets
            .filter(|budget| number(budget, "/status/disruptionsAllowed") == Some(0))
            .filter(|budget| self.covers(budget))
            .map(|budget| format!("{}/{}", namespace(budget), name(budget)))
            .collect();
        (!tight.is_empty()).then(|| {
            format!(
                "  a drain would wait: these budgets let no pod go now: {}.",
                some(&tight)
            )
        })
    }

    fn covers(&self, budget: &Value) -> bool {
        let wanted = budget.pointer("/spec/selector/matchLabels");
        let wanted = wanted.and_then(Value::as_object);
        let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
            return false;
        };
        let pods = self.facts.pods_on(name(self.node)).iter();
        let mut mine = pods.filter(|pod| namespace(pod) == namespace(budget) && !ended(pod));
        mine.any(|pod| {
            let mut wanted = wanted.iter();
            wanted.all(|(key, value)| label(pod, key) == value.as_str())
        })
    }
}
