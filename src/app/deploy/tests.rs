//! Looking on, taking over, and the page of a step.

use std::sync::Arc;

use super::*;
use crate::{
    app::{fixture, keys::Key},
    engine::event::{Event, Steerer},
    problem::{Code, Problem},
    watch::view::{Finding, Health},
};

fn press(app: &mut App, keys: &[Key]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys {
        effects.extend(app.update(Input::Key(*key)));
    }
    effects
}

fn steering(who: &str, mine: bool) -> Input {
    let by = Some(Steerer {
        who: who.to_owned(),
        since: fixture::at(10),
    });
    Input::Steering(Steering { by, mine })
}

fn text(app: &App) -> String {
    match &app.dialog {
        Some(Dialog::Text(card)) => card.plain(),
        other => panic!("no card: {other:?}"),
    }
}

#[test]
fn who_looks_on_changes_nothing_and_takes_over_with_one_key() {
    let mut app = fixture::failed();
    app.update(steering("anna@ward pid 7", false));
    let keys = ['r', 's', 'p', 'y', 'n'].map(Key::Char);
    assert!(press(&mut app, &keys).is_empty() && app.dialog.is_none());
    let effects = press(&mut app, &[Key::Char('T')]);
    assert!(
        matches!(&effects[..], [Effect::Command(Command::TakeOver)]),
        "{effects:?}"
    );
    app.update(steering("me", true));
    assert_eq!(app.notice.as_deref(), Some("You steer this run now."));
    assert!(!press(&mut app, &[Key::Char('r')]).is_empty());
    assert!(press(&mut app, &[Key::Char('T')]).is_empty());
}

#[test]
fn who_steers_is_told_for_a_while_and_then_the_keys_are_told_again() {
    let mut app = fixture::deploying();
    app.update(steering("me", true));
    app.update(steering("ben@lab pid 9", false));
    for tick in 0..8 {
        assert!(app.notice.is_some(), "gone after {tick} ticks");
        app.update(Input::Tick(app.now));
    }
    assert_eq!(app.notice, None);
}

#[test]
fn who_steered_is_told_that_another_has_taken_over() {
    let mut app = fixture::deploying();
    app.update(steering("me", true));
    app.update(steering("ben@lab pid 9", false));
    let notice = app.notice.clone().unwrap();
    assert!(
        notice.starts_with("ben@lab pid 9 has taken over"),
        "{notice}"
    );
    // Leaving offers no stop any more.
    press(&mut app, &[Key::Char('q')]);
    let Some(Dialog::Menu(menu)) = &app.dialog else {
        panic!("no menu");
    };
    let labels: Vec<&str> = menu.items.iter().map(|item| item.label.as_str()).collect();
    assert_eq!(labels, ["Leave it running", "Stay here"]);
}

#[test]
fn when_nobody_steers_any_more_the_next_command_does() {
    let mut app = fixture::deploying();
    app.update(steering("anna", false));
    app.update(Input::Steering(Steering::default()));
    assert!(!press(&mut app, &[Key::Char('p')]).is_empty());
}

#[test]
fn the_page_of_a_step_tells_what_it_did_asked_and_tried_and_stays_current() {
    let mut app = fixture::deploying();
    press(&mut app, &[Key::Up, Key::Up]);
    let line = |line: &str| {
        Input::Run(Box::new(Event::Log {
            step: StepId::from_text("postgres/cluster"),
            at: fixture::at(331),
            line: line.to_owned(),
        }))
    };
    let state = state(&app).unwrap();
    let id = chosen_step(&app.known.run, state)
        .unwrap()
        .outline
        .id
        .clone();
    assert_eq!(id.as_str(), "postgres/cluster");
    press(&mut app, &[Key::Enter]);
    app.update(line("$ helm upgrade --install a b"));
    app.update(line("> PATCH clusters database/care-db: 201 in 8 ms"));
    app.update(line("created Cluster database/care-db"));
    app.update(Input::Run(Box::new(Event::Retry {
        step: id,
        at: fixture::at(332),
        attempt: 1,
        next_in_ms: 1000,
        problem: Problem::new(Code::Kube10, "The API is overloaded.", "Wait.")
            .because("status 429"),
    })));
    let text = text(&app);
    for told in [
        "Attempts that failed",
        "The API is overloaded.",
        "Because status 429.",
        "What it did\n  created Cluster database/care-db",
        "$ helm upgrade --install a b\n  > PATCH clusters database/care-db: 201 in 8 ms",
    ] {
        assert!(text.contains(told), "{told} in\n{text}");
    }
}

#[test]
fn a_machine_is_switched_off_only_after_a_yes_and_then_the_run_is_shown() {
    let mut app = fixture::health();
    press(&mut app, &[Key::Char('3'), Key::Char('a')]);
    let Some(Dialog::Menu(menu)) = &app.dialog else {
        panic!("no menu");
    };
    let at = menu
        .items
        .iter()
        .position(|item| item.label == "power off")
        .unwrap();
    let down = vec![Key::Down; at];
    press(&mut app, &down);
    press(&mut app, &[Key::Enter]);
    let Some(Dialog::Menu(menu)) = &app.dialog else {
        panic!("no question");
    };
    assert_eq!(menu.title, "Power off primary?");
    // What it means stands before the question, and the first answer is no.
    assert!(menu.body.len() > 1);
    assert!(press(&mut app, &[Key::Enter]).is_empty());
    press(&mut app, &[Key::Char('a')]);
    press(&mut app, &down);
    let effects = press(&mut app, &[Key::Enter, Key::Down, Key::Enter]);
    let [Effect::Power(powering, None)] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(
        (powering.node.as_str(), powering.way.word()),
        ("primary", "off")
    );
    assert!(matches!(app.screen, Screen::Deploy(_)));
    // Stopped, r goes on with the same.
    let mut outline = fixture::outline();
    outline.purpose = Purpose::Power(Box::new(powering.clone()));
    app.update(Input::Run(Box::new(Event::RunStarted {
        format: 1,
        run: crate::engine::event::RunId("p".to_owned()),
        at: fixture::at(0),
        cluster: "c".to_owned(),
        rehearsal: true,
        outline,
    })));
    fixture::end(&mut app, Outcome::Stopped);
    let again = press(&mut app, &[Key::Char('r')]);
    assert!(matches!(&again[..], [Effect::Power(_, None)]), "{again:?}");
}

/// Opens the menu of a node and chooses this.
fn choose(app: &mut App, label: &str) {
    press(app, &[Key::Char('3'), Key::Char('a')]);
    let Some(Dialog::Menu(menu)) = &app.dialog else {
        panic!("no menu");
    };
    let found = menu.items.iter().position(|item| item.label == label);
    let down = vec![Key::Down; found.expect(label)];
    press(app, &down);
    press(app, &[Key::Enter]);
}

/// Health with exactly these findings.
fn finding(app: &mut App, found: &[(Code, &str)]) {
    let mut view = (*app.known.cluster).clone();
    let findings = found.iter().map(|(code, what)| Finding {
        health: Health::Bad,
        problem: Problem::new(*code, *what, "Cure it."),
        about: "Volume a".to_owned(),
        since: None,
        services: Vec::new(),
        brings: Vec::new(),
        because_of: None,
    });
    view.findings = findings.collect();
    app.known.cluster = Arc::new(view);
}

#[test]
fn all_machines_go_off_after_a_yes_when_nothing_could_be_lost() {
    let mut app = fixture::health();
    finding(&mut app, &[(Code::Wait02, "An image cannot be pulled.")]);
    choose(&mut app, "power off all");
    let Some(Dialog::Menu(menu)) = &app.dialog else {
        panic!("no question");
    };
    assert_eq!(menu.title, "Power off all machines?");
    assert_eq!(menu.items[1].hint, "care-install power off all");
    let effects = press(&mut app, &[Key::Down, Key::Enter]);
    let [Effect::Power(powering, None)] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(powering.node.as_str(), "all");
    assert!(matches!(app.screen, Screen::Deploy(_)));
}

#[test]
fn what_could_be_lost_is_told_and_accepted_in_words_or_not_at_all() {
    let mut app = fixture::health();
    finding(
        &mut app,
        &[(Code::Vol01, "The volume of files has fewer copies.")],
    );
    choose(&mut app, "power off all");
    let Some(Dialog::Menu(menu)) = &app.dialog else {
        panic!("no question");
    };
    let told = menu
        .body
        .iter()
        .any(|words| words.text.contains("fewer copies"));
    assert!(told, "{:?}", menu.body);
    assert!(menu.items.iter().all(|item| item.label != "yes"));
    press(&mut app, &[Key::Down, Key::Enter]);
    assert!(matches!(app.dialog, Some(Dialog::Ask(_))));
    // Nothing said, nothing done.
    assert!(press(&mut app, &[Key::Enter]).is_empty());
    let words: Vec<Key> = "no diesel".chars().map(Key::Char).collect();
    press(&mut app, &words);
    let effects = press(&mut app, &[Key::Enter]);
    let [Effect::Power(_, Some(reason))] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(reason, "no diesel");
}

#[test]
fn a_site_that_rests_is_offered_its_way_back_and_no_single_machine() {
    let mut app = fixture::health();
    finding(&mut app, &[(Code::Pg09, "The database care-db rests.")]);
    choose(&mut app, "power on all");
    let effects = press(&mut app, &[Key::Down, Key::Enter]);
    assert!(
        matches!(&effects[..], [Effect::Power(powering, None)] if powering.way.word() == "on"),
        "{effects:?}"
    );
    let mut app = fixture::health();
    finding(&mut app, &[(Code::Pg09, "The database care-db rests.")]);
    press(&mut app, &[Key::Char('3'), Key::Char('a')]);
    let Some(Dialog::Menu(menu)) = &app.dialog else {
        panic!("no menu");
    };
    let labels = menu.items.iter().map(|item| item.label.as_str());
    let power: Vec<&str> = labels.filter(|label| label.starts_with("power")).collect();
    assert_eq!(power, ["power off all", "power on all"]);
}
