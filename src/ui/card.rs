//! Draws a card in front of a screen. Pure.

use ratatui::layout::Rect;

use super::paint::{Paint, Strip};
use crate::app::{
    Dialog,
    dialog::{Ask, Find, Item, Menu, Shown, TextCard, lines, room},
    words::{Tone, Words, width, wrap},
};

/// Draws the card in the middle.
pub fn draw(dialog: &Dialog, paint: &mut Paint<'_>, area: Rect) {
    match dialog {
        Dialog::Text(card) => text(card, paint, area),
        Dialog::Menu(card) => menu(card, paint, area),
        Dialog::Ask(card) => ask(card, paint, area),
        Dialog::Find(card) => find(card, paint, area),
    }
}

/// The card's place, for so many rows of text.
fn place(area: Rect, rows: usize) -> Rect {
    let (_, most) = room((area.width, area.height));
    placed(area, rows, most)
}

/// The same for a card that may take more rows than usual.
fn placed(area: Rect, rows: usize, most: usize) -> Rect {
    let (columns, _) = room((area.width, area.height));
    let height = u16::try_from(rows.min(most)).unwrap_or(area.height) + 2;
    let columns = u16::try_from(columns).unwrap_or(area.width) + 4;
    // The footer stays in sight: it says which keys close the card.
    let below = area.height.saturating_sub(2);
    Rect {
        x: area.x + area.width.saturating_sub(columns) / 2,
        y: area.y + below.saturating_sub(height) / 2,
        width: columns.min(area.width),
        height: height.min(below),
    }
}

fn text(card: &TextCard, paint: &mut Paint<'_>, area: Rect) {
    let (columns, most) = room((area.width, area.height));
    let all = lines(&card.body, columns);
    let inner = paint.boxed(place(area, all.len()), &card.title);
    let scroll = card.scroll.min(all.len().saturating_sub(most));
    let shown: Vec<Words> = all.iter().skip(scroll).take(most).cloned().collect();
    write(paint, inner, 0, &shown);
    if all.len() > most {
        let place = format!(
            " {} to {} of {} ",
            scroll + 1,
            scroll + shown.len(),
            all.len()
        );
        let foot = Rect {
            x: inner
                .right()
                .saturating_sub(u16::try_from(width(&place)).unwrap_or(0)),
            y: inner.bottom(),
            width: inner.width,
            height: 1,
        };
        paint.text(foot, 0, &place, paint.theme.tone(Tone::Dim));
    }
}

fn write(paint: &mut Paint<'_>, area: Rect, row: u16, body: &[Words]) -> u16 {
    let mut row = row;
    for words in body {
        let strip = paint
            .strip(area)
            .gap(words.indent)
            .put(&words.text, paint.theme.tone(words.tone));
        paint.line(area, row, &strip);
        row += 1;
    }
    row
}

/// Columns of a menu's labels, at least and at most.
const LABEL: usize = 12;
const WIDEST_LABEL: usize = 30;

fn menu(card: &Menu, paint: &mut Paint<'_>, area: Rect) {
    // As wide as the longest label, within limits.
    let longest = card.items.iter().map(|item| width(&item.label)).max();
    let label = longest.map_or(LABEL, |longest| (longest + 1).clamp(LABEL, WIDEST_LABEL));
    let (columns, most) = room((area.width, area.height));
    let body = lines(&card.body, columns);
    let whole = body.len() + usize::from(!body.is_empty()) + card.items.len();
    // On a low terminal the card takes all that is there.
    let most = if whole > most { full(area) } else { most };
    let body = short(
        body,
        most.saturating_sub(card.items.len().min(LEAST_ITEMS) + 1),
    );
    let gap = usize::from(!body.is_empty());
    let shown = most.saturating_sub(body.len() + gap).max(1);
    let inner = paint.boxed(
        placed(area, body.len() + gap + card.items.len(), most),
        &card.title,
    );
    let row = write(paint, inner, 0, &body);
    let (_, list) = super::top(inner, row + u16::from(!body.is_empty()));
    let first = (card.chosen + 1).saturating_sub(shown);
    for (row, (index, item)) in (0..list.height).zip(card.items.iter().enumerate().skip(first)) {
        let strip = Strip::new(paint.theme, list.width)
            .gap(1)
            .cell(label, &item.label, paint.theme.tone(Tone::Strong))
            .put(&item.hint, paint.theme.tone(Tone::Dim));
        paint.line(list, row, &strip);
        if index == card.chosen {
            paint.choose(list, row);
        }
    }
    paint.overflow(list, first, card.items.len());
}

/// Rows of a menu that are in sight whatever is said before them.
const LEAST_ITEMS: usize = 3;

/// The most rows that a card can have: what is asked is read before it is answered.
fn full(area: Rect) -> usize {
    usize::from(area.height).saturating_sub(4).max(3)
}

/// What is said before a question, in so many rows: first without its empty lines, then cut, which is said.
fn short(mut body: Vec<Words>, rows: usize) -> Vec<Words> {
    if body.len() > rows {
        body.retain(|words| !words.text.is_empty());
    }
    if body.len() > rows {
        body.truncate(rows.saturating_sub(1));
        body.push(Words::new(Tone::Dim, "[more on a larger window]"));
    }
    body
}

/// The card that finds: what is typed, and what fits; it does not move while one types.
fn find(card: &Find, paint: &mut Paint<'_>, area: Rect) {
    let (_, most) = room((area.width, area.height));
    let found: Vec<Option<&Item>> = card.found().collect();
    let rows = most.min(18);
    let inner = paint.boxed(
        place(area, rows),
        "Find a screen, an object, a step or a deed",
    );
    let (typed, rest) = super::top(inner, 1);
    let (_, list) = super::top(rest, 1);
    let field = Rect {
        x: typed.x + 2,
        width: typed.width.saturating_sub(2),
        ..typed
    };
    paint.text(typed, 0, "> ", paint.theme.accent());
    paint.entry(field, 0, &card.entry, false);
    if found.is_empty() {
        let words = format!("Nothing of {} fits. Esc closes this.", card.all());
        paint.text(list, 0, &words, paint.theme.tone(Tone::Dim));
        return;
    }
    let hint = usize::from(list.width) / 4;
    let label = usize::from(list.width).saturating_sub(hint + 2);
    let lines: Vec<Strip> = found
        .into_iter()
        .map(|item| {
            let (name, what) = item.map_or(("", ""), |item| (&*item.label, &*item.hint));
            Strip::new(paint.theme, list.width)
                .gap(1)
                .cell(label, name, paint.theme.tone(Tone::Strong))
                .gap(1)
                .put(what, paint.theme.tone(Tone::Dim))
        })
        .collect();
    paint.strips(list, card.chosen, &lines);
}

/// What is said before the line that is typed, in so many rows at most, and the empty rows after it. What is asked for, its
/// last words, stays in sight: the rest gives way.
fn question(text: &str, columns: usize, rows: usize) -> (Vec<Words>, usize) {
    let cut = |text: &str| -> Vec<Words> {
        let lines = wrap(text, columns).into_iter();
        lines.map(|text| Words::new(Tone::Plain, text)).collect()
    };
    let mut hint = cut(text);
    if hint.len() + 1 > rows {
        let (said, asked) = text.rsplit_once('\n').unwrap_or(("", text));
        let asked = cut(asked);
        hint = if said.is_empty() {
            Vec::new()
        } else {
            short(cut(said.trim_end()), rows.saturating_sub(asked.len()))
        };
        hint.extend(short(asked, rows.saturating_sub(hint.len()).max(1)));
    }
    let gap = usize::from(hint.len() < rows);
    (hint, gap)
}

fn ask(card: &Ask, paint: &mut Paint<'_>, area: Rect) {
    let (columns, _) = room((area.width, area.height));
    let most = full(area);
    let fields = 1 + usize::from(card.again.is_some());
    let (hint, gap) = question(&card.hint, columns, most.saturating_sub(fields + 1));
    let rows = hint.len() + gap + fields + 1;
    let inner = paint.boxed(placed(area, rows, most), &card.title);
    let mut row = write(paint, inner, 0, &hint) + u16::try_from(gap).unwrap_or(1);
    let hidden = card.shown == Shown::Hidden;
    let entries = [Some(&card.entry), card.again.as_ref()];
    for (index, entry) in entries.into_iter().enumerate() {
        let Some(entry) = entry else { continue };
        let label = if index == 0 { "> " } else { "again > " };
        let columns = if card.again.is_some() { 8 } else { 2 };
        let strip = paint
            .strip(inner)
            .number(columns, label, paint.theme.accent());
        paint.line(inner, row, &strip);
        let field = Rect {
            x: inner.x + u16::try_from(columns).unwrap_or(0),
            width: inner
                .width
                .saturating_sub(u16::try_from(columns).unwrap_or(0)),
            ..inner
        };
        if card.second == (index == 1) {
            paint.entry(field, row, entry, hidden);
        } else {
            let shown = if hidden {
                paint.theme.hidden().to_string().repeat(entry.len())
            } else {
                entry.text()
            };
            paint.text(field, row, &shown, paint.theme.tone(Tone::Dim));
        }
        row += 1;
    }
    if let Some(wrong) = card.wrong {
        paint.text(inner, row, wrong, paint.theme.tone(Tone::Bad));
    }
}
