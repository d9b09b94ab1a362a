//! The health screen and each of its lists in bad states, as terminals show them.

use std::sync::Arc;

use super::{letters, numbers, press, sent};
use crate::{
    app::{
        App, Goto, Input,
        fixture::{self, at},
        keys::Key,
    },
    problem::{Code, Problem},
    ui::{Theme, shot},
    watch::view::{ClusterView, Health},
};

const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (120, 40), (200, 60)];

/// The lists by their keys, with what each is called in the names of the pictures.
const LISTS: [(char, &str); 11] = [
    ('1', "attention"),
    ('2', "pods"),
    ('3', "nodes"),
    ('4', "volumes"),
    ('5', "backups"),
    ('6', "certificates"),
    ('7', "ingress"),
    ('8', "events"),
    ('9', "jobs"),
    ('0', "releases"),
    ('t', "timeline"),
];

/// Holds the picture in every size against the one that was reviewed.
fn check(name: &str, mut app: App) {
    for (columns, rows) in SIZES {
        app.update(Input::Resize(columns, rows));
        let picture = shot(&app, Theme::colour(), (columns, rows));
        insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), picture);
    }
}

fn told(view: ClusterView) -> App {
    let mut app = fixture::opened(Goto::Health);
    app.update(Input::Cluster(Arc::new(view)));
    app
}

#[test]
fn each_list_with_something_wrong_in_it() {
    for (key, name) in LISTS {
        check(
            &format!("health_{name}"),
            press(fixture::health(), &[Key::Char(key)]),
        );
    }
}

#[test]
fn what_is_known_of_a_row() {
    check("health_details", press(fixture::health(), &[Key::Enter]));
    for (key, name) in [('5', "backup"), ('6', "certificate"), ('9', "job")] {
        let app = press(fixture::health(), &[Key::Char(key), Key::End, Key::Enter]);
        check(&format!("health_details_{name}"), app);
    }
}

#[test]
fn an_object_as_the_cluster_keeps_it() {
    let mut app = press(fixture::health(), &[Key::Char('2')]);
    app.update(Input::Object {
        title: "Pod care/care-backend".to_owned(),
        text: "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - env:\n    - name: API_TOKEN\n      value: '***'\n".to_owned(),
    });
    check("health_yaml", app);
}

#[test]
fn a_list_that_is_narrowed_or_sorted() {
    let mut keys = vec![Key::Char('2'), Key::Char('/')];
    keys.extend(letters("odoo"));
    check("health_filter", press(fixture::health(), &keys));
    keys.extend(letters("xyz"));
    check("health_filter_empty", press(fixture::health(), &keys));
    check(
        "health_namespaces",
        press(fixture::health(), &[Key::Char('n')]),
    );
    let keys = [
        Key::Char('n'),
        Key::Down,
        Key::Down,
        Key::Enter,
        Key::Char('2'),
    ];
    check("health_namespace", press(fixture::health(), &keys));
    let mut keys = vec![Key::Char('2')];
    keys.extend([Key::Char('s'); 4]);
    keys.push(Key::Char('S'));
    check("health_sorted", press(fixture::health(), &keys));
}

#[test]
fn nothing_is_known_nothing_is_there_or_it_may_not_be_seen() {
    check("health_connecting", fixture::opened(Goto::Health));
    let view = ClusterView {
        at: Some(at(-1)),
        unseen: vec![(
            "Secret".to_owned(),
            "Could not list Secret objects.".to_owned(),
        )],
        ..ClusterView::default()
    };
    check("health_nothing", told(view.clone()));
    check("health_unseen", press(told(view), &[Key::Char('0')]));
}

#[test]
fn stale_data_looks_stale_and_says_why() {
    for (name, problem) in [
        (
            "health_stale",
            Problem::new(
                Code::Kube03,
                "Could not reach the Kubernetes API at https://10.0.0.2:6443.",
                "Check that the primary node is up.",
            ),
        ),
        (
            "health_refused",
            Problem::new(
                Code::Kube06,
                "Could not watch.",
                "kubeadm certs renew admin.conf",
            ),
        ),
    ] {
        let mut app = told(fixture::lost(problem.clone()));
        app.update(Input::Tick(at(90)));
        check(name, app);
        let mut app = told(ClusterView {
            stale_since: Some(at(10)),
            trouble: Some(problem),
            ..ClusterView::default()
        });
        app.update(Input::Tick(at(90)));
        check(&format!("{name}_from_the_start"), app);
    }
}

#[test]
fn a_clock_that_jumped_is_said() {
    let mut app = told(fixture::cluster());
    app.known.rehearsal = false;
    app.update(Input::Tick(at(0)));
    app.update(Input::Tick(at(-86_400)));
    check("health_clock", app);
}

#[test]
fn overlong_names_in_a_list_are_cut_and_say_so() {
    let long = "a-name-that-goes-on-".repeat(12);
    let view = ClusterView {
        pods: vec![fixture::pod(&long, &long, &long, Health::Bad).into()],
        ..fixture::cluster()
    };
    check("health_overlong", press(told(view), &[Key::Char('2')]));
}

#[test]
fn if_a_node_stops_now() {
    check("health_stops", press(fixture::health(), &[Key::Char('i')]));
    let view = ClusterView {
        findings: Vec::new(),
        ..fixture::cluster()
    };
    check("health_well", told(view));
}

#[test]
fn what_is_done_by_hand_is_shown_with_its_command_and_its_risk() {
    let actions = |keys: &[Key]| press(press(fixture::health(), &[Key::Char('2'), Key::End]), keys);
    check("health_actions", actions(&[Key::Char('a')]));
    check(
        "health_actions_restart",
        actions(&[Key::Char('a'), Key::Enter]),
    );
    check(
        "health_actions_delete",
        actions(&[Key::Char('a'), Key::End, Key::Enter]),
    );
    let many = [
        Key::Char('a'),
        Key::Down,
        Key::Enter,
        Key::Char('x'),
        Key::Enter,
    ];
    check("health_actions_scale", actions(&many));
    let none = [
        Key::Char('a'),
        Key::Down,
        Key::Enter,
        Key::Char('0'),
        Key::Enter,
        Key::Char('o'),
        Key::Enter,
    ];
    check("health_actions_scale_to_none", actions(&none));
    let drain = [Key::Char('3'), Key::Char('a'), Key::Down, Key::Enter];
    check("health_actions_drain", press(fixture::health(), &drain));
}

#[test]
fn no_list_needs_colour_or_more_than_ascii() {
    for (key, name) in LISTS {
        let app = press(fixture::health(), &[Key::Char(key)]);
        let ascii = shot(&app, Theme::colour().ascii(), (80, 24));
        assert!(ascii.is_ascii(), "{name}\n{ascii}");
        let plain = sent(&app, Theme::colour().without_colour());
        let marks = |number: &u16| matches!(number, 0 | 1 | 4 | 7);
        assert!(numbers(&plain).iter().all(marks), "{name} sends colour");
        let bytes = sent(&app, Theme::colour().without_colour().ascii());
        assert!(bytes.is_ascii(), "{name} sends more than ASCII");
        let (_, after) = plain.split_once(";7m").expect("a reversed row");
        let (row, _) = after.split_once("\u{1b}[").unwrap();
        assert!(
            !row.trim().is_empty(),
            "{name}: nothing ends the reverse at once"
        );
    }
}
