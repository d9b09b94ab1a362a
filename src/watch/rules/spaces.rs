//! Namespaces that were asked to end and do not. Pure.

use std::time::Duration;

use serde_json::Value;

use super::Found;
use crate::{
    problem::{Code, Problem},
    watch::{
        facts::Facts,
        rows::pods::short,
        snapshot::{Kind, items, leaving, name, text, time},
        view::Health,
    },
};

/// A namespace with much in it takes a while to end.
const ENDING: Duration = Duration::from_mins(5);

/// Findings about all namespaces.
pub fn findings(facts: &Facts<'_>) -> Vec<Found> {
    let all = facts.snapshot.all(Kind::Space);
    all.filter(|space| leaving(space))
        .filter_map(|space| stuck(space, facts))
        .collect()
}

fn stuck(space: &Value, facts: &Facts<'_>) -> Option<Found> {
    let since = time(space, "/metadata/deletionTimestamp");
    if !facts.lasts(since, ENDING) {
        return None;
    }
    let who = name(space);
    let mut problem = Problem::new(
        Code::App05,
        format!("The namespace {who} was asked to end and is still there."),
        format!(
            "Start the operator of what is left in it again, so that it can tidy up. kubectl get namespace {who} -o yaml names what is left."
        ),
    );
    let said = items(space, "/status/conditions").filter(|one| {
        text(one, "/status") == "True" && text(one, "/type") != "NamespaceDeletionContentFailure"
    });
    for condition in said {
        problem = problem.because(short(text(condition, "/message")));
    }
    let found = Found::new(Health::Warn, format!("Namespace {who}"), since, problem);
    Some(
        found
            .within(who)
            .short(format!("namespace {who} does not end"))
            .ranked(2),
    )
}
