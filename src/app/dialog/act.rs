//! What keys do in a card. Pure.

use secrecy::SecretString;

use super::{
    super::{App, Effect, Goto, Link, Lock, RestoreWish, Screen, keys::Act, list, logs},
    Ask, Asked, Dialog, Does, Shown, deed, find, power,
};
use crate::{
    check::Waiver,
    engine::{event::Command, view::RunView},
    plan::Powering,
    restore::moment,
};

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    match act {
        Act::Redraw => return vec![Effect::Redraw],
        Act::Back => {
            app.dialog = None;
            return Vec::new();
        }
        _ => {}
    }
    let size = app.size;
    match &mut app.dialog {
        Some(Dialog::Text(card)) if act == Act::Copy => vec![Effect::Copy(card.copied())],
        Some(Dialog::Text(card)) => {
            card.scroll = list::moved(act, card.scroll, card.furthest(size) + 1);
            Vec::new()
        }
        Some(Dialog::Menu(menu)) if act == Act::Open => {
            let does = menu.items.get(menu.chosen).map(|item| item.does.clone());
            app.dialog = None;
            does.map_or_else(Vec::new, |does| choose(app, does))
        }
        Some(Dialog::Menu(menu)) => {
            menu.chosen = list::moved(act, menu.chosen, menu.items.len());
            Vec::new()
        }
        Some(Dialog::Find(find)) if act == Act::Open => {
            let does = find.does();
            app.dialog = None;
            does.map_or_else(Vec::new, |does| choose(app, does))
        }
        Some(Dialog::Find(find)) => {
            find.go(act);
            Vec::new()
        }
        Some(Dialog::Ask(ask)) => match act {
            Act::Open => enter(app),
            Act::Reveal => {
                reveal(ask);
                Vec::new()
            }
            _ => {
                ask.second = !ask.second;
                Vec::new()
            }
        },
        None => Vec::new(),
    }
}

fn reveal(ask: &mut Ask) {
    ask.shown = match ask.shown {
        Shown::Open => Shown::Open,
        Shown::Hidden => Shown::Revealed,
        Shown::Revealed => Shown::Hidden,
    };
}

fn choose(app: &mut App, does: Does) -> Vec<Effect> {
    match does {
        Does::Nothing => Vec::new(),
        Does::Leave => {
            let mut effects = app.keep_draft();
            effects.push(Effect::Leave);
            effects
        }
        Does::Command(command) => vec![Effect::Command(command)],
        Does::Practice(wish) => vec![Effect::Practice(wish)],
        Does::Goto(to) => {
            let mut effects = app.keep_draft();
            effects.extend(app.go(to));
            effects
        }
        Does::OpenSite(name) => open_site(app, name, None),
        Does::RestoreSite(name) => open_site(app, name, Some(Goto::Restore)),
        Does::Act(act) => app.act_if_possible(act),
        Does::Row(tab, row) => find::show_row(app, tab, row),
        Does::RunStep(id) => find::show_run_step(app, id),
        Does::PlanStep(id) => find::show_plan_step(app, id),
        Does::Deploy => begin(app),
        Does::AskPower(powering) => {
            app.dialog = Some(power::card(app, powering));
            Vec::new()
        }
        Does::AcceptPower(powering) => {
            app.dialog = Some(power::accept(powering));
            Vec::new()
        }
        Does::Power(powering) => switch(app, powering, None),
        Does::Ask(deed) => {
            deed::chosen(app, *deed);
            Vec::new()
        }
        Does::Do(deed) => deed::perform(app, *deed),
        Does::LogRange(range) => logs::ask(app, |wish| wish.range = range),
        Does::AskRange => {
            app.dialog = Some(Dialog::log_range());
            Vec::new()
        }
        Does::Field(id) => {
            if let Screen::Wizard(state) = &mut app.screen {
                state.visit(id);
            }
            Vec::new()
        }
        Does::Namespace(namespace) => {
            super::super::health::show_namespace(app, namespace);
            Vec::new()
        }
    }
}

/// Opens a site of this computer, and goes on there.
pub fn open_site(app: &mut App, name: String, then: Option<Goto>) -> Vec<Effect> {
    let mut effects = app.keep_draft();
    app.notice = Some("Opening the site...".to_owned());
    app.then = then;
    effects.push(Effect::Open(name));
    effects
}

/// Begins the deploy and shows it.
pub fn begin(app: &mut App) -> Vec<Effect> {
    app.known.link = Link::Starting;
    let mut effects = vec![Effect::StartDeploy(app.known.waivers.clone())];
    effects.extend(app.go(Goto::Deploy));
    effects
}

/// Switches machines off or on, and shows the run.
fn switch(app: &mut App, powering: Powering, accepted: Option<String>) -> Vec<Effect> {
    app.known.link = Link::Starting;
    app.known.run = RunView::default();
    let mut effects = vec![Effect::Power(powering, accepted)];
    effects.extend(app.go(Goto::Deploy));
    effects
}

/// Begins a restore, goes on with it or cancels it, and shows the run.
pub fn restore(app: &mut App, wish: RestoreWish) -> Vec<Effect> {
    app.known.link = Link::Starting;
    // What a former run has come to is not taken for this one.
    app.known.run = RunView::default();
    let mut effects = vec![Effect::Restore(wish)];
    effects.extend(app.go(Goto::Deploy));
    effects
}

/// Takes what was typed.
fn enter(app: &mut App) -> Vec<Effect> {
    let Some(Dialog::Ask(ask)) = &mut app.dialog else {
        return Vec::new();
    };
    let text = ask.entry.text();
    let effects = match &ask.asked {
        Asked::Skip(step) => vec![Effect::Command(Command::Skip {
            step: step.clone(),
            reason: text.trim().to_owned(),
        })],
        Asked::Waive(check) => {
            let waiver = Waiver {
                id: check.clone(),
                reason: text.trim().to_owned(),
                by: String::new(),
                at: app.now,
            };
            app.known.waivers.push(waiver.clone());
            vec![Effect::KeepWaiver(waiver)]
        }
        Asked::Restore(moment) => {
            if text.trim() != app.known.site {
                ask.wrong = Some("That is not the name of this site.");
                return Vec::new();
            }
            let wish = RestoreWish::To(*moment);
            app.dialog = None;
            return restore(app, wish);
        }
        Asked::Power(powering) => {
            let powering = powering.clone();
            app.dialog = None;
            return switch(app, powering, Some(text.trim().to_owned()));
        }
        Asked::Moment => {
            let zone = super::super::restore::backups(app).map(|backups| backups.zone.clone());
            let typed = zone.and_then(|zone| moment(&text, &zone).ok());
            return take_moment(app, typed);
        }
        Asked::Deed(_) => return deed::named(app, &text),
        Asked::Copies(_) => {
            deed::copies(app, &text);
            return Vec::new();
        }
        Asked::LogRange => {
            let Some(range) = logs::wish::Range::read(&text, app.now) else {
                ask.wrong = Some("Write it like the example above.");
                return Vec::new();
            };
            logs::ask(app, |wish| wish.range = range)
        }
        Asked::Import => {
            app.notice = Some("Reading the file...".to_owned());
            vec![Effect::Import(text.trim().to_owned())]
        }
        Asked::Attach => {
            app.notice = Some("Looking for the cluster...".to_owned());
            app.then = None;
            vec![Effect::Attach(text.trim().to_owned())]
        }
        Asked::Unlock(site) => vec![Effect::Unlock(site.clone(), SecretString::from(text))],
        Asked::Passphrase => {
            if asks_on(ask, &text) {
                return Vec::new();
            }
            app.notice = Some("Making the site...".to_owned());
            create(&app.screen, text)
        }
    };
    app.dialog = None;
    effects
}

/// Whether the new passphrase is to be typed again: for the first time, or because the two lines differ.
fn asks_on(ask: &mut Ask, text: &str) -> bool {
    if !ask.second && !text.is_empty() {
        ask.second = true;
        return true;
    }
    if ask.again.as_ref().is_some_and(|again| again.text() != text) {
        ask.wrong = Some("The two lines are not the same.");
        return true;
    }
    false
}

/// Shows the typed moment, or says how one is written.
fn take_moment(app: &mut App, typed: Option<jiff::Timestamp>) -> Vec<Effect> {
    match (typed, &mut app.screen, &mut app.dialog) {
        (Some(typed), Screen::Restore(state), dialog) => {
            state.moment = Some(typed);
            *dialog = None;
        }
        (_, _, Some(Dialog::Ask(ask))) => ask.wrong = Some("Write it like the example above."),
        _ => {}
    }
    Vec::new()
}

fn create(screen: &Screen, passphrase: String) -> Vec<Effect> {
    let Screen::Wizard(wizard) = screen else {
        return Vec::new();
    };
    let lock = if passphrase.is_empty() {
        Lock::KeyFile
    } else {
        Lock::Passphrase(SecretString::from(passphrase))
    };
    vec![Effect::CreateSite(
        Box::new(wizard.draft.clone()),
        wizard.secrets.clone(),
        lock,
    )]
}
