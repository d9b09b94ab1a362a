//! Draws the first screen. Pure.

use ratatui::layout::Rect;

use super::{
    paint::{Paint, Strip},
    top,
};
use crate::app::{
    App,
    welcome::{self, Row, Welcome},
    words::Tone,
};

/// Draws the screen.
pub fn draw(app: &App, state: &Welcome, paint: &mut Paint<'_>, area: Rect) {
    let (head, rest) = top(area, 4);
    paint.text(
        head,
        1,
        "Care for one hospital, on machines of its own.",
        paint.theme.tone(Tone::Strong),
    );
    paint.text(
        head,
        3,
        "What would you like to do?",
        paint.theme.tone(Tone::Plain),
    );
    let (list, foot) = top(rest, rest.height.saturating_sub(2));
    let rows = welcome::rows(app);
    let lines: Vec<Strip> = rows
        .iter()
        .map(|row| {
            let (label, hint) = words(app, row);
            paint
                .strip(list)
                .gap(2)
                .cell(30, &label, paint.theme.tone(Tone::Strong))
                .put(&hint, paint.theme.tone(Tone::Dim))
        })
        .collect();
    paint.strips(list, state.chosen, &lines);
    paint.text(
        foot,
        0,
        "Nothing is changed on any machine before you have seen the plan",
        paint.theme.tone(Tone::Dim),
    );
    paint.text(foot, 1, "and said yes.", paint.theme.tone(Tone::Dim));
}

fn words(app: &App, row: &Row) -> (String, String) {
    match row {
        Row::Open(index) => app
            .known
            .sites
            .get(*index)
            .map(|site| {
                // A run that was stopped is gone on with.
                let verb = if site.state.starts_with("stopped") {
                    "Continue with"
                } else {
                    "Open"
                };
                (format!("{verb} {}", site.name), site.state.clone())
            })
            .unwrap_or_default(),
        Row::New if !app.known.begun.is_empty() => (
            "Go on with the new site".to_owned(),
            "the questions are not finished".to_owned(),
        ),
        Row::New => (
            "Set up a new site".to_owned(),
            "about 15 minutes of questions".to_owned(),
        ),
        Row::Import => (
            "Import settings from a file".to_owned(),
            "a site.yaml or a variables.tfvars".to_owned(),
        ),
        Row::Rehearse => (
            "Rehearse".to_owned(),
            "on a practice cluster in this program".to_owned(),
        ),
    }
}
