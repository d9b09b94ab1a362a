//! What keys do, held for every screen at once.

mod restoring;

use proptest::prelude::*;

use super::{
    App, Dialog, Effect, Goto, Input, Link, RestoreWish, Screen, fixture,
    keys::{Act, Key},
};
use crate::{
    engine::event::{Command, Outcome},
    plan::StepId,
    restore::Wish,
};

/// Every screen and card in a state in which something can be done.
fn screens() -> Vec<(&'static str, App)> {
    let mut all = of_setting_up();
    all.extend(of_health());
    all
}

fn press(mut app: App, keys: &[Key]) -> App {
    for key in keys {
        app.update(Input::Key(*key));
    }
    app
}

fn of_health() -> Vec<(&'static str, App)> {
    vec![
        ("health", fixture::health()),
        ("health pods", press(fixture::health(), &[Key::Char('2')])),
        ("health nodes", press(fixture::health(), &[Key::Char('3')])),
        (
            "health backups",
            press(fixture::health(), &[Key::Char('5')]),
        ),
        (
            "health ingress",
            press(fixture::health(), &[Key::Char('7')]),
        ),
        ("health events", press(fixture::health(), &[Key::Char('8')])),
        ("health jobs", press(fixture::health(), &[Key::Char('9')])),
        (
            "health releases",
            press(fixture::health(), &[Key::Char('0'), Key::Char('s')]),
        ),
        (
            "health namespaces",
            press(fixture::health(), &[Key::Char('n'), Key::Down]),
        ),
        (
            "health filter",
            press(fixture::health(), &[Key::Char('2'), Key::Char('/')]),
        ),
        ("health empty", fixture::opened(Goto::Health)),
    ]
}

fn of_setting_up() -> Vec<(&'static str, App)> {
    vec![
        ("welcome", fixture::welcome()),
        (
            "wizard",
            press(fixture::welcome(), &[Key::Down, Key::Down, Key::Enter]),
        ),
        ("settings", fixture::opened(Goto::Settings)),
        ("checks", fixture::checks()),
        ("checks running", fixture::opened(Goto::Checks)),
        ("plan", fixture::planned()),
        ("plan unknown", fixture::opened(Goto::Plan)),
        ("deploy", fixture::pulling()),
        ("deploy failed", fixture::failed()),
        ("deploy asks", fixture::asking()),
        ("deploy ended", fixture::ended_failed()),
        ("deploy done", fixture::ended_done()),
        ("deploy none", fixture::opened(Goto::Deploy)),
        ("log", press(fixture::pulling(), &[Key::Char('l')])),
        ("pod log", press(fixture::health(), &[Key::Char('l')])),
        ("explain", press(fixture::pulling(), &[Key::Char('e')])),
        ("help", press(fixture::pulling(), &[Key::Char('?')])),
        ("leave", press(fixture::pulling(), &[Key::Char('q')])),
        ("goto", press(fixture::pulling(), &[Key::Char('o')])),
        (
            "skip",
            press(fixture::failed(), &[Key::Char('s'), Key::Char('x')]),
        ),
        (
            "waive",
            press(fixture::checks(), &[Key::Char('w'), Key::Char('x')]),
        ),
        ("restore", press(fixture::restoring(), &[Key::PageUp])),
        ("restore looking", fixture::opened(Goto::Restore)),
        (
            "restore confirm",
            press(
                fixture::restoring(),
                &[Key::PageUp, Key::Enter, Key::Char('s')],
            ),
        ),
        (
            "restore moment",
            press(fixture::restoring(), &[Key::Char('t'), Key::Char('2')]),
        ),
        ("sent", press(fixture::planned(), &[Key::Enter])),
        ("begin", press(fixture::planned(), &[Key::Char('y')])),
    ]
}

fn screen(name: &str) -> App {
    let found = screens().into_iter().find(|(known, _)| *known == name);
    found.unwrap().1
}

#[test]
fn every_key_named_in_the_footer_does_something() {
    for (name, app) in screens() {
        let before = format!("{app:?}");
        let table = app.bindings();
        for (at, binding) in table.iter().enumerate() {
            if binding.word.is_empty() || !app.can(binding.act) {
                continue;
            }
            for key in binding.keys {
                // `Up/Down` is one name for two rows of the table: at the first row only one of them moves.
                let twin = table.get(at + 1).filter(|next| next.name.is_empty());
                let keys = [Some(*key), twin.and_then(|twin| twin.keys.first().copied())];
                let moved = keys.into_iter().flatten().any(|key| {
                    let mut app = screen(name);
                    let effects = app.update(Input::Key(key));
                    !effects.is_empty() || format!("{app:?}") != before
                });
                assert!(moved, "{name}: {key:?} ({}) does nothing", binding.help);
            }
        }
    }
}

#[test]
fn every_screen_names_a_way_out() {
    for (name, app) in screens() {
        let ways = app
            .bindings()
            .iter()
            .filter(|binding| !binding.word.is_empty())
            .any(|binding| matches!(binding.act, Act::Leave | Act::Back) && app.can(binding.act));
        assert!(ways, "{name}");
    }
}

#[test]
fn no_letter_stops_a_run_or_begins_one() {
    for (name, _) in screens() {
        for letter in ('a'..='z').chain('A'..='Z') {
            let effects = screen(name).update(Input::Key(Key::Char(letter)));
            for effect in effects {
                let again = letter == 'r' && matches!(effect, Effect::StartDeploy(_));
                let harmless = !matches!(
                    effect,
                    Effect::StartDeploy(_)
                        | Effect::Command(
                            Command::StopNow | Command::StopSafely | Command::Skip { .. }
                        )
                );
                assert!(again || harmless, "{name}: {letter} gives {effect:?}");
            }
        }
    }
}

fn pressed(app: &mut App, keys: &[Key]) -> Vec<Effect> {
    keys.iter()
        .flat_map(|key| app.update(Input::Key(*key)))
        .collect()
}

#[test]
fn a_step_is_left_out_only_with_a_reason() {
    let mut app = fixture::failed();
    let effects = pressed(&mut app, &[Key::Char('s'), Key::Char(' '), Key::Enter]);
    assert!(effects.is_empty() && app.dialog.is_some());
    let effects = pressed(&mut app, &[Key::Char('x'), Key::Enter]);
    let Some(Effect::Command(Command::Skip { step, reason })) = effects.first() else {
        panic!("{effects:?}");
    };
    assert_eq!(*step, StepId::new("postgres", "cluster"));
    assert_eq!(reason, "x");
    assert!(app.dialog.is_none());
}

#[test]
fn leaving_a_run_asks_and_its_first_answer_lets_it_go_on() {
    let mut app = fixture::deploying();
    assert!(pressed(&mut app, &[Key::Char('q')]).is_empty());
    let effects = pressed(&mut app, &[Key::Enter]);
    assert!(matches!(effects.as_slice(), [Effect::Leave]));
    let mut app = fixture::deploying();
    let effects = pressed(&mut app, &[Key::Char('q'), Key::Down, Key::Enter]);
    assert!(matches!(
        effects.as_slice(),
        [Effect::Command(Command::StopSafely)]
    ));
    let mut app = fixture::ended_done();
    let effects = pressed(&mut app, &[Key::Char('q')]);
    assert!(matches!(effects.as_slice(), [Effect::Leave]));
}

#[test]
fn a_failed_run_goes_on_with_a_new_one() {
    let mut app = fixture::ended_failed();
    let effects = pressed(&mut app, &[Key::Char('r')]);
    assert!(matches!(effects.as_slice(), [Effect::StartDeploy(_)]));
    assert_eq!(app.known.link, Link::Starting);
    let mut app = fixture::failed();
    let effects = pressed(&mut app, &[Key::Char('r')]);
    assert!(matches!(
        effects.as_slice(),
        [Effect::Command(Command::Retry { .. })]
    ));
}

#[test]
fn a_stopped_run_can_be_gone_on_with_and_a_lost_one_too() {
    let mut app = fixture::deploying();
    fixture::end(&mut app, Outcome::Stopped);
    assert!(app.can(Act::Again));
    let mut app = fixture::deploying();
    app.update(Input::RunGone);
    assert!(app.can(Act::Again) && !app.can(Act::Pause));
}

#[test]
fn the_chosen_row_stays_when_the_world_moves_and_esc_follows_again() {
    let mut app = fixture::deploying();
    pressed(&mut app, &[Key::Home]);
    let Screen::Deploy(state) = &app.screen else {
        panic!("another screen");
    };
    let chosen = state.chosen.clone();
    assert!(chosen.is_some());
    let Event(event) = Event::running("care/backend");
    app.update(Input::Run(event));
    let Screen::Deploy(state) = &app.screen else {
        panic!("another screen");
    };
    assert_eq!(state.chosen, chosen);
    pressed(&mut app, &[Key::Esc]);
    assert!(matches!(&app.screen, Screen::Deploy(state) if state.chosen.is_none()));
}

struct Event(Box<crate::engine::event::Event>);

impl Event {
    fn running(step: &str) -> Self {
        Self(Box::new(crate::engine::event::Event::Step {
            step: StepId::from_text(step),
            at: fixture::at(340),
            attempt: 1,
            elapsed_ms: 0,
            state: crate::engine::event::StepState::Running {
                note: String::new(),
            },
        }))
    }
}

#[test]
fn a_failed_check_holds_the_deploy_back_until_it_is_waived() {
    let mut app = fixture::checks();
    app.update(Input::Plan(std::sync::Arc::new(fixture::plan())));
    pressed(&mut app, &[Key::Char('p'), Key::Char('y')]);
    let effects = pressed(&mut app, &[Key::Enter]);
    assert!(effects.is_empty() && matches!(app.screen, Screen::Checks(_)));
    pressed(&mut app, &[Key::Char('w'), Key::Char('x'), Key::Enter]);
    let effects = pressed(&mut app, &[Key::Char('p'), Key::Char('y'), Key::Enter]);
    let begun = effects
        .iter()
        .any(|effect| matches!(effect, Effect::StartDeploy(waivers) if waivers.len() == 1));
    assert!(begun, "{effects:?}");
    assert!(matches!(app.screen, Screen::Deploy(_)));
}

#[test]
fn the_difference_is_asked_for_and_shown_unless_the_person_has_gone_on() {
    let mut app = fixture::checks();
    app.update(Input::Plan(std::sync::Arc::new(fixture::plan())));
    let effects = pressed(&mut app, &[Key::Char('p'), Key::Char('d')]);
    assert!(
        matches!(effects.last(), Some(Effect::Compare)),
        "{effects:?}"
    );
    assert!(app.notice.is_some());
    let told =
        || Input::Difference("A deploy would change 1 thing.\n   + Service a/b\n".to_owned());
    app.update(told());
    assert!(app.notice.is_none() && matches!(app.dialog, Some(Dialog::Text(_))));
    pressed(&mut app, &[Key::Esc, Key::Char('y')]);
    app.update(told());
    assert!(
        !matches!(app.dialog, Some(Dialog::Text(_))),
        "a question is not pushed aside"
    );
}

#[test]
fn what_was_typed_is_kept_when_the_questions_are_left() {
    let mut app = fixture::welcome();
    pressed(
        &mut app,
        &[Key::Down, Key::Down, Key::Enter, Key::Char('a')],
    );
    let effects = pressed(&mut app, &[Key::Esc]);
    let [Effect::SaveDraft(kept)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(kept.draft.get("site.name"), "a");
    assert!(matches!(app.screen, Screen::Welcome(_)));
}

#[test]
fn a_new_site_is_made_once_nothing_is_wrong_and_the_passphrase_is_typed_twice() {
    let mut app = fixture::opened(Goto::Settings);
    let mut wizard = super::wizard::Wizard::resume(crate::site::sample());
    wizard.page = 7;
    app.screen = Screen::Wizard(Box::new(wizard));
    pressed(&mut app, &[Key::Ctrl('d')]);
    assert!(
        app.dialog.is_none(),
        "the secrets of the backups are missing"
    );
    for _ in 0..2 {
        pressed(&mut app, &[Key::Enter, Key::Char('k')]);
        app.update(Input::Key(Key::Ctrl('d')));
    }
    assert!(app.dialog.is_some());
    let effects = pressed(
        &mut app,
        &[Key::Char('a'), Key::Enter, Key::Char('b'), Key::Enter],
    );
    assert!(effects.is_empty(), "the second line differs");
    let effects = pressed(&mut app, &[Key::Backspace, Key::Char('a'), Key::Enter]);
    assert!(matches!(effects.as_slice(), [Effect::CreateSite(..)]));
}

#[test]
fn a_list_keeps_its_row_when_it_is_sorted_narrowed_or_changed() {
    let mut app = fixture::health();
    pressed(&mut app, &[Key::Char('2'), Key::Down]);
    let chosen = |app: &App| super::health::chosen_row(app).map(|row| row.identity());
    let row = chosen(&app);
    assert_eq!(row.as_deref(), Some("database/care-db-1"));
    for key in [Key::Char('s'), Key::Char('s'), Key::Char('S')] {
        pressed(&mut app, &[key]);
        assert_eq!(chosen(&app), row);
    }
    let mut view = fixture::cluster();
    view.pods.remove(0);
    app.update(Input::Cluster(std::sync::Arc::new(view)));
    assert_eq!(chosen(&app), row);
    // Into another namespace and back again.
    pressed(&mut app, &[Key::Char('n'), Key::End, Key::Enter]);
    assert_eq!(chosen(&app).as_deref(), Some("odoo/odoo-web-5c9f"));
    pressed(&mut app, &[Key::Esc]);
    assert_eq!(chosen(&app), row);
}

#[test]
fn sizes_are_sorted_as_sizes_and_ages_as_ages() {
    use super::health::{Col, row::Row};
    let sized = |size: &str| {
        let mut row = fixture::cluster().volumes.remove(0);
        size.clone_into(&mut row.size);
        row
    };
    let rows = ["512Mi", "5Gi", "50Gi", "1Ti"].map(sized);
    let mut sorted: Vec<Row<'_>> = rows.iter().rev().map(Row::Volume).collect();
    let usage = crate::watch::usage::Usage::default();
    let by = super::health::By {
        now: fixture::at(0),
        usage: &usage,
    };
    sorted.sort_by_cached_key(|row| row.key(Col::Size, by));
    let told: Vec<String> = sorted
        .iter()
        .map(|row| row.cell(Col::Size, by).into_owned())
        .collect();
    assert_eq!(told, ["512Mi", "5Gi", "50Gi", "1Ti"]);
}

#[test]
fn the_yaml_of_a_row_is_asked_for_and_shown_unless_the_person_has_gone_on() {
    let mut app = fixture::health();
    let effects = pressed(&mut app, &[Key::Char('2'), Key::Char('y')]);
    let [Effect::ReadObject(target)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(target.to_string(), "Pod care/care-backend-7b6d8f-x2x5k");
    let told = || Input::Object {
        title: "a".to_owned(),
        text: "b: c".to_owned(),
    };
    pressed(&mut app, &[Key::Char('?')]);
    let before = format!("{:?}", app.dialog);
    app.update(told());
    assert_eq!(format!("{:?}", app.dialog), before);
    pressed(&mut app, &[Key::Esc]);
    app.update(told());
    assert!(matches!(app.dialog, Some(Dialog::Text(_))));
}

#[test]
fn nothing_is_done_by_hand_before_a_yes_and_what_destroys_wants_its_name() {
    let mut app = fixture::health();
    pressed(
        &mut app,
        &[Key::Char('2'), Key::End, Key::Char('a'), Key::Enter],
    );
    // The first choice is no.
    assert!(pressed(&mut app, &[Key::Enter]).is_empty() && app.dialog.is_none());
    pressed(&mut app, &[Key::Char('a'), Key::Enter, Key::Down]);
    let effects = pressed(&mut app, &[Key::Enter]);
    let [Effect::Do(deed)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(
        deed.command(),
        "kubectl -n odoo rollout restart deployment/odoo"
    );
    pressed(
        &mut app,
        &[Key::Char('3'), Key::Char('a'), Key::Down, Key::Enter],
    );
    let typed = |text: &str| text.chars().map(Key::Char).collect::<Vec<_>>();
    pressed(&mut app, &typed("primar"));
    assert!(pressed(&mut app, &[Key::Enter]).is_empty());
    let effects = pressed(&mut app, &[Key::Char('y'), Key::Enter]);
    assert!(
        matches!(effects.as_slice(), [Effect::Do(deed)] if deed.command().starts_with("kubectl drain primary")),
        "{effects:?}"
    );
    // What a run does and what a person does never meet.
    let mut app = fixture::deploying();
    app.known.cluster = std::sync::Arc::new(fixture::cluster());
    app.go(Goto::Health);
    pressed(&mut app, &[Key::Char('3'), Key::Char('a')]);
    assert!(app.dialog.is_none() && app.notice.is_some());
}

#[test]
fn a_clock_that_jumps_is_said_and_one_that_passes_is_not() {
    let said = |rehearsal: bool, seconds: &[i64]| {
        let mut app = fixture::health();
        app.known.rehearsal = rehearsal;
        for second in seconds {
            app.update(Input::Tick(fixture::at(*second)));
        }
        app.notice
    };
    assert_eq!(said(false, &[100, 101, 102, 130]), None);
    let ahead = said(false, &[100, 101, 7301]).unwrap();
    assert!(ahead.contains("went 2 h 0 min ahead"), "{ahead}");
    let back = said(false, &[7300, 100]).unwrap();
    assert!(back.contains("2 h 0 min back"), "{back}");
    assert_eq!(said(true, &[100, 9000, 50]), None);
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        6 => proptest::sample::select(vec![
            Key::Enter, Key::Esc, Key::Tab, Key::BackTab, Key::Up, Key::Down, Key::Left,
            Key::Right, Key::PageUp, Key::PageDown, Key::Home, Key::End, Key::Backspace,
            Key::Delete, Key::F(1), Key::F(2), Key::F(3),
        ]),
        6 => proptest::char::range(' ', '~').prop_map(Key::Char),
        1 => any::<char>().prop_map(Key::Char),
        2 => proptest::char::range('a', 'z').prop_map(Key::Ctrl),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_keys_and_no_size_ever_panic(
        start in 0_usize..40,
        keys in proptest::collection::vec(any_key(), 0..60),
        size in (1_u16..150, 1_u16..50),
    ) {
        let all = screens();
        let start = start % all.len();
        let mut app = all.into_iter().nth(start).unwrap().1;
        app.update(Input::Resize(size.0, size.1));
        for key in keys {
            app.update(Input::Key(key));
            crate::ui::shot(&app, crate::ui::Theme::colour(), size);
        }
    }
}

#[test]
fn answers_that_were_kept_are_gone_on_with_from_the_first_screen() {
    let mut app = App::new(fixture::at(0), Vec::new());
    app.known.begun.set("site.name", "st-marys");
    app.update(Input::Key(Key::Enter));
    let Screen::Wizard(wizard) = &app.screen else {
        panic!("the questions are not shown");
    };
    assert_eq!(wizard.draft.get("site.name"), "st-marys");
    app.update(Input::Key(Key::End));
    app.update(Input::Key(Key::Char('x')));
    app.update(Input::Key(Key::Esc));
    assert_eq!(app.known.begun.get("site.name"), "st-marysx");
}

#[test]
fn an_answer_gives_the_place_of_the_keys_back_after_a_while_and_work_that_goes_on_is_said_until_it_ends()
 {
    let mut app = fixture::health();
    app.update(Input::Notice("The pod is deleted.".to_owned()));
    for second in 0..7 {
        app.update(Input::Tick(fixture::at(500 + second)));
        assert!(app.notice.is_some(), "after {second} s");
    }
    app.update(Input::Tick(fixture::at(507)));
    assert_eq!(app.notice, None);
    app.update(Input::Notice("The pod is deleted.".to_owned()));
    app.update(Input::Key(Key::Down));
    app.notice = Some("Reading the object...".to_owned());
    for second in 508..528 {
        app.update(Input::Tick(fixture::at(second)));
    }
    assert!(app.notice.is_some());
}
