//! Small strokes: lines of cells, rules, bars, lists with a chosen row, paragraphs. Pure.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::theme::Theme;
use crate::app::{
    dialog,
    entry::Entry,
    list,
    words::{Tone, Words, fit, width},
};

/// Where to draw, and how it looks.
pub struct Paint<'a> {
    buffer: &'a mut Buffer,
    /// The list that was drawn last, and the row of its chosen line on the terminal.
    pub chosen: Option<(Rect, u16)>,
    /// How things look.
    pub theme: Theme,
}

/// A line that grows from left to right.
pub struct Strip {
    cells: Vec<(String, Style)>,
    used: usize,
    columns: usize,
    theme: Theme,
}

impl Strip {
    /// A line of so many columns.
    pub fn new(theme: Theme, columns: u16) -> Self {
        Self {
            cells: Vec::new(),
            used: 0,
            columns: columns.into(),
            theme,
        }
    }

    /// Adds a text as long as there is room.
    #[must_use]
    pub fn put(mut self, text: &str, style: Style) -> Self {
        let text = self.theme.text(text);
        let text = fit(
            &text,
            self.columns.saturating_sub(self.used),
            self.theme.more(),
        );
        self.used += width(&text);
        self.cells.push((text, style));
        self
    }

    /// Adds a text that takes exactly so many columns.
    #[must_use]
    pub fn cell(self, columns: usize, text: &str, style: Style) -> Self {
        let columns = columns.min(self.columns.saturating_sub(self.used));
        let text = fit(&self.theme.text(text), columns, self.theme.more());
        let rest = columns.saturating_sub(width(&text));
        self.put(&text, style).gap(rest)
    }

    /// Adds a text at the right end of exactly so many columns.
    #[must_use]
    pub fn number(self, columns: usize, text: &str, style: Style) -> Self {
        let columns = columns.min(self.columns.saturating_sub(self.used));
        let text = fit(&self.theme.text(text), columns, self.theme.more());
        let rest = columns.saturating_sub(width(&text));
        self.gap(rest).put(&text, style)
    }

    /// Adds empty columns.
    #[must_use]
    pub fn gap(mut self, columns: usize) -> Self {
        let columns = columns.min(self.columns.saturating_sub(self.used));
        self.used += columns;
        self.cells.push((" ".repeat(columns), Style::new()));
        self
    }
}

impl<'a> Paint<'a> {
    /// Draws into this buffer.
    pub fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        Self {
            buffer,
            chosen: None,
            theme,
        }
    }

    /// A line to be filled.
    pub fn strip(&self, area: Rect) -> Strip {
        Strip::new(self.theme, area.width)
    }

    /// Draws a line at a row of the area; nothing outside of it.
    pub fn line(&mut self, area: Rect, row: u16, strip: &Strip) {
        if row >= area.height {
            return;
        }
        let mut x = area.x;
        for (text, style) in &strip.cells {
            let room = usize::from(area.right().saturating_sub(x));
            let (after, _) = self.buffer.set_stringn(x, area.y + row, text, room, *style);
            x = after;
        }
    }

    /// Draws a text at a row of the area.
    pub fn text(&mut self, area: Rect, row: u16, text: &str, style: Style) {
        let strip = self.strip(area).put(text, style);
        self.line(area, row, &strip);
    }

    /// Marks a row as the chosen one: reversed, and with a sign in the margin.
    pub fn choose(&mut self, area: Rect, row: u16) {
        if row >= area.height {
            return;
        }
        let line = Rect {
            y: area.y + row,
            height: 1,
            ..area
        };
        self.chosen = Some((area, line.y));
        self.buffer.set_style(line, self.theme.chosen());
        if let Some(x) = area.x.checked_sub(1) {
            self.margin((x, line.y), ">", self.theme.accent());
        }
    }

    /// Puts a sign beside an area.
    fn margin(&mut self, place: (u16, u16), sign: &str, style: Style) {
        if let Some(cell) = self.buffer.cell_mut(place) {
            cell.set_symbol(sign).set_style(style);
        }
    }

    /// A line from edge to edge, through the margins.
    pub fn divide(&mut self, area: Rect) {
        let wide = Rect {
            x: area.x.saturating_sub(1),
            width: area.width + 2,
            ..area
        };
        self.rule(wide.intersection(self.buffer.area));
    }

    /// A line from left to right.
    pub fn rule(&mut self, area: Rect) {
        let line = self.theme.across().repeat(area.width.into());
        self.text(area, 0, &line, self.theme.line());
    }

    /// A line from top to bottom.
    pub fn upright(&mut self, area: Rect) {
        for row in 0..area.height {
            self.text(area, row, self.theme.upright(), self.theme.line());
        }
    }

    /// A bar that is so far full.
    pub fn bar(&mut self, area: Rect, row: u16, (done, all): (usize, usize)) {
        let columns = usize::from(area.width);
        let full = (columns * done).checked_div(all).unwrap_or(0).min(columns);
        let (filled, empty) = self.theme.bar();
        let strip = self
            .strip(area)
            .put(&filled.repeat(full), self.theme.tone(Tone::Busy))
            .put(&empty.repeat(columns - full), self.theme.line());
        self.line(area, row, &strip);
    }

    /// A list of lines with a chosen one, which is always in sight.
    pub fn strips(&mut self, area: Rect, chosen: usize, lines: &[Strip]) {
        let count = lines.len();
        let first = list::top(chosen, count, area.height.into());
        for (row, (index, line)) in (0..area.height).zip(lines.iter().enumerate().skip(first)) {
            self.line(area, row, line);
            if index == chosen {
                self.choose(area, row);
            }
        }
        self.overflow(area, first, count);
    }

    /// Says in the margins that something lies out of sight to the left or to the right.
    pub fn beside(&mut self, area: Rect, (left, right): (bool, bool)) {
        let (to_left, to_right) = self.theme.sides();
        let style = self.theme.accent();
        if let (true, Some(x)) = (left, area.x.checked_sub(1)) {
            self.margin((x, area.y), to_left, style);
        }
        if right {
            self.margin((area.right(), area.y), to_right, style);
        }
    }

    /// Says in the margin that rows are out of sight.
    pub fn overflow(&mut self, area: Rect, first: usize, count: usize) {
        let (up, down) = self.theme.arrows();
        let style = self.theme.accent();
        if area.height == 0 {
            return;
        }
        if first > 0 {
            self.margin((area.right(), area.y), up, style);
        }
        if count > first + usize::from(area.height) {
            self.margin((area.right(), area.bottom() - 1), down, style);
        }
    }

    /// Paragraphs, cut into lines; what does not fit is said to be cut.
    pub fn paragraphs(&mut self, area: Rect, story: &[Words]) {
        let lines = dialog::lines(story, area.width.into());
        let height = usize::from(area.height);
        let cut = lines.len() > height;
        for (row, words) in (0..area.height).zip(&lines) {
            let style = self.theme.tone(words.tone);
            let strip = self.strip(area).gap(words.indent).put(&words.text, style);
            let last = usize::from(row) + 1 == height;
            let strip = if cut && last {
                let room = usize::from(area.width).saturating_sub(7);
                self.strip(area)
                    .gap(words.indent)
                    .cell(room.saturating_sub(words.indent), &words.text, style)
                    .put(" [more]", self.theme.tone(Tone::Dim))
            } else {
                strip
            };
            self.line(area, row, &strip);
        }
    }

    /// A line that is typed, with its cursor in sight.
    pub fn entry(&mut self, area: Rect, row: u16, entry: &Entry, hidden: bool) {
        let letters: Vec<char> = entry
            .text()
            .chars()
            .map(|letter| if hidden { self.theme.hidden() } else { letter })
            .collect();
        let room = usize::from(area.width).saturating_sub(1);
        // A wide letter takes two columns: start late enough that the cursor is in sight.
        let mut start = 0;
        let columns = |from: usize| -> usize {
            let part: String = letters.iter().skip(from).take(entry.at() - from).collect();
            width(&part)
        };
        while columns(start) > room {
            start += 1;
        }
        let part = |from: usize, to: usize| -> String {
            letters.iter().skip(from).take(to - from).collect()
        };
        let under = letters
            .get(entry.at())
            .map_or(" ".to_owned(), char::to_string);
        let strip = self
            .strip(area)
            .put(&part(start, entry.at()), Style::new())
            .put(&under, self.theme.cursor())
            .put(
                &part((entry.at() + 1).min(letters.len()), letters.len()),
                Style::new(),
            );
        self.line(area, row, &strip);
    }

    /// Empties an area, whatever stood there.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                }
            }
        }
    }

    /// A frame with a heading; gives the room inside.
    pub fn boxed(&mut self, area: Rect, title: &str) -> Rect {
        self.clear(area);
        let style = self.theme.line();
        let [tl, tr, bl, br] = self.theme.corners();
        let across = self
            .theme
            .across()
            .repeat(usize::from(area.width.saturating_sub(2)));
        let side = self.theme.upright();
        for row in 0..area.height {
            let strip = if row == 0 {
                self.strip(area)
                    .put(tl, style)
                    .put(&across, style)
                    .put(tr, style)
            } else if row + 1 == area.height {
                self.strip(area)
                    .put(bl, style)
                    .put(&across, style)
                    .put(br, style)
            } else {
                let gap = usize::from(area.width.saturating_sub(2));
                self.strip(area).put(side, style).gap(gap).put(side, style)
            };
            self.line(area, row, &strip);
        }
        let head = Rect {
            x: area.x + 2,
            width: area.width.saturating_sub(4),
            ..area
        };
        let strip = Strip::new(self.theme, head.width)
            .put(" ", Style::new())
            .put(
                &fit(
                    &self.theme.text(title),
                    usize::from(head.width).saturating_sub(2),
                    self.theme.more(),
                ),
                self.theme.tone(Tone::Strong),
            )
            .put(" ", Style::new());
        self.line(head, 0, &strip);
        Rect {
            x: area.x + 2,
            y: area.y + 1,
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(2),
        }
    }
}
