//! Every screen in good and in bad states, as a terminal shows it.

mod fuzz;
mod health;
mod logs;
mod states;
mod usage;
mod wizard;

use super::{Theme, shot};
use crate::{
    app::{
        App, Goto, Input,
        checks::tests::two_nodes,
        fixture::{self, at},
        keys::Key,
    },
    check::Verdict,
    engine::{
        event::{
            Done, Event, FORMAT, Outcome, Reason, RunId, Steerer, Steering, StepState, Waiting,
        },
        outline::outline,
    },
    plan::{
        Database,
        power::{self, Ground, Machine, Powering, Way, Which},
    },
    problem::{Code, Problem},
    tui::{numbers, sent},
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

fn press(mut app: App, keys: &[Key]) -> App {
    for key in keys {
        app.update(Input::Key(*key));
    }
    app
}

fn letters(text: &str) -> Vec<Key> {
    text.chars().map(Key::Char).collect()
}

#[test]
fn welcome_with_and_without_sites() {
    check("welcome", fixture::welcome());
    check("welcome_empty", App::new(at(0), Vec::new()));
}

#[test]
fn a_run_in_the_middle() {
    check("deploy", fixture::deploying());
    check("deploy_image_pull", fixture::pulling());
    check("deploy_asks", fixture::asking());
}

#[test]
fn a_run_that_fails_or_ends() {
    check("deploy_failed_step", fixture::failed());
    check("deploy_ended_failed", fixture::ended_failed());
    check("deploy_ended_done", fixture::ended_done());
    let mut stopped = fixture::deploying();
    fixture::end(&mut stopped, Outcome::Stopped);
    check("deploy_stopped", stopped);
}

#[test]
fn a_run_that_restores() {
    check("restore_runs", fixture::run_of_restore());
    check("restore_runs_stopped", fixture::restore_stopped());
    check("restore_runs_done", fixture::restored());
    check(
        "restore_runs_leave",
        press(fixture::run_of_restore(), &[Key::Char('q')]),
    );
}

#[test]
fn a_run_that_is_not_there_or_not_heard() {
    check("deploy_none", fixture::opened(Goto::Deploy));
    let mut lost = fixture::deploying();
    lost.update(Input::RunGone);
    lost.update(Input::Tick(at(372)));
    check("deploy_not_heard", lost);
}

#[test]
fn cards_of_a_run() {
    check(
        "deploy_explain",
        press(fixture::pulling(), &[Key::Char('e')]),
    );
    check("deploy_help", press(fixture::pulling(), &[Key::Char('?')]));
    check("deploy_leave", press(fixture::pulling(), &[Key::Char('q')]));
    let mut keys = vec![Key::Char('s')];
    keys.extend(letters("the lab has its own"));
    check("deploy_skip", press(fixture::failed(), &keys));
    check("deploy_goto", press(fixture::pulling(), &[Key::Char('o')]));
    check("deploy_log", press(fixture::pulling(), &[Key::Char('l')]));
}

#[test]
fn a_run_that_another_steers_and_the_page_of_a_step() {
    let mut app = fixture::pulling();
    app.update(Input::Steering(Steering {
        by: Some(Steerer {
            who: "anna@ward1 pid 4711".to_owned(),
            since: at(12),
        }),
        mine: false,
    }));
    check("deploy_looking_on", app);
    check("deploy_page", press(fixture::failed(), &[Key::Enter]));
}

#[test]
fn a_machine_that_is_switched_off() {
    let last = [Key::Char('3'), Key::Char('a'), Key::End, Key::Enter];
    let one = [&last[..2], &[Key::End, Key::Up, Key::Enter]].concat();
    check("power_question", press(fixture::health(), &one));
    check("power_all_question", press(fixture::health(), &last));
    let powering = Powering {
        node: Which::typed("secondary"),
        way: Way::Off,
    };
    let ground = Ground {
        site: "st-marys".to_owned(),
        machines: ["secondary", "primary"]
            .map(|name| Machine::real(name, None))
            .into(),
        database: Some(Database::default().reference()),
        volumes: true,
        ..Ground::default()
    };
    let plan = power::plan(&powering, &ground);
    let mut app = fixture::opened(Goto::Deploy);
    app.update(Input::Run(Box::new(Event::RunStarted {
        format: FORMAT,
        run: RunId("1".to_owned()),
        at: at(0),
        cluster: "https://kube-api.internal:6443".to_owned(),
        rehearsal: true,
        outline: outline(&plan),
    })));
    let (last, before) = plan.steps.split_last().unwrap();
    for (step, when) in before.iter().zip((10..).step_by(10)) {
        let how = Done::Applied;
        fixture::turn(
            &mut app,
            step.id.as_str(),
            (when, 10),
            StepState::Done { how },
        );
    }
    let note = "waits until you have switched secondary off".to_owned();
    fixture::turn(
        &mut app,
        last.id.as_str(),
        (60, 0),
        StepState::Running { note },
    );
    app.update(Input::Run(Box::new(Event::Waiting {
        step: last.id.clone(),
        at: at(60),
        waiting: Waiting {
            target: "secondary to be switched off".to_owned(),
            reasons: vec![Reason {
                sentence:
                    "switch secondary off now: type `sudo poweroff` on it, or press its button"
                        .to_owned(),
                since: None,
                code: None,
                remedy: None,
            }],
            gives_up_at: at(43_260),
        },
    })));
    app.update(Input::Tick(at(75)));
    check("power_waits", app);
}

#[test]
fn a_run_without_colour_and_in_ascii() {
    let app = fixture::pulling();
    let ascii = shot(&app, Theme::colour().ascii(), (80, 24));
    assert!(ascii.is_ascii(), "{ascii}");
    insta::assert_snapshot!("deploy_ascii_80x24", ascii);
    let plain = shot(&app, Theme::colour().without_colour(), (80, 24));
    assert_eq!(plain, shot(&app, Theme::colour(), (80, 24)));
}

#[test]
fn checks_before_a_deploy() {
    check("checks", fixture::checks());
    check("checks_running", fixture::opened(Goto::Checks));
    check("checks_nodes", two_nodes(80));
    let mut again = two_nodes(80);
    again.update(Input::Key(Key::Char('R')));
    check("checks_again", again);
    check("checks_fix", press(two_nodes(80), &[Key::Char('f')]));
    let mut keys = vec![Key::Char('w')];
    keys.extend(letters("renewed at noon"));
    check("checks_waive", press(fixture::checks(), &keys));
    keys.push(Key::Enter);
    check("checks_waived", press(fixture::checks(), &keys));
}

#[test]
fn the_plan_and_what_it_sends() {
    check("plan", fixture::planned());
    check("plan_inside", press(fixture::planned(), &[Key::Enter]));
    check(
        "plan_sent",
        press(
            fixture::planned(),
            &[Key::Down, Key::Down, Key::Enter, Key::Enter],
        ),
    );
    check("plan_stage", press(fixture::planned(), &[Key::Up]));
    check(
        "plan_search_begun",
        press(fixture::planned(), &[Key::Char('/')]),
    );
    let mut keys = vec![Key::Char('/')];
    keys.extend(letters("secret"));
    check("plan_search", press(fixture::planned(), &keys));
    check("plan_deploy", press(fixture::planned(), &[Key::Char('y')]));
    let mut refused = fixture::opened(Goto::Plan);
    refused.update(Input::Refused(vec![fixture::failure()]));
    check("plan_refused", refused);
}

#[test]
fn the_menu_of_the_practice_cluster() {
    check("practice", fixture::practising("secondary-lost", "20"));
    check("practice_paused", fixture::practising("healthy", "paused"));
    let below = press(fixture::practising("healthy", "7"), &[Key::Down; 11]);
    check("practice_end", below);
    let app = fixture::practising("secondary-lost", "max");
    let ascii = shot(&app, Theme::colour().ascii(), (80, 24));
    assert!(ascii.is_ascii(), "{ascii}");
    insta::assert_snapshot!("practice_ascii_80x24", ascii);
    let plain = shot(&app, Theme::colour().without_colour(), (80, 24));
    assert_eq!(plain, shot(&app, Theme::colour(), (80, 24)));
    let told = |word: &str| plain.lines().filter(|line| line.contains(word)).count();
    assert_eq!(
        told("NOW"),
        2,
        "the scenario and the speed are marked without colour\n{plain}"
    );
    assert_eq!(told("practice"), 0, "the footer shows the keys of the card");
}

#[test]
fn overlong_names_are_cut_and_say_so() {
    let long = "a-name-that-goes-on-".repeat(12);
    let mut app = fixture::checks();
    let problem = Problem::new(Code::Kube06, long.clone(), long.clone()).because(long.clone());
    let seen = long.clone();
    app.update(Input::Checks(
        vec![fixture::result(
            Code::Kube06,
            &long,
            Verdict::Fail { seen, problem },
        )],
        true,
    ));
    check("checks_overlong", app);
}

#[test]
fn a_window_that_is_too_small_says_so() {
    let picture = shot(&fixture::pulling(), Theme::colour(), (40, 10));
    insta::assert_snapshot!("too_small_40x10", picture);
}

#[test]
fn no_window_is_too_small_or_too_large_to_draw() {
    for columns in [1, 2, 10, 59, 60, 61, 109, 110, 111, 240] {
        for rows in [1, 2, 14, 15, 16, 60] {
            let makers: [fn() -> App; 8] = [
                fixture::welcome,
                fixture::pulling,
                fixture::checks,
                fixture::planned,
                fixture::health,
                || fixture::opened(Goto::Settings),
                || press(fixture::pulling(), &[Key::Char('e')]),
                || press(fixture::failed(), &[Key::Char('s')]),
            ];
            for make in makers {
                let mut app = make();
                app.update(Input::Resize(columns, rows));
                shot(&app, Theme::colour(), (columns, rows));
            }
        }
    }
}

#[test]
fn the_restore_shows_its_moment_and_what_it_costs() {
    check("restore_looking", fixture::opened(Goto::Restore));
    check(
        "restore",
        press(fixture::restoring(), &[Key::PageUp, Key::PageUp, Key::Left]),
    );
    check("restore_first", press(fixture::restoring(), &[Key::Home]));
    let late: Vec<Key> = [
        vec![Key::Char('t')],
        letters("2026-11-25 12:00:00"),
        vec![Key::Enter],
    ]
    .concat();
    check("restore_too_late", press(fixture::restoring(), &late));
    check(
        "restore_confirm",
        press(fixture::restoring(), &[Key::PageUp, Key::Enter]),
    );
}
