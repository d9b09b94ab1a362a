//! What every namespace has from its first second: the default account and the cluster's own certificate. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::shape::{leaving, name, report};
use crate::rehearsal::world::{Reaction, World, Write};

/// A certificate authority as far as a ConfigMap shows it; nothing in the practice cluster verifies with it.
const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\nUHJhY3RpY2UgY2x1c3Rlcjogbm90IGEgcmVhbCBhdXRob3JpdHku\n-----END CERTIFICATE-----\n";

/// One turn for all namespaces.
pub fn accounts(world: &World<'_>, _now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    for namespace in world
        .list("Namespace", None)
        .filter(|namespace| !leaving(namespace))
    {
        let space = name(namespace);
        if !namespace["status"]["phase"].is_string() {
            reaction
                .writes
                .extend(report(namespace, json!({"phase": "Active"})));
        }
        if world.get("ServiceAccount", space, "default").is_none() {
            reaction
                .writes
                .push(Write::Create(object("ServiceAccount", space, "default")));
        }
        if world.get("ConfigMap", space, "kube-root-ca.crt").is_none() {
            let mut map = object("ConfigMap", space, "kube-root-ca.crt");
            map["data"] = json!({"ca.crt": AUTHORITY});
            reaction.writes.push(Write::Create(map));
        }
    }
    reaction
}

fn object(kind: &str, namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
    })
}
