//! Draws a log: the newest lines at the bottom, or wherever one has scrolled. Pure.

use ratatui::layout::Rect;

use super::{
    paint::{Paint, Strip},
    top,
};
use crate::app::{
    App,
    logs::{
        self, Logs, Shown, Source, Which,
        clean::clean,
        store::MOST_BYTES,
        wish::{Range, Reading, Stage},
    },
    words::{Tone, counted},
};

/// Draws the screen.
pub fn draw(app: &App, state: &Logs, paint: &mut Paint<'_>, area: Rect) {
    let text = logs::text(&app.known, &state.source);
    let shown = Shown::of(&text, state);
    let (head, body) = top(area, 1);
    let height = usize::from(body.height);
    let end = shown.end(state.bottom, height);
    let first = end.saturating_sub(height);
    let reading = match state.source {
        Source::Pod { .. } => Some(&app.known.log),
        Source::Step(_) => None,
    };
    let of = reading.map_or_else(String::new, what);
    let filter = filter_words(state);
    let strip = paint
        .strip(head)
        .put(&filter, paint.theme.tone(Tone::Busy))
        .put(&of, paint.theme.tone(Tone::Strong))
        .put(
            &place(state, (first, end, shown.len())),
            paint.theme.tone(Tone::Dim),
        );
    paint.line(head, 0, &strip);
    if let Some(trouble) = reading.and_then(|reading| reading.trouble.as_ref()) {
        if shown.is_empty() {
            let story = crate::app::story::problem(trouble);
            paint.paragraphs(body, &story);
            return;
        }
        let strip = paint
            .strip(head)
            .put("NOT HEARD: ", paint.theme.tone(Tone::Bad))
            .put(&trouble.what, paint.theme.tone(Tone::Bad));
        paint.line(head, 0, &strip);
    }
    if shown.is_empty() {
        let waits = reading.is_some_and(|reading| reading.stage == Stage::Asked);
        let text = match (waits, state.filter.is_empty()) {
            (true, _) => "Reading the log...",
            (false, false) => "No line holds this text. Esc shows all.",
            (false, true) => "Nothing has been written yet.",
        };
        paint.text(body, 0, text, paint.theme.tone(Tone::Dim));
        return;
    }
    let columns = state.across + usize::from(body.width) + 1;
    for (row, at) in (0..body.height).zip(first..end) {
        let line = text.line(shown.number(at)).unwrap_or_default();
        let line: String = clean(line, columns).chars().skip(state.across).collect();
        let strip = marked(&line, &state.filter.text(), paint, body);
        paint.line(body, row, &strip);
    }
}

/// Which part of which log it is; nothing where it is the usual one.
fn what(reading: &Reading) -> String {
    let wish = &reading.wish;
    let mut words = Vec::new();
    if wish.pods.len() > 1 {
        words.push(counted(wish.pods.len(), "pod"));
    }
    if let Some(container) = &wish.container {
        words.push(format!("container {container}"));
    } else if reading.containers.len() > 1 {
        words.push(counted(reading.containers.len(), "container"));
    }
    if wish.previous {
        words.push("before the last restart".to_owned());
    }
    if wish.range != Range::All {
        words.push(wish.range.words());
    }
    match reading.stage {
        Stage::Over => words.push("ended".to_owned()),
        Stage::Reads if wish.whole => words.push("reading".to_owned()),
        Stage::Asked | Stage::Reads | Stage::Follows => {}
    }
    if reading.store.bytes() >= MOST_BYTES {
        words.push("older lines were let go".to_owned());
    }
    if words.is_empty() {
        return String::new();
    }
    format!("{}  ", words.join(", "))
}

fn place(state: &Logs, (first, end, count): (usize, usize, usize)) -> String {
    match (count, state.bottom) {
        (0, _) => "no lines yet".to_owned(),
        (count, None) => format!("{}, at the newest", counted(count, "line")),
        (count, Some(_)) => format!("lines {} to {end} of {count}", first + 1),
    }
}

fn filter_words(state: &Logs) -> String {
    let found = state.search.as_ref().map_or_else(String::new, |search| {
        let count = search.found().len();
        if search.goes_on() {
            format!(" ({count} so far, {} %)", search.percent())
        } else {
            format!(" ({count} found)")
        }
    });
    let word = match state.lines {
        Which::All => "search",
        Which::Found => "only",
    };
    match (state.typing, state.filter.is_empty()) {
        (true, _) => format!("{word}: {}_{found}  ", state.filter.text()),
        (false, false) => format!("{word}: {}{found}  ", state.filter.text()),
        (false, true) => String::new(),
    }
}

/// A line, with the places where the text was found.
fn marked(line: &str, wanted: &str, paint: &Paint<'_>, area: Rect) -> Strip {
    let style = paint.theme.tone(tone(line));
    let strip = paint.strip(area);
    // Other letters change their length with their case: their places are not marked.
    if wanted.is_empty() || !line.is_ascii() || !wanted.is_ascii() {
        return strip.put(line, style);
    }
    let (low, wanted) = (line.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    let mut strip = strip;
    let mut at = 0;
    for (begin, hit) in low.match_indices(&wanted) {
        let end = begin + hit.len();
        strip = strip
            .put(line.get(at..begin).unwrap_or_default(), style)
            .put(
                line.get(begin..end).unwrap_or_default(),
                paint.theme.chosen(),
            );
        at = end;
    }
    strip.put(line.get(at..).unwrap_or_default(), style)
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
