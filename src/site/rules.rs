//! What fields must hold together: networks apart, names unique, hosts under the wildcard. Pure.

mod images;

use core::net::Ipv4Addr;

use crate::problem::{Code, Problem};

use super::{
    Field,
    draft::{FieldProblem, SiteDraft},
    entrance::AddressPool,
    kind::HOSTS,
    types::{Cidr, DataPath, Fqdn, FromLine, NodeName, Worker},
};

/// The bridge that a Docker installation takes for itself.
const DOCKER: &str = "172.17.0.0/16";

/// Each node gets a network of this length out of the pod network.
const POD_NET_PER_NODE: u8 = 24;

/// Everything that is wrong between fields. A field that is wrong by itself takes no part.
pub fn problems(draft: &SiteDraft) -> Vec<FieldProblem> {
    let nodes = nodes(draft);
    let mut found = Vec::new();
    not_yet(draft, &mut found);
    pool(draft, &nodes, &mut found);
    unique_nodes(&nodes, &mut found);
    networks(draft, &nodes, &mut found);
    room(draft, nodes.len(), &mut found);
    hosts(draft, &mut found);
    disks(draft, &mut found);
    mail(draft, &mut found);
    terminology(draft, &mut found);
    acme(draft, &mut found);
    images::problems(draft, &mut found);
    found
}

/// What is worth knowing.
pub fn warnings(draft: &SiteDraft) -> Vec<FieldProblem> {
    let mut found = Vec::new();
    if draft.value("cluster.version") == "1.34" {
        found.push((
            "cluster.version",
            Problem::new(
                Code::Site05,
                "Kubernetes 1.34 left support on 2026-10-27.",
                "Choose 1.36, unless the existing cluster still runs 1.34; then plan its upgrade.",
            )
            .because("security faults in it are no longer repaired"),
        ));
    }
    if draft.value("backups.endpoint").starts_with("http://") {
        found.push((
            "backups.endpoint",
            Problem::new(
                Code::Site06,
                "Backups go to their server unencrypted.",
                "Use an address that begins with https:// unless the server stands in the same room.",
            )
            .because("the address begins with http://"),
        ));
    }
    if draft.value("storage.replicas") == "1" {
        found.push((
            "storage.replicas",
            Problem::new(
                Code::Site07,
                "Every volume exists only once.",
                "Choose 2 copies, so that the loss of one machine loses no data.",
            )
            .because("`storage.replicas` is 1"),
        ));
    }
    found
}

/// A node with the fields that name it.
struct NodeEntry {
    name: Option<NodeName>,
    address: Option<Ipv4Addr>,
    name_field: &'static str,
    address_field: &'static str,
}

fn nodes(draft: &SiteDraft) -> Vec<NodeEntry> {
    let fixed = |name_field, address_field| NodeEntry {
        name: draft.read(name_field),
        address: draft.read(address_field),
        name_field,
        address_field,
    };
    let workers: Vec<Worker> = draft.read("nodes.workers").unwrap_or_default();
    [
        fixed("nodes.primary.name", "nodes.primary.address"),
        fixed("nodes.secondary.name", "nodes.secondary.address"),
    ]
    .into_iter()
    .chain(workers.into_iter().map(|worker| NodeEntry {
        name: Some(worker.name),
        address: Some(worker.address),
        name_field: "nodes.workers",
        address_field: "nodes.workers",
    }))
    .collect()
}

/// A clash between fields, told at the field that is asked later.
fn clash(id: &'static str, what: String, because: String, remedy: &str) -> FieldProblem {
    (
        id,
        Problem::new(Code::Site03, what, remedy).because(because),
    )
}

fn label(id: &str) -> &str {
    Field::find(id).map_or(id, |field| field.label)
}

fn not_yet(draft: &SiteDraft, found: &mut Vec<FieldProblem>) {
    let mut refuse =
        |id, what: &str, remedy: &str| found.push((id, Problem::new(Code::Site04, what, remedy)));
    if draft.value("cluster.origin").eq_ignore_ascii_case("new") {
        refuse(
            "cluster.origin",
            "This version cannot prepare new machines.",
            "Set up Kubernetes on the machines first, then choose `existing` for `cluster.origin` and give its kubeconfig.",
        );
    }
}

/// Addresses of their own: there must be some, and nothing else may have them.
fn pool(draft: &SiteDraft, nodes: &[NodeEntry], found: &mut Vec<FieldProblem>) {
    const ID: &str = "exposure.pool";
    if !draft.value("exposure.mode").eq_ignore_ascii_case("metallb") {
        return;
    }
    let Some(pool) = draft.read::<AddressPool>(ID) else {
        return;
    };
    let servers: Vec<Ipv4Addr> = draft.read("exposure.dns_servers").unwrap_or_default();
    let machines = nodes.iter().filter_map(|node| node.address);
    let mut held: Vec<Ipv4Addr> = machines.chain(servers).collect();
    held.retain(|address| pool.contains(*address));
    held.dedup();
    if !held.is_empty() {
        let held: Vec<String> = held.iter().map(ToString::to_string).collect();
        found.push(clash(
            ID,
            format!("The address pool {pool} holds addresses that are in use: {}.", held.join(", ")),
            "a service that has a machine's address can lock everybody out of that machine, SSH and Kubernetes included".into(),
            "Choose a range without the nodes and the DNS servers.",
        ));
    }
    for id in ["cluster.pod_cidr", "cluster.service_cidr"] {
        let Some(cidr) = draft.read::<Cidr>(id) else {
            continue;
        };
        let inside = cidr.contains(pool.private())
            || cidr.contains(pool.last())
            || pool.contains(cidr.net().network());
        if inside {
            found.push(clash(
                ID,
                format!(
                    "The address pool {pool} overlaps the {} {cidr}.",
                    label(id).to_lowercase()
                ),
                "nobody outside the cluster can reach an address of it".into(),
                "Choose a range of the network that the nodes are in.",
            ));
        }
    }
}

fn unique_nodes(nodes: &[NodeEntry], found: &mut Vec<FieldProblem>) {
    for (index, node) in nodes.iter().enumerate() {
        for earlier in nodes.iter().take(index) {
            if let Some(name) = node
                .name
                .as_ref()
                .filter(|name| earlier.name.as_ref() == Some(name))
            {
                found.push(clash(
                    node.name_field,
                    format!("Two nodes have the name `{name}`."),
                    "the cluster tells its nodes apart by their names".into(),
                    "Give each node a name of its own.",
                ));
            }
            if let Some(address) = node
                .address
                .filter(|address| earlier.address == Some(*address))
            {
                found.push(clash(
                    node.address_field,
                    format!("Two nodes have the address {address}."),
                    "an address belongs to one machine".into(),
                    "Give the address of each machine.",
                ));
            }
        }
    }
}

fn networks(draft: &SiteDraft, nodes: &[NodeEntry], found: &mut Vec<FieldProblem>) {
    const REMEDY: &str = "Choose a private network that nothing in the hospital uses, such as 10.244.0.0/16 for pods and 10.96.0.0/16 for services.";
    let inside: [(&str, Option<Cidr>); 2] = [
        ("cluster.pod_cidr", draft.read("cluster.pod_cidr")),
        ("cluster.service_cidr", draft.read("cluster.service_cidr")),
    ];
    if let [(_, Some(pods)), (id, Some(services))] = inside
        && pods.overlaps(&services)
    {
        found.push(clash(
            id,
            format!("The service network {services} overlaps the pod network {pods}."),
            "an address could then mean a pod or a service".into(),
            REMEDY,
        ));
    }
    for (id, cidr) in inside {
        let Some(cidr) = cidr else { continue };
        if Cidr::from_line(DOCKER).is_ok_and(|docker| docker.overlaps(&cidr)) {
            found.push(clash(
                id,
                format!(
                    "{} {cidr} overlaps Docker's own network {DOCKER}.",
                    label(id)
                ),
                "a machine with Docker sends these addresses to its own bridge".into(),
                REMEDY,
            ));
        }
        let servers: Vec<Ipv4Addr> = draft.read("exposure.dns_servers").unwrap_or_default();
        let machines = nodes.iter().filter_map(|node| node.address);
        let mut held: Vec<Ipv4Addr> = machines.chain(servers).collect();
        held.retain(|address| cidr.contains(*address));
        held.dedup();
        if !held.is_empty() {
            let held: Vec<String> = held.iter().map(ToString::to_string).collect();
            found.push(clash(
                id,
                format!(
                    "{} {cidr} holds addresses that are in use: {}.",
                    label(id),
                    held.join(", ")
                ),
                "these nodes or DNS servers could then not be reached from the cluster".into(),
                REMEDY,
            ));
        }
    }
}

/// Whether there is room: a pod network for each node, and a node for each copy of a volume.
fn room(draft: &SiteDraft, nodes: usize, found: &mut Vec<FieldProblem>) {
    if let Some(pods) = draft.read::<Cidr>("cluster.pod_cidr") {
        let spare = POD_NET_PER_NODE.saturating_sub(pods.net().prefix_len());
        if pods.net().prefix_len() > POD_NET_PER_NODE || (nodes as u64) > 1_u64 << spare {
            found.push(clash(
                "cluster.pod_cidr",
                format!("The pod network {pods} is too small for {nodes} nodes."),
                format!("each node takes a network of length /{POD_NET_PER_NODE} out of it"),
                "Choose a network of length /16, such as 10.244.0.0/16.",
            ));
        }
    }
    if let Some(services) = draft.read::<Cidr>("cluster.service_cidr")
        && !(12..=24).contains(&services.net().prefix_len())
    {
        found.push(clash(
            "cluster.service_cidr",
            format!("The service network {services} does not have a length from /12 to /24."),
            "Kubernetes takes no larger one, and a smaller one is used up by the site's own services".into(),
            "Choose a network of length /16, such as 10.96.0.0/16.",
        ));
    }
    if let Ok(replicas) = draft.value("storage.replicas").parse::<usize>()
        && (1..=3).contains(&replicas)
        && replicas > nodes
    {
        found.push(clash(
            "storage.replicas",
            format!("There are {nodes} nodes for {replicas} copies of every volume."),
            "each copy is kept on a node of its own".into(),
            "Choose as many copies as there are nodes at most, or add a node to `nodes.workers`.",
        ));
    }
}

fn hosts(draft: &SiteDraft, found: &mut Vec<FieldProblem>) {
    let base: Option<Fqdn> = draft.read("domains.base");
    let mut seen: Vec<Fqdn> = Vec::new();
    for id in HOSTS
        .iter()
        .filter_map(|short| Field::find(&format!("domains.{short}")))
        .map(|field| field.id)
    {
        let Some(host) = draft.read::<Fqdn>(id) else {
            continue;
        };
        if let Some(base) = &base
            && host
                .as_str()
                .split_once('.')
                .is_none_or(|(_, rest)| rest != base.as_str())
        {
            found.push(clash(
                id,
                format!(
                    "{} `{host}` does not lie exactly one level under `{base}`.",
                    label(id)
                ),
                format!("the wildcard *.{base} covers one more label in front and nothing else"),
                "Choose a name of one label in front of the base domain, or change `domains.base`.",
            ));
        }
        if seen.contains(&host) {
            found.push(clash(
                id,
                format!("The name `{host}` is used twice."),
                "each service needs a name of its own".into(),
                "Choose another name for one of the two.",
            ));
        }
        seen.push(host);
    }
}

fn disks(draft: &SiteDraft, found: &mut Vec<FieldProblem>) {
    for (ssd, hdd) in [
        ("nodes.primary.ssd_path", "nodes.primary.hdd_path"),
        ("nodes.secondary.ssd_path", "nodes.secondary.hdd_path"),
    ] {
        let (Some(fast), Some(large)) = (draft.read::<DataPath>(ssd), draft.read::<DataPath>(hdd))
        else {
            continue;
        };
        let within = |outer: &DataPath, inner: &DataPath| {
            inner
                .as_str()
                .strip_prefix(outer.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if within(&fast, &large) || within(&large, &fast) {
            found.push(clash(
                hdd,
                format!("The folders `{fast}` and `{large}` lie in each other."),
                "both disks would count the same space, and fill up before their limit".into(),
                "Give two separate folders, best on two separate disks.",
            ));
        }
    }
}

fn mail(draft: &SiteDraft, found: &mut Vec<FieldProblem>) {
    let given = |id: &str| !draft.get(id).is_empty();
    if given("care.email_host") && !given("care.email_from") {
        found.push(clash(
            "care.email_from",
            "Mail sender (`care.email_from`) is missing.".into(),
            "a mail server is given, and it refuses mail without a sender".into(),
            "Give the sender, for example `care@hospital.org`, or leave `care.email_host` empty.",
        ));
    }
    if given("care.email_user") && !given("care.email_host") {
        found.push(clash(
            "care.email_user",
            "A mail user is given and no mail server.".into(),
            "`care.email_host` is empty".into(),
            "Give the mail server, or leave `care.email_user` empty.",
        ));
    }
}

fn terminology(draft: &SiteDraft, found: &mut Vec<FieldProblem>) {
    let chosen = ["lite", "full"].contains(&draft.value("components.snowstorm").as_str());
    if chosen && draft.get("components.snomed_file").is_empty() {
        found.push(clash(
            "components.snomed_file",
            "SNOMED CT release (`components.snomed_file`) is missing.".into(),
            "Snowstorm is chosen, and it has nothing to serve without a release".into(),
            "Give the file's name, for example `SnomedCT_InternationalRF2_PRODUCTION_20261101T120000Z.zip`, or set `components.snowstorm` to off.",
        ));
    }
}

fn acme(draft: &SiteDraft, found: &mut Vec<FieldProblem>) {
    if !draft
        .value("certificate.source")
        .eq_ignore_ascii_case("acme")
    {
        return;
    }
    let server = draft.value("certificate.acme_server");
    if !server.starts_with("https://") {
        found.push(clash(
            "certificate.acme_server",
            format!("The authority (`certificate.acme_server`) cannot be `{server}`."),
            "an authority is asked over https only".into(),
            "Write it like `https://acme-v02.api.letsencrypt.org/directory`.",
        ));
    }
    let provider = draft.value("certificate.dns_provider").to_lowercase();
    if provider == "rfc2136" && draft.value("certificate.dns_server").is_empty() {
        found.push(clash(
            "certificate.dns_server",
            "Name server for updates (`certificate.dns_server`) is missing.".into(),
            "`certificate.dns_provider` is rfc2136, which sends updates to a name server".into(),
            "Give its address and port, for example `192.168.20.1:53`.",
        ));
    }
    let needs = matches!(provider.as_str(), "route53" | "rfc2136");
    if needs && draft.value("certificate.dns_account").is_empty() {
        found.push(clash(
            "certificate.dns_account",
            "Account at the DNS provider (`certificate.dns_account`) is missing.".into(),
            format!("`certificate.dns_provider` is {provider}, which knows its keys by name"),
            "Give the id of the access key (route53) or the name of the TSIG key (rfc2136).",
        ));
    }
}
