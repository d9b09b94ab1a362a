//! How the clinical services are: each is as well as the worst of what carries it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    facts::Facts,
    rules::{Area, Found},
    snapshot::{Kind, namespace},
    view::{Health, ServiceRow},
};
use crate::{
    catalog::{self, Catalog, ComponentFile},
    plan::{Database, Service},
};

/// A workload that carries a component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Carrier {
    kind: String,
    namespace: String,
    name: String,
}

/// A component with its service and what carries it.
#[derive(Clone, Debug)]
struct Part {
    id: String,
    title: String,
    service: Service,
    carriers: BTreeSet<Carrier>,
    /// A site may do without it: then nobody misses it.
    optional: bool,
    /// The components that it needs, also by way of those that only make something in another one.
    needs: BTreeSet<String>,
    /// Whether others live on its data.
    holds: bool,
}

impl Part {
    /// Whether the finding is about one of its workloads.
    fn is_carried_by(&self, found: &Found) -> bool {
        let Area::Namespace(place) = &found.area else {
            return false;
        };
        let (kind, name) = &found.owner;
        self.carriers.iter().any(|carrier| {
            // A restore makes the next incarnation of the database under a name of its own.
            let next = || {
                let rest = name.strip_prefix(carrier.name.as_str());
                kind == "Cluster" && rest.is_some_and(|rest| rest.starts_with("-g"))
            };
            carrier.kind == *kind
                && carrier.namespace == *place
                && (carrier.name == *name || next())
        })
    }
}

/// Which objects carry which service, from the catalogue.
#[derive(Clone, Debug, Default)]
pub struct Carriers {
    parts: Vec<Part>,
    namespaces: BTreeMap<String, BTreeSet<u8>>,
}

/// A service's place in [`Service::ALL`].
fn place(service: Service) -> u8 {
    let at = Service::ALL.iter().position(|one| *one == service);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

impl Carriers {
    /// Reads them from the catalogue: workloads of its charts, and those that its templates name.
    pub fn of(catalog: &Catalog) -> Self {
        let parts: Vec<Part> = catalog
            .components
            .iter()
            .map(|component| part(component, catalog))
            .filter(|part| !part.carriers.is_empty())
            .collect();
        let mut namespaces: BTreeMap<String, BTreeSet<u8>> = BTreeMap::new();
        for part in &parts {
            for carrier in &part.carriers {
                let services = namespaces.entry(carrier.namespace.clone()).or_default();
                services.insert(place(part.service));
            }
        }
        Self { parts, namespaces }
    }

    /// The clinical services that live in a namespace; the platform is none.
    pub fn clinical(&self, namespace: &str) -> Vec<Service> {
        let services = Service::ALL
            .into_iter()
            .filter(|service| *service != Service::Platform);
        let here = self.namespaces.get(namespace);
        services
            .filter(|service| here.is_some_and(|here| here.contains(&place(*service))))
            .collect()
    }

    /// The services that a workload carries: by the catalogue, else all clinical ones of its namespace.
    pub fn carried_by(&self, (kind, name): &(String, String), namespace: &str) -> Vec<Service> {
        let next = |carrier: &Carrier| {
            // A restore makes the next incarnation of the database under a name of its own.
            kind == "Cluster" && name.starts_with(&format!("{}-g", carrier.name))
        };
        let mine = |carrier: &Carrier| {
            carrier.kind == *kind
                && carrier.namespace == namespace
                && (carrier.name == *name || next(carrier))
        };
        let found: BTreeSet<u8> = self
            .parts
            .iter()
            .filter(|part| part.carriers.iter().any(mine))
            .map(|part| place(part.service))
            .collect();
        if found.is_empty() {
            return self.clinical(namespace);
        }
        let services = Service::ALL.into_iter();
        services
            .filter(|service| found.contains(&place(*service)))
            .collect()
    }

    /// The services of which something is there.
    pub fn installed(&self, facts: &Facts<'_>) -> Vec<Service> {
        let services = Service::ALL.into_iter();
        services
            .filter(|service| {
                let mut parts = self.parts.iter().filter(|part| part.service == *service);
                parts.any(|part| there(part, facts))
            })
            .collect()
    }

    /// The row of every service, in their order.
    pub fn rows(&self, facts: &Facts<'_>, found: &[Found]) -> Vec<ServiceRow> {
        Service::ALL
            .into_iter()
            .map(|service| self.row(service, facts, found))
            .collect()
    }

    fn row(&self, service: Service, facts: &Facts<'_>, found: &[Found]) -> ServiceRow {
        let parts: Vec<&Part> = self
            .parts
            .iter()
            .filter(|part| part.service == service)
            .filter(|part| !part.optional || there(part, facts))
            .collect();
        let missing: Vec<&&Part> = parts.iter().filter(|part| !there(part, facts)).collect();
        let row = |health, note: String| ServiceRow {
            service,
            health,
            note,
        };
        // Of those that are equally bad the first is told: a cause comes before what follows from it.
        let mine = |found: &&Found| {
            self.concerns(found, service) || parts.iter().any(|part| self.is_without(part, found))
        };
        let worst = found
            .iter()
            .rev()
            .filter(mine)
            .max_by_key(|found| found.finding.health);
        if missing.len() == parts.len() {
            return row(Health::Unknown, "not installed".to_owned());
        }
        match (worst, missing.first()) {
            (Some(found), _) => row(found.finding.health, found.short.clone()),
            (None, Some(part)) => row(Health::Unknown, format!("{} is not installed", part.title)),
            (None, None) => match self.coming(service, facts) {
                Some(note) => row(Health::Busy, note),
                None => row(Health::Good, String::new()),
            },
        }
    }

    fn concerns(&self, found: &Found, service: Service) -> bool {
        let here = |space: &String| {
            self.namespaces
                .get(space)
                .is_some_and(|services| services.contains(&place(service)))
        };
        if found.finding.health == Health::Bad && found.touches.iter().any(here) {
            return true;
        }
        match &found.area {
            Area::Platform => service == Service::Platform,
            Area::Namespace(namespace) => match self.namespaces.get(namespace) {
                Some(services) => services.contains(&place(service)),
                // Kubernetes' own pods carry everything; other namespaces are not ours to judge.
                None => service == Service::Platform && namespace.starts_with("kube-"),
            },
        }
    }

    /// The services that a finding concerns: where it is, and those that cannot do without it.
    pub fn concerned(&self, found: &Found, facts: &Facts<'_>) -> Vec<Service> {
        let services = Service::ALL.into_iter();
        services
            .filter(|service| {
                let mut parts = self.parts.iter().filter(|part| part.service == *service);
                let touched = found.touches.iter().any(|space| {
                    let services = self.namespaces.get(space);
                    services.is_some_and(|services| services.contains(&place(*service)))
                });
                touched
                    || self.concerns(found, *service)
                    || parts.any(|part| there(part, facts) && self.is_without(part, found))
            })
            .collect()
    }

    /// Whether the database that the part needs is down.
    fn is_without(&self, part: &Part, found: &Found) -> bool {
        let down = found.finding.health == Health::Bad && found.owner.0 == "Cluster";
        down && self
            .holders(found)
            .any(|data| part.needs.contains(&data.id))
    }

    /// Whether one finding is about what needs the data of that which the other is about.
    pub fn stands_on(&self, effect: &Found, cause: &Found) -> bool {
        let needy = self.about(effect);
        // A set beside a Deployment of the same component holds its data.
        let beside = cause.owner.0 == "StatefulSet" && effect.owner.0 != "StatefulSet";
        self.holders(cause).any(|data| {
            needy
                .iter()
                .any(|part| part.needs.contains(&data.id) || (beside && part.id == data.id))
        })
    }

    /// The components that a finding is about: by the workload, else all that live in its namespace.
    fn about(&self, found: &Found) -> Vec<&Part> {
        let carried = |part: &&Part| part.is_carried_by(found);
        let known: Vec<&Part> = self.parts.iter().filter(carried).collect();
        match &found.area {
            Area::Namespace(place) if known.is_empty() => {
                let here = |part: &&Part| part.carriers.iter().any(|one| one.namespace == *place);
                self.parts.iter().filter(here).collect()
            }
            _ => known,
        }
    }

    /// Whether the finding is about what holds data of others.
    pub fn hold_data(&self, found: &Found) -> bool {
        self.holders(found).next().is_some()
    }

    /// The components that hold data of others and are carried by what the finding is about.
    fn holders<'c>(&'c self, found: &'c Found) -> impl Iterator<Item = &'c Part> {
        let parts = self.parts.iter();
        parts.filter(|part| part.holds && part.is_carried_by(found))
    }

    /// A workload of the service that has no pod ready yet, and nothing is wrong with it so far.
    fn coming(&self, service: Service, facts: &Facts<'_>) -> Option<String> {
        let parts = || self.parts.iter().filter(|part| part.service == service);
        for (kind, word) in WORKLOADS {
            let carriers = parts().flat_map(|part| &part.carriers);
            let mine: BTreeSet<(&str, &str)> = carriers
                .filter(|carrier| carrier.kind == word)
                .map(|carrier| (carrier.namespace.as_str(), carrier.name.as_str()))
                .collect();
            let there = mine
                .into_iter()
                .filter_map(|(place, name)| facts.snapshot.get(kind, place, name));
            for workload in there {
                let none_wished = super::snapshot::number(workload, "/spec/replicas") == Some(0);
                if !none_wished && !facts.selected(workload).iter().any(|pod| facts.serves(pod)) {
                    return Some(format!("{} is starting", super::snapshot::name(workload)));
                }
            }
        }
        None
    }
}

const WORKLOADS: [(Kind, &str); 3] = [
    (Kind::Deployment, "Deployment"),
    (Kind::StatefulSet, "StatefulSet"),
    (Kind::DaemonSet, "DaemonSet"),
];

/// Whether any of its carriers exists.
fn there(part: &Part, facts: &Facts<'_>) -> bool {
    part.carriers.iter().any(|carrier| {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.word() == carrier.kind);
        kind.is_some_and(|kind| {
            let known = facts.snapshot.get(kind, &carrier.namespace, &carrier.name);
            known.is_some() || (kind == Kind::Cluster && has_next(carrier, facts))
        })
    })
}

/// Whether a restore has made the next incarnation of a database, under a name of its own.
fn has_next(carrier: &Carrier, facts: &Facts<'_>) -> bool {
    let next = format!("{}-g", carrier.name);
    let mut all = facts.snapshot.all(Kind::Cluster);
    all.any(|cluster| {
        let name = super::snapshot::name(cluster);
        namespace(cluster) == carrier.namespace && name.starts_with(&next)
    })
}

/// What a component needs; one without workloads, such as the databases of the programs, stands for what it needs itself.
fn needs(component: &ComponentFile, catalog: &Catalog) -> BTreeSet<String> {
    let mut needs = BTreeSet::new();
    for id in &component.needs {
        needs.insert(id.clone());
        let needed = catalog.components.iter().find(|one| one.id == *id);
        if let Some(needed) = needed.filter(|one| carriers(one).is_empty()) {
            needs.extend(needed.needs.iter().cloned());
        }
    }
    needs
}

fn part(component: &ComponentFile, catalog: &Catalog) -> Part {
    Part {
        id: component.id.clone(),
        title: component.title.clone(),
        service: component.service,
        carriers: carriers(component),
        optional: component.when.is_some(),
        needs: needs(component, catalog),
        holds: component.stage == "data" && component.service != Service::Platform,
    }
}

fn carriers(component: &ComponentFile) -> BTreeSet<Carrier> {
    let mut carriers = BTreeSet::new();
    for step in &component.steps {
        if let Some(helm) = &step.helm {
            for workload in &helm.workloads {
                carriers.insert(Carrier {
                    kind: workload.kind.clone(),
                    namespace: workload
                        .namespace
                        .clone()
                        .unwrap_or_else(|| helm.namespace.clone()),
                    name: workload.name.clone(),
                });
            }
        }
        for template in step.apply.iter().flatten() {
            carriers.extend(named(catalog::template(template).unwrap_or_default()));
        }
    }
    carriers
}

/// The workloads that a template names in plain text, without rendering it: kind, name and namespace of each object.
fn named(template: &str) -> Vec<Carrier> {
    let field = |object: &str, start: &str| {
        object
            .lines()
            .find_map(|line| line.strip_prefix(start))
            .map(|value| {
                value
                    .trim()
                    .replace("{{ database.cluster }}", &Database::first().cluster())
            })
            .filter(|value| !value.contains("{{"))
    };
    template
        .split("\n---")
        .filter_map(|object| {
            let kind = field(object, "kind: ")?;
            let carries =
                ["Deployment", "StatefulSet", "DaemonSet", "Cluster"].contains(&kind.as_str());
            carries.then_some(Carrier {
                kind,
                namespace: field(object, "  namespace: ")?,
                name: field(object, "  name: ")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_of_the_catalogue_has_objects_that_carry_it() {
        let catalog = Catalog::load().unwrap();
        let carriers = Carriers::of(&catalog);
        for component in &catalog.components {
            let part = carriers
                .parts
                .iter()
                .find(|part| part.title == component.title);
            // These send settings, definitions, secrets, databases, jobs and requests only.
            let silent = [
                "namespaces",
                "monitoring-crds",
                "certificate",
                "acme",
                "databases",
                "images",
                "smoke",
            ];
            assert_eq!(
                part.is_none(),
                silent.contains(&&*component.id),
                "{}",
                component.id
            );
        }
        let services = |namespace: &str| {
            let places = carriers.namespaces.get(namespace).unwrap();
            places
                .iter()
                .map(|at| Service::ALL[usize::from(*at)])
                .collect::<Vec<_>>()
        };
        assert_eq!(services("database"), [Service::Records]);
        assert_eq!(services("care-be"), [Service::Records]);
        assert_eq!(services("care-fe"), [Service::Records]);
        assert_eq!(services("rustfs"), [Service::Files]);
        assert_eq!(services("longhorn-system"), [Service::Platform]);
    }

    #[test]
    fn a_template_names_its_workloads_without_being_rendered() {
        let text = "{#- x -#}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n  namespace: n\nspec:\n---\nkind: Service\nmetadata:\n  name: b\n  namespace: n\n---\nkind: Deployment\nmetadata:\n  name: c-{{ x }}\n  namespace: n\n";
        let names: Vec<String> = named(text).into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["a"]);
    }
}
