//! Checks while they run, on several nodes, waived, cured.

use std::time::Duration;

use super::{columns, rows, story};
use crate::{
    app::{
        App, Dialog, Effect, Goto, Input,
        fixture::{self, at},
        keys::Key,
    },
    check::{CheckResult, Family, Verdict, Waiver},
    problem::{Code, Problem},
};

fn on_node(node: &str, verdict: Verdict) -> CheckResult {
    CheckResult {
        place: node.to_owned(),
        family: Family::Ssh,
        title: "SSH answers".to_owned(),
        ..fixture::result(Code::Ssh01, node, verdict)
    }
}

fn pass() -> Verdict {
    Verdict::Pass {
        seen: "SSH-2.0-OpenSSH_9.6".to_owned(),
    }
}

fn fail() -> Verdict {
    let remedy = "Start SSH on secondary: `sudo systemctl enable --now ssh`.";
    Verdict::Fail {
        seen: "connection refused".to_owned(),
        problem: Problem::new(
            Code::Ssh01,
            "secondary (10.0.0.12) is there and nothing listens on its port 22.",
            remedy,
        ),
    }
}

/// Two nodes, one of which does not answer, and two checks of this computer.
pub(crate) fn two_nodes(columns: u16) -> App {
    let mut app = fixture::opened(Goto::Checks);
    app.update(Input::Resize(columns, 40));
    let helm = fixture::result(
        Code::Helm01,
        "",
        Verdict::Pass {
            seen: "helm 4.2.3".to_owned(),
        },
    );
    app.update(Input::Checks(
        vec![
            on_node("secondary", fail()),
            on_node("primary", pass()),
            helm,
        ],
        true,
    ));
    app.update(Input::CheckTime(Duration::from_secs(9)));
    app
}

fn press(app: &mut App, keys: &[Key]) -> Vec<Effect> {
    keys.iter()
        .flat_map(|key| app.update(Input::Key(*key)))
        .collect()
}

#[test]
fn a_wide_terminal_has_a_column_per_node_and_a_narrow_one_a_row_each() {
    let app = two_nodes(120);
    assert_eq!(columns(&app), ["primary", "secondary"]);
    let all = rows(&app);
    assert_eq!(all.len(), 2);
    let first = all.first().unwrap();
    let places: Vec<&str> = first.cells.iter().map(|cell| cell.place.as_str()).collect();
    assert_eq!(places, ["primary", "secondary"]);
    assert_eq!(first.worst(&[]).unwrap().place, "secondary");
    let told = story(first, &[]);
    assert!(told.first().unwrap().text.contains("nothing listens"));
    assert!(told.iter().any(|words| words.text.contains("(primary)")));

    let app = two_nodes(80);
    assert!(columns(&app).is_empty());
    assert_eq!(rows(&app).len(), 3);
}

#[test]
fn while_checks_run_again_the_last_answers_stay_and_what_is_gone_goes_at_the_end() {
    let mut app = two_nodes(80);
    let effects = press(&mut app, &[Key::Char('R')]);
    assert!(matches!(effects.as_slice(), [Effect::RunChecks(None)]));
    assert_eq!(app.known.asked_again.len(), 3);
    assert_eq!(rows(&app).len(), 3, "no row goes while it is asked again");
    assert_eq!(app.known.check_took, None);
    app.update(Input::Checks(vec![on_node("secondary", pass())], false));
    assert_eq!(app.known.asked_again.len(), 2);
    assert!(
        press(&mut app, &[Key::Char('R')]).is_empty(),
        "they run already"
    );
    app.update(Input::Checks(vec![on_node("primary", pass())], true));
    let left: Vec<Code> = app.known.checks.iter().map(|one| one.id.code).collect();
    assert_eq!(
        left,
        [Code::Ssh01, Code::Ssh01],
        "helm was not answered any more"
    );
}

#[test]
fn one_check_again_leaves_the_others_as_they_are() {
    let mut app = two_nodes(80);
    let effects = press(&mut app, &[Key::Char('r')]);
    assert!(matches!(
        effects.as_slice(),
        [Effect::RunChecks(Some(Code::Ssh01))]
    ));
    assert_eq!(app.known.asked_again.len(), 2);
    app.update(Input::Checks(
        vec![on_node("primary", pass()), on_node("secondary", pass())],
        true,
    ));
    assert_eq!(app.known.checks.len(), 3);
    assert_eq!(app.known.blocked(), Some(0));
}

#[test]
fn a_cure_is_the_command_as_it_is_typed_and_it_alone_is_copied() {
    let mut app = two_nodes(80);
    press(&mut app, &[Key::Char('f')]);
    let command = "ssh ubuntu@10.0.0.12 'sudo systemctl enable --now ssh'";
    let Some(Dialog::Text(card)) = &app.dialog else {
        panic!("{:?}", app.dialog);
    };
    assert!(card.plain().contains(command), "{}", card.plain());
    let effects = press(&mut app, &[Key::Char('c')]);
    assert!(matches!(effects.as_slice(), [Effect::Copy(text)] if text == command));
    press(&mut app, &[Key::Esc, Key::Down]);
    assert!(
        press(&mut app, &[Key::Char('f')]).is_empty() && app.dialog.is_none(),
        "what is fine has no cure"
    );
}

#[test]
fn a_failure_is_accepted_with_a_reason_and_the_record_names_who_and_when() {
    let mut app = two_nodes(80);
    press(&mut app, &[Key::Down, Key::Char('w')]);
    assert!(app.dialog.is_none(), "only a failure is accepted");
    press(&mut app, &[Key::Up, Key::Char('w')]);
    let mut effects = Vec::new();
    for key in [Key::Char('n'), Key::Char('o'), Key::Enter] {
        effects = press(&mut app, &[key]);
    }
    let [Effect::KeepWaiver(waiver)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(app.known.blocked(), Some(0));
    let kept = Waiver {
        by: "meera@laptop".to_owned(),
        at: at(60),
        ..waiver.clone()
    };
    app.update(Input::Waived(kept));
    assert_eq!(app.known.waivers.len(), 1);
    // The chosen row is still the one that was accepted.
    assert_eq!(super::chosen_result(&app).unwrap().place, "secondary");
    let all = rows(&app);
    let told = story(
        all.iter().find(|row| row.holds(&waiver.id)).unwrap(),
        &app.known.waivers,
    );
    let last = &told.last().unwrap().text;
    assert_eq!(
        last,
        "Accepted by meera@laptop, 2026-09-21 14:14 UTC. The reason: no"
    );
}
