//! What a real terminal is sent, byte by byte; a double of a terminal cannot see colour commands.

use ratatui::{Terminal, TerminalOptions, Viewport, layout::Rect};

use super::Sixteen;
use crate::{
    app::{App, Goto, fixture, keys::Key},
    ui::{Theme, draw},
};

/// What a terminal of 80 columns and 24 rows is sent for one picture.
pub(crate) fn sent(app: &App, theme: Theme) -> String {
    let mut bytes: Vec<u8> = Vec::new();
    let options = TerminalOptions {
        viewport: Viewport::Fixed(Rect::new(0, 0, 80, 24)),
    };
    let mut terminal = Terminal::with_options(Sixteen::new(&mut bytes), options).unwrap();
    terminal.draw(|frame| draw(app, theme, frame)).unwrap();
    drop(terminal);
    String::from_utf8(bytes).unwrap()
}

fn pressed(mut app: App, keys: &[Key]) -> App {
    for key in keys {
        app.update(crate::app::Input::Key(*key));
    }
    app
}

fn screens() -> Vec<App> {
    vec![
        fixture::welcome(),
        fixture::opened(Goto::Settings),
        fixture::checks(),
        fixture::planned(),
        fixture::pulling(),
        fixture::failed(),
        fixture::ended_done(),
        fixture::health(),
        fixture::restoring(),
        fixture::practising("healthy", "20"),
        pressed(fixture::health(), &[Key::Char('l')]),
        pressed(fixture::health(), &[Key::Char('e')]),
        pressed(fixture::health(), &[Key::Char('?')]),
    ]
}

/// The numbers of every command for colours and marks.
pub(crate) fn numbers(sent: &str) -> Vec<u16> {
    let commands = sent.split("\u{1b}[").skip(1).filter_map(|rest| {
        let end = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
        let (numbers, rest) = rest.split_at(end);
        rest.starts_with('m').then_some(numbers)
    });
    commands
        .flat_map(|command| command.split(';').map(|number| number.parse().unwrap_or(0)))
        .collect()
}

#[test]
fn only_the_sixteen_colours_of_the_terminal_are_sent_and_never_black_or_white() {
    for app in screens() {
        let numbers = numbers(&sent(&app, Theme::colour()));
        assert!(numbers.iter().any(|number| (31..=36).contains(number)));
        for number in numbers {
            // Marks, or one of the sixteen; black and white would vanish on a paper of that colour.
            let mark = matches!(number, 0 | 1 | 4 | 7);
            let colour = matches!(number, 31..=36 | 90..=96);
            assert!(mark || colour, "{number} on {}", app.screen.title());
        }
    }
}

#[test]
fn without_colour_and_with_contrast_no_colour_command_is_sent_and_the_chosen_row_stays_reversed() {
    for theme in [Theme::colour().without_colour(), Theme::colour().contrast()] {
        for app in screens() {
            let sent = sent(&app, theme);
            let strange: Vec<u16> = numbers(&sent)
                .into_iter()
                .filter(|number| !matches!(number, 0 | 1 | 4 | 7))
                .collect();
            assert!(strange.is_empty(), "{strange:?} on {}", app.screen.title());
        }
        let sent = sent(&fixture::pulling(), theme);
        let (_, after) = sent.split_once(";7m").expect("a reversed row");
        let (row, _) = after.split_once("\u{1b}[").unwrap();
        assert!(!row.trim().is_empty(), "nothing ends the reverse at once");
    }
}

#[test]
fn in_ascii_no_byte_is_other_than_ascii() {
    for app in screens() {
        let sent = sent(&app, Theme::colour().ascii());
        assert!(sent.is_ascii(), "{}", app.screen.title());
    }
}

#[test]
fn a_second_picture_of_the_same_sends_no_cell() {
    let pictures = |count: usize| {
        let mut bytes: Vec<u8> = Vec::new();
        let options = TerminalOptions {
            viewport: Viewport::Fixed(Rect::new(0, 0, 80, 24)),
        };
        let app = fixture::health();
        let mut terminal = Terminal::with_options(Sixteen::new(&mut bytes), options).unwrap();
        for _ in 0..count {
            terminal
                .draw(|frame| draw(&app, Theme::colour(), frame))
                .unwrap();
        }
        drop(terminal);
        bytes.len()
    };
    assert!(pictures(2) - pictures(1) < 20);
}
