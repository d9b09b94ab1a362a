//! What stands under the field that is typed: what is wrong with it, or what the world says about it; and all problems as a
//! menu that leads to each. Pure.

use jiff::Timestamp;

use super::{
    Wizard, bill,
    looks::{self, Look, Seen},
};
use crate::{
    app::{
        Dialog, Known,
        dialog::{Does, Item, Menu},
        words::{Tone, Words, about, counted, since},
    },
    check::question,
    problem::{Code, Problem},
    site::{Field, Group, Kind},
};

/// An answer is new for so many seconds.
const NEW: u64 = 60;

/// What stands under the field.
pub fn under(state: &Wizard, known: &Known, field: &Field, now: Timestamp) -> Vec<Words> {
    if !state.offers.is_empty() {
        let names: Vec<&str> = state.offers.iter().map(|name| last(name)).collect();
        return vec![Words::new(Tone::Plain, names.join("  "))];
    }
    if state.shows_problem(field)
        && let Some(problem) = state.problem(field.id)
    {
        return vec![
            Words::new(Tone::Bad, format!("!! {}", reason(problem))),
            Words::new(Tone::Dim, format!("Write it like {}", field.example)).moved(3),
        ];
    }
    match known.looks.of(&state.draft, field.id) {
        Some(look) => seen(state, look, field, now),
        None if field.group == Group::Components => {
            bill::switch(known.costs.as_ref(), &state.draft, field)
        }
        None => Vec::new(),
    }
}

/// Whether something may be seen about the field although nothing is said now.
pub fn may_come(state: &Wizard, field: &Field) -> bool {
    let is_switch = field.group == Group::Components && matches!(field.kind, Kind::Choice(_));
    is_switch || question(&state.draft, field.id).is_some()
}

/// The last part of a path.
fn last(path: &str) -> &str {
    let inner = path.strip_suffix('/').unwrap_or(path);
    let from = inner.rfind('/').map_or(0, |at| at + 1);
    path.get(from..).unwrap_or(path)
}

fn seen(state: &Wizard, look: &Look, field: &Field, now: Timestamp) -> Vec<Words> {
    let (tone, text) = match &look.seen {
        Seen::Asking => {
            let asking = looks::asking(&state.draft, field);
            return vec![Words::new(Tone::Busy, format!(".. {asking}"))];
        }
        Seen::Nothing => return Vec::new(),
        Seen::Good(words) => (Tone::Good, format!("OK {words}")),
        Seen::Bad(words) => (Tone::Bad, format!("!! {words}")),
    };
    let age = since(look.at, now);
    let when = if age.as_secs() < NEW {
        "seen just now".to_owned()
    } else {
        format!("seen {} ago", about(age))
    };
    vec![
        Words::new(tone, text),
        Words::new(Tone::Dim, format!("{when}; Ctrl-T asks again")).moved(3),
    ]
}

/// The mark of the last look at a field, with its tone; nothing while nothing is known.
pub fn mark(state: &Wizard, known: &Known, field: &Field) -> Option<(&'static str, Tone)> {
    match known.looks.of(&state.draft, field.id)?.seen {
        Seen::Asking => Some(("..", Tone::Busy)),
        Seen::Nothing => None,
        Seen::Good(_) => Some(("OK", Tone::Good)),
        Seen::Bad(_) => Some(("!!", Tone::Bad)),
    }
}

/// What was seen, short, for beside a field that is not typed.
pub fn words(state: &Wizard, known: &Known, field: &Field) -> Option<String> {
    match &known.looks.of(&state.draft, field.id)?.seen {
        Seen::Asking | Seen::Nothing => None,
        Seen::Good(words) | Seen::Bad(words) => Some(words.clone()),
    }
}

/// Why an answer cannot be used, in one sentence.
pub fn reason(problem: &Problem) -> String {
    match problem.causes.first() {
        _ if problem.code == Code::Site02 => "it is needed".to_owned(),
        Some(cause) => cause.clone(),
        None => problem.what.clone(),
    }
}

/// All that is wrong or missing, wrong answers first; Enter leads to the field.
pub fn problems(state: &Wizard) -> Dialog {
    let (wrong, open) = state.counts();
    let mut sorted: Vec<_> = state.problems.iter().collect();
    sorted.sort_by_key(|(id, _)| state.is_open(id));
    let items = sorted
        .into_iter()
        .filter_map(|(id, problem)| {
            let field = Field::find(id)?;
            let mark = if state.is_open(id) { ".." } else { "!!" };
            Some(Item {
                label: format!("{mark} {}", field.label),
                hint: format!("{}: {}", field.group.title(), reason(problem)),
                does: Does::Field(field.id),
            })
        })
        .collect();
    Dialog::Menu(Menu {
        title: format!("{}, {open} still to answer", counted(wrong, "problem")),
        body: Vec::new(),
        items,
        chosen: 0,
    })
}
