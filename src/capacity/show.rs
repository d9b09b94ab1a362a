//! The fit for people and for programs. Pure.

use serde_json::{Value, json};

use super::{Amount, Choice, Fit, Load};

/// The largest that are named one by one.
const LARGEST: usize = 8;

/// What the site asks for and how it fits, as a person reads it.
pub fn text(site: &str, (loads, fits): (&[Load], &[Fit]), choices: &[Choice]) -> String {
    let mut text = String::new();
    let rooms = rooms(fits);
    let nodes = rooms.len();
    let whole = whole(loads, &rooms);
    line(
        &mut text,
        &format!(
            "{site} asks for {} on {nodes} {}; what the cluster itself needs comes on top.",
            words(whole),
            if nodes == 1 { "node" } else { "nodes" }
        ),
    );
    for fit in fits {
        line(&mut text, "");
        line(&mut text, &head(fit));
        for node in &fit.nodes {
            let free = node.room.beyond(node.asked);
            line(
                &mut text,
                &format!(
                    "   {:<16} {} of {}; free {}",
                    node.name,
                    words(node.asked),
                    words(node.room),
                    words(free)
                ),
            );
        }
        named(&mut text, "finds no room", &fit.homeless);
        named(&mut text, "waits until the node is back", &fit.waiting);
    }
    line(&mut text, "");
    line(&mut text, "Largest");
    let mut sorted: Vec<&Load> = loads.iter().collect();
    sorted.sort_by_key(|load| std::cmp::Reverse(load.whole(&rooms).bytes));
    for load in sorted.iter().take(LARGEST) {
        line(
            &mut text,
            &format!("   {:<44} {}", load.name, words(load.whole(&rooms))),
        );
    }
    others(&mut text, choices);
    text
}

/// What another setting would ask for.
fn others(text: &mut String, choices: &[Choice]) {
    if !choices.is_empty() {
        line(text, "");
        line(text, "With another setting");
    }
    for choice in choices {
        let wrong: Vec<&Fit> = choice.fits.iter().filter(|fit| !fit.fits()).collect();
        let verdict = if wrong.is_empty() {
            "fits"
        } else {
            "does not fit"
        };
        line(
            text,
            &format!(
                "   {:<34} {} more; {verdict}",
                choice.setting,
                words(choice.more)
            ),
        );
        for fit in wrong {
            let when = fit.lost.as_ref().map_or_else(
                || "with all nodes".to_owned(),
                |lost| format!("without {lost}"),
            );
            line(
                text,
                &format!("      {when}: no room for {}", counted(&fit.homeless)),
            );
        }
    }
}

fn head(fit: &Fit) -> String {
    let verdict = if fit.fits() { "fits" } else { "DOES NOT FIT" };
    match &fit.lost {
        None => format!("All nodes: {verdict}."),
        Some(lost) => format!("Without {lost}: {verdict}."),
    }
}

fn named(text: &mut String, what: &str, names: &[String]) {
    if !names.is_empty() {
        line(text, &format!("   {what}: {}", counted(names)));
    }
}

/// Names, each once with how often it stands.
pub fn counted(names: &[String]) -> String {
    let mut told: Vec<(&String, usize)> = Vec::new();
    for name in names {
        match told.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => told.push((name, 1)),
        }
    }
    let told = told.into_iter().map(|(name, count)| match count {
        1 => name.clone(),
        count => format!("{name} ({count} times)"),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// What there is on each node while none is lost.
fn rooms(fits: &[Fit]) -> Vec<Amount> {
    let all = fits.first().map(|fit| fit.nodes.as_slice());
    all.unwrap_or_default()
        .iter()
        .map(|node| node.room)
        .collect()
}

/// What all of them ask for on nodes with these rooms.
pub fn whole(loads: &[Load], rooms: &[Amount]) -> Amount {
    let each = loads.iter().map(|load| load.whole(rooms));
    each.fold(Amount::default(), |sum, one| sum + one)
}

/// Such as `2.35 cores, 6.5 GiB`.
pub fn words(amount: Amount) -> String {
    let (cores, cents) = (amount.milli / 1_000, amount.milli % 1_000 / 10);
    let tenths = amount.bytes / (1024 * 1024 * 1024 / 10);
    format!(
        "{cores}.{cents:02} cores, {}.{} GiB",
        tenths / 10,
        tenths % 10
    )
}

fn line(text: &mut String, words: &str) {
    text.push_str(words);
    text.push('\n');
}

/// The same as one JSON value.
pub fn json(site: &str, (loads, fits): (&[Load], &[Fit]), choices: &[Choice]) -> Value {
    let rooms = rooms(fits);
    let loads: Vec<Value> = loads
        .iter()
        .map(|load| {
            json!({
                "name": load.name, "role": load.role, "bound": load.is_bound, "asks": load.asks,
                "cpu_percent": load.cpu_percent, "whole": load.whole(&rooms),
            })
        })
        .collect();
    json!({"event": "capacity", "site": site, "loads": loads, "fits": fits, "choices": choices})
}
