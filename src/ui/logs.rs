//! Draws a log: the newest lines at the bottom, or wherever one has scrolled. Pure.

use ratatui::layout::Rect;

use super::{paint::Paint, top};
use crate::app::{
    App,
    logs::{self, Logs, Source},
    words::{Tone, counted},
};

/// Draws the screen.
pub fn draw(app: &App, state: &Logs, paint: &mut Paint<'_>, area: Rect) {
    let lines = logs::lines(app, state);
    let (head, body) = top(area, 1);
    let height = usize::from(body.height);
    let above = state.above.min(lines.len().saturating_sub(height));
    let end = lines.len() - above;
    let first = end.saturating_sub(height);
    let place = match (lines.len(), above) {
        (0, _) => "no lines yet".to_owned(),
        (count, 0) => format!("{}, at the newest", counted(count, "line")),
        (count, _) => format!("lines {} to {end} of {count}", first + 1),
    };
    let filter = filter_words(state);
    let strip = paint
        .strip(head)
        .put(&filter, paint.theme.tone(Tone::Busy))
        .put(&place, paint.theme.tone(Tone::Dim));
    paint.line(head, 0, &strip);
    if lines.is_empty() {
        let waits = matches!(state.source, Source::Pod { .. }) && app.known.log.lines.is_none();
        let text = match (waits, state.filter.is_empty()) {
            (true, _) => "Reading the log...",
            (false, false) => "No line holds this text. Esc shows all.",
            (false, true) => "Nothing has been written yet.",
        };
        paint.text(body, 0, text, paint.theme.tone(Tone::Dim));
        return;
    }
    for (row, line) in (0..body.height).zip(lines.iter().take(end).skip(first)) {
        let style = paint.theme.tone(tone(line));
        paint.text(body, row, line, style);
    }
}

fn filter_words(state: &Logs) -> String {
    match (state.typing, state.filter.is_empty()) {
        (true, _) => format!("filter: {}_  ", state.filter.text()),
        (false, false) => format!("filter: {}  ", state.filter.text()),
        (false, true) => String::new(),
    }
}

/// Lines that tell of trouble stand out.
fn tone(line: &str) -> Tone {
    let line = line.to_lowercase();
    let holds = |words: &[&str]| words.iter().any(|word| line.contains(word));
    if holds(&["error", "fatal", "panic", "refused", "failed"]) {
        Tone::Bad
    } else if holds(&["warn"]) {
        Tone::Warn
    } else {
        Tone::Plain
    }
}
