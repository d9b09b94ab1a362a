//! A screen as cells and as text, the same as the terminal's. Pure.

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
};

use super::{Theme, draw};
use crate::app::App;

/// The cells of the screen.
pub(super) fn render(app: &App, theme: Theme, (columns, rows): (u16, u16)) -> Buffer {
    // The test backend lives in memory: it cannot fail.
    let Ok(mut terminal) = Terminal::new(TestBackend::new(columns, rows));
    let Ok(_) = terminal.draw(|frame| draw(app, theme, frame));
    terminal.backend().buffer().clone()
}

/// The screen as lines of text.
pub fn shot(app: &App, theme: Theme, size: (u16, u16)) -> String {
    let buffer = render(app, theme, size);
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let line: String = cells(&buffer, y).map(|(_, cell)| cell.symbol()).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The cells of a row; what a wide letter covers is left out.
pub(super) fn cells(buffer: &Buffer, y: u16) -> impl Iterator<Item = (u16, &Cell)> {
    let mut covered = 0;
    (0..buffer.area.width).filter_map(move |x| {
        if covered > 0 {
            covered -= 1;
            return None;
        }
        let cell = buffer.cell((x, y))?;
        covered = crate::app::words::width(cell.symbol()).saturating_sub(1);
        Some((x, cell))
    })
}
