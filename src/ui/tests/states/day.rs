//! Health with its lists, cards and logs.

use std::sync::Arc;

use super::{super::letters, App, Input, long, press};
use crate::{
    app::{
        Goto,
        fixture::{self, at},
        keys::Key,
        known::Here,
        logs::wish::News,
    },
    problem::{Code, Problem},
    watch::view::{ClusterView, Finding, Health, PodRow},
};

fn told(view: ClusterView) -> App {
    let mut app = fixture::opened(Goto::Health);
    app.update(Input::Cluster(Arc::new(view)));
    app
}

/// Thousands of pods, of which some do not work.
fn thousands() -> App {
    let pods = (0..5_000).map(|count| {
        let (status, health) = match count % 1_000 {
            17 => ("CrashLoopBackOff", Health::Bad),
            _ => ("Running", Health::Good),
        };
        let name = format!("program-{count}-7b6d8f-x2x5k");
        fixture::pod(&format!("space-{}", count % 300), &name, status, health)
    });
    told(ClusterView {
        pods: pods.map(Arc::new).collect(),
        ..fixture::cluster()
    })
}

/// More findings than rows, each with long words.
fn findings() -> App {
    let one = |count: u32| Finding {
        health: if count.is_multiple_of(3) {
            Health::Bad
        } else {
            Health::Warn
        },
        problem: Problem::new(
            Code::Wait03,
            format!("{count} {} ends again and again.", long()),
            long(),
        ),
        about: format!("Pod {}/{count}", long()),
        since: Some(at(-86_400 * i64::from(count))),
        services: Vec::new(),
        brings: Vec::new(),
        because_of: None,
    };
    told(ClusterView {
        findings: (0..80).map(one).collect(),
        ..fixture::cluster()
    })
}

fn lost(code: Code, what: &str, remedy: &str) -> App {
    let mut app = told(fixture::lost(Problem::new(code, what, remedy)));
    app.update(Input::Tick(at(7_290)));
    app
}

/// A log whose place has a long name, and that is not read yet.
fn long_log() -> App {
    let pod: PodRow = fixture::pod(&long(), &long(), "Running", Health::Bad);
    let app = told(ClusterView {
        pods: vec![Arc::new(pod)],
        findings: Vec::new(),
        ..fixture::cluster()
    });
    let mut app = press(app, &[Key::Char('2'), Key::Char('l')]);
    let id = app.known.log.wish.id;
    app.update(Input::Log {
        id,
        news: News::Begun(vec![long()]),
    });
    app.update(Input::Log {
        id,
        news: News::Lines(format!("{}\n", long()).into_bytes()),
    });
    app
}

fn card(keys: &[Key]) -> App {
    press(press(fixture::health(), &[Key::Char('2'), Key::End]), keys)
}

/// The question that wants a long name typed, with another one typed.
fn typed_name() -> App {
    let pod = PodRow {
        owner: format!("Deployment {}", "patient-registration-".repeat(3)),
        ..fixture::pod("care-be", &long(), "Running", Health::Bad)
    };
    let app = told(ClusterView {
        pods: vec![Arc::new(pod)],
        ..fixture::cluster()
    });
    let keys = [
        vec![
            Key::Char('2'),
            Key::Char('a'),
            Key::Down,
            Key::Enter,
            Key::Char('0'),
            Key::Enter,
        ],
        letters("odoo"),
        vec![Key::Enter],
    ];
    press(app, &keys.concat())
}

/// The database's volume is all that is left: the longest question there is.
fn drain_refused() -> App {
    let mut app = press(
        fixture::health(),
        &[
            Key::Char('3'),
            Key::Char('a'),
            Key::Down,
            Key::Enter,
            Key::Enter,
        ],
    );
    app.update(Input::Problem(fixture::failure().because(
        "pod database/care-db-1 may not leave: its budget allows none",
    )));
    app
}

fn namespaces() -> App {
    press(thousands(), &[Key::Char('n'), Key::End])
}

fn found_pod() -> App {
    let keys = [vec![Key::Char(':')], letters("pod program-4999")].concat();
    press(thousands(), &keys)
}

pub fn states() -> Vec<(&'static str, App)> {
    let mut attached = fixture::health();
    attached.known.here = Here::Cluster;
    attached.known.rehearsal = false;
    "cluster https://kube-api.internal:6443".clone_into(&mut attached.known.site);
    let overloaded = || {
        lost(
            Code::Kube10,
            "The Kubernetes API at https://10.0.0.2:6443 is overloaded (429).",
            "Wait; look at the load of the primary node.",
        )
    };
    vec![
        (
            "health_thousands",
            press(thousands(), &[Key::Char('2'), Key::End]),
        ),
        ("health_thousands_spaces", namespaces()),
        ("health_thousands_found", found_pod()),
        ("health_findings", findings()),
        ("health_findings_end", press(findings(), &[Key::End])),
        ("health_findings_details", press(findings(), &[Key::Enter])),
        ("health_overloaded", overloaded()),
        (
            "health_stale_details",
            press(overloaded(), &[Key::Char('2'), Key::End, Key::Enter]),
        ),
        ("health_help", press(fixture::health(), &[Key::Char('?')])),
        (
            "health_explain",
            press(fixture::health(), &[Key::Char('e')]),
        ),
        ("health_attached", attached),
        ("health_actions_long", typed_name()),
        (
            "health_actions_wrong_number",
            card(&[
                Key::Char('a'),
                Key::Down,
                Key::Enter,
                Key::Char('9'),
                Key::Char('9'),
                Key::Enter,
            ]),
        ),
        ("health_deed_refused", drain_refused()),
        ("log_long", long_log()),
    ]
}
