//! Draws the restore: the time line with its base backups, the moment, and what it would cost. Pure.

use ratatui::layout::Rect;

use super::{paint::Paint, top};
use crate::{
    app::{
        App,
        known::{Backups, Here},
        restore::{self, RestoreScreen},
        story,
        words::{Tone, Words},
    },
    restore::{Window, words},
};

/// Columns before the time line.
const LABEL: usize = 12;

/// Draws the screen.
pub fn draw(app: &App, state: &RestoreScreen, paint: &mut Paint<'_>, area: Rect) {
    match &app.known.backups {
        None => {
            let words = Words::new(Tone::Busy, "Looking at the backups...");
            paint.paragraphs(area, &[words]);
        }
        Some(Err(problem)) => paint.paragraphs(area, &story::problem(problem)),
        Some(Ok(backups)) => known((backups, app.known.here), state, paint, area),
    }
}

fn known(
    (backups, here): (&Backups, Here),
    state: &RestoreScreen,
    paint: &mut Paint<'_>,
    area: Rect,
) {
    let told = restore::told(state, backups, here);
    let Some(window) = backups.inventory.window else {
        paint.paragraphs(area, &told);
        return;
    };
    // Of a restore that is not over no moment is chosen.
    let rows = if backups.unfinished.is_none() { 4 } else { 2 };
    let (head, rest) = top(area, rows);
    line(backups, state, window, (&mut *paint, head));
    let (rule, body) = top(rest, 1);
    paint.divide(rule);
    paint.paragraphs(body, &told);
}

/// The ends of the time line, the line with its base backups, and the moment below it.
fn line(
    backups: &Backups,
    state: &RestoreScreen,
    window: Window,
    (paint, area): (&mut Paint<'_>, Rect),
) {
    let columns = usize::from(area.width).saturating_sub(LABEL + 1).max(2);
    let dim = paint.theme.tone(Tone::Dim);
    let strong = paint.theme.tone(Tone::Strong);
    let ends = [window.first, window.last].map(|end| words::shown(end, &backups.zone));
    let fits = ends.iter().map(String::len).sum::<usize>() < columns;
    // The moment below them says in which zone.
    let [first, last] = ends.map(|end| match end.rsplit_once(' ') {
        Some((time, _zone)) if !fits => time.to_owned(),
        _ => end,
    });
    let gap = columns.saturating_sub(first.len() + last.len()).max(1);
    let ends = paint
        .strip(area)
        .gap(LABEL)
        .put(&first, dim)
        .gap(gap)
        .put(&last, dim);
    paint.line(area, 0, &ends);
    let mut marks: Vec<char> = vec!['-'; columns];
    for base in &backups.inventory.bases {
        if let Some(mark) = marks.get_mut(restore::column(window, base.ended, columns)) {
            *mark = '#';
        }
    }
    if let Some(mark) = marks.last_mut().filter(|mark| **mark == '-') {
        *mark = '|';
    }
    let marks: String = marks.into_iter().collect();
    let bar = paint
        .strip(area)
        .cell(LABEL, "PostgreSQL", strong)
        .put(&marks, paint.theme.tone(Tone::Good));
    paint.line(area, 1, &bar);
    let Some(moment) = restore::moment(state, backups).filter(|_| backups.unfinished.is_none())
    else {
        return;
    };
    let at = restore::column(window, moment, columns);
    let shown = words::shown(moment, &backups.zone);
    let pointer = paint.strip(area).gap(LABEL + at).put("^", strong);
    paint.line(area, 2, &pointer);
    let left = (at + 1)
        .saturating_sub(shown.len() / 2)
        .min(columns.saturating_sub(shown.len()));
    let shown = paint.strip(area).gap(LABEL + left).put(&shown, strong);
    paint.line(area, 3, &shown);
}
