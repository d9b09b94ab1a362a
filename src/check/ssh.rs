//! Asks every node's SSH port who answers.

use std::time::Instant;

use futures::{StreamExt as _, stream};

use super::{
    Asked,
    judge::ssh::{Node, judge},
    list,
    run::{About, Desk},
};
use crate::{site::Nodes, sys::ssh};

/// Nodes that are asked at a time.
const AT_ONCE: usize = 16;

/// Where SSH answers on further nodes, whose port is not asked.
const USUAL_PORT: u16 = 22;

/// Every node with its SSH port.
fn nodes(nodes: &Nodes) -> Vec<Node> {
    let fixed = [
        (&nodes.primary, "nodes.primary.ssh_port"),
        (&nodes.secondary, "nodes.secondary.ssh_port"),
    ];
    let fixed = fixed.into_iter().map(|(node, field)| Node {
        name: node.name.to_string(),
        address: node.address.to_string(),
        port: node.ssh_port,
        port_field: Some(field),
    });
    let workers = nodes.workers.iter().map(|worker| Node {
        name: worker.name.to_string(),
        address: worker.address.to_string(),
        port: USUAL_PORT,
        port_field: None,
    });
    fixed.chain(workers).collect()
}

/// Checks the family.
pub async fn run(asked: Asked, desk: Desk) {
    if !desk.wants(&[&list::SSH]) {
        return;
    }
    let one = async |node: Node| {
        let began = Instant::now();
        let banner = ssh::banner(&node.address, node.port, &asked.routes).await;
        let verdict = judge(&node, &banner);
        desk.tell(&list::SSH, About::node(&node.name, began), verdict)
            .await;
    };
    stream::iter(nodes(&asked.site.nodes))
        .for_each_concurrent(AT_ONCE, one)
        .await;
}
