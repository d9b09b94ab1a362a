//! The first screen: what would you like to do? Pure.

use super::{App, Dialog, Effect, Screen, keys::Act, list, wizard::Wizard};

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
    /// The practice cluster.
    Rehearse,
}

/// The rows in order.
pub fn rows(app: &App) -> Vec<Row> {
    let sites = (0..app.known.sites.len()).map(Row::Open);
    let others = [Row::New, Row::Import, Row::Rehearse];
    sites.chain(others).collect()
}

/// Whether something would happen now.
pub fn can(app: &App, act: Act) -> bool {
    match act {
        Act::Open => true,
        act => list::is_move(act) && rows(app).len() > 1,
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
            app.notice = Some("Opening the site...".to_owned());
            name.map(Effect::Open).into_iter().collect()
        }
        Some(Row::New) => {
            let wizard =
                Wizard::resume(app.known.begun.clone()).resumed(app.known.begun_at.as_ref());
            if app.known.begun_at.is_some() {
                app.notice = Some(
                    "Going on where you were. Secrets are not kept yet: type them anew.".to_owned(),
                );
            }
            app.push(Screen::Wizard(Box::new(wizard)));
            Vec::new()
        }
        Some(Row::Import) => {
            app.dialog = Some(Dialog::import());
            Vec::new()
        }
        Some(Row::Rehearse) => {
            app.notice = Some("Starting the practice cluster...".to_owned());
            vec![Effect::Rehearse]
        }
        None => Vec::new(),
    }
}
