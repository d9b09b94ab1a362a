//! The checks screen: failures first, what was seen, what to do. Pure.

use super::{
    App, Dialog, Effect, Goto, Screen,
    keys::Act,
    list, story,
    words::{Tone, Words},
};
use crate::check::{CheckId, CheckResult, Verdict, Waiver};

/// What belongs to the screen alone.
#[derive(Debug, Default)]
pub struct Checks {
    /// The check that the person chose; else the first row.
    pub chosen: Option<CheckId>,
}

/// How far up a verdict stands.
pub fn weight(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Fail { .. } => 0,
        Verdict::Warn { .. } => 1,
        Verdict::Skipped { .. } => 2,
        Verdict::Pass { .. } => 3,
    }
}

/// The results in the order in which they are shown: failures, warnings, then the rest by family.
pub fn rows(results: &[CheckResult]) -> Vec<&CheckResult> {
    let mut rows: Vec<&CheckResult> = results.iter().collect();
    rows.sort_by_key(|result| weight(&result.verdict));
    rows
}

/// Which of the rows is chosen.
pub fn chosen(state: &Checks, rows: &[&CheckResult]) -> usize {
    state
        .chosen
        .as_ref()
        .and_then(|id| rows.iter().position(|row| row.id == *id))
        .unwrap_or(0)
}

/// Why a failure was accepted, if it was.
pub fn waiver<'a>(waivers: &'a [Waiver], result: &CheckResult) -> Option<&'a Waiver> {
    waivers.iter().find(|waiver| waiver.id == result.id)
}

/// What was seen, why it matters and what to do.
pub fn details(result: &CheckResult, waivers: &[Waiver]) -> Vec<Words> {
    let mut story = Vec::new();
    match &result.verdict {
        Verdict::Pass { seen } => story.push(Words::new(Tone::Good, format!("Seen: {seen}"))),
        Verdict::Skipped { reason } => {
            story.push(Words::new(Tone::Plain, format!("Not looked at: {reason}")));
        }
        Verdict::Warn { seen, problem } | Verdict::Fail { seen, problem } => {
            story.extend(story::problem(problem));
            story.push(Words::new(Tone::Dim, format!("Seen: {seen}")));
        }
    }
    if let Some(waiver) = waiver(waivers, result) {
        story.push(Words::new(
            Tone::Warn,
            format!("Accepted. The reason: {}", waiver.reason),
        ));
    }
    story
}

/// The chosen result.
pub fn chosen_result(app: &App) -> Option<&CheckResult> {
    let Screen::Checks(state) = &app.screen else {
        return None;
    };
    let rows = rows(&app.known.checks);
    rows.get(chosen(state, &rows)).copied()
}

/// Whether something would happen now.
pub fn can(app: &App, act: Act) -> bool {
    let result = chosen_result(app);
    match act {
        Act::Explain | Act::Copy => result.is_some(),
        Act::Again => result.is_some() && !app.known.checking,
        Act::AgainAll => !app.known.checking,
        Act::Waive => result.is_some_and(|result| {
            matches!(result.verdict, Verdict::Fail { .. })
                && waiver(&app.known.waivers, result).is_none()
        }),
        Act::Forward => true,
        Act::Back => app.has_back(),
        act => list::is_move(act) && app.known.checks.len() > 1,
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    match act {
        Act::Explain => {
            if let Some(result) = chosen_result(app) {
                let title = format!("{} {}", result.id.code, result.title);
                let mut body = details(result, &app.known.waivers);
                body.extend(story::runbook(result.id.code));
                app.dialog = Some(Dialog::text(title, body));
            }
            Vec::new()
        }
        Act::Copy => chosen_result(app)
            .map(|result| Effect::Copy(copied(result)))
            .into_iter()
            .collect(),
        Act::Again => {
            let code = chosen_result(app).map(|result| result.id.code);
            app.known.checking = true;
            vec![Effect::RunChecks(code)]
        }
        Act::AgainAll => {
            app.known.checking = true;
            app.known.checks.clear();
            vec![Effect::RunChecks(None)]
        }
        Act::Waive => {
            if let Some(id) = chosen_result(app).map(|result| result.id.clone()) {
                app.dialog = Some(Dialog::waive(id));
            }
            Vec::new()
        }
        Act::Forward => app.go(Goto::Plan),
        Act::Back => app.pop(),
        act => choose(app, act),
    }
}

fn copied(result: &CheckResult) -> String {
    match &result.verdict {
        Verdict::Fail { problem, .. } | Verdict::Warn { problem, .. } => problem.to_string(),
        Verdict::Pass { seen } => format!("{} {}: {seen}", result.id.code, result.title),
        Verdict::Skipped { reason } => format!("{} {}: {reason}", result.id.code, result.title),
    }
}

fn choose(app: &mut App, act: Act) -> Vec<Effect> {
    let App { known, screen, .. } = app;
    if let Screen::Checks(state) = screen {
        let rows = rows(&known.checks);
        let at = list::moved(act, chosen(state, &rows), rows.len());
        state.chosen = rows.get(at).map(|row| row.id.clone());
    }
    Vec::new()
}
