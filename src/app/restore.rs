//! The restore screen: the moments that can be restored, what one costs, what cannot be used and why. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    App, Dialog, Effect, RestoreWish, Screen,
    dialog::ALONE,
    keys::Act,
    known::{Backups, Here},
    story,
    words::{Tone, Words},
};
use crate::{
    problem::Problem,
    restore::{Intent, Window, Wish, words},
};

/// What one key moves.
const STEP: Duration = Duration::from_mins(1);

/// What a page moves.
const FAR: Duration = Duration::from_hours(1);

/// What belongs to the screen alone.
#[derive(Debug, Default)]
pub struct RestoreScreen {
    /// The moment that the person chose; else the last one.
    pub moment: Option<Timestamp>,
}

/// What is known of the backups.
pub fn backups(app: &App) -> Option<&Backups> {
    app.known.backups.as_ref()?.as_ref().ok()
}

/// The moment that is shown.
pub fn moment(state: &RestoreScreen, backups: &Backups) -> Option<Timestamp> {
    let window = backups.inventory.window?;
    Some(state.moment.unwrap_or(window.last))
}

/// The restore to the moment that is shown, or why it cannot be.
pub fn wanted(state: &RestoreScreen, backups: &Backups) -> Result<Intent, Problem> {
    let moment = moment(state, backups).unwrap_or(backups.inventory.now);
    backups.inventory.choose(&Wish::to(moment))
}

/// What is told below the time line.
pub fn told(state: &RestoreScreen, backups: &Backups, here: Here) -> Vec<Words> {
    let mut told = Vec::new();
    if here == Here::Cluster {
        told.push(Words::new(Tone::Warn, ALONE));
        told.push(Words::new(
            Tone::Remedy,
            "To restore: copy the site's folder here, then choose Attach on the first screen and name it.",
        ));
        told.push(Words::empty());
    }
    told.extend(said(state, backups));
    told
}

fn said(state: &RestoreScreen, backups: &Backups) -> Vec<Words> {
    let Backups {
        inventory,
        unfinished,
        zone,
    } = backups;
    if let Some(intent) = unfinished {
        let what = if intent.cancelled {
            "A restore is being cancelled, and not everything is back yet. Enter goes on with it."
        } else {
            "A restore is not over. Enter goes on with it; x puts everything back, as long as Care does not use the new database."
        };
        let mut told = vec![Words::new(Tone::Warn, what), Words::empty()];
        told.extend(lines(words::intent(intent, inventory, zone)));
        return told;
    }
    match wanted(state, backups) {
        Ok(intent) => lines(words::intent(&intent, inventory, zone)),
        Err(problem) => {
            let mut told = story::problem(&problem);
            told.push(Words::empty());
            let known = words::inventory(inventory, zone);
            told.extend(known.lines().map(|line| Words::new(Tone::Dim, line)));
            told
        }
    }
}

/// Lines that begin with a label of ten columns.
fn lines(lines: impl IntoIterator<Item = String>) -> Vec<Words> {
    const LABEL: usize = 10;
    let told = lines.into_iter().map(|line| {
        let tone = match line.split_whitespace().next() {
            Some("Loses" | "Without") => Tone::Warn,
            Some("Not") => Tone::Dim,
            _ => Tone::Plain,
        };
        Words::new(tone, line).labelled(LABEL)
    });
    told.collect()
}

/// Where a moment lies between the first and the last, of so many columns.
pub fn column(window: Window, moment: Timestamp, columns: usize) -> usize {
    let all = window.last.duration_since(window.first).as_secs().max(1);
    let part = moment.duration_since(window.first).as_secs().clamp(0, all);
    let last = i64::try_from(columns.saturating_sub(1)).unwrap_or_default();
    usize::try_from(part.saturating_mul(last) / all).unwrap_or_default()
}

fn moved(act: Act, from: Timestamp, window: Window) -> Timestamp {
    let by = |length: Duration, sign: i32| {
        let length = SignedDuration::try_from(length).unwrap_or_default() * sign;
        from.checked_add(length).unwrap_or(from)
    };
    let to = match act {
        Act::Left => by(STEP, -1),
        Act::Right => by(STEP, 1),
        Act::PageUp => by(FAR, -1),
        Act::PageDown => by(FAR, 1),
        Act::First => window.first,
        Act::Last => window.last,
        _ => from,
    };
    to.clamp(window.first, window.last)
}

/// Whether something would happen now.
pub fn can(app: &App, act: Act) -> bool {
    let Screen::Restore(state) = &app.screen else {
        return false;
    };
    let free = !app.known.run_goes_on() && app.known.here == Here::Site;
    let Some(backups) = backups(app) else {
        return match act {
            Act::Again => app.known.backups.is_some(),
            Act::Back => app.has_back(),
            _ => false,
        };
    };
    let begun = backups.unfinished.as_ref();
    match act {
        Act::Back => app.has_back(),
        Act::Again => true,
        Act::Open => free && (begun.is_some() || wanted(state, backups).is_ok()),
        Act::Skip => free && begun.is_some_and(|intent| !intent.cancelled),
        Act::Filter
        | Act::Left
        | Act::Right
        | Act::PageUp
        | Act::PageDown
        | Act::First
        | Act::Last => begun.is_none() && backups.inventory.window.is_some(),
        _ => false,
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    let site = app.known.site.clone();
    let App {
        known,
        screen,
        dialog,
        ..
    } = &mut *app;
    let known_backups = known.backups.as_ref().and_then(|all| all.as_ref().ok());
    match (act, screen, known_backups) {
        (Act::Back, ..) => return app.pop(),
        (Act::Again, ..) => {
            known.backups = None;
            return vec![Effect::LoadBackups];
        }
        (Act::Skip, ..) => return super::dialog::restore(app, RestoreWish::Cancel),
        (Act::Open, _, Some(backups)) if backups.unfinished.is_some() => {
            let cancelled = backups
                .unfinished
                .as_ref()
                .is_some_and(|intent| intent.cancelled);
            let wish = if cancelled {
                RestoreWish::Cancel
            } else {
                RestoreWish::GoOn
            };
            return super::dialog::restore(app, wish);
        }
        (Act::Open, Screen::Restore(state), Some(backups)) => {
            if let Ok(intent) = wanted(state, backups) {
                *dialog = Some(Dialog::restore(&site, &intent, backups));
            }
        }
        (Act::Filter, _, Some(backups)) => *dialog = Some(Dialog::moment(backups)),
        (act, Screen::Restore(state), Some(backups)) => {
            let at = moment(state, backups);
            let moments = at.zip(backups.inventory.window);
            state.moment = moments.map(|(at, window)| moved(act, at, window));
        }
        _ => {}
    }
    Vec::new()
}
