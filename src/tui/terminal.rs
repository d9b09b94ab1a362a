//! The terminal while it shows screens; given back as it was on every way out: end, error, panic, stop.

use std::{
    io::{self, BufWriter, Stdout, Write, stdout},
    sync::{
        Arc, Once,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use crossterm::{
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute, queue,
    terminal::{
        EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
    },
};
use ratatui::{Frame, Terminal};
use tokio::sync::Notify;

use super::sixteen::Sixteen;
use crate::problem::{Code, Problem};

/// Clicks and the wheel, told in decimal numbers; not every movement.
const MOUSE_ON: &str = "\u{1b}[?1000h\u{1b}[?1006h";
const MOUSE_OFF: &str = "\u{1b}[?1006l\u{1b}[?1000l";

/// Bytes that are collected before they are written: a whole picture.
const PICTURE: usize = 64 << 10;

/// Whether the terminal is in the mode of screens: it is given back once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Wakes the loop when any task has panicked: what it held is gone, and its words stand on the terminal.
static BROKEN: Notify = Notify::const_new();

/// Counts the bytes that are sent.
struct Counted {
    out: BufWriter<Stdout>,
    sent: Arc<AtomicUsize>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sent.fetch_add(written, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The terminal in the mode of screens.
pub struct Screens {
    terminal: Terminal<Sixteen<Counted>>,
    sent: Arc<AtomicUsize>,
}

impl Screens {
    /// Takes the terminal.
    pub fn open() -> Result<Self, Problem> {
        give_back_on_panic();
        take().map_err(|error| unusable(&error))?;
        let sent = Arc::new(AtomicUsize::new(0));
        let out = Counted {
            out: BufWriter::with_capacity(PICTURE, stdout()),
            sent: Arc::clone(&sent),
        };
        match Terminal::new(Sixteen::new(out)) {
            Ok(terminal) => Ok(Self { terminal, sent }),
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

    /// Draws a picture; only what changed is sent. Gives the number of bytes.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame)) -> Result<usize, Problem> {
        self.sent.store(0, Ordering::Relaxed);
        let drawn = self.terminal.draw(draw).map(|_| ());
        drawn.map_err(|error| unusable(&error))?;
        Ok(self.sent.load(Ordering::Relaxed))
    }

    /// Forgets what is on the terminal, so that the next picture is sent whole.
    pub fn clear(&mut self) -> Result<(), Problem> {
        self.terminal.clear().map_err(|error| unusable(&error))
    }

    /// Gives the terminal to the shell until the program goes on.
    pub fn leave() {
        give_back();
    }

    /// Takes the terminal again, whatever happened to it, and forgets what was on it.
    pub fn come_back(&mut self) -> Result<(), Problem> {
        // A shell may have set its own mode: ours is left first, so that it is really set anew.
        disable_raw_mode().ok();
        take().map_err(|error| unusable(&error))?;
        self.clear()
    }

    /// Listens to the mouse, or leaves it to the terminal.
    pub fn mouse(on: bool) -> Result<(), Problem> {
        send(if on { MOUSE_ON } else { MOUSE_OFF })
    }

    /// Puts a text on the terminal's clipboard (OSC 52).
    pub fn copy(text: &str) -> Result<(), Problem> {
        send(&format!("\u{1b}]52;c;{}\u{7}", STANDARD.encode(text)))
    }
}

impl Drop for Screens {
    fn drop(&mut self) {
        give_back();
    }
}

/// Ends when any task of the program has panicked.
pub async fn broken() {
    BROKEN.notified().await;
}

fn send(text: &str) -> Result<(), Problem> {
    let mut out = stdout();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| unusable(&error))
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let entered = execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide);
    if entered.is_err() {
        give_back();
    }
    entered
}

/// Makes the terminal what it was, once. What fails here cannot be told any more.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = stdout();
    out.write_all(MOUSE_OFF.as_bytes()).ok();
    queue!(out, DisableBracketedPaste, LeaveAlternateScreen, Show).ok();
    out.flush().ok();
    disable_raw_mode().ok();
}

/// The words of a panic belong on an ordinary terminal, whichever task it was.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let shown = TAKEN.load(Ordering::SeqCst);
            give_back();
            before(info);
            if shown {
                BROKEN.notify_one();
            }
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
