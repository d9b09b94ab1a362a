//! The first screen: what would you like to do? Pure.

use super::{
    App, Dialog, Effect, Goto, Screen, dialog,
    keys::Act,
    known::{SiteRow, Stands},
    list,
    wizard::Wizard,
};

/// What belongs to the screen alone.
#[derive(Debug, Default)]
pub struct Welcome {
    /// Which row is chosen.
    pub chosen: usize,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Opens a site of this computer.
    Open(usize),
    /// Sets up a new site, or goes on with one whose questions are not finished.
    New,
    /// Sets up a new site with answers from a file.
    Import,
    /// A cluster that another computer set up.
    Attach,
    /// A site of this computer, back to a moment.
    Restore,
    /// The practice cluster.
    Rehearse,
}

/// What a row is called, and what it does: in few words beside it, and in a sentence while it is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its name.
    pub label: String,
    /// In few words.
    pub hint: String,
    /// In a sentence, or why it cannot be done now and what helps.
    pub whole: String,
}

/// The rows in order.
pub fn rows(app: &App) -> Vec<Row> {
    let sites = (0..app.known.sites.len()).map(Row::Open);
    let others = [
        Row::New,
        Row::Import,
        Row::Attach,
        Row::Restore,
        Row::Rehearse,
    ];
    sites.chain(others).collect()
}

/// The sites whose settings are here: only those can be brought back.
fn restorable(app: &App) -> impl Iterator<Item = &SiteRow> {
    let sites = app.known.sites.iter();
    sites.filter(|site| site.stands != Stands::Draft)
}

/// Why a row cannot be chosen now, and what helps.
pub fn barred(app: &App, row: &Row) -> Option<&'static str> {
    let none = *row == Row::Restore && restorable(app).next().is_none();
    none.then_some(
        "Not yet: it wants a site's folder with its vault on this computer. Copy it here, then name it under Attach.",
    )
}

/// What a row is called and does.
pub fn said(app: &App, row: &Row) -> Said {
    let said = |label: &str, hint: &str, whole: &str| Said {
        label: label.to_owned(),
        hint: hint.to_owned(),
        whole: whole.to_owned(),
    };
    let mut said = match row {
        Row::Open(index) => match app.known.sites.get(*index) {
            Some(site) => of_site(site),
            None => said("", "", ""),
        },
        Row::New if !app.known.begun.is_empty() => said(
            "Go on with the new site",
            "the questions are not finished",
            "Goes on at the question where you were; everything typed is still there, but for secrets.",
        ),
        Row::New => said(
            "Set up a new site",
            "about 15 minutes of questions",
            "Asks for names, addresses, storage and backups; every answer is kept as you type. Checks and the plan come next.",
        ),
        Row::Import => said(
            "Import settings",
            "site.yaml or variables.tfvars",
            "Sets up a new site with the answers of a file; what was not understood is listed.",
        ),
        Row::Attach => said(
            "Attach to a cluster",
            "health, by its kubeconfig",
            "Looks after a cluster that another computer set up: by its kubeconfig, or by the site's folder copied from there.",
        ),
        Row::Restore => said(
            "Restore a site",
            "its database, back to a moment",
            "Shows which moments the backups allow and what each would lose, before anything happens.",
        ),
        Row::Rehearse => said(
            "Rehearse",
            "a practice cluster, built in",
            "Everything as in life, with no network, no root and no set-up; nothing real is touched.",
        ),
    };
    if let Some(why) = barred(app, row) {
        "not yet: no site is here".clone_into(&mut said.hint);
        why.clone_into(&mut said.whole);
    }
    said
}

fn of_site(site: &SiteRow) -> Said {
    let (verb, whole) = match site.stands {
        Stands::Draft => ("Open", "Goes on at the question where you were."),
        Stands::Ready => (
            "Open",
            "Its questions are answered: the checks come next, then the plan.",
        ),
        // A run that was stopped is gone on with.
        Stands::Stopped => (
            "Continue with",
            "Shows how far its run came; it goes on once you say so.",
        ),
        Stands::Deployed => (
            "Open",
            "Shows how its services are and what needs attention.",
        ),
        Stands::Unreadable => (
            "Open",
            "Tells what is wrong with its folder, and what to do.",
        ),
    };
    Said {
        label: format!("{verb} {}", site.name),
        hint: site.state.clone(),
        whole: whole.to_owned(),
    }
}

/// Whether something would happen now.
pub fn can(app: &App, act: Act) -> bool {
    let Screen::Welcome(state) = &app.screen else {
        return false;
    };
    let rows = rows(app);
    match act {
        Act::Open => rows
            .get(state.chosen)
            .is_some_and(|row| barred(app, row).is_none()),
        act => list::is_move(act) && rows.len() > 1,
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    let rows = rows(app);
    let Screen::Welcome(state) = &mut app.screen else {
        return Vec::new();
    };
    if act != Act::Open {
        state.chosen = list::moved(act, state.chosen, rows.len());
        return Vec::new();
    }
    match rows.get(state.chosen) {
        Some(Row::Open(index)) => {
            let name = app.known.sites.get(*index).map(|site| site.name.clone());
            name.map_or_else(Vec::new, |name| dialog::open_site(app, name, None))
        }
        Some(Row::New) => {
            questions(app);
            Vec::new()
        }
        Some(Row::Import) => {
            app.dialog = Some(Dialog::import());
            Vec::new()
        }
        Some(Row::Attach) => {
            app.dialog = Some(Dialog::attach());
            Vec::new()
        }
        Some(Row::Restore) => restore(app),
        Some(Row::Rehearse) => {
            app.notice = Some("Starting the practice cluster...".to_owned());
            app.then = None;
            vec![Effect::Rehearse]
        }
        None => Vec::new(),
    }
}

/// The questions about a new site, where they were left.
fn questions(app: &mut App) {
    let wizard = Wizard::resume(app.known.begun.clone()).resumed(app.known.begun_at.as_ref());
    if app.known.begun_at.is_some() {
        let words = "Going on where you were. Secrets are not kept yet: type them anew.";
        app.notice = Some(words.to_owned());
    }
    app.push(Screen::Wizard(Box::new(wizard)));
}

/// The backups of the only site, or of one of several.
fn restore(app: &mut App) -> Vec<Effect> {
    let sites: Vec<SiteRow> = restorable(app).cloned().collect();
    match sites.as_slice() {
        [] => Vec::new(),
        [only] => dialog::open_site(app, only.name.clone(), Some(Goto::Restore)),
        several => {
            app.dialog = Some(Dialog::restore_which(several));
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests;
