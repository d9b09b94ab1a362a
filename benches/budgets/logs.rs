//! A log of a million lines: long lines, commands to the terminal, bytes that are no text. Taken, shown at its end, searched.

use std::time::{Duration, Instant};

use care_install::{
    app::{
        App, Input,
        keys::Key,
        logs::{self, store::MOST_BYTES, wish::News},
    },
    ui::{self, Theme},
};
use jiff::Timestamp;
use ratatui::{Terminal, backend::TestBackend};

use crate::table::{Table, repeat};

const LINES: usize = 1_000_000;

/// Bytes in which a log comes.
const BATCH: usize = 32 << 10;

/// Lines that are read first.
const TAIL: usize = 1000;

/// Adds its rows.
pub fn measure(table: &mut Table) {
    let text = text();
    let before = resident();
    let tail = repeat(20, || {
        let app = opened(&last(&text, TAIL), false);
        draw(&app);
        app
    });
    table.times(
        "log: its end, read and shown",
        tail,
        Some(Duration::from_millis(200)),
    );
    let began = Instant::now();
    let mut app = opened(&text, true);
    let taken = began.elapsed();
    table.times("log of a million lines: all of it taken", vec![taken], None);
    let grown = resident().saturating_sub(before) >> 20;
    let most = (MOST_BYTES >> 20) + 64;
    table.figure(
        "log of a million lines: memory",
        format!("{grown} MiB"),
        &format!("{most} MiB"),
        Some(grown <= most),
    );
    let mut steps = Vec::new();
    let searches = repeat(5, || {
        app.update(Input::Key(Key::Char('/')));
        for letter in "needle".chars() {
            app.update(Input::Key(Key::Char(letter)));
        }
        while app.works() {
            let began = Instant::now();
            app.update(Input::Work);
            steps.push(began.elapsed());
        }
        app.update(Input::Key(Key::Enter));
        draw(&app);
        app.update(Input::Key(Key::Esc));
    });
    table.times(
        "log of a million lines: a text searched",
        searches,
        Some(Duration::from_millis(300)),
    );
    table.times(
        "log of a million lines: how long a key may wait for it",
        steps,
        Some(Duration::from_millis(16)),
    );
}

/// About 100 bytes a line, one of a thousand with 8 KiB.
fn text() -> Vec<u8> {
    let mut text = Vec::new();
    for line in 0..LINES {
        let words = match line % 1000 {
            1 => "x".repeat(8 << 10),
            2 => "\u{1b}[31merror\u{1b}[0m \u{1b}]0;title\u{7}".to_owned(),
            3 => "here is the needle".to_owned(),
            _ => "GET /api/v1/patient/search/ 200 0.041 s from 10.0.3.17".to_owned(),
        };
        text.extend(format!("2026-11-24T10:00:00Z {line:>8} {words}").bytes());
        if line % 1000 == 4 {
            text.extend(b" \xff\xfe\xc3");
        }
        text.push(b'\n');
    }
    text
}

fn last(text: &[u8], lines: usize) -> Vec<u8> {
    let ends = text.iter().enumerate().rev();
    let mut ends = ends.filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    let begin = ends.nth(lines).map_or(0, |at| at + 1);
    text[begin..].to_vec()
}

/// The screen of a log that has come.
fn opened(text: &[u8], whole: bool) -> App {
    let mut app = App::new(Timestamp::now(), Vec::new());
    app.update(Input::Resize(120, 40));
    logs::open(&mut app, "care".to_owned(), "care-1".to_owned());
    let id = app.known.log.wish.id;
    let mut at = 0;
    while at < text.len() {
        let until = (at + BATCH).min(text.len());
        // Batches hold whole lines.
        let line = text[until - 1..].iter().position(|byte| *byte == b'\n');
        let end = line.map_or(text.len(), |line| until + line);
        let news = News::Lines(text[at..end].to_vec());
        app.update(Input::Log { id, news });
        at = end;
    }
    let news = News::Caught(whole);
    app.update(Input::Log { id, news });
    app
}

fn draw(app: &App) {
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
    terminal
        .draw(|frame| ui::draw(app, Theme::colour(), frame))
        .unwrap();
}

/// Bytes of memory that this process uses.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}
