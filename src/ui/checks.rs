//! Draws the checks: failures first, the evidence beside each, the remedy below; on a wide terminal a column per node. Pure.

use ratatui::layout::Rect;

use super::{
    paint::{Paint, Strip},
    top, with_details,
};
use crate::{
    app::{
        App,
        checks::{self, Checks, Row},
        words::{Tone, Words},
    },
    check::{CheckResult, Verdict},
};

/// Columns of marks, verdicts and codes.
const MARK: usize = 3;
const WORD: usize = 8;
const CODE: usize = 8;

/// Draws the screen.
pub fn draw(app: &App, state: &Checks, paint: &mut Paint<'_>, area: Rect) {
    let (head, rest) = top(area, 1);
    summary(app, paint, head);
    let (list, details) = with_details(paint, rest);
    let rows = checks::rows(app);
    if rows.is_empty() {
        let text = if app.known.checking {
            "Each shows up here when it has an answer."
        } else {
            "No check has been run yet. R runs them all."
        };
        paint.paragraphs(list, &[Words::new(Tone::Dim, text)]);
        return;
    }
    let chosen = checks::chosen(state, &rows);
    let columns = checks::columns(app);
    let list = heading(paint, list, &columns);
    let lines: Vec<Strip> = rows
        .iter()
        .map(|row| line(app, row, &columns, (paint, list)))
        .collect();
    paint.strips(list, chosen, &lines);
    if let Some(row) = rows.get(chosen) {
        paint.paragraphs(details, &checks::story(row, &app.known.waivers));
    }
}

/// Whether anything holds the deploy back.
fn summary(app: &App, paint: &mut Paint<'_>, area: Rect) {
    let (text, tone) = match app.known.blocked() {
        None if app.known.checking => ("The checks are running.".to_owned(), Tone::Busy),
        None => (String::new(), Tone::Dim),
        Some(0) => (
            "Nothing holds the deploy back. p shows the plan.".to_owned(),
            Tone::Good,
        ),
        Some(1) => (
            "1 failure holds the deploy back: cure it and press r, or waive it (w).".to_owned(),
            Tone::Bad,
        ),
        Some(count) => (
            format!(
                "{count} failures hold the deploy back: cure them and press R, or waive them (w)."
            ),
            Tone::Bad,
        ),
    };
    paint.text(area, 0, &text, paint.theme.tone(tone));
}

/// Columns of a node, and of the title before it.
fn widths(area: Rect, nodes: usize) -> (usize, usize) {
    const NODE: usize = 10;
    let rest = usize::from(area.width).saturating_sub(MARK + WORD + CODE + NODE * nodes);
    (NODE, rest)
}

/// The names of the nodes above their columns; gives the room below.
fn heading(paint: &mut Paint<'_>, area: Rect, columns: &[&str]) -> Rect {
    if columns.is_empty() {
        return area;
    }
    let (head, rest) = top(area, 1);
    let (node, title) = widths(area, columns.len());
    let mut strip = paint.strip(head).gap(MARK + WORD + CODE + title);
    for column in columns {
        strip = strip.cell(node, column, paint.theme.tone(Tone::Dim));
    }
    paint.line(head, 0, &strip);
    rest
}

/// Mark, word and tone of a result.
fn verdict(app: &App, result: &CheckResult) -> (&'static str, &'static str, Tone) {
    if app.known.asked_again.contains(&result.id) {
        return ("..", "again", Tone::Busy);
    }
    match &result.verdict {
        Verdict::Fail { .. } if checks::waiver(&app.known.waivers, result).is_some() => {
            ("--", "waived", Tone::Warn)
        }
        Verdict::Fail { .. } => ("!!", "FAIL", Tone::Bad),
        Verdict::Warn { .. } => ("??", "WARN", Tone::Warn),
        Verdict::Pass { .. } => ("OK", "OK", Tone::Good),
        Verdict::Skipped { .. } => ("--", "skipped", Tone::Dim),
    }
}

fn line(app: &App, row: &Row<'_>, columns: &[&str], (paint, area): (&Paint<'_>, Rect)) -> Strip {
    let Some(worst) = row.worst(&app.known.waivers) else {
        return paint.strip(area);
    };
    let (mark, word, tone) = verdict(app, worst);
    let strip = paint.strip(area).cell(MARK, mark, paint.theme.tone(tone));
    let code = worst.id.code.as_str();
    if row.is_across() {
        let (node, title) = widths(area, columns.len());
        let mut strip = strip
            .cell(WORD, word, paint.theme.tone(tone))
            .cell(CODE, code, paint.theme.tone(Tone::Dim))
            .cell(title, &worst.title, paint.theme.tone(Tone::Plain));
        for column in columns {
            let cell = row.cells.iter().find(|cell| cell.place == *column);
            strip = match cell.map(|cell| verdict(app, cell)) {
                Some((_, word, tone)) => strip.cell(node, word, paint.theme.tone(tone)),
                None => strip.gap(node),
            };
        }
        return strip;
    }
    let seen = match &worst.verdict {
        Verdict::Fail { seen, .. } | Verdict::Warn { seen, .. } | Verdict::Pass { seen } => seen,
        Verdict::Skipped { reason } => reason,
    };
    let subject = match (worst.id.subject.as_str(), worst.place.as_str()) {
        ("", "" | "this computer") => String::new(),
        ("", other) => format!(": {other}"),
        (subject, _) => format!(": {subject}"),
    };
    let title = usize::from(area.width).saturating_sub(MARK + WORD + CODE) / 2;
    strip
        .cell(WORD, word, paint.theme.tone(tone))
        .cell(CODE, code, paint.theme.tone(Tone::Dim))
        .cell(
            title.max(20),
            &format!("{}{subject}", worst.title),
            paint.theme.tone(Tone::Plain),
        )
        .gap(1)
        .put(seen, paint.theme.tone(Tone::Dim))
}
