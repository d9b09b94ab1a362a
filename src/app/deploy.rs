//! The deploy screen: which rows there are, which one is chosen, what its keys do. Pure.
#![expect(
    clippy::similar_names,
    reason = "a screen has a state and a run has stages: they are called what they are"
)]

use std::collections::BTreeMap;

use super::{
    App, Dialog, Effect, Goto, Input, Link, RestoreWish, Screen,
    keys::Act,
    list,
    logs::{Logs, Source},
    story,
};
use crate::{
    engine::{
        event::{Command, Outcome, Steering, StepState},
        view::{RunView, StepView},
    },
    plan::{Purpose, StepId, StepKind},
};

/// What belongs to the screen alone.
#[derive(Debug, Default)]
pub struct Deploy {
    /// The row that the person chose; while there is none, the chosen row follows what happens.
    pub chosen: Option<Chosen>,
    /// Stages that the person opened or closed; the others open while something happens in them.
    pub opened: BTreeMap<usize, bool>,
}

/// A row by its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// A stage.
    Stage(usize),
    /// A step.
    Step(StepId),
}

/// A row that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// A stage by its index.
    Stage(usize),
    /// A step by its index.
    Step(usize),
}

/// Whether the steps of a stage are shown.
pub fn is_open(run: &RunView, state: &Deploy, stage: usize) -> bool {
    if let Some(open) = state.opened.get(&stage) {
        return *open;
    }
    let counts = run.counts(Some(stage));
    counts.running + counts.failed > 0
}

/// The rows in order: every stage, and below it its steps while it is open.
pub fn rows(run: &RunView, state: &Deploy) -> Vec<Row> {
    let mut rows = Vec::new();
    for stage in 0..run.stages.len() {
        rows.push(Row::Stage(stage));
        if is_open(run, state, stage) {
            let steps = run.steps.iter().enumerate();
            rows.extend(
                steps
                    .filter(|(_, step)| step.outline.stage == stage && !step.is_left_out())
                    .map(|(index, _)| Row::Step(index)),
            );
        }
    }
    rows
}

/// Which of the rows is chosen.
pub fn chosen(run: &RunView, state: &Deploy, rows: &[Row]) -> usize {
    let wanted = match &state.chosen {
        Some(Chosen::Stage(stage)) => Some(Row::Stage(*stage)),
        Some(Chosen::Step(id)) => run
            .steps
            .iter()
            .position(|step| step.outline.id == *id)
            .map(Row::Step),
        None => run
            .steps
            .iter()
            .position(asks)
            .or_else(|| run.foremost())
            .map(Row::Step),
    };
    let stage = |step: usize| run.steps.get(step).map(|step| step.outline.stage);
    let place = |wanted: Row| rows.iter().position(|row| *row == wanted);
    match wanted {
        Some(row) => place(row)
            .or_else(|| match row {
                // The step went out of sight with its stage.
                Row::Step(step) => stage(step).and_then(|stage| place(Row::Stage(stage))),
                Row::Stage(_) => None,
            })
            .unwrap_or(0),
        None => 0,
    }
}

/// The chosen row itself.
pub fn chosen_row(run: &RunView, state: &Deploy) -> Option<Row> {
    let rows = rows(run, state);
    rows.get(chosen(run, state, &rows)).copied()
}

/// The chosen step.
pub fn chosen_step<'a>(run: &'a RunView, state: &Deploy) -> Option<&'a StepView> {
    match chosen_row(run, state)? {
        Row::Step(step) => run.steps.get(step),
        Row::Stage(_) => None,
    }
}

/// The step that asks a person, if one does.
pub fn asking(run: &RunView) -> Option<&StepView> {
    run.steps.iter().find(|step| asks(step))
}

fn asks(step: &StepView) -> bool {
    step.outline.kind == StepKind::Confirm && matches!(step.state, StepState::Running { .. })
}

fn state(app: &App) -> Option<&Deploy> {
    match &app.screen {
        Screen::Deploy(state) => Some(state),
        _ => None,
    }
}

/// Whether something would happen now.
pub fn can(app: &App, act: Act) -> bool {
    let Some(state) = state(app) else {
        return false;
    };
    let run = &app.known.run;
    let live = app.known.run_goes_on() && app.known.link == Link::Live;
    let watches = app.known.steered_by_another().is_some();
    let step = chosen_step(run, state);
    match act {
        Act::TakeOver => live && watches,
        Act::Yes | Act::No | Act::Again | Act::Skip | Act::Pause if watches => false,
        Act::Yes | Act::No => live && asking(run).is_some(),
        Act::Again => match step {
            Some(step) if live => can_retry(step),
            _ => can_resume(app),
        },
        Act::Skip => live && step.is_some_and(|step| !matches!(step.state, StepState::Done { .. })),
        Act::Pause => live,
        Act::Log | Act::Explain | Act::Copy => step.is_some(),
        Act::Open => chosen_row(run, state).is_some(),
        Act::Left => matches!(
            chosen_row(run, state),
            Some(row) if is_open(run, state, stage_of(run, row))
        ),
        Act::Right => matches!(
            chosen_row(run, state),
            Some(Row::Stage(stage)) if !is_open(run, state, stage)
        ),
        Act::Back => state.chosen.is_some() || app.has_back(),
        act if list::is_move(act) => rows(run, state).len() > 1,
        _ => false,
    }
}

fn can_retry(step: &StepView) -> bool {
    match step.state {
        StepState::Failed { .. } => true,
        StepState::Running { .. } => step.retry.is_some(),
        _ => false,
    }
}

/// A run that ended before all was done goes on with a new one.
fn can_resume(app: &App) -> bool {
    let ended = app.known.run.ended.as_ref();
    ended.is_some_and(|end| matches!(end.outcome, Outcome::Failed | Outcome::Stopped))
        || matches!(app.known.link, Link::Lost(_))
}

fn stage_of(run: &RunView, row: Row) -> usize {
    match row {
        Row::Stage(stage) => stage,
        Row::Step(step) => run.steps.get(step).map_or(0, |step| step.outline.stage),
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    match act {
        Act::Yes => answer(app, true),
        Act::No => answer(app, false),
        Act::Again => again(app),
        Act::Skip => {
            let step = state(app).and_then(|state| chosen_step(&app.known.run, state));
            if let Some(step) = step {
                app.dialog = Some(Dialog::skip(step.outline.id.clone(), &step.outline.title));
            }
            Vec::new()
        }
        Act::Pause => {
            let command = if app.known.run.paused {
                Command::Resume
            } else {
                Command::Pause
            };
            vec![Effect::Command(command)]
        }
        Act::TakeOver => vec![Effect::Command(Command::TakeOver)],
        Act::Log => log(app),
        Act::Explain => explain(app),
        Act::Copy => copied(app),
        Act::Open => open(app),
        Act::Left => close(app),
        Act::Right => unfold(app),
        Act::Back => back(app),
        act => choose(app, act),
    }
}

fn answer(app: &App, yes: bool) -> Vec<Effect> {
    let step = asking(&app.known.run).map(|step| step.outline.id.clone());
    step.map(|step| Effect::Command(Command::Answer { step, yes }))
        .into_iter()
        .collect()
}

fn again(app: &mut App) -> Vec<Effect> {
    if can_resume(app) {
        app.known.link = Link::Starting;
        return vec![match app.known.run.purpose {
            Purpose::Deploy => Effect::StartDeploy(app.known.waivers.clone()),
            Purpose::Restore(_) => Effect::Restore(RestoreWish::GoOn),
            Purpose::PutBack(_) => Effect::Restore(RestoreWish::Cancel),
            Purpose::Power(ref powering) => Effect::Power((**powering).clone(), None),
        }];
    }
    let step = state(app).and_then(|state| chosen_step(&app.known.run, state));
    step.map(|step| {
        Effect::Command(Command::Retry {
            step: step.outline.id.clone(),
        })
    })
    .into_iter()
    .collect()
}

fn log(app: &mut App) -> Vec<Effect> {
    let step = state(app).and_then(|state| chosen_step(&app.known.run, state));
    if let Some(id) = step.map(|step| step.outline.id.clone()) {
        app.push(Screen::Logs(Logs::new(Source::Step(id))));
    }
    Vec::new()
}

/// The page of the chosen step.
fn page(app: &mut App) -> Vec<Effect> {
    let step = state(app).and_then(|state| chosen_step(&app.known.run, state));
    if let Some(step) = step {
        let body = story::page(step, &app.known.run, app.now);
        let (id, title) = (step.outline.id.clone(), &step.outline.title);
        app.dialog = Some(Dialog::step(id, title, body));
    }
    Vec::new()
}

/// Keeps an open page as the step is now; the reader stays at his line.
pub fn refresh(app: &mut App) {
    let size = app.size;
    let Some(Dialog::Text(card)) = &mut app.dialog else {
        return;
    };
    let Some(step) = card.of.as_ref().and_then(|id| app.known.run.step(id)) else {
        return;
    };
    let body = story::page(step, &app.known.run, app.now);
    if body != card.body {
        card.body = body;
        card.scroll = card.scroll.min(card.furthest(size));
    }
}

/// Takes news of who steers; who just lost or got it is told.
pub fn steered(app: &mut App, steering: Steering) {
    let before = app.known.steering.as_ref().map(|steering| steering.mine);
    let told = match (&steering.by, before, steering.mine) {
        (Some(by), Some(true), false) => Some(format!(
            "{} has taken over: this screen looks on now. T takes it back.",
            by.who
        )),
        (_, Some(false), true) => Some("You steer this run now.".to_owned()),
        (Some(by), Some(false), false) => {
            Some(format!("{} steers this run. T takes over.", by.who))
        }
        _ => None,
    };
    app.known.hear(Input::Steering(steering), app.now);
    if told.is_some() && app.known.run_goes_on() {
        app.answer(told);
    }
}

fn explain(app: &mut App) -> Vec<Effect> {
    let step = state(app).and_then(|state| chosen_step(&app.known.run, state));
    if let Some(step) = step {
        let body = story::step_in_full(step, &app.known.run, app.now);
        app.dialog = Some(Dialog::text(step.outline.title.clone(), body));
    }
    Vec::new()
}

/// What is known about the step, with its remedy.
fn copied(app: &App) -> Vec<Effect> {
    let run = &app.known.run;
    let step = state(app).and_then(|state| chosen_step(run, state));
    let text = step.map(|step| {
        let story = story::step_in_full(step, run, app.now);
        let lines: Vec<String> = story.into_iter().map(|words| words.text).collect();
        format!("{}\n{}", step.outline.title, lines.join("\n"))
    });
    text.map(Effect::Copy).into_iter().collect()
}

fn open(app: &mut App) -> Vec<Effect> {
    let done = matches!(
        &app.known.run.ended,
        Some(end) if matches!(end.outcome, Outcome::Done | Outcome::DoneWithWarnings)
    );
    let App { known, screen, .. } = app;
    let Screen::Deploy(state) = screen else {
        return Vec::new();
    };
    match chosen_row(&known.run, state) {
        // After a good end the way leads on.
        Some(_) if done => app.go(Goto::Health),
        Some(Row::Stage(stage)) => {
            let open = is_open(&known.run, state, stage);
            state.opened.insert(stage, !open);
            state.chosen = Some(Chosen::Stage(stage));
            Vec::new()
        }
        Some(Row::Step(_)) => page(app),
        None => Vec::new(),
    }
}

fn close(app: &mut App) -> Vec<Effect> {
    let App { known, screen, .. } = app;
    if let Screen::Deploy(state) = screen
        && let Some(row) = chosen_row(&known.run, state)
    {
        let stage = stage_of(&known.run, row);
        state.opened.insert(stage, false);
        state.chosen = Some(Chosen::Stage(stage));
    }
    Vec::new()
}

fn unfold(app: &mut App) -> Vec<Effect> {
    let App { known, screen, .. } = app;
    if let Screen::Deploy(state) = screen
        && let Some(Row::Stage(stage)) = chosen_row(&known.run, state)
    {
        state.opened.insert(stage, true);
        state.chosen = Some(Chosen::Stage(stage));
    }
    Vec::new()
}

fn back(app: &mut App) -> Vec<Effect> {
    if let Screen::Deploy(state) = &mut app.screen
        && state.chosen.take().is_some()
    {
        state.opened.clear();
        return Vec::new();
    }
    app.pop()
}

fn choose(app: &mut App, act: Act) -> Vec<Effect> {
    let App { known, screen, .. } = app;
    if let Screen::Deploy(state) = screen {
        let rows = rows(&known.run, state);
        let at = list::moved(act, chosen(&known.run, state, &rows), rows.len());
        state.chosen = rows.get(at).and_then(|row| match row {
            Row::Stage(stage) => Some(Chosen::Stage(*stage)),
            Row::Step(step) => known
                .run
                .steps
                .get(*step)
                .map(|step| Chosen::Step(step.outline.id.clone())),
        });
    }
    Vec::new()
}

#[cfg(test)]
mod tests;
