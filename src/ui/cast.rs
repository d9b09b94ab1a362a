//! Screens as a recording that asciinema plays (asciicast v2): the bytes a terminal would be sent, with their times. Pure.
//!
//! The format: <https://docs.asciinema.org/manual/asciicast/v2/>.

use std::{io, time::Duration};

use ratatui::{
    backend::{Backend, CrosstermBackend},
    buffer::Buffer,
    layout::Rect,
};
use serde_json::json;

use super::{Theme, shot::render};
use crate::app::App;

/// A recording that grows.
#[derive(Debug)]
pub struct Cast {
    theme: Theme,
    size: (u16, u16),
    shown: Buffer,
    at: Duration,
    lines: String,
}

impl Cast {
    /// An empty recording of a terminal of so many columns and rows.
    pub fn new(theme: Theme, (columns, rows): (u16, u16), title: &str) -> Self {
        let head = json!({"version": 2, "width": columns, "height": rows, "title": title});
        Self {
            theme,
            size: (columns, rows),
            shown: Buffer::empty(Rect::new(0, 0, columns, rows)),
            at: Duration::ZERO,
            lines: format!("{head}\n"),
        }
    }

    /// The screen as it is now, shown for so long; a screen that did not change adds nothing.
    ///
    /// # Errors
    /// None in practice: what is drawn is kept in memory.
    pub fn show(&mut self, app: &App, lasts: Duration) -> io::Result<()> {
        let cells = render(app, self.theme, self.size);
        if self.shown == cells {
            return Ok(());
        }
        let mut bytes: Vec<u8> = Vec::new();
        let mut backend = CrosstermBackend::new(&mut bytes);
        backend.hide_cursor()?;
        backend.draw(self.shown.diff(&cells).into_iter())?;
        let line = json!([self.at.as_secs_f64(), "o", String::from_utf8_lossy(&bytes)]);
        self.lines.push_str(&line.to_string());
        self.lines.push('\n');
        self.at += lasts;
        self.shown = cells;
        Ok(())
    }

    /// The recording so far, as a file.
    pub fn file(&self) -> &str {
        &self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Input, fixture, keys::Key};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_line_is_a_time_and_what_a_terminal_is_sent() {
        let mut app = fixture::welcome();
        let mut cast = Cast::new(Theme::colour(), (80, 24), "a day");
        cast.show(&app, SECOND).unwrap();
        app.update(Input::Key(Key::Down));
        cast.show(&app, SECOND).unwrap();
        let lines: Vec<serde_json::Value> = cast
            .file()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            lines[0],
            json!({"version": 2, "width": 80, "height": 24, "title": "a day"})
        );
        assert_eq!(lines.len(), 3);
        assert_eq!((&lines[1][0], &lines[2][0]), (&json!(0.0), &json!(1.0)));
        let first = lines[1][2].as_str().unwrap();
        let second = lines[2][2].as_str().unwrap();
        assert!(first.contains("would") && first.len() > second.len());
    }

    #[test]
    fn a_screen_that_stands_still_is_sent_once() {
        let app = fixture::welcome();
        let mut cast = Cast::new(Theme::colour(), (80, 24), "");
        for _ in 0..3 {
            cast.show(&app, SECOND).unwrap();
        }
        assert_eq!(cast.file().lines().count(), 2, "{}", cast.file());
    }
}
