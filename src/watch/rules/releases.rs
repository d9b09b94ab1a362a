//! Helm releases that failed or were left half done. Pure.

use super::Found;
use crate::{
    problem::{Code, Problem},
    watch::{
        facts::Facts,
        rows,
        view::{Health, ReleaseRow},
    },
};

/// Findings about the newest revision of each release.
pub fn findings(facts: &Facts<'_>) -> Vec<Found> {
    rows::releases::rows(facts).iter().filter_map(one).collect()
}

fn one(row: &ReleaseRow) -> Option<Found> {
    let (place, who) = (&row.namespace, &row.name);
    let (code, what, remedy) = match row.health {
        Health::Bad => (
            Code::Helm03,
            format!(
                "The Helm release {who} failed at revision {}; what ran before may go on.",
                row.revision
            ),
            format!(
                "Deploy again: its step goes on from here, and its log holds helm's own words. helm -n {place} history {who} shows what was done."
            ),
        ),
        Health::Warn => (
            Code::Helm05,
            format!(
                "The Helm release {who} was left half done: {} at revision {}.",
                row.status, row.revision
            ),
            format!(
                "See whether a helm still works on it (ps aux | grep helm). If none does: helm -n {place} rollback {who}, then deploy again."
            ),
        ),
        _ => return None,
    };
    let mut problem = Problem::new(code, what, remedy);
    if let Some(said) = row
        .details
        .first()
        .filter(|said| !said.starts_with("revision "))
    {
        problem = problem.because(rows::pods::short(said));
    }
    let found = Found::new(
        Health::Warn,
        format!("Release {place}/{who}"),
        row.at,
        problem,
    );
    Some(
        found
            .within(place)
            .short(format!("release {who} is {}", row.status))
            .ranked(4),
    )
}
