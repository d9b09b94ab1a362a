//! Names inside the cluster, and addresses that lead nowhere. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{Found, Link, SETTLING, some};
use crate::{
    problem::{Code, Problem},
    watch::{
        facts::{Facts, node_of, owner, unready_since},
        rows::pods::printed,
        snapshot::{Kind, items, label, made, name, namespace, number, text},
        view::Health,
    },
};

/// The label of the cluster's own name server.
const NAME_SERVER: (&str, &str) = ("k8s-app", "kube-dns");

/// Where it runs.
const SYSTEM: &str = "kube-system";

/// The controller that makes the endpoints of services that look for pods.
const SELECTED: &str = "endpointslice-controller.k8s.io";

/// Names in one cause.
const NAMES: usize = 4;

/// Findings about names, addresses and services.
pub fn findings(facts: &Facts<'_>) -> Vec<Found> {
    let mut found: Vec<Found> = names(facts).into_iter().collect();
    let behind = Behind::new(facts);
    for ingress in facts.snapshot.all(Kind::Ingress) {
        found.extend(unserved(ingress, facts));
        found.extend(leads_nowhere(ingress, &behind, facts));
    }
    found.extend(unused(&behind, facts));
    found
}

/// The cluster's name server, when none of its pods works.
fn names(facts: &Facts<'_>) -> Option<Found> {
    let pods: Vec<&Arc<Value>> = facts
        .pods_in(SYSTEM)
        .iter()
        .copied()
        .filter(|pod| label(pod, NAME_SERVER.0) == Some(NAME_SERVER.1))
        .collect();
    let first = pods.first()?;
    let since = pods.iter().filter_map(|pod| unready_since(pod)).max();
    let works = pods.iter().any(|pod| facts.serves(pod));
    if works || !facts.lasts(since, super::BRIEF) {
        return None;
    }
    let mut problem = Problem::new(
        Code::App02,
        "Names inside the cluster are not answered: its name server does not run.",
        "Look at the pods of CoreDNS in kube-system (press l for their log): kubectl -n kube-system get pods -l k8s-app=kube-dns -o wide.",
    );
    for pod in pods.iter().take(NAMES) {
        problem = problem.because(match facts.pod_lost(pod) {
            Some(_) => format!(
                "pod {} is on {}, which is not ready",
                name(pod),
                node_of(pod)
            ),
            None => format!("pod {} is {}", name(pod), printed(pod).status),
        });
    }
    let (kind, who) = owner(first);
    let about = format!("{kind} {SYSTEM}/{who}");
    let lost = pods.iter().filter(|pod| facts.pod_lost(pod).is_some());
    let found = Found::new(Health::Bad, about, since, problem)
        .tells(Link::Owner(SYSTEM.to_owned(), kind, who))
        .follows(lost.map(|pod| Link::Silent(node_of(pod).to_owned())));
    Some(found.short("names are not answered").ranked(1))
}

/// The class that an address names, when no entrance has it.
fn unserved(ingress: &Value, facts: &Facts<'_>) -> Option<Found> {
    let classes: Vec<String> = facts
        .snapshot
        .all(Kind::Class)
        .map(|class| name(class).to_owned())
        .collect();
    let wanted = text(ingress, "/spec/ingressClassName");
    // Without any class nothing is known of them; one without a name may have a default.
    if classes.is_empty() || wanted.is_empty() || classes.iter().any(|class| class == wanted) {
        return None;
    }
    let (place, who) = (namespace(ingress), name(ingress));
    let problem = Problem::new(
        Code::App04,
        format!("Nobody serves the address {}: no entrance has the class {wanted}.", hosts(ingress)),
        format!("Deploy again: it names the class and starts its entrance. An Ingress of your own: set spec.ingressClassName of {who} in {place} to one that is there."),
    )
    .because(format!("classes that are there: {}", some(&classes, NAMES)));
    let found = Found::new(
        Health::Bad,
        format!("Ingress {place}/{who}"),
        made(ingress),
        problem,
    );
    Some(
        found
            .within(place)
            .short(format!("{} is not served", hosts(ingress)))
            .ranked(1),
    )
}

fn hosts(ingress: &Value) -> String {
    let hosts: BTreeSet<&str> = items(ingress, "/spec/rules")
        .map(|rule| text(rule, "/host"))
        .collect();
    let hosts: Vec<String> = hosts
        .into_iter()
        .filter(|host| !host.is_empty())
        .map(str::to_owned)
        .collect();
    if hosts.is_empty() {
        return name(ingress).to_owned();
    }
    some(&hosts, NAMES)
}

/// The endpoints of each service.
struct Behind<'s> {
    services: BTreeMap<(&'s str, &'s str), Vec<&'s Value>>,
    /// Whether endpoints could be seen at all.
    known: bool,
}

impl<'s> Behind<'s> {
    fn new(facts: &Facts<'s>) -> Self {
        let mut services: BTreeMap<_, Vec<&Value>> = BTreeMap::new();
        let mut known = false;
        for slice in facts.snapshot.all(Kind::Endpoints) {
            known = true;
            if let Some(service) = label(slice, "kubernetes.io/service-name") {
                let slices = services.entry((namespace(slice), service)).or_default();
                slices.push(slice);
            }
        }
        Self { services, known }
    }

    fn ends(&self, place: &str, service: &str) -> Vec<&'s Value> {
        let slices = self.services.get(&(place, service)).into_iter().flatten();
        slices
            .flat_map(|slice| items(slice, "/endpoints"))
            .collect()
    }
}

fn takes_requests(end: &Value, facts: &Facts<'_>) -> bool {
    let node = text(end, "/nodeName");
    let said = end.pointer("/conditions/ready").and_then(Value::as_bool);
    said != Some(false) && (node.is_empty() || facts.lost(node).is_none())
}

/// A service behind an address to which no pod answers.
fn leads_nowhere(ingress: &Value, behind: &Behind<'_>, facts: &Facts<'_>) -> Option<Found> {
    let place = namespace(ingress);
    let service = backends(ingress).into_iter().find(|service| {
        let ends = behind.ends(place, service);
        behind.known && !ends.iter().any(|end| takes_requests(end, facts))
    })?;
    let why = Why::of(place, service, behind, facts)?;
    let late = why.since.or_else(|| made(ingress));
    if !facts.lasts(late, SETTLING) {
        return None;
    }
    let problem = Problem::new(
        Code::App03,
        format!("Nothing answers behind the address {}.", hosts(ingress)),
        why.remedy,
    )
    .because(why.cause);
    let about = format!("Ingress {place}/{}", name(ingress));
    let found = Found::new(Health::Bad, about, why.since, problem).follows(why.follows);
    Some(
        found
            .within(place)
            .short(format!("nothing answers at {}", hosts(ingress)))
            .ranked(4),
    )
}

/// The services that requests are handed to.
fn backends(ingress: &Value) -> BTreeSet<&str> {
    let paths = items(ingress, "/spec/rules").flat_map(|rule| items(rule, "/http/paths"));
    let mut all: BTreeSet<&str> = paths
        .map(|path| text(path, "/backend/service/name"))
        .collect();
    all.insert(text(ingress, "/spec/defaultBackend/service/name"));
    all.remove("");
    all
}

/// Why a service has no pod that takes requests.
struct Why {
    since: Option<jiff::Timestamp>,
    cause: String,
    remedy: String,
    follows: Vec<Link>,
}

impl Why {
    /// Nothing while pods are on their way: their own findings tell what keeps them.
    fn of(place: &str, service: &str, behind: &Behind<'_>, facts: &Facts<'_>) -> Option<Self> {
        let again = "Deploy again: it makes the service and its pods as they should be.".to_owned();
        if !behind.services.contains_key(&(place, service)) {
            return Some(Self {
                since: None,
                cause: format!("there is no service {service} in {place}"),
                remedy: again,
                follows: Vec::new(),
            });
        }
        let ends = behind.ends(place, service);
        let targets: BTreeSet<&str> = ends
            .iter()
            .map(|end| text(end, "/targetRef/name"))
            .collect();
        let pods: Vec<&Arc<Value>> = facts
            .pods_in(place)
            .iter()
            .copied()
            .filter(|pod| targets.contains(name(pod)))
            .collect();
        if !pods.is_empty() {
            return Some(Self::with_pods(&pods, service, facts));
        }
        Self::without_pods(place, service, facts, again)
    }

    fn with_pods(pods: &[&Arc<Value>], service: &str, facts: &Facts<'_>) -> Self {
        let lost = pods
            .iter()
            .find_map(|pod| facts.pod_lost(pod).map(|lost| (pod, lost)));
        let since = match lost {
            Some((_, lost)) => lost.since,
            None => pods.iter().filter_map(|pod| unready_since(pod)).max(),
        };
        let mut follows = Vec::new();
        for pod in pods {
            let (kind, who) = owner(pod);
            follows.push(Link::Owner(namespace(pod).to_owned(), kind, who));
            follows.extend(
                facts
                    .pod_lost(pod)
                    .map(|_| Link::Silent(node_of(pod).to_owned())),
            );
        }
        let names: Vec<String> = pods.iter().map(|pod| name(pod).to_owned()).collect();
        Self {
            since,
            cause: format!(
                "service {service} has no other pods than {}, and none is ready",
                some(&names, NAMES)
            ),
            remedy: "Look at these pods in the list of pods; e explains each.".to_owned(),
            follows,
        }
    }

    fn without_pods(place: &str, service: &str, facts: &Facts<'_>, again: String) -> Option<Self> {
        let (mut off, mut follows) = (Vec::new(), Vec::new());
        for kind in [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet] {
            for workload in facts
                .snapshot
                .all(kind)
                .filter(|one| namespace(one) == place)
            {
                let serving = facts
                    .selected(workload)
                    .iter()
                    .filter(|pod| facts.serves(pod))
                    .count();
                match number(workload, "/spec/replicas") {
                    Some(0) => off.push(format!("{} {}", kind.word(), name(workload))),
                    Some(_) if serving == 0 => return None,
                    _ => {}
                }
                follows.push(Link::Owner(
                    place.to_owned(),
                    kind.word().to_owned(),
                    name(workload).to_owned(),
                ));
            }
        }
        let (cause, remedy) = match off.first() {
            Some(first) => (
                format!(
                    "no pods are wished for: {} is set to 0 copies",
                    some(&off, NAMES)
                ),
                format!(
                    "If that is not wanted any more: kubectl -n {place} scale {} --replicas=1, or deploy again.",
                    first.to_lowercase().replacen(' ', "/", 1)
                ),
            ),
            None => (
                format!("no pod carries the labels that service {service} looks for"),
                again,
            ),
        };
        Some(Self {
            since: None,
            cause,
            remedy,
            follows,
        })
    }
}

/// Services without an address of their own that look for pods and find none.
fn unused(behind: &Behind<'_>, facts: &Facts<'_>) -> Vec<Found> {
    let addressed: BTreeSet<(&str, &str)> = facts
        .snapshot
        .all(Kind::Ingress)
        .flat_map(|ingress| {
            backends(ingress)
                .into_iter()
                .map(|service| (namespace(ingress), service))
        })
        .collect();
    let services = behind
        .services
        .iter()
        .filter(|(service, _)| !addressed.contains(*service));
    services
        .filter_map(|((place, service), slices)| {
            let selects = slices.iter().all(|slice| {
                label(slice, "endpointslice.kubernetes.io/managed-by") == Some(SELECTED)
                    && items(slice, "/endpoints").next().is_none()
            });
            let old = slices.iter().filter_map(|slice| made(slice)).max();
            // A database has services for copies that it may not have.
            let of_database = facts.snapshot.all(Kind::Cluster).any(|cluster| {
                namespace(cluster) == *place && service.starts_with(&format!("{}-r", name(cluster)))
            });
            if of_database
                || !selects
                || !facts.lasts(old, SETTLING)
                || !has_workloads(place, facts)
            {
                return None;
            }
            let why = Why::of(place, service, behind, facts)?;
            // Whoever set a program to 0 copies knows that its service is empty.
            if why.cause.starts_with("no pods are wished") {
                return None;
            }
            let problem = Problem::new(
                Code::App03,
                format!("The service {service} in {place} leads to no pod."),
                why.remedy,
            )
            .because(why.cause);
            let about = format!("Service {place}/{service}");
            let found = Found::new(Health::Warn, about, None, problem).follows(why.follows);
            Some(
                found
                    .within(place)
                    .short(format!("service {service} leads nowhere"))
                    .ranked(4),
            )
        })
        .collect()
}

fn has_workloads(place: &str, facts: &Facts<'_>) -> bool {
    [Kind::Deployment, Kind::StatefulSet]
        .into_iter()
        .any(|kind| facts.snapshot.all(kind).any(|one| namespace(one) == place))
}
