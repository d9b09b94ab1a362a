//! Draws the screens: what is known goes in, cells come out; it changes nothing. Pure.

mod card;
mod cast;
mod checks;
mod chrome;
mod deploy;
mod health;
mod logs;
mod paint;
mod plan;
mod raster;
mod restore;
mod shot;
pub mod theme;
mod welcome;
mod wizard;

use ratatui::{Frame, layout::Rect};

pub use cast::Cast;
pub use raster::{Unpictured, png};
pub use shot::shot;
pub use theme::Theme;

use crate::app::{App, Screen};
use paint::Paint;

/// Fewer columns than this hold no screen.
pub const LEAST_COLUMNS: u16 = 60;
/// Fewer rows than this hold no screen.
pub const LEAST_ROWS: u16 = 15;
/// From so many columns on the details stand beside the list.
pub const WIDE: u16 = 110;

/// Draws what is to be seen.
pub fn draw(app: &App, theme: Theme, frame: &mut Frame) {
    let area = frame.area();
    let mut paint = Paint::new(frame.buffer_mut(), theme);
    if area.width < LEAST_COLUMNS || area.height < LEAST_ROWS {
        chrome::too_small(&mut paint, area);
        return;
    }
    let body = chrome::frame(app, &mut paint, area);
    match &app.screen {
        Screen::Welcome(state) => welcome::draw(app, state, &mut paint, body),
        Screen::Wizard(state) => wizard::draw(app, state, &mut paint, body),
        Screen::Checks(state) => checks::draw(app, state, &mut paint, body),
        Screen::Plan(state) => plan::draw(app, state, &mut paint, body),
        Screen::Deploy(state) => deploy::draw(app, state, &mut paint, body),
        Screen::Health(state) => health::draw(app, state, &mut paint, body),
        Screen::Logs(state) => logs::draw(app, state, &mut paint, body),
        Screen::Restore(state) => restore::draw(app, state, &mut paint, body),
    }
    if let Some(dialog) = &app.dialog {
        card::draw(dialog, &mut paint, area);
    }
}

/// Cuts rows off the top.
fn top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let head = Rect {
        height: rows,
        ..area
    };
    let rest = Rect {
        y: area.y + rows,
        height: area.height - rows,
        ..area
    };
    (head, rest)
}

/// Cuts columns off the left.
fn left(area: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    let head = Rect {
        width: columns,
        ..area
    };
    let rest = Rect {
        x: area.x + columns,
        width: area.width - columns,
        ..area
    };
    (head, rest)
}

/// Cuts the area for a list and its details: one below the other, or side by side on wide terminals.
fn with_details(paint: &mut Paint<'_>, area: Rect) -> (Rect, Rect) {
    if area.width >= WIDE {
        let (list, rest) = left(area, area.width * 11 / 20);
        let (line, details) = left(rest, 2);
        paint.upright(line);
        return (list, details);
    }
    let below = (area.height * 2 / 5).clamp(3, 12);
    let (list, rest) = top(area, area.height.saturating_sub(below + 1));
    let (line, details) = top(rest, 1);
    paint.divide(line);
    (list, details)
}

#[cfg(test)]
mod tests;
