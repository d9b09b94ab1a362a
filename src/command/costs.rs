//! What the answers of the wizard come to, also while some are missing: plans of what would be, added up. It asks nobody.

use crate::{
    capacity::{
        self, Amount, Costs, Node,
        costs::{Part, misfits},
        show,
    },
    catalog::Catalog,
    plan::{self, Plan},
    site::{FIELDS, Field, Group, Kind, SecretName, Secrets, Site, SiteDraft, sample},
};

/// How often an answer may make another one wrong.
const ROUNDS: usize = 4;

/// What the answers come to; nothing when they contradict each other so that no site can be thought of.
pub fn costs(draft: &SiteDraft) -> Option<Costs> {
    let secrets = placeholders();
    let catalog = Catalog::load().ok()?;
    let site = completed(draft)?;
    let plan_of = |draft: &SiteDraft| -> Option<Plan> {
        let site = Site::try_from(&completed(draft)?).ok()?;
        plan::build(&site, &secrets, &catalog).ok()
    };
    let nodes = [
        Node::reference(&site.value("nodes.primary.name"), "primary"),
        Node::reference(&site.value("nodes.secondary.name"), "secondary"),
    ];
    let plan = plan_of(&site)?;
    let now = capacity::loads(&plan);
    let volumes = disk(&plan, &site);
    let rooms = nodes.clone().map(|node| node.room);
    let whole = show::whole(&now, &rooms);
    let mut parts = Vec::new();
    for (field, word) in options() {
        let is_chosen = site.value(field.id) == word;
        let mut other = site.clone();
        other.set(field.id, if is_chosen { "off" } else { word });
        // What cannot be combined with the other answers has no price.
        let Some(plan) = plan_of(&other) else {
            continue;
        };
        let loads = capacity::loads(&plan);
        let changed = show::whole(&loads, &rooms);
        let (with, without): (Amount, Amount) = if is_chosen {
            (whole, changed)
        } else {
            (changed, whole)
        };
        parts.push(Part {
            field: field.id.to_owned(),
            label: field.label.to_owned(),
            word: word.to_owned(),
            is_chosen,
            asks: with.beyond(without),
            disk: volumes.abs_diff(disk(&plan, &other)),
            misfits: if is_chosen {
                Vec::new()
            } else {
                misfits(&capacity::fits(&loads, &nodes))
            },
        });
    }
    Some(Costs {
        fits: capacity::fits(&now, &nodes),
        disk: volumes,
        parts,
        is_rough: !draft.problems().is_empty(),
    })
}

/// Every word that brings an optional part.
fn options() -> impl Iterator<Item = (&'static Field, &'static str)> {
    FIELDS
        .iter()
        .filter(|field| field.group == Group::Components)
        .flat_map(|field| match field.kind {
            Kind::Choice(words) => words
                .iter()
                .filter(|word| **word != "off")
                .map(|word| (field, *word))
                .collect(),
            _ => Vec::new(),
        })
}

/// What the volumes of a plan take from all disks together.
fn disk(plan: &Plan, draft: &SiteDraft) -> u64 {
    let copies: u64 = draft.value("storage.replicas").parse().unwrap_or(1);
    copies * capacity::cost::cost(&plan.steps, capacity::cost::nodes(plan)).disk
}

/// The same answers with examples where answers are missing or wrong. Where even those contradict the others, only what the
/// costs follow from is taken: the parts and the storage.
fn completed(draft: &SiteDraft) -> Option<SiteDraft> {
    let mut practice = sample();
    for field in FIELDS {
        let counts = matches!(field.group, Group::Components | Group::Storage);
        if counts && draft.check(field.id).is_none() {
            practice.set(field.id, draft.get(field.id));
        }
    }
    mended(draft.clone()).or_else(|| mended(practice))
}

fn mended(mut draft: SiteDraft) -> Option<SiteDraft> {
    for _ in 0..ROUNDS {
        let wrong: Vec<&str> = draft.problems().iter().map(|(id, _)| *id).collect();
        if wrong.is_empty() {
            return Some(draft);
        }
        for field in wrong.into_iter().filter_map(Field::find) {
            // An example that does not help either gives way to what holds when nothing is typed.
            let text = if draft.get(field.id) == field.example {
                ""
            } else {
                field.example
            };
            draft.set(field.id, text);
        }
    }
    None
}

/// Secrets of the right kinds that open nothing: the sum of a plan does not depend on them.
fn placeholders() -> Secrets {
    let mut secrets = Secrets::new();
    for name in SecretName::ALL {
        secrets.set(*name, format!("stands-for-{name}-and-opens-nothing").into());
    }
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mebibyte.
    const MIB: u64 = 1024 * 1024;

    #[test]
    fn every_part_has_its_price_before_the_first_answer_is_given() {
        let costs = costs(&SiteDraft::new()).unwrap();
        assert!(costs.is_rough);
        let names: Vec<(&str, &str)> = costs
            .parts
            .iter()
            .map(|part| (part.field.as_str(), part.word.as_str()))
            .collect();
        assert_eq!(names.len(), options().count(), "{names:?}");
        for part in &costs.parts {
            assert!(part.asks.bytes > 0, "{part:?}");
            assert!(!part.is_chosen);
        }
        let monitoring = costs.part("components.monitoring", "on").unwrap();
        // 20 GiB of measurements, 10 GiB of logs, 2 GiB of dashboards and 1 GiB of alerts, two copies each.
        assert_eq!(monitoring.disk, 66 * 1024 * MIB);
        assert_eq!(costs.part("components.metrics", "on").unwrap().disk, 0);
        // Two instances of 50 GiB and 200 GiB of files, two copies each.
        assert_eq!(costs.disk, 600 * 1024 * MIB);
    }

    #[test]
    fn what_is_switched_on_costs_what_it_was_said_to_cost() {
        let mut draft = sample();
        let before = costs(&draft).unwrap();
        assert!(!before.is_rough);
        draft.set("components.opensearch", "on");
        let after = costs(&draft).unwrap();
        let (said, is) = (
            before.part("components.opensearch", "on").unwrap(),
            after.part("components.opensearch", "on").unwrap(),
        );
        assert!(is.is_chosen);
        assert_eq!((said.asks, said.disk), (is.asks, is.disk));
        let sum = |costs: &Costs| -> u64 {
            let nodes = &costs.fits.first().unwrap().nodes;
            nodes.iter().map(|node| node.asked.bytes).sum()
        };
        assert_eq!(sum(&after) - sum(&before), is.asks.bytes);
        assert_eq!(after.disk - before.disk, is.disk);
    }

    #[test]
    fn answers_that_are_wrong_or_half_typed_do_not_hide_the_prices() {
        let mut draft = sample();
        for (id, text) in [
            ("domains.base", "care..org"),
            ("nodes.secondary.address", "10.0.0.11"),
            ("cluster.pod_cidr", "10.96.0.0/12"),
            ("storage.replicas", "9"),
        ] {
            draft.set(id, text);
        }
        assert!(costs(&draft).is_some_and(|costs| costs.is_rough));
    }
}
