//! The questions, the checks and the plan.

use std::{sync::Arc, time::Duration};

use super::{super::letters, App, Input, long, press};
use crate::{
    app::{Goto, Screen, checks::tests::two_nodes, fixture, keys::Key, wizard::brought::Brought},
    check::Verdict,
    plan::{Action, Object, Plan, Step, StepId},
    problem::{Code, Problem},
    site::{Field, Secrets, SiteDraft},
};

fn questions(keys: &[Key]) -> App {
    let app = press(fixture::welcome(), &[Key::Down, Key::Down, Key::Enter]);
    press(app, keys)
}

fn at_field(id: &str) -> App {
    let mut app = fixture::opened(Goto::Settings);
    if let Screen::Wizard(state) = &mut app.screen {
        state.visit(Field::find(id).unwrap().id);
    }
    app
}

/// Answers that are longer than any window.
fn overlong() -> App {
    let mut app = at_field("certificate.chain_file");
    app.update(Input::Paste(long()));
    app
}

fn brought() -> App {
    let mut app = fixture::welcome();
    app.update(Input::Brought(Box::new(Brought {
        from: format!("environments/{}/variables.tfvars", long()),
        draft: SiteDraft::default(),
        secrets: Secrets::new(),
        assumed: Vec::new(),
        left: (1..40)
            .map(|line| {
                format!("line {line}, extra_variable_{line}: no setting of a site has this meaning")
            })
            .collect(),
    })));
    app
}

fn pasted() -> App {
    let mut app = at_field("site.name");
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    app.update(Input::Paste(key.to_owned()));
    app
}

/// The passphrase of a new vault, typed twice and not alike.
fn passphrase(again: &str) -> App {
    let mut app = fixture::opened(Goto::Settings);
    app.dialog = Some(crate::app::Dialog::passphrase());
    let keys = [
        letters("one two three four"),
        vec![Key::Enter],
        letters(again),
    ]
    .concat();
    press(app, &keys)
}

/// Checks by the hundred.
fn many_checks() -> App {
    let mut app = fixture::checks();
    let more = (0..200).map(|count| {
        let seen = format!("answers in {count} ms");
        fixture::result(
            Code::Dns02,
            &format!("host-{count}.example.org"),
            Verdict::Pass { seen },
        )
    });
    app.update(Input::Checks(more.collect(), true));
    app
}

/// No check could be run: nothing is known.
fn no_checks() -> App {
    let mut app = fixture::opened(Goto::Checks);
    app.update(Input::Checks(Vec::new(), true));
    app
}

fn planned(plan: Plan) -> App {
    let mut app = fixture::opened(Goto::Plan);
    app.update(Input::Plan(Arc::new(plan)));
    app
}

/// A plan whose steps, objects and values have long names, and hundreds of them.
fn long_plan() -> Plan {
    let mut plan = fixture::plan();
    let name = long();
    let value = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": name}, "data": {"text": name},
    });
    let steps = (0..300).map(|count| Step {
        id: StepId::new("postgres", &format!("step-{count}-{name}")),
        component: "postgres".to_owned(),
        stage: 2,
        title: format!("{count} {name}"),
        needs: Vec::new(),
        action: Action::Apply(vec![Object::from_value(value.clone()).unwrap()]),
        ready: Vec::new(),
        usual: Duration::from_hours(2),
        limit: Duration::from_mins(15),
    });
    plan.steps.extend(steps);
    plan.notes
        .push(format!("The site {name} asks one name server only."));
    plan
}

fn nothing_found() -> App {
    let keys = [vec![Key::Char('/')], letters("no such thing")].concat();
    press(fixture::planned(), &keys)
}

fn compared(text: &str) -> App {
    let mut app = press(fixture::planned(), &[Key::Char('d')]);
    app.update(Input::Difference(text.to_owned()));
    app
}

pub fn states() -> Vec<(&'static str, App)> {
    let refused = || {
        let mut app = fixture::opened(Goto::Plan);
        let what = format!("The certificate file {} cannot be read.", long());
        let problem = Problem::new(Code::File02, what, "Name its file in the settings.");
        app.update(Input::Refused(vec![problem; 12]));
        app
    };
    vec![
        ("wizard_overlong", overlong()),
        ("wizard_brought", brought()),
        ("wizard_paste_refused", pasted()),
        ("wizard_help", questions(&[Key::F(1)])),
        ("wizard_left", questions(&[Key::Char('s'), Key::Ctrl('s')])),
        ("wizard_passphrase", passphrase("")),
        (
            "wizard_passphrase_differs",
            press(passphrase("another one"), &[Key::Enter]),
        ),
        ("checks_none", no_checks()),
        ("checks_many", press(many_checks(), &[Key::End])),
        ("checks_explain", press(two_nodes(80), &[Key::Enter])),
        ("checks_help", press(fixture::checks(), &[Key::Char('?')])),
        ("plan_making", fixture::opened(Goto::Plan)),
        ("plan_refused_long", refused()),
        ("plan_long", press(planned(long_plan()), &[Key::End])),
        (
            "plan_long_inside",
            press(planned(long_plan()), &[Key::End, Key::Enter]),
        ),
        (
            "plan_field",
            press(planned(long_plan()), &[Key::End, Key::Enter, Key::Enter]),
        ),
        ("plan_found_nothing", nothing_found()),
        (
            "plan_comparing",
            press(fixture::planned(), &[Key::Char('d')]),
        ),
        (
            "plan_alike",
            compared("Nothing of the plan is otherwise in the cluster."),
        ),
        ("plan_help", press(fixture::planned(), &[Key::Char('?')])),
    ]
}
