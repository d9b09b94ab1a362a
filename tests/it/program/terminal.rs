//! A terminal of 80 columns and 24 rows around the program: what it draws becomes lines of text, and keys are sent to it.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::Stdio,
    thread,
};

use rustix::{
    pty::{self, OpenptFlags},
    termios::{Winsize, tcsetwinsize},
};
use tokio::{
    process::{Child, Command},
    sync::mpsc,
    time::timeout,
};

use super::LIMIT;

const COLUMNS: usize = 80;
const ROWS: usize = 24;

/// Pieces of output that wait to be read.
const PIECES: usize = 1024;

/// The program in its terminal.
pub struct Terminal {
    child: Child,
    keys: File,
    pieces: mpsc::Receiver<Vec<u8>>,
    screen: Screen,
}

impl Terminal {
    /// Starts the program in it.
    pub fn start(mut command: Command) -> Self {
        let ours =
            pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        pty::grantpt(&ours).unwrap();
        pty::unlockpt(&ours).unwrap();
        let name = pty::ptsname(&ours, Vec::new()).unwrap();
        let theirs = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let size = Winsize {
            ws_col: COLUMNS.try_into().unwrap(),
            ws_row: ROWS.try_into().unwrap(),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&theirs, size).unwrap();
        let end = || Stdio::from(theirs.try_clone().unwrap());
        let child = command
            .env("TERM", "xterm-256color")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let keys = File::from(ours);
        let mut output = keys.try_clone().unwrap();
        let (send, pieces) = mpsc::channel(PIECES);
        // It ends with the terminal: a read fails once nobody holds the other end.
        thread::spawn(move || {
            let mut bytes = [0; 8192];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                if send.blocking_send(bytes[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keys,
            pieces,
            screen: Screen::default(),
        }
    }

    /// Waits until the screen shows it.
    pub async fn until(&mut self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let looks = async {
            loop {
                let text = self.screen.text();
                if is(&text) {
                    return Some(text);
                }
                match self.pieces.recv().await {
                    Some(piece) => self.screen.take(&piece),
                    None => return None,
                }
            }
        };
        let found = timeout(LIMIT, looks).await.ok().flatten();
        assert!(
            found.is_some(),
            "never {what}; it shows\n{}",
            self.screen.text()
        );
        found.unwrap()
    }

    /// Waits until the last line offers the key, then presses it.
    pub async fn press(&mut self, key: &str, word: &str) {
        let offer = format!("{key} {word}");
        self.until(&format!("offers `{offer}`"), |text| {
            text.lines().last().unwrap().contains(&offer)
        })
        .await;
        let bytes = match key {
            "Enter" => "\r",
            "Esc" => "\u{1b}",
            letter => letter,
        };
        self.send(bytes);
    }

    /// Types a text.
    pub fn send(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    /// Presses the arrow downwards, as the last line offers it, until the mark stands before this row.
    pub async fn choose(&mut self, row: &str) {
        const MOST: usize = 30;
        let marked = |text: &str| -> Option<String> {
            let line = text.lines().find(|line| line.contains("│> "))?;
            Some(line.split("│> ").nth(1)?.trim().to_owned())
        };
        let mut text = self.until("a menu", |text| marked(text).is_some()).await;
        for _ in 0..MOST {
            let now = marked(&text).unwrap();
            if now.starts_with(row) {
                return;
            }
            self.send("\u{1b}[B");
            let other = |text: &str| marked(text).is_some_and(|row| row != now);
            text = self.until("another row", other).await;
        }
        assert!(
            marked(&text).unwrap().starts_with(row),
            "no row {row} in\n{text}"
        );
    }

    /// Kills the program, as a power cut would, and waits until it is gone.
    pub async fn killed(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits for the end of the program and gives its exit code.
    pub async fn ended(mut self) -> Option<i32> {
        let end = async {
            while let Some(piece) = self.pieces.recv().await {
                self.screen.take(&piece);
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status.code();
                }
            }
            self.child.wait().await.unwrap().code()
        };
        timeout(LIMIT, end).await.expect("the program stays")
    }
}

/// What stands on the terminal: as much of its language as the program speaks.
struct Screen {
    cells: Vec<Vec<char>>,
    at: (usize, usize),
    /// Bytes of a command or a letter that is not whole yet.
    rest: Vec<u8>,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            cells: vec![vec![' '; COLUMNS]; ROWS],
            at: (0, 0),
            rest: Vec::new(),
        }
    }
}

impl Screen {
    fn text(&self) -> String {
        let rows = self.cells.iter();
        let rows = rows.map(|row| row.iter().collect::<String>().trim_end().to_owned());
        rows.collect::<Vec<String>>().join("\n")
    }

    fn take(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
        let bytes = std::mem::take(&mut self.rest);
        let mut from = 0;
        while from < bytes.len() {
            let Some(length) = self.one(&bytes[from..]) else {
                self.rest = bytes[from..].to_vec();
                return;
            };
            from += length;
        }
    }

    /// Takes one command or letter and gives its length; nothing when it is not whole.
    fn one(&mut self, bytes: &[u8]) -> Option<usize> {
        match bytes {
            [0x1b, b'[', rest @ ..] => {
                let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte))?;
                let words = String::from_utf8_lossy(&rest[..end]).into_owned();
                self.command(&words, rest[end]);
                Some(end + 3)
            }
            [0x1b, b']', rest @ ..] => Some(rest.iter().position(|byte| *byte == 7)? + 3),
            [0x1b, b'(', ..] => (bytes.len() >= 3).then_some(3),
            [0x1b] | [] => None,
            [0x1b, ..] => Some(2),
            [b'\r', ..] => {
                self.at.1 = 0;
                Some(1)
            }
            [b'\n', ..] => {
                self.at.0 = (self.at.0 + 1).min(ROWS - 1);
                Some(1)
            }
            [0..0x20, ..] => Some(1),
            [first, ..] => {
                let length = match first {
                    0xf0.. => 4,
                    0xe0.. => 3,
                    0xc0.. => 2,
                    _ => 1,
                };
                let letter = std::str::from_utf8(bytes.get(..length)?).unwrap();
                self.put(letter.chars().next().unwrap());
                Some(length)
            }
        }
    }

    fn put(&mut self, letter: char) {
        let (row, column) = self.at;
        if let Some(cell) = self.cells[row].get_mut(column) {
            *cell = letter;
        }
        self.at.1 += 1;
    }

    fn command(&mut self, words: &str, kind: u8) {
        let mut numbers = words
            .split(';')
            .map(|word| word.parse::<usize>().unwrap_or(0));
        let first = numbers.next().unwrap_or(0);
        let (row, column) = self.at;
        match kind {
            b'H' | b'f' => {
                let second = numbers.next().unwrap_or(1).max(1);
                self.at = (first.clamp(1, ROWS) - 1, second - 1);
            }
            b'C' => self.at.1 = column + first.max(1),
            b'G' => self.at.1 = first.max(1) - 1,
            b'J' if first >= 2 => self.cells = Self::default().cells,
            b'J' => {
                self.cells[row][column.min(COLUMNS)..].fill(' ');
                for line in &mut self.cells[row + 1..] {
                    line.fill(' ');
                }
            }
            b'A' => self.at.0 = row.saturating_sub(first.max(1)),
            b'B' => self.at.0 = (row + first.max(1)).min(ROWS - 1),
            b'D' => self.at.1 = column.saturating_sub(first.max(1)),
            b'E' => self.at = ((row + first.max(1)).min(ROWS - 1), 0),
            b'F' => self.at = (row.saturating_sub(first.max(1)), 0),
            b'K' if first == 2 => self.cells[row].fill(' '),
            b'K' => self.cells[row][column.min(COLUMNS)..].fill(' '),
            _ => {}
        }
    }
}
