//! Events of all objects, newest first. Pure.

use std::cmp::Reverse;

use serde_json::Value;

use super::pods::{short, when};
use crate::watch::{
    facts::Facts,
    snapshot::{Kind, name, namespace, number, text},
    view::{EventRow, Health},
};

/// Events that are shown; the API server forgets them after an hour anyway.
const MOST: usize = 1000;

/// The rows.
pub fn rows(facts: &Facts<'_>) -> Vec<EventRow> {
    let events = facts.snapshot.all(Kind::Event);
    let mut newest: Vec<_> = events.map(|event| (Reverse(when(event)), event)).collect();
    newest.sort_by_key(|(at, _)| *at);
    let shown = newest.into_iter().take(MOST);
    shown.map(|(_, event)| row(event)).collect()
}

fn row(event: &Value) -> EventRow {
    let about = format!(
        "{} {}",
        text(event, "/involvedObject/kind"),
        text(event, "/involvedObject/name")
    );
    EventRow {
        namespace: namespace(event).to_owned(),
        name: name(event).to_owned(),
        about,
        reason: text(event, "/reason").to_owned(),
        message: short(text(event, "/message")),
        health: if text(event, "/type") == "Warning" {
            Health::Warn
        } else {
            Health::Good
        },
        times: number(event, "/series/count")
            .or_else(|| number(event, "/count"))
            .unwrap_or(1)
            .max(1),
        at: when(event),
    }
}
