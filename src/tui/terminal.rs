//! The terminal while it shows screens; given back as it was on every way out: end, error, panic.

use std::{
    io::{self, Stdout, Write, stdout},
    sync::Once,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use crossterm::{
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute,
    style::force_color_output,
    terminal::{
        EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
    },
};
use ratatui::{Frame, Terminal, backend::CrosstermBackend};

use crate::{
    problem::{Code, Problem},
    ui::Theme,
};

/// The terminal in the mode of screens.
pub struct Screens(Terminal<CrosstermBackend<Stdout>>);

impl Screens {
    /// Takes the terminal.
    pub fn open(theme: Theme) -> Result<Self, Problem> {
        // Without colours not even an empty colour command is sent: it would end bold and reverse.
        force_color_output(theme.has_colours());
        give_back_on_panic();
        enable_raw_mode().map_err(|error| unusable(&error))?;
        let entered = execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide);
        let terminal = entered.and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        match terminal {
            Ok(terminal) => Ok(Self(terminal)),
            Err(error) => {
                give_back();
                Err(unusable(&error))
            }
        }
    }

    /// Columns and rows.
    pub fn size() -> Result<(u16, u16), Problem> {
        size().map_err(|error| unusable(&error))
    }

    /// Draws a picture; only what changed is sent.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame)) -> Result<(), Problem> {
        let drawn = self.0.draw(draw).map(|_| ());
        drawn.map_err(|error| unusable(&error))
    }

    /// Forgets what is on the terminal, so that the next picture is sent whole.
    pub fn clear(&mut self) -> Result<(), Problem> {
        self.0.clear().map_err(|error| unusable(&error))
    }

    /// Puts a text on the terminal's clipboard (OSC 52).
    pub fn copy(text: &str) -> Result<(), Problem> {
        let text = STANDARD.encode(text);
        let mut out = stdout();
        write!(out, "\u{1b}]52;c;{text}\u{7}")
            .and_then(|()| out.flush())
            .map_err(|error| unusable(&error))
    }
}

impl Drop for Screens {
    fn drop(&mut self) {
        give_back();
    }
}

/// Makes the terminal what it was. What fails here cannot be told any more.
fn give_back() {
    disable_raw_mode().ok();
    execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show).ok();
}

/// The words of a panic belong on an ordinary terminal.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
    });
}

fn unusable(error: &io::Error) -> Problem {
    Problem::new(
        Code::Tty01,
        "This terminal cannot be used for screens.",
        "Use another terminal, or lines of text with --plain.",
    )
    .caused_by(error)
}
