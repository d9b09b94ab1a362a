//! What keys, pastes and time do in the questions. Pure.

use super::{Hands, Purpose, Wizard, bill, note};
use crate::{
    app::{App, Dialog, Effect, Goto, Screen, keys::Act, list},
    site::{Field, Group, Kind},
};

/// Whether something would happen now.
pub fn can(app: &App, state: &Wizard, act: Act) -> bool {
    let many = state.fields().len() > 1;
    let focus = state.group().and(state.focus());
    match act {
        Act::Next => state.group().is_some() || state.focus().is_some(),
        Act::Previous => state.page > 0 || state.field > 0,
        Act::Up => many && state.field > 0,
        Act::Down => many && state.field + 1 < state.fields().len(),
        Act::PageUp => state.page > 0,
        Act::PageDown => state.page < Group::ALL.len(),
        Act::Explain => match state.focus() {
            Some(field) => state.problem(field.id).is_some(),
            None => true,
        },
        Act::Reveal => focus.is_some_and(|field| field.secret().is_some()),
        Act::Complete => focus.is_some_and(|field| field.kind == Kind::File),
        Act::Again => {
            focus.is_some_and(|field| app.known.looks.of(&state.draft, field.id).is_some())
        }
        Act::Problems => !state.problems.is_empty(),
        Act::Save => state.hands != Hands::Untouched,
        Act::Import | Act::Forward | Act::Back => true,
        _ => false,
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    if act == Act::Back {
        let effects = app.pop();
        return effects;
    }
    let App { screen, known, .. } = app;
    let Screen::Wizard(state) = screen else {
        return Vec::new();
    };
    match act {
        Act::Next => match (state.group(), state.focus()) {
            // On the review Enter leads to the field that is wrong.
            (None, Some(field)) => state.visit(field.id),
            _ => state.next(),
        },
        Act::Previous => state.previous(),
        Act::Up | Act::Down => {
            let at = list::moved(act, state.field, state.fields().len());
            state.go(state.page, at);
        }
        Act::PageUp => state.go(state.page.saturating_sub(1), 0),
        Act::PageDown => state.go(state.page + 1, 0),
        Act::Reveal => state.reveal = !state.reveal,
        Act::Explain => {
            let problem = state.focus().and_then(|field| state.problem(field.id));
            app.dialog = Some(match problem {
                Some(problem) => Dialog::problem(problem),
                None => Dialog::text("The whole site", bill::whole(state, known.costs.as_ref())),
            });
        }
        Act::Problems => app.dialog = Some(note::problems(state)),
        Act::Import => app.dialog = Some(Dialog::import()),
        Act::Again => {
            if let Some(field) = state.focus() {
                known.looks.forget(field.id);
            }
        }
        Act::Complete => {
            return state
                .focus()
                .map(|field| Effect::Complete(field.id, state.entry.text()))
                .into_iter()
                .collect();
        }
        Act::Save => return vec![Effect::SaveDraft(state.keeps(true))],
        Act::Forward => return forward(app),
        _ => {}
    }
    ask(app)
}

/// Asks the world about the answers of this page that stand still, and what the site comes to.
pub(super) fn ask(app: &mut App) -> Vec<Effect> {
    let App {
        screen, known, now, ..
    } = app;
    let Screen::Wizard(state) = screen else {
        return Vec::new();
    };
    let mut effects = Vec::new();
    let Some(group) = state.group() else {
        return costs(app);
    };
    let due = known.looks.due(&state.draft, group.fields(), *now);
    if !due.is_empty() {
        effects.push(Effect::Probe(Box::new(state.draft.clone()), due));
    }
    if group == Group::Components {
        effects.extend(costs(app));
    }
    effects
}

/// Asks what the answers come to, unless that is known or being asked.
fn costs(app: &mut App) -> Vec<Effect> {
    let App { screen, known, .. } = app;
    let Screen::Wizard(state) = screen else {
        return Vec::new();
    };
    if known.costing.is_some()
        || known
            .costs
            .as_ref()
            .is_some_and(|(of, _)| *of == state.draft)
    {
        return Vec::new();
    }
    known.costing = Some(state.draft.clone());
    vec![Effect::Cost(Box::new(state.draft.clone()))]
}

/// Time passes: what was typed and stands still is looked at.
pub fn tick(app: &mut App) -> Vec<Effect> {
    let Screen::Wizard(state) = &mut app.screen else {
        return Vec::new();
    };
    if state.hands == Hands::Typing {
        state.hands = Hands::Still;
        return Vec::new();
    }
    ask(app)
}

/// Whether the picture changes by time alone: an answer is waited for, or has an age.
pub fn moves_with_time(app: &App, state: &Wizard) -> bool {
    let looked = |field: &Field| app.known.looks.of(&state.draft, field.id).is_some();
    state.hands == Hands::Typing
        || state
            .group()
            .is_some_and(|group| group.fields().any(looked))
}

/// What is to be kept after a key or a paste, so that the program may be killed at any moment.
pub fn keep(app: &mut App) -> Option<Effect> {
    let Screen::Wizard(state) = &mut app.screen else {
        return None;
    };
    state.unkept().map(Effect::SaveDraft)
}

/// A paste.
pub fn pasted(app: &mut App, text: &str) -> Vec<Effect> {
    let Screen::Wizard(state) = &mut app.screen else {
        return Vec::new();
    };
    match state.paste(text) {
        Ok(None) => Vec::new(),
        Ok(Some(pem)) => {
            if state.draft.value("certificate.source") != "files" {
                app.notice = Some(
                    "The certificate is ordered by the cluster (acme): no files are taken. Choose files first.".to_owned(),
                );
                return Vec::new();
            }
            vec![Effect::KeepCertificate(pem)]
        }
        Err(why) => {
            app.notice = Some(why);
            Vec::new()
        }
    }
}

/// A pasted certificate was kept as files.
pub fn certificate_kept(app: &mut App, files: &[(&'static str, String)]) -> Vec<Effect> {
    let Screen::Wizard(state) = &mut app.screen else {
        return Vec::new();
    };
    let mut said = Vec::new();
    for (id, path) in files {
        app.known.looks.forget(id);
        state.answer(id, path);
        let what = Field::find(id).map_or(*id, |field| field.label);
        said.push(format!("{what}: {path}"));
    }
    app.notice = Some(format!(
        "Recognised and kept in the site's folder. {}",
        said.join(", ")
    ));
    let mut effects = ask(app);
    effects.extend(keep(app));
    effects
}

/// Files that begin as a typed path does.
pub fn completed(app: &mut App, of: (&str, &str), names: &[String]) -> Vec<Effect> {
    if let Screen::Wizard(state) = &mut app.screen {
        if let Some(words) = state.completed(of, names) {
            app.notice = Some(words);
        }
        return keep(app).into_iter().collect();
    }
    Vec::new()
}

/// On to the checks, or to what is wrong.
fn forward(app: &mut App) -> Vec<Effect> {
    let Screen::Wizard(state) = &mut app.screen else {
        return Vec::new();
    };
    if !state.problems.is_empty() {
        state.go(Group::ALL.len(), 0);
        let count = state.problems.len();
        app.notice = Some(match count {
            1 => "One answer is missing or wrong.".to_owned(),
            count => format!("{count} answers are missing or wrong."),
        });
        return costs(app);
    }
    match state.purpose {
        Purpose::New => {
            app.dialog = Some(Dialog::passphrase());
            Vec::new()
        }
        Purpose::Change => {
            let draft = state.draft.clone();
            let secrets = state.secrets.clone();
            state.hands = Hands::Untouched;
            app.known.draft = draft.clone();
            // What was found out about the old settings says nothing about the new ones.
            app.known.checks.clear();
            let mut effects = vec![Effect::ChangeSite(Box::new(draft), secrets)];
            effects.extend(app.go(Goto::Checks));
            effects
        }
    }
}
