//! Draws the checks: failures first, the evidence beside each, the remedy below. Pure.

use ratatui::layout::Rect;

use super::{
    paint::{Paint, Strip},
    top, with_details,
};
use crate::{
    app::{
        App,
        checks::{self, Checks},
        words::{Tone, Words},
    },
    check::{CheckResult, Verdict},
};

/// Draws the screen.
pub fn draw(app: &App, state: &Checks, paint: &mut Paint<'_>, area: Rect) {
    let (head, rest) = top(area, 2);
    summary(app, paint, head);
    let (list, details) = with_details(paint, rest);
    let rows = checks::rows(&app.known.checks);
    if rows.is_empty() {
        let text = if app.known.checking {
            "The checks are running; each shows up here when it has an answer."
        } else {
            "No check has been run yet. R runs them all."
        };
        paint.paragraphs(list, &[Words::new(Tone::Dim, text)]);
        return;
    }
    let chosen = checks::chosen(state, &rows);
    let lines: Vec<Strip> = rows
        .iter()
        .map(|result| line(app, result, paint, list))
        .collect();
    paint.strips(list, chosen, &lines);
    if let Some(result) = rows.get(chosen) {
        paint.paragraphs(details, &checks::details(result, &app.known.waivers));
    }
}

fn summary(app: &App, paint: &mut Paint<'_>, area: Rect) {
    let results = &app.known.checks;
    let count = |wanted: u8| {
        results
            .iter()
            .filter(|result| checks::weight(&result.verdict) == wanted)
            .count()
    };
    let (failed, warned, skipped, passed) = (count(0), count(1), count(2), count(3));
    let part = |number: usize, tone: Tone| if number > 0 { tone } else { Tone::Dim };
    let strip = paint
        .strip(area)
        .put(
            &format!("{failed} fail"),
            paint.theme.tone(part(failed, Tone::Bad)),
        )
        .put(paint.theme.dot(), paint.theme.tone(Tone::Dim))
        .put(
            &format!("{warned} warn"),
            paint.theme.tone(part(warned, Tone::Warn)),
        )
        .put(paint.theme.dot(), paint.theme.tone(Tone::Dim))
        .put(
            &format!("{passed} ok"),
            paint.theme.tone(part(passed, Tone::Good)),
        )
        .put(paint.theme.dot(), paint.theme.tone(Tone::Dim))
        .put(
            &format!("{skipped} not looked at"),
            paint.theme.tone(Tone::Dim),
        );
    paint.line(area, 0, &strip);
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
    paint.text(area, 1, &text, paint.theme.tone(tone));
}

fn line(app: &App, result: &CheckResult, paint: &Paint<'_>, area: Rect) -> Strip {
    let waived = checks::waiver(&app.known.waivers, result).is_some();
    let (mark, word, tone, seen) = match &result.verdict {
        Verdict::Fail { seen, .. } if waived => ("--", "waived", Tone::Warn, seen),
        Verdict::Fail { seen, .. } => ("!!", "FAIL", Tone::Bad, seen),
        Verdict::Warn { seen, .. } => ("??", "warn", Tone::Warn, seen),
        Verdict::Pass { seen } => ("OK", "ok", Tone::Good, seen),
        Verdict::Skipped { reason } => ("--", "skipped", Tone::Dim, reason),
    };
    let subject = match (result.id.subject.as_str(), result.place.as_str()) {
        ("", "" | "this computer") => String::new(),
        ("", other) => format!(": {other}"),
        (subject, _) => format!(": {subject}"),
    };
    let title = usize::from(area.width).saturating_sub(3 + 8 + 8) / 2;
    paint
        .strip(area)
        .cell(3, mark, paint.theme.tone(tone))
        .cell(8, word, paint.theme.tone(tone))
        .cell(8, result.id.code.as_str(), paint.theme.tone(Tone::Dim))
        .cell(
            title.max(20),
            &format!("{}{subject}", result.title),
            paint.theme.tone(Tone::Plain),
        )
        .gap(1)
        .put(seen, paint.theme.tone(Tone::Dim))
}
