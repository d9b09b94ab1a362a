//! The checks screen: failures first, what was seen, what to do. Pure.

mod fix;
mod rows;

pub use rows::{Row, columns, rows};

use super::{
    App, Dialog, Effect, Goto, Screen,
    keys::Act,
    list,
    words::{Tone, Words},
};
use crate::{
    check::{CheckId, CheckResult, Verdict, Waiver},
    problem::Problem,
};

/// What belongs to the screen alone.
#[derive(Debug, Default)]
pub struct Checks {
    /// The check that the person chose; else the first row.
    pub chosen: Option<CheckId>,
}

/// Which of the rows is chosen.
pub fn chosen(state: &Checks, rows: &[Row<'_>]) -> usize {
    state
        .chosen
        .as_ref()
        .and_then(|id| rows.iter().position(|row| row.holds(id)))
        .unwrap_or(0)
}

/// How the results stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Judged.
    pub done: usize,
    /// Failed, and nobody has accepted it.
    pub failed: usize,
    /// Failed and accepted.
    pub waived: usize,
    /// To look at.
    pub warned: usize,
}

/// How many results stand where.
pub fn counts(results: &[CheckResult], waivers: &[Waiver]) -> Counts {
    let mut counts = Counts::default();
    for result in results {
        match &result.verdict {
            Verdict::Skipped { .. } => continue,
            Verdict::Fail { .. } if waiver(waivers, result).is_some() => counts.waived += 1,
            Verdict::Fail { .. } => counts.failed += 1,
            Verdict::Warn { .. } => counts.warned += 1,
            Verdict::Pass { .. } => {}
        }
        counts.done += 1;
    }
    counts
}

/// Why a failure was accepted, if it was.
pub fn waiver<'a>(waivers: &'a [Waiver], result: &CheckResult) -> Option<&'a Waiver> {
    waivers.iter().find(|waiver| waiver.id == result.id)
}

/// What was seen, why it matters and what to do.
pub fn details(result: &CheckResult, waivers: &[Waiver]) -> Vec<Words> {
    let part = |tone, label: &str, text: &str| {
        Words::new(tone, format!("{label:<LABEL$}{text}")).labelled(LABEL)
    };
    let mut story = Vec::new();
    match &result.verdict {
        Verdict::Pass { seen } => {
            story.push(Words::new(Tone::Good, head(result)));
            story.push(part(Tone::Plain, "seen", seen));
        }
        Verdict::Skipped { reason } => {
            story.push(Words::new(Tone::Plain, head(result)));
            story.push(part(Tone::Plain, "not looked at", ""));
            story.push(part(Tone::Plain, "why", reason));
        }
        Verdict::Warn { seen, problem } | Verdict::Fail { seen, problem } => {
            let tone = match &result.verdict {
                Verdict::Warn { .. } => Tone::Warn,
                _ => Tone::Bad,
            };
            // A door may have known a more exact code.
            let code = if problem.code == result.id.code {
                String::new()
            } else {
                format!(" [{}]", problem.code)
            };
            story.push(Words::new(
                tone,
                format!("{}  {}{code}", result.id.code, problem.what),
            ));
            story.push(part(Tone::Plain, "seen", seen));
            for (index, cause) in problem.causes.iter().enumerate() {
                let label = if index == 0 { "why" } else { "" };
                story.push(part(Tone::Plain, label, cause));
            }
            story.push(part(Tone::Remedy, "fix", &problem.remedy));
        }
    }
    if let Some(waiver) = waiver(waivers, result) {
        let at = waiver.at.strftime("%Y-%m-%d %H:%M UTC");
        let who = match waiver.by.as_str() {
            "" => String::new(),
            by => format!(" by {by}"),
        };
        let text = format!("Accepted{who}, {at}. The reason: {}", waiver.reason);
        story.push(Words::new(Tone::Warn, text));
    }
    story
}

/// Columns of the labels in the details.
const LABEL: usize = 6;

fn head(result: &CheckResult) -> String {
    let place = match result.place.as_str() {
        "" | "this computer" => String::new(),
        place => format!(" ({place})"),
    };
    format!("{}  {}{place}", result.id.code, result.title)
}

/// The details of a row: the worst of its results first, then the other nodes.
pub fn story(row: &Row<'_>, waivers: &[Waiver]) -> Vec<Words> {
    let Some(worst) = row.worst(waivers) else {
        return Vec::new();
    };
    let mut story = details(worst, waivers);
    for other in row.cells.iter().filter(|cell| cell.id != worst.id) {
        story.push(Words::empty());
        story.extend(details(other, waivers));
    }
    story
}

/// The result that keys are about: the worst of the chosen row.
pub fn chosen_result(app: &App) -> Option<&CheckResult> {
    let Screen::Checks(state) = &app.screen else {
        return None;
    };
    let rows = rows(app);
    rows.get(chosen(state, &rows))?.worst(&app.known.waivers)
}

/// What is wrong with the chosen result.
fn problem(result: &CheckResult) -> Option<&Problem> {
    match &result.verdict {
        Verdict::Fail { problem, .. } | Verdict::Warn { problem, .. } => Some(problem),
        Verdict::Pass { .. } | Verdict::Skipped { .. } => None,
    }
}

/// Whether something would happen now.
pub fn can(app: &App, act: Act) -> bool {
    let result = chosen_result(app);
    match act {
        Act::Explain | Act::Copy => result.is_some(),
        Act::Again => result.is_some() && !app.known.checking,
        Act::AgainAll => !app.known.checking,
        Act::Fix => result.and_then(problem).is_some(),
        Act::Waive => result.is_some_and(|result| {
            matches!(result.verdict, Verdict::Fail { .. })
                && waiver(&app.known.waivers, result).is_none()
        }),
        Act::Forward => true,
        Act::Back => app.has_back(),
        act => list::is_move(act) && rows(app).len() > 1,
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    match act {
        Act::Explain => {
            if let Some(result) = chosen_result(app) {
                let title = format!("{} {}", result.id.code, result.title);
                let mut body = in_full(app);
                body.extend(super::story::runbook(result.id.code));
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
            app.known.check_again(code)
        }
        Act::AgainAll => app.known.check_again(None),
        Act::Fix => {
            app.dialog = chosen_result(app).and_then(|result| cure(app, result));
            Vec::new()
        }
        Act::Waive => {
            if let Some(id) = chosen_result(app).map(|result| result.id.clone()) {
                // An accepted failure moves down; the person stays with it.
                if let Screen::Checks(state) = &mut app.screen {
                    state.chosen = Some(id.clone());
                }
                app.dialog = Some(Dialog::waive(id));
            }
            Vec::new()
        }
        Act::Forward => app.go(Goto::Plan),
        Act::Back => app.pop(),
        act => choose(app, act),
    }
}

/// Everything about the chosen row.
fn in_full(app: &App) -> Vec<Words> {
    let Screen::Checks(state) = &app.screen else {
        return Vec::new();
    };
    let rows = rows(app);
    let row = rows.get(chosen(state, &rows));
    row.map_or_else(Vec::new, |row| story(row, &app.known.waivers))
}

fn copied(result: &CheckResult) -> String {
    match &result.verdict {
        Verdict::Fail { problem, .. } | Verdict::Warn { problem, .. } => problem.to_string(),
        Verdict::Pass { seen } => format!("{} {}: {seen}", result.id.code, result.title),
        Verdict::Skipped { reason } => format!("{} {}: {reason}", result.id.code, result.title),
    }
}

/// What cures it: the words, then each command as it is to be typed.
fn cure(app: &App, result: &CheckResult) -> Option<Dialog> {
    let problem = problem(result)?;
    let commands = fix::commands(result, problem, &app.known.draft);
    let mut body = vec![
        Words::new(Tone::Plain, problem.what.clone()),
        Words::new(Tone::Plain, problem.remedy.clone()),
    ];
    if !commands.is_empty() {
        body.push(Words::empty());
        let head = match commands.len() {
            1 => "The command; c copies it, r runs the check again afterwards:",
            _ => "The commands; c copies them, r runs the check again afterwards:",
        };
        body.push(Words::new(Tone::Strong, head));
        body.extend(
            commands
                .iter()
                .map(|command| Words::new(Tone::Remedy, command.clone())),
        );
    }
    let title = format!("To fix {} {}", result.id.code, result.title);
    Some(Dialog::to_copy(title, body, commands.join("\n")))
}

fn choose(app: &mut App, act: Act) -> Vec<Effect> {
    let rows = rows(app);
    let Screen::Checks(state) = &app.screen else {
        return Vec::new();
    };
    let at = list::moved(act, chosen(state, &rows), rows.len());
    let next = rows
        .get(at)
        .and_then(|row| row.worst(&app.known.waivers))
        .map(|result| result.id.clone());
    if let Screen::Checks(state) = &mut app.screen {
        state.chosen = next;
    }
    Vec::new()
}

#[cfg(test)]
pub(crate) mod tests;
