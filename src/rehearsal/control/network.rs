//! Services with their addresses and endpoints, and the address that an ingress controller reports. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    pods::{ended, ready},
    shape::{carries, fingerprint, items, leaving, name, namespace, owned_by, report, text},
};
use crate::rehearsal::world::{Reaction, World, Write};

/// One turn for all Services and Ingresses.
pub fn network(world: &World<'_>, _now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    addresses(world, &mut reaction);
    endpoints(world, &mut reaction);
    ingresses(world, &mut reaction);
    reaction
}

/// Gives every Service its own address, and a node port where it asks for one.
fn addresses(world: &World<'_>, reaction: &mut Reaction) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut ports: BTreeSet<u64> = BTreeSet::new();
    let mut without = Vec::new();
    for service in world.list("Service", None) {
        let address = text(&service["spec"]["clusterIP"]);
        ports.extend(items(&service["spec"]["ports"]).filter_map(|port| port["nodePort"].as_u64()));
        if !address.is_empty() {
            taken.insert(address.to_owned());
        }
        let kind = text(&service["spec"]["type"]);
        let portless = matches!(kind, "NodePort" | "LoadBalancer")
            && items(&service["spec"]["ports"]).any(|port| !port["nodePort"].is_u64());
        if (address.is_empty() && kind != "ExternalName") || portless {
            without.push(service);
        }
    }
    for service in without {
        let mut given = (**service).clone();
        let seed = fingerprint(&json!([namespace(service), name(service)]));
        if text(&given["spec"]["clusterIP"]).is_empty() {
            let address = (0..65_000)
                .map(|step| (seed % 65_000 + step) % 65_000 + 20)
                .map(|number| {
                    format!(
                        "10.{}.{}.{}",
                        96 + number / 65_536,
                        number / 256 % 256,
                        number % 256
                    )
                })
                .find(|address| !taken.contains(address))
                .unwrap_or_default();
            given["spec"]["clusterIPs"] = json!([address]);
            given["spec"]["clusterIP"] = address.as_str().into();
            taken.insert(address);
        }
        if matches!(text(&service["spec"]["type"]), "NodePort" | "LoadBalancer") {
            node_ports(&mut given, seed, &mut ports);
        }
        reaction.writes.push(Write::Replace(given));
    }
}

fn node_ports(service: &mut Value, seed: u64, taken: &mut BTreeSet<u64>) {
    for port in service["spec"]["ports"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        if !port["nodePort"].is_u64() {
            let free = (0..2768)
                .map(|step| 30_000 + (seed + step) % 2768)
                .find(|number| !taken.contains(number));
            if let Some(free) = free {
                taken.insert(free);
                port["nodePort"] = free.into();
            }
        }
    }
}

/// Keeps one `EndpointSlice` per Service with a selector.
fn endpoints(world: &World<'_>, reaction: &mut Reaction) {
    let mut pods: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for pod in world.list("Pod", None) {
        if !ended(pod) && pod["status"]["podIP"].is_string() {
            pods.entry(namespace(pod)).or_default().push(pod);
        }
    }
    for service in world.list("Service", None) {
        let selector = &service["spec"]["selector"];
        if leaving(service) || selector.as_object().is_none_or(serde_json::Map::is_empty) {
            continue;
        }
        let here = pods.get(namespace(service)).map_or(&[][..], Vec::as_slice);
        let chosen: Vec<&Value> = here
            .iter()
            .copied()
            .filter(|pod| carries(pod, selector))
            .collect();
        let slice = format!("{}-{}", name(service), suffix(service));
        let ends: Vec<Value> = chosen.iter().map(|pod| endpoint(pod, service)).collect();
        let ports = ports(service, chosen.first().copied());
        let key = "EndpointSlice.discovery.k8s.io";
        match world.get(key, namespace(service), &slice) {
            Some(known) if same(known, &ends, &ports) => {}
            Some(known) => {
                let mut changed = (**known).clone();
                changed["endpoints"] = ends.into();
                changed["ports"] = ports.into();
                reaction.writes.push(Write::Replace(changed));
            }
            None => reaction.writes.push(Write::Create(json!({
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": slice,
                    "namespace": namespace(service),
                    "labels": {
                        "kubernetes.io/service-name": name(service),
                        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                    },
                    "ownerReferences": owned_by(service),
                },
                "addressType": "IPv4",
                "endpoints": ends,
                "ports": ports,
            }))),
        }
    }
}

fn same(known: &Value, ends: &[Value], ports: &[Value]) -> bool {
    known["endpoints"].as_array().map(Vec::as_slice) == Some(ends)
        && known["ports"].as_array().map(Vec::as_slice) == Some(ports)
}

fn suffix(service: &Value) -> String {
    super::shape::letters(fingerprint(&service["metadata"]["uid"]), 5)
}

fn endpoint(pod: &Value, service: &Value) -> Value {
    let serves =
        ready(pod) || (service["spec"]["publishNotReadyAddresses"] == true && !leaving(pod));
    json!({
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": serves, "serving": serves, "terminating": leaving(pod)},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {
            "kind": "Pod",
            "namespace": namespace(pod),
            "name": name(pod),
            "uid": pod["metadata"]["uid"],
        },
    })
}

/// The ports of a Service as its pods have them: a named target port is looked up in the first pod.
fn ports(service: &Value, pod: Option<&Value>) -> Vec<Value> {
    items(&service["spec"]["ports"])
        .map(|port| {
            let target = &port["targetPort"];
            let number = match target.as_str() {
                Some(wanted) => pod
                    .into_iter()
                    .flat_map(|pod| items(&pod["spec"]["containers"]))
                    .flat_map(|container| items(&container["ports"]))
                    .find(|known| known["name"] == wanted)
                    .map_or(&port["port"], |known| &known["containerPort"]),
                None if target.is_u64() => target,
                None => &port["port"],
            };
            json!({
                "name": text(&port["name"]),
                "port": number,
                "protocol": port["protocol"].as_str().unwrap_or("TCP"),
            })
        })
        .collect()
}

/// An Ingress gets the addresses of the nodes on which the controller of its class serves.
fn ingresses(world: &World<'_>, reaction: &mut Reaction) {
    let mut known: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for ingress in world.list("Ingress.networking.k8s.io", None) {
        let class = text(&ingress["spec"]["ingressClassName"]);
        let addresses = known
            .entry(class)
            .or_insert_with(|| controllers(world, class));
        if !addresses.is_empty() {
            let status = json!({"loadBalancer": {"ingress": addresses}});
            reaction.writes.extend(report(ingress, status));
        }
    }
}

/// The node addresses of the ready pods of a class's controller: the pods whose namespace or release is named as the class.
fn controllers(world: &World<'_>, class: &str) -> Vec<Value> {
    if class.is_empty()
        || world
            .get("IngressClass.networking.k8s.io", "", class)
            .is_none()
    {
        return Vec::new();
    }
    let serving: BTreeSet<&str> = world
        .list("Pod", None)
        .filter(|pod| {
            namespace(pod) == class
                || pod["metadata"]["labels"]["app.kubernetes.io/instance"] == class
        })
        .filter(|pod| ready(pod))
        .map(|pod| text(&pod["status"]["hostIP"]))
        .collect();
    serving
        .into_iter()
        .map(|address| json!({"ip": address}))
        .collect()
}
