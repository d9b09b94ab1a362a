//! What the site and each of its optional parts come to, in words. Pure.

use super::{Purpose, Wizard};
pub use crate::capacity::Costs;
use crate::{
    app::words::{Tone, Words, fit},
    capacity::{
        Amount,
        costs::{Part, misfits},
        show,
    },
    site::{Field, Group, SiteDraft},
};

/// A gibibyte.
const GIB: u64 = 1024 * 1024 * 1024;

/// Costs with the answers that they follow from.
pub type Known = (SiteDraft, Costs);

/// What a part asks for, such as `0.65 cores, 3.1 GiB of memory, volumes 60 GiB`.
pub fn price(part: &Part) -> String {
    let asks = format!("{} of memory", show::words(part.asks));
    match part.disk / GIB {
        0 => asks,
        disk => format!("{asks}, volumes {disk} GiB"),
    }
}

/// What stands beside a switch: what it would cost to switch it on, or what it takes.
pub fn beside(costs: Option<&Known>, draft: &SiteDraft, field: &Field) -> Option<String> {
    let (_, costs) = costs?;
    let mut parts = costs.parts.iter().filter(|part| part.field == field.id);
    let value = draft.value(field.id);
    if value != "off" {
        let part = costs.part(field.id, &value)?;
        return Some(format!("takes {}", short(part)));
    }
    let first = parts.next()?;
    Some(format!("+{}", short(first)))
}

/// Memory first: it runs out first.
fn short(part: &Part) -> String {
    let memory = memory(part.asks);
    match part.disk / GIB {
        0 => memory,
        disk => format!("{memory}, disk {disk} GiB"),
    }
}

fn memory(amount: Amount) -> String {
    let tenths = amount.bytes / (GIB / 10);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

fn cores(amount: Amount) -> String {
    format!("{}.{:02}", amount.milli / 1_000, amount.milli % 1_000 / 10)
}

/// What to know of a switch while it is chosen.
pub fn switch(costs: Option<&Known>, draft: &SiteDraft, field: &Field) -> Vec<Words> {
    let Some((_, costs)) = costs else {
        return Vec::new();
    };
    let value = draft.value(field.id);
    let parts: Vec<&Part> = costs
        .parts
        .iter()
        .filter(|part| part.field == field.id)
        .collect();
    let mut story = Vec::new();
    for part in &parts {
        if part.word == value {
            story.push(Words::new(Tone::Plain, format!("takes {}", price(part))));
        } else if value == "off" {
            let text = format!("{} adds {}", part.word, price(part));
            story.push(Words::new(Tone::Plain, text));
        }
        if let Some(misfit) = part.misfits.first() {
            story.push(Words::new(Tone::Warn, format!("?? then {misfit}")));
        }
    }
    story
}

/// What every optional part costs, the sums per node, and what does not fit.
pub fn bill(costs: &Costs) -> Vec<Words> {
    let mut story = vec![Words::new(
        Tone::Strong,
        format!(
            "{:<21}{:>6}{:>11}{:>11}",
            "Optional parts", "cores", "memory", "volumes"
        ),
    )];
    for part in &costs.parts {
        let mark = if part.is_chosen { "on" } else { "--" };
        let name = match part.word.as_str() {
            "on" => part.label.clone(),
            word => format!("{} {word}", part.label),
        };
        let sign = if part.is_chosen { "" } else { "+" };
        let disk = match part.disk / GIB {
            0 => "none".to_owned(),
            disk => format!("{sign}{disk} GiB"),
        };
        let tone = match (part.is_chosen, part.misfits.is_empty()) {
            (_, false) => Tone::Warn,
            (true, true) => Tone::Good,
            (false, true) => Tone::Plain,
        };
        let text = format!(
            "{mark} {:<18}{:>6}{:>11}{disk:>11}",
            fit(&name, 18, "~"),
            format!("{sign}{}", cores(part.asks)),
            format!("{sign}{}", memory(part.asks)),
        );
        story.push(Words::new(tone, text));
        for misfit in &part.misfits {
            let text = format!("then {misfit}");
            story.push(Words::new(Tone::Warn, text).moved(3));
        }
    }
    story.extend(sums(costs));
    story
}

/// What each node carries, and what happens to it when the other one is lost.
fn sums(costs: &Costs) -> Vec<Words> {
    let mut story = vec![Words::new(Tone::Strong, "The whole site")];
    for node in costs.fits.first().into_iter().flat_map(|fit| &fit.nodes) {
        let text = format!(
            "{:<14} {} of {} cores, {} of {}",
            node.name,
            cores(node.asked),
            cores(node.room),
            memory(node.asked),
            memory(node.room)
        );
        story.push(Words::new(Tone::Plain, text).moved(3));
    }
    let disk = format!(
        "{:<14} {} GiB together, every copy counted",
        "disks",
        costs.disk / GIB
    );
    story.push(Words::new(Tone::Plain, disk).moved(3));
    let wrong = misfits(&costs.fits);
    if wrong.is_empty() {
        let text = "It fits, also with any one node lost.";
        story.push(Words::new(Tone::Good, text));
    }
    for misfit in wrong {
        story.push(Words::new(Tone::Warn, format!("?? {misfit}")));
    }
    let nodes = "Nodes of the reference are meant: 8 cores and 32 GiB each; what the cluster itself needs comes on top.";
    story.push(Words::new(Tone::Dim, nodes));
    if costs.is_rough {
        let text = "Where answers are missing, examples stand in for them.";
        story.push(Words::new(Tone::Dim, text));
    }
    story
}

/// Everything on one page: the answers, the secrets as set or not, and what it comes to.
pub fn whole(state: &Wizard, costs: Option<&Known>) -> Vec<Words> {
    const LABEL: usize = 29;
    let mut story = Vec::new();
    for group in Group::ALL {
        story.push(Words::new(Tone::Strong, group.title()));
        for field in group.fields() {
            let (value, tone) = match field.secret() {
                Some(name) => match (state.secrets.fingerprint(name), state.purpose) {
                    (Some(print), _) => (format!("set, fingerprint {print}"), Tone::Plain),
                    (None, Purpose::Change) => ("kept in the vault".to_owned(), Tone::Dim),
                    (None, Purpose::New) => ("not set".to_owned(), Tone::Dim),
                },
                None if state.draft.get(field.id).is_empty() => {
                    (state.draft.value(field.id), Tone::Dim)
                }
                None => (state.draft.value(field.id), Tone::Plain),
            };
            let tone = match state.problem(field.id) {
                Some(_) => Tone::Bad,
                None => tone,
            };
            let text = format!("{:<LABEL$}{value}", field.label);
            story.push(Words::new(tone, text).moved(1).labelled(LABEL));
        }
    }
    if let Some((_, costs)) = costs {
        story.push(Words::empty());
        story.extend(bill(costs));
    }
    story
}
