//! Draws the questions: groups at the left, fields, and help for the one that is typed. Pure.

use ratatui::layout::Rect;

use super::{
    left,
    paint::{Paint, Strip},
    top,
};
use crate::{
    app::{
        App, list, story,
        wizard::{Purpose, Standing, Wizard},
        words::{Tone, Words},
    },
    site::{Field, Group, Kind},
};

/// Columns of the groups.
const GROUPS: u16 = 17;

/// Draws the screen.
pub fn draw(app: &App, state: &Wizard, paint: &mut Paint<'_>, area: Rect) {
    let help_rows = (area.height / 3).clamp(4, 8);
    let (main, rest) = top(area, area.height.saturating_sub(help_rows + 1));
    let (line, help) = top(rest, 1);
    let (side, fields) = left(main, GROUPS);
    let (edge, fields) = left(fields, 2);
    groups(state, paint, side);
    paint.upright(edge);
    match state.group() {
        Some(group) => page(app, state, group, paint, fields),
        None => review(state, paint, fields),
    }
    paint.divide(line);
    paint.paragraphs(help, &advice(state));
}

fn groups(state: &Wizard, paint: &mut Paint<'_>, area: Rect) {
    let mut lines: Vec<Strip> = Vec::new();
    for group in Group::ALL {
        let (mark, tone, count) = match state.standing(group) {
            Standing::Good => ("OK", Tone::Good, String::new()),
            Standing::Open(count) => ("..", Tone::Dim, count.to_string()),
            Standing::Wrong(count) => ("!!", Tone::Bad, count.to_string()),
        };
        lines.push(
            paint
                .strip(area)
                .cell(3, mark, paint.theme.tone(tone))
                .cell(11, group.title(), paint.theme.tone(Tone::Plain))
                .number(2, &count, paint.theme.tone(tone)),
        );
    }
    let tone = if state.problems.is_empty() {
        Tone::Good
    } else {
        Tone::Dim
    };
    lines.push(
        paint
            .strip(area)
            .gap(3)
            .put("Review", paint.theme.tone(tone)),
    );
    paint.strips(area, state.page, &lines);
}

/// Columns of a field's label.
fn label_columns(area: Rect) -> usize {
    usize::from(area.width / 2).min(26)
}

fn page(app: &App, state: &Wizard, group: Group, paint: &mut Paint<'_>, area: Rect) {
    let fields: Vec<&Field> = group.fields().collect();
    let height = usize::from(area.height);
    let first = list::top(state.field, fields.len(), height);
    for (row, (index, field)) in (0..area.height).zip(fields.iter().enumerate().skip(first)) {
        let focused = index == state.field;
        let wrong = state.shows_problem(field);
        let mark = match (focused, wrong) {
            (_, true) => "!!",
            (true, false) => "> ",
            (false, false) => "  ",
        };
        let tone = if wrong { Tone::Bad } else { Tone::Plain };
        let label = if focused { Tone::Strong } else { tone };
        let columns = label_columns(area);
        let strip = paint
            .strip(area)
            .cell(3, mark, paint.theme.tone(tone))
            .cell(columns, field.label, paint.theme.tone(label))
            .gap(1);
        let used = u16::try_from(columns + 4).unwrap_or(area.width);
        paint.line(area, row, &strip);
        let (_, value) = left(area, used);
        if focused {
            typed(state, field, paint, value, row);
        } else {
            let (text, preset) = state.shown(field);
            let tone = if preset { Tone::Dim } else { tone };
            paint.text(value, row, &text, paint.theme.tone(tone));
        }
    }
    let free = height.saturating_sub(fields.len() - first);
    let (_, rest) = top(area, u16::try_from(height - free).unwrap_or(area.height));
    probes(app, &fields, paint, rest);
}

/// The line that is typed, with the preset in grey while it is empty.
fn typed(state: &Wizard, field: &Field, paint: &mut Paint<'_>, area: Rect, row: u16) {
    let hidden = field.secret().is_some() && !state.reveal;
    paint.entry(area, row, &state.entry, hidden);
    if state.entry.is_empty() {
        let (text, _) = state.shown(field);
        let (_, after) = left(area, 1);
        paint.text(after, row, &text, paint.theme.tone(Tone::Dim));
    } else if let Kind::Choice(_) = field.kind {
        let (_, after) = left(area, u16::try_from(state.entry.len() + 2).unwrap_or(0));
        paint.text(after, row, "Left/Right", paint.theme.tone(Tone::Dim));
    }
}

/// What was seen about the answers of this page.
fn probes(app: &App, fields: &[&Field], paint: &mut Paint<'_>, area: Rect) {
    let seen = app
        .known
        .probes
        .iter()
        .filter(|probe| fields.iter().any(|field| field.id == probe.field));
    for (row, probe) in (1..area.height).zip(seen) {
        let (mark, text, tone) = match &probe.seen {
            Ok(text) => ("OK", text, Tone::Good),
            Err(text) => ("!!", text, Tone::Bad),
        };
        let strip = paint
            .strip(area)
            .cell(3, mark, paint.theme.tone(tone))
            .put(text, paint.theme.tone(Tone::Plain));
        paint.line(area, row, &strip);
    }
}

fn review(state: &Wizard, paint: &mut Paint<'_>, area: Rect) {
    let fields = state.fields();
    if fields.is_empty() {
        let next = match state.purpose {
            Purpose::New => {
                "Ctrl-D makes the site: its vault gets a passphrase, then the checks begin."
            }
            Purpose::Change => "Ctrl-D keeps the changes and goes on to the checks.",
        };
        let mut body = vec![
            Words::new(Tone::Good, "Every answer can be used."),
            Words::new(Tone::Plain, next),
        ];
        for (_, warning) in state.draft.warnings() {
            body.push(Words::empty());
            body.extend(story::problem(&warning).into_iter().map(|words| Words {
                tone: if words.tone == Tone::Bad {
                    Tone::Warn
                } else {
                    words.tone
                },
                ..words
            }));
        }
        paint.paragraphs(area, &body);
        return;
    }
    let (head, rest) = top(area, 1);
    paint.text(
        head,
        0,
        "Missing or wrong; Enter goes there.",
        paint.theme.tone(Tone::Strong),
    );
    let lines: Vec<Strip> = fields
        .iter()
        .map(|field| {
            paint
                .strip(rest)
                .cell(3, "!!", paint.theme.tone(Tone::Bad))
                .cell(12, field.group.title(), paint.theme.tone(Tone::Dim))
                .put(field.label, paint.theme.tone(Tone::Plain))
        })
        .collect();
    paint.strips(rest, state.field, &lines);
}

/// What to know about the field: first what is wrong, then why it is asked.
fn advice(state: &Wizard) -> Vec<Words> {
    let Some(field) = state.focus() else {
        return Vec::new();
    };
    let mut body = Vec::new();
    if state.shows_problem(field)
        && let Some(problem) = state.problem(field.id)
    {
        body.extend(story::problem(problem));
        if problem.remedy.contains(field.why) {
            return body;
        }
    }
    body.push(Words::new(Tone::Plain, field.why));
    body.push(Words::new(Tone::Dim, format!("Example: {}", field.example)));
    body
}
