//! Draws the plan: stages and steps with what each does and how long it usually takes. Pure.
#![expect(
    clippy::similar_names,
    reason = "a screen has a state and a run has stages: they are called what they are"
)]

use ratatui::layout::Rect;

use super::{
    paint::{Paint, Strip},
    top, with_details,
};
use crate::{
    app::{
        App, Planned,
        plan::{self, PlanScreen},
        story,
        words::{Tone, Words, about, counted, span},
    },
    plan::{Plan, Step, show},
};

/// Draws the screen.
pub fn draw(app: &App, state: &PlanScreen, paint: &mut Paint<'_>, area: Rect) {
    match &app.known.plan {
        Planned::Made(plan) => made(plan, state, paint, area),
        Planned::Unknown => {
            let words = Words::new(Tone::Busy, "The plan is being made.");
            paint.paragraphs(area, &[words]);
        }
        Planned::Refused(problems) => {
            let mut body = vec![
                Words::new(Tone::Strong, "The plan cannot be made yet."),
                Words::empty(),
            ];
            body.extend(problems.iter().flat_map(story::problem));
            paint.paragraphs(area, &body);
        }
    }
}

fn made(made: &Plan, state: &PlanScreen, paint: &mut Paint<'_>, area: Rect) {
    let notes = u16::try_from(made.notes.len()).unwrap_or(0).min(2);
    let (head, rest) = top(area, 1 + notes);
    let summary = format!(
        "{} of {} in {} · usually {}",
        counted(made.steps.len(), "step"),
        counted(made.components.len(), "component"),
        counted(made.stages.len(), "stage"),
        about(plan::usual(made))
    );
    paint.text(head, 0, &summary, paint.theme.tone(Tone::Strong));
    for (row, note) in (1..=notes).zip(&made.notes) {
        paint.text(head, row, note, paint.theme.tone(Tone::Warn));
    }
    let (list, details) = with_details(paint, rest);
    let chosen = plan::chosen(state, made);
    let mut lines: Vec<Strip> = Vec::new();
    let mut at = 0;
    let mut stage = None;
    for (index, step) in made.steps.iter().enumerate() {
        if stage != Some(step.stage) {
            stage = Some(step.stage);
            let title = made
                .stages
                .get(step.stage)
                .map_or("", |stage| stage.title.as_str());
            let text = format!("{} {title}", step.stage + 1);
            lines.push(paint.strip(list).put(&text, paint.theme.tone(Tone::Strong)));
        }
        if index == chosen {
            at = lines.len();
        }
        lines.push(line(step, paint, list));
    }
    paint.strips(list, at, &lines);
    if let Some(step) = made.steps.get(chosen) {
        paint.paragraphs(details, &plan::details(made, step));
    }
}

fn line(step: &Step, paint: &Paint<'_>, area: Rect) -> Strip {
    const TIME: usize = 8;
    let columns = usize::from(area.width).saturating_sub(TIME + 3);
    let title = columns * 2 / 5;
    paint
        .strip(area)
        .gap(2)
        .cell(title, &step.title, paint.theme.tone(Tone::Plain))
        .gap(1)
        .cell(
            columns - title,
            &show::describe(&step.action),
            paint.theme.tone(Tone::Dim),
        )
        .number(TIME, &span(step.usual), paint.theme.tone(Tone::Plain))
}
