//! Answers that came from a file: taken where nothing was typed, and a card about all that was not. Pure.

use super::{Hands, Purpose, Wizard};
use crate::{
    app::{
        App, Dialog, Effect, Screen,
        words::{Tone, Words, counted},
    },
    site::{FIELDS, Field, Secrets, SiteDraft, import::Assumed},
};

/// What a file held.
#[derive(Debug)]
pub struct Brought {
    /// The file.
    pub from: String,
    /// Its answers.
    pub draft: SiteDraft,
    /// Its secrets.
    pub secrets: Secrets,
    /// Answers that follow from others.
    pub assumed: Vec<Assumed>,
    /// What was not understood, each with its line and the reason, without a value.
    pub left: Vec<String>,
}

/// Takes the answers, shows what was not taken, and goes to the first question that is left.
pub fn take(app: &mut App, brought: &Brought) -> Vec<Effect> {
    if !matches!(app.screen, Screen::Wizard(_)) {
        let wizard = Wizard::resume(app.known.begun.clone());
        app.push(Screen::Wizard(Box::new(wizard)));
    }
    let Screen::Wizard(state) = &mut app.screen else {
        return Vec::new();
    };
    let card = merge(state, brought);
    app.notice = None;
    app.dialog = Some(Dialog::text(format!("From {}", brought.from), card));
    let mut effects = super::act::ask(app);
    effects.extend(super::keep(app));
    effects
}

fn merge(state: &mut Wizard, brought: &Brought) -> Vec<Words> {
    let (mut taken, mut kept) = (0, Vec::new());
    for field in FIELDS {
        let new = brought.draft.get(field.id);
        if new.is_empty() {
            continue;
        }
        let old = state.draft.get(field.id);
        if old.is_empty()
            || old == new
            || state.purpose == Purpose::Change && old == state.draft.preset(field)
        {
            taken += 1;
            state.draft.set(field.id, new);
        } else {
            kept.push(format!("{}: the file says {new}", field.label));
        }
    }
    for (name, secret) in brought.secrets.iter() {
        if state.secrets.get(name).is_none() {
            state.secrets.set(name, secret.clone());
        }
    }
    state.hands = Hands::Still;
    state.judge();
    let first = state.problems.first().map(|(id, _)| *id);
    match first {
        Some(id) => state.visit(id),
        None => state.go(super::Group::ALL.len(), 0),
    }
    // The field may hold a new answer.
    state.enter();
    story(state, brought, (taken, &kept))
}

fn story(state: &Wizard, brought: &Brought, (taken, kept): (usize, &[String])) -> Vec<Words> {
    let mut story = vec![Words::new(
        Tone::Good,
        format!("{} taken.", counted(taken, "answer")),
    )];
    let mut part = |title: &str, tone: Tone, lines: &[String]| {
        if lines.is_empty() {
            return;
        }
        story.push(Words::empty());
        story.push(Words::new(
            Tone::Strong,
            format!("{title}: {}", lines.len()),
        ));
        story.extend(
            lines
                .iter()
                .map(|line| Words::new(tone, line.clone()).moved(3)),
        );
    };
    part("Not understood, and not taken", Tone::Warn, &brought.left);
    part(
        "You had typed something else, which stays",
        Tone::Plain,
        kept,
    );
    let assumed: Vec<String> = brought
        .assumed
        .iter()
        .map(|one| format!("{}: {}, because {}", label(one.field), one.value, one.why))
        .collect();
    part("Concluded from the others", Tone::Plain, &assumed);
    let is_secret = |id: &str| Field::find(id).is_some_and(|field| field.secret().is_some());
    let names = |secret: bool| -> Vec<String> {
        let of_kind = state
            .problems
            .iter()
            .filter(|(id, _)| is_secret(id) == secret);
        of_kind
            .map(|(id, problem)| {
                if state.is_open(id) {
                    label(id).to_owned()
                } else {
                    format!("{}: {}", label(id), super::note::reason(problem))
                }
            })
            .collect()
    };
    part("Still to answer", Tone::Plain, &names(false));
    part("Secrets to type", Tone::Plain, &names(true));
    if state.problems.is_empty() {
        story.push(Words::new(Tone::Good, "Nothing is left to answer."));
    }
    story
}

fn label(id: &str) -> &str {
    Field::find(id).map_or(id, |field| field.label)
}
