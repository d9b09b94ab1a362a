//! A few letters find what they mean, and Enter does what the key would.

use crate::{
    app::{App, Dialog, Effect, Goto, Input, Screen, fixture, health::Tab, keys::Key},
    site::sample,
};

fn typed(mut app: App, text: &str) -> App {
    app.update(Input::Key(Key::Ctrl('k')));
    assert!(
        matches!(app.dialog, Some(Dialog::Find(_))),
        "{:?}",
        app.dialog
    );
    for letter in text.chars() {
        app.update(Input::Key(Key::Char(letter)));
    }
    app
}

fn first(app: &App) -> String {
    let Some(Dialog::Find(find)) = &app.dialog else {
        panic!("{:?}", app.dialog);
    };
    let first = find.found().next().flatten();
    first.map_or_else(String::new, |item| item.label.clone())
}

fn enter(mut app: App) -> (App, Vec<Effect>) {
    let effects = app.update(Input::Key(Key::Enter));
    assert!(!matches!(app.dialog, Some(Dialog::Find(_))));
    (app, effects)
}

#[test]
fn a_few_letters_find_objects_screens_and_deeds() {
    for (text, found) in [
        ("caredb1", "pod database/care-db-1"),
        ("odoo web", "pod odoo/odoo-web-5c9f"),
        ("node prim", "node primary"),
        ("restore", "screen Restore"),
        ("backups", "list Backups"),
        ("wildc", "certificate care-fe/wildcard"),
        ("sort", "do sorts by the next column"),
    ] {
        assert_eq!(first(&typed(fixture::health(), text)), found, "{text}");
    }
    assert_eq!(first(&typed(fixture::health(), "zzzz")), "");
    assert_eq!(first(&typed(fixture::welcome(), "mary")), "site st-marys");
    assert_eq!(
        first(&typed(fixture::pulling(), "care smoke")),
        "step care/smoke: Care answers"
    );
}

#[test]
fn enter_goes_to_the_row_even_when_a_filter_hid_it() {
    let mut app = fixture::health();
    for key in [Key::Char('2'), Key::Char('/'), Key::Char('x'), Key::Enter] {
        app.update(Input::Key(key));
    }
    let (app, _) = enter(typed(app, "caredb1"));
    let row = crate::app::health::chosen_row(&app).unwrap();
    assert_eq!(row.identity(), "database/care-db-1");
    let Screen::Health(state) = &app.screen else {
        panic!()
    };
    // Pods come before volumes of the same name.
    assert_eq!(state.tab, Tab::Pods);
}

#[test]
fn enter_does_what_the_key_would_and_asks_as_it_would() {
    let (app, effects) = enter(typed(fixture::failed(), "do leaves the chosen step out"));
    assert!(effects.is_empty());
    assert!(
        matches!(app.dialog, Some(Dialog::Ask(_))),
        "{:?}",
        app.dialog
    );
    let (app, _) = enter(typed(fixture::planned(), "do begins the deploy"));
    assert!(matches!(app.dialog, Some(Dialog::Menu(_))), "asks once");
    let (_, effects) = enter(typed(fixture::health(), "do leaves care-install"));
    assert!(matches!(effects.as_slice(), [Effect::Leave]));
}

#[test]
fn what_cannot_be_done_now_is_not_offered() {
    let app = typed(
        fixture::opened(Goto::Deploy),
        "do leaves the chosen step out",
    );
    assert_eq!(first(&app), "");
}

#[test]
fn going_away_from_the_questions_keeps_what_was_typed() {
    let mut app = fixture::opened(Goto::Settings);
    app.known.draft = sample();
    app.update(Input::Key(Key::Char('x')));
    let (_, effects) = enter(typed(app, "screen health"));
    assert!(
        matches!(effects.first(), Some(Effect::SaveDraft(_))),
        "{effects:?}"
    );
}

#[test]
fn a_run_step_is_shown_where_it_is() {
    let (app, _) = enter(typed(fixture::pulling(), "longhorn classes"));
    let Screen::Deploy(state) = &app.screen else {
        panic!()
    };
    let step = crate::app::deploy::chosen_step(&app.known.run, state).unwrap();
    assert_eq!(step.outline.id.as_str(), "longhorn/classes");
}
