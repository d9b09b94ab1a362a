//! Runs and restores.

use super::{super::letters, App, Input, long, press};
use crate::{
    app::{
        Goto, RestoreWish,
        fixture::{self, at},
        keys::Key,
        known::Backups,
    },
    engine::event::{Event, FORMAT, Outline, RunId, Steerer, Steering, StepOutline, StepState},
    plan::{StepId, StepKind},
    problem::{Code, Problem},
    restore::{Intent, Inventory, Wish},
};

fn told(mut app: App, event: Event) -> App {
    app.update(Input::Run(Box::new(event)));
    app
}

fn starting() -> App {
    press(fixture::planned(), &[Key::Char('y'), Key::Enter])
}

fn id(text: &str) -> StepId {
    StepId::from_text(text)
}

fn retrying() -> App {
    told(
        fixture::pulling(),
        Event::Retry {
            step: id("postgres/cluster"),
            at: at(330),
            attempt: 2,
            next_in_ms: 20_000,
            problem: fixture::failure(),
        },
    )
}

fn steered() -> Input {
    Input::Steering(Steering {
        by: Some(Steerer {
            who: format!("anna@{} pid 4711", long()),
            since: at(12),
        }),
        mine: false,
    })
}

/// A run of many steps with long names, in which one fails.
fn overlong() -> App {
    let Outline {
        site,
        purpose,
        stages,
        components,
        ..
    } = fixture::outline();
    let name = long();
    let steps: Vec<StepOutline> = (0..400)
        .map(|count| StepOutline {
            id: StepId::new(&name, &format!("{count}")),
            component: name.clone(),
            stage: count % 4,
            title: format!("{count} {name}"),
            kind: StepKind::Apply,
            needs: Vec::new(),
            usual_ms: 7_200_000,
            limit_ms: 9_000_000,
        })
        .collect();
    let first = steps.first().unwrap().id.clone();
    let outline = Outline {
        site,
        purpose,
        stages,
        components,
        steps,
        digest: "d".to_owned(),
    };
    let mut app = told(
        fixture::opened(Goto::Deploy),
        Event::RunStarted {
            format: FORMAT,
            run: RunId("1".to_owned()),
            at: at(0),
            cluster: "https://127.0.0.1:6443".to_owned(),
            rehearsal: true,
            outline,
        },
    );
    let what = format!("Could not apply {name}.");
    let problem = Problem::new(Code::Kube09, what.clone(), what.clone()).because(what);
    fixture::turn(
        &mut app,
        first.as_str(),
        (30, 30),
        StepState::Failed { problem },
    );
    app.update(Input::Tick(at(90_000)));
    app
}

fn lost_page() -> App {
    let mut app = press(fixture::pulling(), &[Key::Enter]);
    app.update(Input::RunGone);
    app.update(Input::Tick(at(372)));
    app
}

/// The clock of this computer goes back while a real run is looked at.
fn clock() -> App {
    let mut app = fixture::pulling();
    app.known.rehearsal = false;
    app.update(Input::Tick(at(331)));
    app.update(Input::Tick(at(331 - 7_200)));
    app
}

fn backups(inventory: Inventory, unfinished: Option<Intent>) -> App {
    let mut app = fixture::opened(Goto::Restore);
    app.update(Input::Backups(Box::new(Ok(Backups {
        inventory,
        unfinished,
        zone: jiff::tz::TimeZone::UTC,
    }))));
    app
}

fn inventory() -> Inventory {
    crate::restore::fixture::inventory("2026-11-24T06:00:00Z")
}

fn begun(cancelled: bool) -> App {
    let moment = "2026-11-24T04:00:00Z".parse().unwrap();
    let intent = inventory().choose(&Wish::to(moment)).unwrap();
    backups(
        inventory(),
        Some(Intent {
            cancelled,
            ..intent
        }),
    )
}

fn no_answer() -> App {
    let mut app = fixture::opened(Goto::Restore);
    let problem = Problem::new(
        Code::Kube03,
        "Could not reach the Kubernetes API at https://10.0.0.2:6443.",
        "Check that the primary node is up.",
    );
    app.update(Input::Backups(Box::new(Err(
        problem.because("connection refused")
    ))));
    app
}

fn asked(name: &str) -> App {
    let keys = [
        vec![Key::PageUp, Key::Enter],
        letters(name),
        vec![Key::Enter],
    ]
    .concat();
    press(fixture::restoring(), &keys)
}

fn wrong_moment() -> App {
    let keys = [vec![Key::Char('t')], letters("yesterday"), vec![Key::Enter]].concat();
    press(fixture::restoring(), &keys)
}

pub fn states() -> Vec<(&'static str, App)> {
    let none = crate::restore::fixture::young("2026-11-24T06:00:00Z");
    let mut attached = fixture::restoring();
    attached.known.here = crate::app::known::Here::Cluster;
    let mut looking_on = fixture::pulling();
    looking_on.update(steered());
    let mut leave = fixture::pulling();
    leave.update(steered());
    let mut goes_on = fixture::restoring();
    crate::app::dialog::restore(&mut goes_on, RestoreWish::GoOn);
    vec![
        ("deploy_starting", starting()),
        (
            "deploy_paused",
            told(fixture::pulling(), Event::Paused { at: at(330) }),
        ),
        (
            "deploy_stopping",
            told(
                fixture::pulling(),
                Event::Stopping {
                    at: at(330),
                    why: "asked by anna".to_owned(),
                },
            ),
        ),
        ("deploy_again", retrying()),
        ("deploy_again_page", press(retrying(), &[Key::Enter])),
        (
            "deploy_waiting_page",
            press(fixture::pulling(), &[Key::Enter]),
        ),
        ("deploy_overlong", overlong()),
        ("deploy_overlong_page", press(overlong(), &[Key::Enter])),
        ("deploy_other_steers_long", looking_on),
        ("deploy_other_steers_leave", press(leave, &[Key::Char('q')])),
        ("deploy_lost_page", lost_page()),
        ("deploy_clock", clock()),
        ("restore_starting", goes_on),
        ("restore_no_answer", no_answer()),
        ("restore_nothing", backups(none, None)),
        ("restore_begun", begun(false)),
        ("restore_cancelled", begun(true)),
        ("restore_attached", attached),
        (
            "restore_help",
            press(fixture::restoring(), &[Key::Char('?')]),
        ),
        ("restore_wrong_name", asked("st-mary")),
        ("restore_wrong_moment", wrong_moment()),
    ]
}
