//! Draws a card in front of a screen. Pure.

use ratatui::layout::Rect;

use super::paint::{Paint, Strip};
use crate::app::{
    Dialog,
    dialog::{Ask, Menu, Shown, TextCard, lines, room},
    words::{Tone, Words, width, wrap},
};

/// Draws the card in the middle.
pub fn draw(dialog: &Dialog, paint: &mut Paint<'_>, area: Rect) {
    match dialog {
        Dialog::Text(card) => text(card, paint, area),
        Dialog::Menu(card) => menu(card, paint, area),
        Dialog::Ask(card) => ask(card, paint, area),
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
const LABEL: usize = 20;
const WIDEST_LABEL: usize = 30;

fn menu(card: &Menu, paint: &mut Paint<'_>, area: Rect) {
    // As wide as the longest label, within limits.
    let longest = card.items.iter().map(|item| width(&item.label)).max();
    let label = longest.map_or(LABEL, |longest| (longest + 1).clamp(LABEL, WIDEST_LABEL));
    let (columns, most) = room((area.width, area.height));
    let body = lines(&card.body, columns);
    let gap = usize::from(!body.is_empty());
    // On a low terminal the chosen row stays in sight.
    let shown = most.saturating_sub(body.len() + gap).max(1);
    let first = (card.chosen + 1).saturating_sub(shown);
    let inner = paint.boxed(
        place(area, body.len() + gap + card.items.len()),
        &card.title,
    );
    let mut row = write(paint, inner, 0, &body);
    row += u16::from(!body.is_empty());
    for (index, item) in card.items.iter().enumerate().skip(first).take(shown) {
        let strip = Strip::new(paint.theme, inner.width)
            .gap(1)
            .cell(label, &item.label, paint.theme.tone(Tone::Strong))
            .put(&item.hint, paint.theme.tone(Tone::Dim));
        paint.line(inner, row, &strip);
        if index == card.chosen {
            paint.choose(inner, row);
        }
        row += 1;
    }
}

fn ask(card: &Ask, paint: &mut Paint<'_>, area: Rect) {
    let (columns, _) = room((area.width, area.height));
    // What is asked is read before it is answered: on a low terminal the card takes all that is there.
    let most = usize::from(area.height).saturating_sub(4).max(3);
    let fields = 1 + usize::from(card.again.is_some());
    let mut hint = wrap(&card.hint, columns);
    // The line that is typed is always in sight: what is said before it gives way.
    let left = most.saturating_sub(fields + 2).max(1);
    if hint.len() > left {
        hint.retain(|line| !line.is_empty());
    }
    if hint.len() > left {
        hint.truncate(left.saturating_sub(1));
        hint.push("[more on a larger window]".to_owned());
    }
    let hint: Vec<Words> = hint
        .into_iter()
        .map(|text| Words::new(Tone::Plain, text))
        .collect();
    let inner = paint.boxed(placed(area, hint.len() + 2 + fields, most), &card.title);
    let mut row = write(paint, inner, 0, &hint) + 1;
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
