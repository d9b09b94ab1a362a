//! MetalLB: a Service of its class gets an address of the pool once somebody announces the pool. Pure.

use core::net::Ipv4Addr;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::{
    operator::runs,
    shape::{event, items, leaving, name, report, text},
};
use crate::rehearsal::world::{Reaction, World};

const NAMESPACE: &str = "metallb-system";
const SOURCE: &str = "metallb-controller";
/// The class of the Services that are its own to serve.
const CLASS: &str = "metallb.io/metallb";
const WISH: &str = "metallb.io/loadBalancerIPs";

/// One turn for all Services that want an address.
pub fn metallb(world: &World<'_>, _now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    if !runs(world, NAMESPACE, "metallb-controller") {
        return reaction;
    }
    let pools = pools(world);
    let mut taken: BTreeSet<Ipv4Addr> = BTreeSet::new();
    let mut waiting = Vec::new();
    for service in world.list("Service", None) {
        let ours = service["spec"]["type"] == "LoadBalancer"
            && service["spec"]["loadBalancerClass"] == CLASS;
        if !ours || leaving(service) {
            continue;
        }
        match text(&service["status"]["loadBalancer"]["ingress"][0]["ip"]).parse() {
            Ok(address) => {
                taken.insert(address);
            }
            Err(_) => waiting.push(service),
        }
    }
    for service in waiting {
        let wished = text(&service["metadata"]["annotations"][WISH]).parse::<Ipv4Addr>();
        let free = |address: &Ipv4Addr| !taken.contains(address);
        let found = match wished {
            Ok(wished) => inside(&pools, wished).then_some(wished).filter(free),
            Err(_) => addresses(&pools).find(free),
        };
        // Nothing is said twice: it stays without an address until a pool has one for it.
        let Some(address) = found else { continue };
        taken.insert(address);
        let status = json!({"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}});
        reaction.writes.extend(report(service, status));
        let words = format!("Assigned IP [\"{address}\"]");
        reaction
            .writes
            .push(event(service, SOURCE, "IPAllocated", words));
    }
    reaction
}

/// The ranges of the pools that are announced.
fn pools(world: &World<'_>) -> Vec<(Ipv4Addr, Ipv4Addr)> {
    let announced: BTreeSet<&str> = world
        .list("L2Advertisement.metallb.io", Some(NAMESPACE))
        .flat_map(|one| items(&one["spec"]["ipAddressPools"]).map(text))
        .collect();
    world
        .list("IPAddressPool.metallb.io", Some(NAMESPACE))
        .filter(|pool| announced.contains(name(pool)))
        .flat_map(|pool| items(&pool["spec"]["addresses"]).filter_map(|range| read(text(range))))
        .collect()
}

fn read(range: &str) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let (first, last) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

fn inside(pools: &[(Ipv4Addr, Ipv4Addr)], address: Ipv4Addr) -> bool {
    let mut pools = pools.iter();
    pools.any(|(first, last)| (*first..=*last).contains(&address))
}

fn addresses(pools: &[(Ipv4Addr, Ipv4Addr)]) -> impl Iterator<Item = Ipv4Addr> {
    pools
        .iter()
        .flat_map(|(first, last)| (u32::from(*first)..=u32::from(*last)).map(Ipv4Addr::from))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::testing::{Bed, workload};
    use super::*;
    use crate::{
        ready::{Readiness, object},
        rehearsal::{schema, world::reference},
    };

    fn service(wish: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "edge", "namespace": "default", "annotations": {WISH: wish}},
            "spec": {
                "type": "LoadBalancer", "loadBalancerClass": CLASS, "selector": {"app": "edge"},
                "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
            },
        })
    }

    fn bed(wish: &str) -> Bed {
        let mut bed = Bed::new();
        for kind in ["ipaddresspools.metallb.io", "l2advertisements.metallb.io"] {
            bed.add(schema::crd(kind).unwrap());
        }
        let mut controller = workload("Deployment", "metallb-controller", 1);
        controller["metadata"]["namespace"] = NAMESPACE.into();
        bed.add(controller).add(service(wish)).run(60);
        bed.add(json!({
            "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": {"name": "site", "namespace": NAMESPACE},
            "spec": {"addresses": ["10.0.0.40-10.0.0.41"]},
        }))
        .run(60);
        bed
    }

    fn address(bed: &Bed) -> String {
        let service = bed.get("Service", "default", "edge");
        text(&service["status"]["loadBalancer"]["ingress"][0]["ip"]).to_owned()
    }

    fn announce(bed: &mut Bed) {
        bed.add(json!({
            "apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
            "metadata": {"name": "site", "namespace": NAMESPACE},
            "spec": {"ipAddressPools": ["site"]},
        }))
        .run(60);
    }

    #[test]
    fn a_service_gets_the_address_it_wishes_once_its_pool_is_announced() {
        let mut bed = bed("10.0.0.41");
        assert_eq!(address(&bed), "", "nobody announces the pool");
        let live = bed.get("Service", "default", "edge").clone();
        let wanted = Readiness::NotYet("it has no address yet".to_owned());
        assert_eq!(object(&reference(&live), Some(&live)), wanted);
        announce(&mut bed);
        assert_eq!(address(&bed), "10.0.0.41");
        assert_eq!(bed.events("IPAllocated"), ["Assigned IP [\"10.0.0.41\"]"]);
        let live = bed.get("Service", "default", "edge").clone();
        assert_eq!(object(&reference(&live), Some(&live)), Readiness::Ready);
        bed.settle();
    }

    #[test]
    fn an_address_outside_every_pool_is_not_given() {
        let mut bed = bed("10.0.0.42");
        announce(&mut bed);
        assert_eq!(address(&bed), "");
        bed.settle();
    }
}
