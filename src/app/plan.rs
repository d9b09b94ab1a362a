//! The plan screen: from the stages over a step and its objects to a single field, and a search over all of it. Pure.
#![expect(
    clippy::similar_names,
    reason = "a screen has a state and a plan has stages: they are called what they are"
)]

pub mod find;
pub mod parts;

use std::{collections::BTreeSet, time::Duration};

use super::{
    App, Dialog, Effect, Planned, Screen,
    dialog::{self, TextCard},
    keys::{Act, Key},
    list,
    words::{Tone, Words, about},
};
use crate::plan::{Plan, Step, StepId, show};
use find::{Place, Search};
use parts::{Part, details, moved, parts};

/// Lines before one that was gone to.
const CONTEXT: usize = 2;

/// What belongs to the screen alone.
#[derive(Debug, Default)]
pub struct PlanScreen {
    /// The row that the person chose; else the first step.
    pub chosen: Option<Chosen>,
    /// Stages whose steps are not shown.
    pub closed: BTreeSet<usize>,
    /// The step that is looked into.
    pub inside: Option<Inside>,
    /// What is searched for.
    pub search: Option<Box<Search>>,
}

/// A row by its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// What to know before.
    Notes,
    /// A stage.
    Stage(usize),
    /// A step.
    Step(StepId),
}

/// A step that is looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Which.
    pub step: StepId,
    /// Which of its parts is chosen.
    pub part: usize,
}

/// A row of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// What to know before.
    Notes,
    /// A stage by its index.
    Stage(usize),
    /// A step by its index.
    Step(usize),
}

impl PlanScreen {
    /// True while the text of a search is typed.
    pub fn types(&self) -> bool {
        self.search.as_ref().is_some_and(|search| search.typing)
    }

    /// Gives a key to the text that is typed.
    pub fn take(&mut self, key: Key) -> bool {
        match &mut self.search {
            Some(search) if search.typing => {
                let taken = search.entry.take(key);
                if taken {
                    search.chosen = 0;
                }
                taken
            }
            _ => false,
        }
    }

    /// Gives a pasted text to the text that is typed.
    pub fn paste(&mut self, text: &str) {
        if let Some(search) = self.search.as_mut().filter(|search| search.typing) {
            search.entry.paste(text);
            search.chosen = 0;
        }
    }
}

/// The plan, once it is made.
pub fn plan(app: &App) -> Option<&Plan> {
    match &app.known.plan {
        Planned::Made(plan) => Some(plan),
        Planned::Unknown | Planned::Refused(_) => None,
    }
}

/// The rows in order: what to know, every stage, and below it its steps unless it is closed.
pub fn rows(plan: &Plan, state: &PlanScreen) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    if !plan.notes.is_empty() {
        rows.push(Row::Notes);
    }
    for stage in 0..plan.stages.len() {
        let steps = plan.steps.iter().enumerate();
        let mut steps = steps.filter(|(_, step)| step.stage == stage).peekable();
        if steps.peek().is_none() {
            continue;
        }
        rows.push(Row::Stage(stage));
        if !state.closed.contains(&stage) {
            rows.extend(steps.map(|(index, _)| Row::Step(index)));
        }
    }
    rows
}

/// Which of the rows is chosen.
pub fn chosen(plan: &Plan, state: &PlanScreen, rows: &[Row]) -> usize {
    let place = |wanted: Row| rows.iter().position(|row| *row == wanted);
    let first = || rows.iter().position(|row| matches!(row, Row::Step(_)));
    let found = match &state.chosen {
        Some(Chosen::Notes) => place(Row::Notes),
        Some(Chosen::Stage(stage)) => place(Row::Stage(*stage)),
        Some(Chosen::Step(id)) => {
            let index = plan.steps.iter().position(|step| step.id == *id);
            let stage = index
                .and_then(|index| plan.steps.get(index))
                .map(|step| step.stage);
            index
                .and_then(|index| place(Row::Step(index)))
                .or_else(|| stage.and_then(|stage| place(Row::Stage(stage))))
        }
        None => first(),
    };
    found.or_else(first).unwrap_or(0)
}

/// The step that is looked into, with its parts.
pub fn inside<'p>(plan: &'p Plan, state: &PlanScreen) -> Option<(&'p Step, Vec<Part<'p>>, usize)> {
    let inside = state.inside.as_ref()?;
    let step = plan.steps.iter().find(|step| step.id == inside.step)?;
    let parts = parts(plan, step);
    let at = inside.part.min(parts.len().saturating_sub(1));
    Some((step, parts, at))
}

/// How long the whole usually takes: the longest chain of needs, not the sum.
pub fn usual(plan: &Plan) -> Duration {
    chain(&plan.steps)
}

/// How long a stage usually takes.
pub fn usual_of(plan: &Plan, stage: usize) -> Duration {
    chain(plan.steps.iter().filter(|step| step.stage == stage))
}

/// The longest chain of needs among these steps, each after what it needs.
pub(super) fn chain<'p>(steps: impl IntoIterator<Item = &'p Step>) -> Duration {
    let mut ends: Vec<(&StepId, Duration)> = Vec::new();
    for step in steps {
        let before = ends
            .iter()
            .filter(|(id, _)| step.needs.contains(id))
            .map(|(_, end)| *end)
            .max();
        ends.push((&step.id, before.unwrap_or_default() + step.usual));
    }
    ends.into_iter()
        .map(|(_, end)| end)
        .max()
        .unwrap_or_default()
}

/// What is told about a row.
pub fn told(plan: &Plan, row: Row) -> Vec<Words> {
    match row {
        Row::Notes => {
            let notes = plan.notes.iter();
            notes
                .map(|note| Words::new(Tone::Warn, note.clone()))
                .collect()
        }
        Row::Stage(stage) => parts::stage(plan, stage),
        Row::Step(step) => plan
            .steps
            .get(step)
            .map(|step| details(plan, step))
            .unwrap_or_default(),
    }
}

/// Shows the difference that was asked for, at the step that was looked at; unless the person has gone on to something else.
pub fn show_difference(app: &mut App, text: &str) {
    let Screen::Plan(state) = &app.screen else {
        return;
    };
    if app.dialog.is_some() {
        return;
    }
    let step = state
        .inside
        .as_ref()
        .map(|inside| &inside.step)
        .or(match &state.chosen {
            Some(Chosen::Step(step)) => Some(step),
            _ => None,
        });
    let line = step.and_then(|step| text.lines().position(|line| line == step.as_str()));
    let title = "Difference to what is there";
    app.dialog = Some(scrolled(title.to_owned(), moved(text), line, app.size));
}

/// A card that begins at this line, with a little of what stands before it.
fn scrolled(title: String, mut body: Vec<Words>, line: Option<usize>, size: (u16, u16)) -> Dialog {
    let (columns, _) = dialog::room(size);
    let first = line.map(|line| line.saturating_sub(CONTEXT));
    let before = first.and_then(|line| body.get(..line)).unwrap_or_default();
    let scroll = dialog::lines(before, columns).len();
    if let Some(words) = line.and_then(|line| body.get_mut(line)) {
        words.tone = Tone::Busy;
    }
    let mut card = TextCard::new(title, body);
    card.scroll = scroll.min(card.furthest(size));
    Dialog::Text(card)
}

/// Whether something would happen now.
pub fn can(app: &App, act: Act) -> bool {
    let (Screen::Plan(state), Some(plan)) = (&app.screen, plan(app)) else {
        return act == Act::Back && app.has_back();
    };
    if let Some(search) = state.search.as_ref().filter(|_| state.inside.is_none()) {
        return match act {
            Act::Back | Act::Filter => true,
            Act::Open => search.typing || !search.found().is_empty(),
            act => list::is_move(act) && search.found().len() > 1,
        };
    }
    let rows = rows(plan, state);
    let row = rows.get(chosen(plan, state, &rows));
    match act {
        Act::Open | Act::Explain | Act::Copy | Act::Compare | Act::Filter => !rows.is_empty(),
        Act::Deploy => !plan.steps.is_empty() && !app.known.run_goes_on(),
        Act::Left => state.inside.is_some() || matches!(row, Some(Row::Stage(_) | Row::Step(_))),
        Act::Right => state.inside.is_none() && matches!(row, Some(Row::Stage(_) | Row::Step(_))),
        Act::Back => state.inside.is_some() || app.has_back(),
        act if !list::is_move(act) => false,
        _ => match inside(plan, state) {
            Some((_, parts, _)) => parts.len() > 1,
            None => rows.len() > 1,
        },
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    let made = match &app.known.plan {
        Planned::Made(made) => std::sync::Arc::clone(made),
        Planned::Unknown | Planned::Refused(_) => {
            return if act == Act::Back {
                app.pop()
            } else {
                Vec::new()
            };
        }
    };
    let Screen::Plan(state) = &app.screen else {
        return Vec::new();
    };
    match act {
        Act::Compare => {
            app.notice = Some("Asking the cluster what is otherwise.".to_owned());
            return vec![Effect::Compare];
        }
        Act::Deploy => {
            let usual = about(usual(&made));
            app.dialog = Some(Dialog::deploy(&app.known, made.steps.len(), &usual));
            return Vec::new();
        }
        _ => {}
    }
    if state.inside.is_some() {
        return within(app, &made, act);
    }
    if state.search.is_some() {
        return searching(app, &made, act);
    }
    over(app, &made, act)
}

fn state(app: &mut App) -> Option<&mut PlanScreen> {
    match &mut app.screen {
        Screen::Plan(state) => Some(state),
        _ => None,
    }
}

/// Keys in the list of stages and steps.
fn over(app: &mut App, plan: &Plan, act: Act) -> Vec<Effect> {
    let Some(state) = state(app) else {
        return Vec::new();
    };
    let rows = rows(plan, state);
    let at = chosen(plan, state, &rows);
    match (act, rows.get(at).copied()) {
        (Act::Back, _) => return app.pop(),
        (Act::Copy, _) => return vec![Effect::Copy(show::text(plan))],
        (Act::Filter, _) => state.search = Some(Box::new(Search::over(plan))),
        (Act::Open | Act::Right, Some(Row::Step(step))) => {
            if let Some(step) = plan.steps.get(step) {
                // The first thing that is sent, when something is.
                let part = usize::from(parts(plan, step).len() > 1);
                state.chosen = Some(Chosen::Step(step.id.clone()));
                state.inside = Some(Inside {
                    step: step.id.clone(),
                    part,
                });
            }
        }
        (Act::Open | Act::Left | Act::Right, Some(Row::Stage(stage))) => {
            let close = act == Act::Left || (act == Act::Open && !state.closed.contains(&stage));
            if close {
                state.closed.insert(stage);
            } else {
                state.closed.remove(&stage);
            }
            state.chosen = Some(Chosen::Stage(stage));
        }
        (Act::Left, Some(Row::Step(step))) => {
            let stage = plan.steps.get(step).map(|step| step.stage);
            state.chosen = stage.map(Chosen::Stage);
            state.closed.extend(stage);
        }
        (Act::Explain | Act::Open, Some(row)) => {
            let title = match row {
                Row::Notes => "To know before".to_owned(),
                Row::Stage(stage) => plan
                    .stages
                    .get(stage)
                    .map_or_else(String::new, |stage| stage.title.clone()),
                Row::Step(step) => plan
                    .steps
                    .get(step)
                    .map_or_else(String::new, |step| step.title.clone()),
            };
            app.dialog = Some(Dialog::text(title, told(plan, row)));
        }
        (act, _) => {
            let row = rows.get(list::moved(act, at, rows.len()));
            state.chosen = row.and_then(|row| match row {
                Row::Notes => Some(Chosen::Notes),
                Row::Stage(stage) => Some(Chosen::Stage(*stage)),
                Row::Step(step) => plan
                    .steps
                    .get(*step)
                    .map(|step| Chosen::Step(step.id.clone())),
            });
        }
    }
    Vec::new()
}

/// Keys in the list of a step's parts.
fn within(app: &mut App, plan: &Plan, act: Act) -> Vec<Effect> {
    let Some(state) = state(app) else {
        return Vec::new();
    };
    let Some((step, parts, at)) = inside(plan, state) else {
        // The plan was made anew without this step.
        state.inside = None;
        return Vec::new();
    };
    let part = parts.get(at);
    match act {
        Act::Back | Act::Left => state.inside = None,
        Act::Filter => {
            state.inside = None;
            state.search = Some(Box::new(Search::over(plan)));
        }
        Act::Open | Act::Explain => {
            app.dialog = part.map(|part| card(step, part, None, app.size));
        }
        Act::Copy => {
            let body = part.map(Part::body).unwrap_or_default();
            let card = TextCard::new(String::new(), body);
            return vec![Effect::Copy(card.plain())];
        }
        act => {
            let part = list::moved(act, at, parts.len());
            state.inside = Some(Inside {
                step: step.id.clone(),
                part,
            });
        }
    }
    Vec::new()
}

fn card(step: &Step, part: &Part<'_>, line: Option<usize>, size: (u16, u16)) -> Dialog {
    let title = format!("{}: {}", step.title, part.title().trim_start());
    scrolled(title, part.body(), line, size)
}

/// Keys while something is searched for.
fn searching(app: &mut App, plan: &Plan, act: Act) -> Vec<Effect> {
    let size = app.size;
    let Some(state) = state(app) else {
        return Vec::new();
    };
    let Some(search) = &mut state.search else {
        return Vec::new();
    };
    match act {
        Act::Back => state.search = None,
        Act::Filter => search.typing = true,
        Act::Open if search.typing && search.found().len() != 1 => search.typing = false,
        Act::Open => {
            search.typing = false;
            if let Some(place) = search.chosen() {
                let shown = goto(state, plan, &place, size);
                app.dialog = shown;
            }
        }
        act => search.chosen = list::moved(act, search.chosen, search.found().len()),
    }
    Vec::new()
}

/// Goes to a place that was found; a field opens the text at its line.
fn goto(state: &mut PlanScreen, plan: &Plan, place: &Place, size: (u16, u16)) -> Option<Dialog> {
    let step = plan.steps.iter().find(|step| step.id == place.step)?;
    state.closed.remove(&step.stage);
    state.chosen = Some(Chosen::Step(step.id.clone()));
    state.inside = Some(Inside {
        step: step.id.clone(),
        part: place.part,
    });
    let parts = parts(plan, step);
    let part = parts.get(place.part)?;
    place.line.map(|line| card(step, part, Some(line), size))
}

#[cfg(test)]
mod tests;
