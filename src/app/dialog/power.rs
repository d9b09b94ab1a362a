//! Cards for switching machines off and on: what can be chosen, what it means, and why what could be lost is accepted. Pure.

use super::{Ask, Asked, Dialog, Does, Item, Menu};
use crate::app::{
    App,
    words::{Tone, Words},
};
use crate::{
    plan::power::{Powering, Way, Which},
    watch::{
        risks,
        view::{ClusterView, NodeRow, Stop},
    },
};

/// Risks that a card tells.
const TOLD: usize = 4;

/// The guided runs that switch the machine of a node, or all machines, off or bring them back.
pub fn items(node: &NodeRow, view: &ClusterView) -> Vec<Item> {
    // A machine that is silent can only be brought back; one that was emptied and still runs, too.
    let is_on = |node: &NodeRow| !node.stops.is_empty();
    let is_closed = |node: &NodeRow| node.status.contains("cordoned") || !is_on(node);
    let resting = risks::rests(view);
    let one = || Which::One(node.name.clone());
    let mut items = Vec::new();
    let mut offer = |node: Which, way: Way, hint: &str| {
        let label = match &node {
            Which::One(_) => format!("power {}", way.word()),
            Which::All => format!("power {} all", way.word()),
        };
        items.push(Item {
            label,
            hint: hint.to_owned(),
            does: Does::AskPower(Powering { node, way }),
        });
    };
    if is_on(node) && !resting {
        let hint = "empties the machine step by step, then you switch it off";
        offer(one(), Way::Off, hint);
    }
    if is_closed(node) && !resting {
        let hint = "you switch it on, then it takes its part again";
        offer(one(), Way::On, hint);
    }
    if view.nodes.iter().any(is_on) {
        let hint = "stops everything in order, then you switch off every machine";
        offer(Which::All, Way::Off, hint);
    }
    if resting || view.nodes.iter().all(is_closed) {
        let hint = "you switch on every machine, then everything starts again";
        offer(Which::All, Way::On, hint);
    }
    items
}

/// Asks whether machines shall be switched off or on, with what that means for each service.
pub fn card(app: &App, powering: Powering) -> Dialog {
    let view = &app.known.cluster;
    let body = match (&powering.node, powering.way) {
        (Which::One(name), Way::Off) => one_off(view, name),
        (Which::One(_), Way::On) => vec![Words::new(
            Tone::Plain,
            "Waits until the machine is there and its clock is right, then pods, volumes and the database's standby come back.",
        )],
        (Which::All, Way::Off) => all_off(view),
        (Which::All, Way::On) => vec![Words::new(
            Tone::Plain,
            "You switch on the primary first. Then the database wakes, volumes get their copies, everything that was stopped starts as it was, and every name of the site is asked.",
        )],
    };
    let item = |label: &str, hint: &str, does| Item {
        label: label.to_owned(),
        hint: hint.to_owned(),
        does,
    };
    let title = match (&powering.node, powering.way) {
        (Which::One(name), way) => format!("Power {} {name}?", way.word()),
        (Which::All, way) => format!("Power {} all machines?", way.word()),
    };
    let command = format!(
        "care-install power {} {}",
        powering.way.word(),
        powering.node
    );
    let begin = if asks_why(view, &powering) {
        let hint = "you say why it goes off all the same";
        item("accept", hint, Does::AcceptPower(powering))
    } else {
        item("yes", &command, Does::Power(powering))
    };
    Dialog::Menu(Menu {
        title,
        body,
        items: vec![item("no", "nothing is changed", Does::Nothing), begin],
        chosen: 0,
    })
}

/// Whether something could be lost that a person must accept in words.
fn asks_why(view: &ClusterView, powering: &Powering) -> bool {
    let all = powering.node == Which::All && powering.way == Way::Off;
    all && !risks::rests(view) && !risks::of(view).is_empty()
}

fn one_off(view: &ClusterView, name: &str) -> Vec<Words> {
    let node = view.nodes.iter().find(|node| node.name == name);
    let stops = node.iter().flat_map(|node| &node.stops);
    let mut body: Vec<Words> = stops
        .map(|one| {
            let text = format!("{}: {}", one.service.title(), one.stop.when_planned());
            let tone = match one.stop {
                Stop::GoesOn | Stop::Fewer => Tone::Plain,
                Stop::Pauses(_) => Tone::Warn,
                Stop::Ends => Tone::Bad,
            };
            Words::new(tone, text)
        })
        .collect();
    body.push(Words::new(
        Tone::Plain,
        "The database's primary moves first, pods leave as their budgets allow, and only then you are asked to switch the machine off.",
    ));
    body
}

fn all_off(view: &ClusterView) -> Vec<Words> {
    let mut body = vec![Words::new(
        Tone::Bad,
        "Every service is away until all machines are on again.",
    )];
    if !risks::rests(view) {
        let risks = risks::of(view);
        for risk in risks.iter().take(TOLD) {
            body.push(Words::new(Tone::Bad, risk.problem.what.clone()));
        }
        if risks.len() > TOLD {
            let more = format!("and {} more that health shows", risks.len() - TOLD);
            body.push(Words::new(Tone::Bad, more));
        }
        if !risks.is_empty() {
            body.push(Words::new(
                Tone::Warn,
                "Data could be lost if a disk or machine does not come back. Cure it first, as health says.",
            ));
        }
    }
    body.push(Words::new(
        Tone::Plain,
        "What writes stops first, the last changes go to the bucket, the database stops in order, volumes are let go. Then you switch off the secondary, and the primary last.",
    ));
    body
}

/// Asks why what could be lost is accepted.
pub fn accept(powering: Powering) -> Dialog {
    let hint = "Health finds what could be lost. The steps that would wait for its cure are left out for this reason, which stays with the run.";
    let title = "Why does it go off all the same?".to_owned();
    Dialog::Ask(Box::new(Ask::reason(title, hint, Asked::Power(powering))))
}
