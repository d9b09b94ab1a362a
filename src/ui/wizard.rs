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
        wizard::{Purpose, Standing, Wizard, bill, note},
        words::{Tone, Words, width},
    },
    problem::Code,
    site::{Field, Group, Kind},
};

/// Columns of the groups.
const GROUPS: u16 = 17;

/// Rows under the field that is typed, so that nothing below it moves while it is looked at.
const NOTE: usize = 3;

/// The same on a low terminal.
const SHORT_NOTE: usize = 2;

/// From so many rows on there is room for the longer one.
const ROOMY: usize = 10;

/// Columns of a value on a terminal that is wide enough to show more beside it.
const VALUE: usize = 40;

/// Draws the screen.
pub fn draw(app: &App, state: &Wizard, paint: &mut Paint<'_>, area: Rect) {
    let advice = advice(state);
    // The review needs no help beside it, unless something is wrong.
    let help_rows = if advice.is_empty() {
        0
    } else {
        (area.height / 4).clamp(4, 8) + 1
    };
    let (main, rest) = top(area, area.height.saturating_sub(help_rows));
    let (line, help) = top(rest, 1);
    let (side, fields) = left(main, GROUPS);
    let (edge, fields) = left(fields, 2);
    groups(state, paint, side);
    paint.upright(edge);
    match state.group() {
        Some(group) => page(app, state, group, paint, fields),
        None => review(app, state, paint, fields),
    }
    if !advice.is_empty() {
        paint.divide(line);
        paint.paragraphs(help, &advice);
    }
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
    let fields: Vec<&'static Field> = group.fields().collect();
    let height = usize::from(area.height);
    // The field that is typed and its note are one block, which is always in sight.
    let note = fields.get(state.field).map(|field| {
        let note = note::under(state, &app.known, field, app.now);
        (note, note::may_come(state, field))
    });
    let room = match &note {
        Some((note, may_come)) if *may_come || !note.is_empty() => {
            if height < ROOMY {
                SHORT_NOTE
            } else {
                NOTE
            }
        }
        _ => 0,
    };
    let rows = fields.len() + room;
    let first = list::top(state.field + 1, rows, height);
    for (row, at) in (0..area.height).zip(first..rows) {
        let index = match at {
            at if at <= state.field => at,
            at if at <= state.field + room => continue,
            at => at - room,
        };
        if let Some(field) = fields.get(index) {
            one(
                app,
                state,
                (field, index == state.field),
                paint,
                (area, row),
            );
        }
    }
    if let Some((note, _)) = note {
        let from = (state.field + 1).saturating_sub(first);
        let (_, below) = top(area, u16::try_from(from).unwrap_or(area.height));
        let (_, below) = left(below, 3);
        let (below, _) = top(below, u16::try_from(room).unwrap_or(1));
        paint.paragraphs(below, &note);
    }
    paint.overflow(area, first, rows);
}

/// One field.
fn one(
    app: &App,
    state: &Wizard,
    (field, focused): (&'static Field, bool),
    paint: &mut Paint<'_>,
    (area, row): (Rect, u16),
) {
    let wrong = state.shows_problem(field);
    let (mark, tone) = match (wrong, note::mark(state, &app.known, field)) {
        (true, _) => ("!!", Tone::Bad),
        (false, Some((mark, tone))) => (mark, tone),
        (false, None) if focused => ("> ", Tone::Plain),
        (false, None) => ("  ", Tone::Plain),
    };
    let label = match (focused, wrong) {
        (true, _) => Tone::Strong,
        (false, true) => Tone::Bad,
        (false, false) => Tone::Plain,
    };
    let columns = label_columns(area);
    let strip = paint
        .strip(area)
        .cell(3, mark, paint.theme.tone(tone))
        .cell(columns, field.label, paint.theme.tone(label))
        .gap(1);
    let used = u16::try_from(columns + 4).unwrap_or(area.width);
    paint.line(area, row, &strip);
    let (_, value) = left(area, used);
    let beside = beside(app, state, field, focused);
    let shown = if focused {
        typed(state, field, paint, value, row)
    } else {
        let (text, preset) = state.shown(field);
        let tone = match (wrong, preset) {
            (true, _) => Tone::Bad,
            (false, true) => Tone::Dim,
            (false, false) => Tone::Plain,
        };
        paint.text(value, row, &text, paint.theme.tone(tone));
        width(&text)
    };
    if let Some((text, tone, from)) = beside {
        let from = from.max(shown + 2);
        let (_, rest) = left(value, u16::try_from(from).unwrap_or(value.width));
        // A few letters of a sentence say nothing.
        if usize::from(rest.width) >= width(&text).min(24) {
            paint.text(rest, row, &text, paint.theme.tone(tone));
        }
    }
}

/// What stands beside a value: the price of a switch, and on wide terminals what was seen.
fn beside(
    app: &App,
    state: &Wizard,
    field: &'static Field,
    focused: bool,
) -> Option<(String, Tone, usize)> {
    const SWITCH: usize = 6;
    if let (Group::Components, false) = (field.group, focused)
        && let Some(price) = bill::beside(app.known.costs.as_ref(), &state.draft, field)
    {
        return Some((price, Tone::Dim, SWITCH));
    }
    if focused {
        return None;
    }
    let text = note::words(state, &app.known, field)?;
    let (_, tone) = note::mark(state, &app.known, field)?;
    Some((text, tone, VALUE))
}

/// The line that is typed, with the preset in grey while it is empty; gives the columns it takes.
fn typed(state: &Wizard, field: &Field, paint: &mut Paint<'_>, area: Rect, row: u16) -> usize {
    let hidden = field.secret().is_some() && !state.reveal;
    paint.entry(area, row, &state.entry, hidden);
    let mut used = state.entry.len() + 1;
    if state.entry.is_empty() {
        let (text, _) = state.shown(field);
        let (_, after) = left(area, 1);
        paint.text(after, row, &text, paint.theme.tone(Tone::Dim));
        used += width(&text);
    }
    if let Kind::Choice(_) = field.kind {
        let (_, after) = left(area, u16::try_from(used + 1).unwrap_or(0));
        paint.text(after, row, "Left/Right", paint.theme.tone(Tone::Dim));
    }
    used
}

fn review(app: &App, state: &Wizard, paint: &mut Paint<'_>, area: Rect) {
    let fields = state.fields();
    let costs = match &app.known.costs {
        Some((_, costs)) => bill::bill(costs),
        None if app.known.costing.is_some() => {
            vec![Words::new(Tone::Dim, "Adding up what the site needs...")]
        }
        None => Vec::new(),
    };
    if fields.is_empty() {
        let mut body = good(state);
        body.extend(costs);
        paint.paragraphs(area, &body);
        return;
    }
    let most = area.height.saturating_sub(4).max(area.height / 2);
    let rows = u16::try_from(fields.len() + 1).unwrap_or(most).min(most);
    let (list, rest) = top(area, rows);
    let (head, list) = top(list, 1);
    paint.text(
        head,
        0,
        "Missing or wrong; Enter goes there.",
        paint.theme.tone(Tone::Strong),
    );
    let lines: Vec<Strip> = fields
        .iter()
        .map(|field| {
            let (mark, tone) = if state.is_open(field.id) {
                ("..", Tone::Dim)
            } else {
                ("!!", Tone::Bad)
            };
            let why = state.problem(field.id).map(note::reason);
            paint
                .strip(list)
                .cell(3, mark, paint.theme.tone(tone))
                .cell(12, field.group.title(), paint.theme.tone(Tone::Dim))
                .cell(26, field.label, paint.theme.tone(Tone::Plain))
                .gap(1)
                .put(&why.unwrap_or_default(), paint.theme.tone(Tone::Dim))
        })
        .collect();
    paint.strips(list, state.field, &lines);
    paint.paragraphs(rest, &costs);
}

/// What stands on the review when nothing is wrong.
fn good(state: &Wizard) -> Vec<Words> {
    let next = match state.purpose {
        Purpose::New => {
            "Ctrl-D makes the site: its vault gets a passphrase, then the checks begin."
        }
        Purpose::Change => "Ctrl-D keeps the changes and goes on to the checks.",
    };
    let mut body = vec![
        Words::new(Tone::Good, "Every answer can be used."),
        Words::new(Tone::Plain, next),
        Words::new(Tone::Dim, "Ctrl-E shows every answer and every cost."),
    ];
    for (_, warning) in state.draft.warnings() {
        body.extend(story::problem(&warning).into_iter().map(|words| Words {
            tone: if words.tone == Tone::Bad {
                Tone::Warn
            } else {
                words.tone
            },
            ..words
        }));
    }
    body.push(Words::empty());
    body
}

/// What to know about the field: why it is asked, how it is answered, and what to do when it is wrong.
fn advice(state: &Wizard) -> Vec<Words> {
    let Some(field) = state.focus() else {
        return Vec::new();
    };
    let mut body = vec![
        Words::new(Tone::Plain, field.why),
        Words::new(Tone::Dim, format!("Example: {}", field.example)),
    ];
    if state.shows_problem(field)
        && let Some(problem) = state.problem(field.id)
        && !matches!(problem.code, Code::Site01 | Code::Site02)
    {
        // Of a text that is wrong by itself all is said under the field.
        body.extend(story::problem(problem));
    }
    body
}
