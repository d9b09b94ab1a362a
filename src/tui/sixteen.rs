//! Writes cells with the short commands that every terminal knows: the sixteen colours by their own numbers, nothing else.
//!
//! crossterm names even the sixteen as `38;5;n`, which old terminals and serial consoles do not know, and asks the terminal
//! for its cursor before it clears, which one that does not answer makes an error of.

use std::io::{self, Write};

use crossterm::{
    cursor::{MoveRight, MoveTo},
    queue,
};
use ratatui::{
    backend::{Backend, ClearType, CrosstermBackend, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};

use crate::ui::theme::codes;

/// A terminal that is written to.
pub struct Sixteen<W: Write>(CrosstermBackend<W>);

impl<W: Write> Sixteen<W> {
    /// Writes there.
    pub fn new(out: W) -> Self {
        Self(CrosstermBackend::new(out))
    }
}

impl<W: Write> Backend for Sixteen<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut next: Option<(u16, u16)> = None;
        let plain = codes(&Cell::EMPTY);
        let mut look = plain.clone();
        for (x, y, cell) in content {
            match next {
                Some(place) if place == (x, y) => {}
                // Over what stays as it is in the same row: the shortest command there is.
                Some((from, row)) if row == y && from < x => {
                    queue!(self.0, MoveRight(x - from))?;
                }
                _ => queue!(self.0, MoveTo(x, y))?,
            }
            next = x.checked_add(1).map(|x| (x, y));
            let wanted = codes(cell);
            if wanted != look {
                write!(self.0, "\u{1b}[{wanted}m")?;
                look = wanted;
            }
            self.0.write_all(cell.symbol().as_bytes())?;
        }
        if look != plain {
            write!(self.0, "\u{1b}[{plain}m")?;
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.0.hide_cursor()
    }

    /// A terminal that has gone shows none: ratatui would print that at its end, which is a panic where nobody reads.
    fn show_cursor(&mut self) -> io::Result<()> {
        self.0.show_cursor().ok();
        Ok(())
    }

    /// Every cell is placed by its own command: where the cursor stands does not matter, so nobody is asked.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.0.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        Backend::clear(&mut self.0)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.0.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.0.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.0.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.0)
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::{numbers, sent};
