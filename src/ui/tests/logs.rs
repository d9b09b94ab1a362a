//! The log of a pod in good and bad states, as terminals show it.

use super::{letters, numbers, press, sent};
use crate::{
    app::{App, Input, fixture, keys::Key, logs::wish::News},
    ui::{Theme, shot},
};

const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (120, 40), (200, 60)];

fn check(name: &str, mut app: App) {
    for (columns, rows) in SIZES {
        app.update(Input::Resize(columns, rows));
        while app.works() {
            app.update(Input::Work);
        }
        let picture = shot(&app, Theme::colour(), (columns, rows));
        insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), picture);
    }
}

fn tell(mut app: App, news: News) -> App {
    let id = app.known.log.wish.id;
    app.update(Input::Log { id, news });
    app
}

fn opened() -> App {
    press(fixture::health(), &[Key::Char('l')])
}

/// A log that is followed.
fn log() -> App {
    let mut app = opened();
    app = tell(
        app,
        News::Begun(vec!["web".to_owned(), "sidecar".to_owned()]),
    );
    let lines: String = (0..200)
        .map(|line| match line % 20 {
            7 => format!("[web] line {line}: \u{1b}[31mERROR\u{1b}[0m: out of memory\n"),
            13 => format!("[web] line {line}: warning: slow\n"),
            _ => format!(
                "[sidecar] line {line}: GET /web/login 200 {}\n",
                "x".repeat(line)
            ),
        })
        .collect();
    app = tell(app, News::Lines(lines.into_bytes()));
    app = tell(app, News::Lines(b"\xff\xfe is no text\n".to_vec()));
    app = tell(app, News::Caught(true));
    app
}

#[test]
fn a_log_that_is_read_or_refused() {
    check("log_reading", opened());
    check("log", log());
    let mut app = opened();
    app = tell(app, News::Trouble(Some(fixture::failure())));
    check("log_refused", app);
    let mut app = log();
    app = tell(app, News::Trouble(Some(fixture::failure())));
    check("log_not_heard", app);
    let mut app = opened();
    app = tell(app, News::Begun(vec!["web".to_owned()]));
    app = tell(app, News::Caught(true));
    app = tell(app, News::Over);
    check("log_empty", app);
}

#[test]
fn a_log_that_is_searched() {
    let mut keys = vec![Key::Char('/')];
    keys.extend(letters("out of"));
    check("log_search_typed", press(log(), &keys));
    let searched = |keys: &[Key]| {
        let mut all = vec![Key::Char('/')];
        all.extend(letters("out of"));
        let mut app = press(log(), &all);
        while app.works() {
            app.update(Input::Work);
        }
        press(press(app, &[Key::Enter]), keys)
    };
    check("log_search", searched(&[Key::Char('n')]));
    check("log_search_only", searched(&[Key::Char('f')]));
    let mut keys = vec![Key::Char('/')];
    keys.extend(letters("nowhere"));
    keys.extend([Key::Enter, Key::Char('f')]);
    check("log_search_nothing", press(log(), &keys));
}

#[test]
fn a_log_of_a_part() {
    check("log_aside", press(log(), &[Key::Right, Key::Right]));
    check("log_times", press(log(), &[Key::Char('t')]));
    let mut app = press(log(), &[Key::Char('t'), Key::Down, Key::Down, Key::Enter]);
    app = tell(app, News::Lines(b"one line\n".to_vec()));
    app = tell(app, News::Caught(true));
    check("log_last_hour", press(app, &[Key::Char('p')]));
    check("log_help", press(log(), &[Key::Char('?')]));
}

#[test]
fn a_log_needs_no_colour_and_no_more_than_ascii_and_commands_no_terminal() {
    let mut app = log();
    app = tell(app, News::Lines(b"\x1b]0;owned\x07\x1b[2Jend\n".to_vec()));
    app.update(Input::Resize(80, 24));
    let ascii = shot(&app, Theme::colour().ascii(), (80, 24));
    assert!(ascii.is_ascii(), "{ascii}");
    let bytes = sent(&app, Theme::colour().without_colour().ascii());
    assert!(bytes.is_ascii() && !bytes.contains("owned"));
    let marks = |number: &u16| matches!(number, 0 | 1 | 4 | 7);
    assert!(numbers(&bytes).iter().all(marks), "colour is sent");
    assert!(!bytes.contains("\u{1b}[2Jend"));
}
