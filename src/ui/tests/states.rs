//! Every screen in its bad states: the ones that no other test of the screens draws, and all of them without colour, in ASCII,
//! in the strongest contrast and in windows that hold no screen.

mod day;
mod first;
mod runs;
mod set_up;

use super::{check, numbers, press, sent};
use crate::{
    app::{App, Input},
    ui::{Theme, shot},
};

/// A name that no column holds.
fn long() -> String {
    "a-name-that-goes-on-".repeat(12)
}

/// Each state with the name of its pictures.
fn states() -> Vec<(&'static str, App)> {
    [
        first::states(),
        set_up::states(),
        runs::states(),
        day::states(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn the_first_screen_and_its_cards() {
    for (name, app) in first::states() {
        check(name, app);
    }
}

#[test]
fn questions_checks_and_plan() {
    for (name, app) in set_up::states() {
        check(name, app);
    }
}

#[test]
fn runs_and_restores() {
    for (name, app) in runs::states() {
        check(name, app);
    }
}

#[test]
fn every_day() {
    for (name, app) in day::states() {
        check(name, app);
    }
}

#[test]
fn no_state_needs_colour_or_more_than_ascii_and_each_says_when_the_window_is_too_small() {
    for (name, mut app) in states() {
        for size in super::SIZES {
            app.update(Input::Resize(size.0, size.1));
            let ascii = shot(&app, Theme::colour().ascii(), size);
            assert!(ascii.is_ascii(), "{name}\n{ascii}");
            let plain = shot(&app, Theme::colour().without_colour(), size);
            assert_eq!(plain, shot(&app, Theme::colour(), size), "{name}");
        }
        app.update(Input::Resize(80, 24));
        for theme in [Theme::colour().without_colour(), Theme::colour().contrast()] {
            let bytes = sent(&app, theme.ascii());
            assert!(bytes.is_ascii(), "{name} sends more than ASCII");
            let marks = |number: &u16| matches!(number, 0 | 1 | 4 | 7);
            let seven = |number: &u16| marks(number) || (theme.has_colours() && *number >= 30);
            assert!(numbers(&bytes).iter().all(seven), "{name} sends colour");
        }
        app.update(Input::Resize(59, 15));
        let small = shot(&app, Theme::colour(), (59, 15));
        assert!(
            small.contains("This window is too small."),
            "{name}\n{small}"
        );
    }
}
