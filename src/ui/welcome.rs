//! Draws the first screen. Pure.

use ratatui::layout::Rect;

use super::{
    paint::{Paint, Strip},
    top,
};
use crate::app::{
    App,
    welcome::{self, Welcome},
    words::{Tone, Words, width},
};

/// From so many rows on there is room for more than the list.
const TALL: u16 = 16;

/// Rows for what the chosen row does.
const SENTENCE: u16 = 3;
const SHORT: u16 = 2;

/// Columns of the names, at least and at most.
const LABEL: usize = 25;
const WIDEST: usize = 44;

const PROMISE: &str =
    "Nothing is changed on any machine before you have seen the plan and said yes.";
const SHORTER: &str = "Nothing changes before you have seen the plan and agreed.";

/// Draws the screen.
pub fn draw(app: &App, state: &Welcome, paint: &mut Paint<'_>, area: Rect) {
    let tall = area.height >= TALL;
    let (head, rest) = top(area, if tall { 4 } else { 1 });
    if tall {
        let what = "Care for one hospital, on machines of its own.";
        paint.text(head, 1, what, paint.theme.tone(Tone::Strong));
    }
    let row = if tall { 3 } else { 0 };
    let question = "What would you like to do?";
    paint.text(head, row, question, paint.theme.tone(Tone::Plain));
    let rows = welcome::rows(app);
    let said: Vec<_> = rows.iter().map(|row| welcome::said(app, row)).collect();
    let longest = said.iter().map(|said| width(&said.label)).max();
    let label = longest.map_or(LABEL, |longest| {
        (longest + 2).clamp(LABEL, WIDEST.min(usize::from(area.width) / 2))
    });
    let (sentence, promise) = if tall { (SENTENCE, 2) } else { (SHORT, 0) };
    let room = rest.height.saturating_sub(1 + sentence + promise);
    let long = u16::try_from(rows.len()).unwrap_or(room).min(room);
    let (list, below) = top(rest, long);
    let lines: Vec<Strip> = rows
        .iter()
        .zip(&said)
        .map(|(row, said)| {
            let name = if welcome::barred(app, row).is_some() {
                Tone::Dim
            } else {
                Tone::Strong
            };
            paint
                .strip(list)
                .gap(2)
                .cell(label.saturating_sub(2), &said.label, paint.theme.tone(name))
                .gap(2)
                .put(&said.hint, paint.theme.tone(Tone::Dim))
        })
        .collect();
    paint.strips(list, state.chosen, &lines);
    let (_, below) = top(below, 1);
    let (told, rest) = top(below, sentence);
    if let Some((row, said)) = rows.get(state.chosen).zip(said.get(state.chosen)) {
        let tone = if welcome::barred(app, row).is_some() {
            Tone::Warn
        } else {
            Tone::Plain
        };
        paint.paragraphs(told, &[Words::new(tone, said.whole.as_str())]);
    }
    let promise = if width(PROMISE) <= usize::from(rest.width) {
        PROMISE
    } else {
        SHORTER
    };
    paint.text(rest, 1, promise, paint.theme.tone(Tone::Dim));
}
