//! Addresses of programs, and whether anything answers behind them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::pods::newest;
use crate::watch::{
    facts::Facts,
    snapshot::{Kind, items, label, made, name, namespace, text},
    view::{Health, IngressRow},
};

/// The rows, by namespace and name.
pub fn rows(facts: &Facts<'_>) -> Vec<IngressRow> {
    let ready = ready(facts);
    facts
        .snapshot
        .all(Kind::Ingress)
        .map(|ingress| row(ingress, &ready, facts))
        .collect()
}

/// Pods that take requests for a service; what a silent node said last is no count.
type Ready<'s> = BTreeMap<(&'s str, &'s str), usize>;

fn ready<'s>(facts: &Facts<'s>) -> Ready<'s> {
    let mut ready = Ready::new();
    for slice in facts.snapshot.all(Kind::Endpoints) {
        let Some(service) = label(slice, "kubernetes.io/service-name") else {
            continue;
        };
        let serves = items(slice, "/endpoints").filter(|end| {
            let node = text(end, "/nodeName");
            let said = end.pointer("/conditions/ready").and_then(Value::as_bool);
            said != Some(false) && (node.is_empty() || facts.lost(node).is_none())
        });
        *ready.entry((namespace(slice), service)).or_default() += serves.count();
    }
    ready
}

/// The services that requests are handed to.
fn backends(ingress: &Value) -> BTreeSet<&str> {
    let mut all: BTreeSet<&str> = items(ingress, "/spec/rules")
        .flat_map(|rule| items(rule, "/http/paths"))
        .map(|path| text(path, "/backend/service/name"))
        .collect();
    all.insert(text(ingress, "/spec/defaultBackend/service/name"));
    all.remove("");
    all
}

fn row(ingress: &Value, ready: &Ready<'_>, facts: &Facts<'_>) -> IngressRow {
    let backends = backends(ingress);
    let count = |service: &&str| {
        let found = ready.get(&(namespace(ingress), *service));
        found.copied().unwrap_or(0)
    };
    let known = facts.snapshot.all(Kind::Endpoints).next().is_some();
    let behind = known.then(|| backends.iter().map(count).min().unwrap_or(0));
    let addresses: Vec<&str> = items(ingress, "/status/loadBalancer/ingress")
        .map(|one| match text(one, "/ip") {
            "" => text(one, "/hostname"),
            ip => ip,
        })
        .collect();
    // With ports of the nodes nobody reports an address: its absence says nothing.
    let (status, health) = match behind {
        None => ("unknown", Health::Unknown),
        Some(0) => ("nothing behind it", Health::Bad),
        Some(_) => ("ready", Health::Good),
    };
    let hosts: Vec<&str> = items(ingress, "/spec/rules")
        .map(|rule| text(rule, "/host"))
        .filter(|host| !host.is_empty())
        .collect();
    let mut details: Vec<String> = items(ingress, "/spec/rules")
        .flat_map(|rule| {
            let host = text(rule, "/host");
            items(rule, "/http/paths").map(move |path| (host, path))
        })
        .map(|(host, path)| {
            let service = text(path, "/backend/service/name");
            format!(
                "{host}{} to service {service}: {} ready",
                text(path, "/path"),
                count(&service)
            )
        })
        .collect();
    for tls in items(ingress, "/spec/tls") {
        details.push(format!("certificate {}", text(tls, "/secretName")));
    }
    details.extend(newest(&facts.events("Ingress", ingress)));
    IngressRow {
        namespace: namespace(ingress).to_owned(),
        name: name(ingress).to_owned(),
        class: text(ingress, "/spec/ingressClassName").to_owned(),
        hosts: hosts.join(", "),
        address: addresses.join(", "),
        behind,
        status,
        health,
        since: made(ingress),
        details,
    }
}
