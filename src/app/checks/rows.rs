//! The results as rows: worst first; on a wide terminal a check that was made on several nodes is one row with a column for
//! each. Pure.

use crate::{
    app::App,
    check::{CheckId, CheckResult, Verdict, Waiver},
};

/// From so many columns on there is room for a column per node.
const WIDE: u16 = 110;

/// More nodes than this make columns too narrow to read.
const MOST: usize = 3;

/// One row: one result, or those of the same check on several nodes.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The results, in the order of the nodes.
    pub cells: Vec<&'a CheckResult>,
}

impl<'a> Row<'a> {
    /// The result that counts: the worst, and of equals the first.
    pub fn worst(&self, waivers: &[Waiver]) -> Option<&'a CheckResult> {
        let by_weight = |result: &&&CheckResult| weight(result, waivers);
        self.cells.iter().min_by_key(by_weight).copied()
    }

    /// Whether a result stands in it.
    pub fn holds(&self, id: &CheckId) -> bool {
        self.cells.iter().any(|result| result.id == *id)
    }

    /// Whether it is about several nodes.
    pub fn is_across(&self) -> bool {
        self.cells.len() > 1
    }
}

/// How far up a result stands: failures, warnings, what was accepted, what was not looked at, what is fine.
fn weight(result: &CheckResult, waivers: &[Waiver]) -> u8 {
    match &result.verdict {
        Verdict::Fail { .. } if waivers.iter().any(|waiver| waiver.id == result.id) => 2,
        Verdict::Fail { .. } => 0,
        Verdict::Warn { .. } => 1,
        Verdict::Skipped { .. } => 3,
        Verdict::Pass { .. } => 4,
    }
}

/// The nodes that have columns of their own; none where there is no room, or only one.
pub fn columns(app: &App) -> Vec<&str> {
    let mut places: Vec<&str> = Vec::new();
    for result in app.known.checks.iter().filter(|result| is_of_node(result)) {
        if !places.contains(&result.place.as_str()) {
            places.push(&result.place);
        }
    }
    if app.size.0 < WIDE || places.len() < 2 || places.len() > MOST {
        return Vec::new();
    }
    // The primary node first, as everywhere.
    let primary = app.known.draft.value("nodes.primary.name");
    places.sort_by_key(|place| *place != primary);
    places
}

/// A check of a node itself: its subject is the node.
fn is_of_node(result: &CheckResult) -> bool {
    !result.id.subject.is_empty() && result.id.subject == result.place
}

/// The rows in the order in which they are shown; among equals the families stay together.
pub fn rows(app: &App) -> Vec<Row<'_>> {
    let columns = columns(app);
    let mut rows: Vec<Row<'_>> = Vec::new();
    for result in &app.known.checks {
        let together = is_of_node(result) && !columns.is_empty();
        let same = |row: &&mut Row<'_>| {
            row.cells
                .first()
                .is_some_and(|first| first.id.code == result.id.code && is_of_node(first))
        };
        match rows.iter_mut().find(same).filter(|_| together) {
            Some(row) => row.cells.push(result),
            None => rows.push(Row {
                cells: vec![result],
            }),
        }
    }
    for row in &mut rows {
        row.cells
            .sort_by_key(|cell| columns.iter().position(|column| *column == cell.place));
    }
    let waivers = &app.known.waivers;
    rows.sort_by_key(|row| row.worst(waivers).map(|worst| weight(worst, waivers)));
    rows
}
