//! What pods and nodes use, in lists and on cards, and why it is not known, as terminals show it.

use std::sync::Arc;

use super::{numbers, press, sent};
use crate::{
    app::{
        App, Goto, Input,
        fixture::{self, at},
        keys::Key,
    },
    ui::{Theme, shot},
    watch::{usage::Heard, view::Health},
};

const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (120, 40), (200, 60)];

/// Holds the picture in every size against the one that was reviewed.
fn check(name: &str, mut app: App) {
    for (columns, rows) in SIZES {
        app.update(Input::Resize(columns, rows));
        let picture = shot(&app, Theme::colour(), (columns, rows));
        insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), picture);
    }
}

fn heard(heard: Heard) -> App {
    let mut app = fixture::health();
    app.update(Input::Usage(Box::new(heard)));
    app
}

/// The list of pods, sorted by the memory that they use: it is the ninth column of all.
fn by_memory() -> App {
    let mut keys = vec![Key::Char('2')];
    keys.extend([Key::Char('s'); 9]);
    press(fixture::measured(), &keys)
}

#[test]
fn the_lists_say_what_is_used_and_of_how_much() {
    check("usage_pods", press(fixture::measured(), &[Key::Char('2')]));
    check("usage_nodes", press(fixture::measured(), &[Key::Char('3')]));
}

#[test]
fn the_column_by_which_a_list_is_sorted_is_shown_wherever_it_is_and_the_most_stands_first() {
    let app = by_memory();
    let picture = shot(&app, Theme::colour(), (80, 24));
    assert!(picture.contains("vMEMORY"), "{picture}");
    let first = picture.find("care-db-1").unwrap();
    assert!(first < picture.find("care-backend").unwrap(), "{picture}");
    // What is not measured stands last, whichever way the others are turned.
    let turned = press(by_memory(), &[Key::Char('S')]);
    let picture = shot(&turned, Theme::colour(), (80, 24));
    assert!(
        picture.rfind("odoo-web").unwrap() > picture.find("care-db-1").unwrap(),
        "{picture}"
    );
    check("usage_sorted", app);
}

#[test]
fn a_card_says_what_is_used_what_it_is_held_against_and_how_it_went() {
    check(
        "usage_pod",
        press(fixture::measured(), &[Key::Char('2'), Key::Enter]),
    );
    check(
        "usage_node",
        press(fixture::measured(), &[Key::Char('3'), Key::Enter]),
    );
    let app = press(fixture::measured(), &[Key::Char('2'), Key::End, Key::Enter]);
    let picture = shot(&app, Theme::colour(), (80, 24));
    // It does not run: nobody would measure it.
    assert!(!picture.contains("memory"), "{picture}");
}

#[test]
fn old_numbers_say_how_old_they_are_and_then_nothing_about_now() {
    let mut app = press(fixture::measured(), &[Key::Char('2')]);
    app.update(Input::Tick(at(100)));
    check("usage_old", app);
    let mut app = press(fixture::measured(), &[Key::Char('2')]);
    app.update(Input::Usage(Box::new(Heard::NotReady)));
    app.update(Input::Tick(at(600)));
    check("usage_older", app);
}

#[test]
fn why_nothing_is_known_of_use_is_said_once() {
    for (name, why) in [
        ("absent", Heard::Absent),
        ("not_ready", Heard::NotReady),
        (
            "refused",
            Heard::Refused("You may not read what the nodes use.".to_owned()),
        ),
    ] {
        let mut app = press(heard(why), &[Key::Char('2')]);
        app.update(Input::Tick(at(150)));
        check(&format!("usage_{name}"), app);
    }
    let app = press(heard(Heard::Absent), &[Key::Char('2'), Key::Enter]);
    check("usage_absent_pod", app);
    // Where nothing is used, and while everything is old, it is not said.
    let app = press(heard(Heard::Absent), &[Key::Char('4')]);
    assert!(!shot(&app, Theme::colour(), (80, 24)).contains("metrics server"));
}

#[test]
fn a_new_pod_is_not_measured_yet_and_a_lost_one_not_any_more() {
    let mut view = fixture::cluster();
    view.pods.push(Arc::new(fixture::pod(
        "care",
        "care-backend-new",
        "Running",
        Health::Good,
    )));
    let mut app = fixture::measured();
    app.update(Input::Cluster(Arc::new(view)));
    check("usage_new", press(app, &[Key::Char('2'), Key::End]));
}

#[test]
fn use_needs_no_colour_and_no_more_than_ascii() {
    let details = |key| press(fixture::measured(), &[Key::Char(key), Key::Enter]);
    let list = |key| press(fixture::measured(), &[Key::Char(key)]);
    let absent = press(heard(Heard::Absent), &[Key::Char('2')]);
    for (name, app) in [
        ("pods", list('2')),
        ("nodes", list('3')),
        ("pod", details('2')),
        ("node", details('3')),
        ("sorted", by_memory()),
        ("absent", absent),
    ] {
        for size in SIZES {
            let ascii = shot(&app, Theme::colour().ascii(), size);
            let known = ascii.replace("? help", "");
            assert!(known.is_ascii() && !known.contains('?'), "{name}\n{ascii}");
        }
        let plain = sent(&app, Theme::colour().without_colour());
        let marks = |number: &u16| matches!(number, 0 | 1 | 4 | 7);
        assert!(numbers(&plain).iter().all(marks), "{name} sends colour");
        let bytes = sent(&app, Theme::colour().without_colour().ascii());
        assert!(bytes.is_ascii(), "{name} sends more than ASCII");
    }
    insta::assert_snapshot!(
        "usage_pod_ascii",
        shot(&details('2'), Theme::colour().ascii(), (80, 24))
    );
}

#[test]
fn nothing_is_known_of_use_before_anybody_answered() {
    let app = press(fixture::health(), &[Key::Char('2')]);
    let picture = shot(&app, Theme::colour(), (120, 40));
    assert!(
        !picture.contains("MEMORY") && !picture.contains("usage"),
        "{picture}"
    );
    let app = press(fixture::opened(Goto::Health), &[Key::Char('3')]);
    assert!(!shot(&app, Theme::colour(), (120, 40)).contains("USED"));
}
