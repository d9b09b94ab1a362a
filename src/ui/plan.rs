//! Draws the plan: stages and steps, or what is inside of a step, or what was found; with the chosen one beside it. Pure.

use ratatui::layout::Rect;

use super::{
    paint::{Paint, Strip},
    top, with_details,
};
use crate::{
    app::{
        App, Planned,
        plan::{
            self, PlanScreen, Row,
            find::{Place, Search},
            parts::Part,
        },
        story,
        words::{Tone, Words, about, counted, span},
    },
    capacity::cost::{cost, nodes},
    plan::{Plan, Step, show},
};

/// Columns of a usual time.
const TIME: usize = 8;

/// Draws the screen.
pub fn draw(app: &App, state: &PlanScreen, paint: &mut Paint<'_>, area: Rect) {
    match &app.known.plan {
        Planned::Made(made) => {
            let (head, rest) = top(area, 2);
            if let Some(search) = state.search.as_deref().filter(|_| state.inside.is_none()) {
                found(search, made, paint, (head, rest));
            } else if let Some((step, parts, at)) = plan::inside(made, state) {
                inside(step, (&parts, at), paint, (head, rest));
            } else {
                summary(made, paint, head);
                over(made, state, paint, rest);
            }
        }
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

/// What the whole is, takes and asks for.
fn summary(made: &Plan, paint: &mut Paint<'_>, head: Rect) {
    let summary = format!(
        "{} of {} in {} · usually {}",
        counted(made.steps.len(), "step"),
        counted(made.components.len(), "component"),
        counted(made.stages.len(), "stage"),
        about(plan::usual(made))
    );
    paint.text(head, 0, &summary, paint.theme.tone(Tone::Strong));
    let nodes = nodes(made);
    let whole = cost(&made.steps, nodes);
    if !whole.is_none() {
        let places = counted(usize::try_from(nodes).unwrap_or(usize::MAX), "node");
        let text = format!("In all on {places}: {}", whole.words());
        paint.text(head, 1, &text, paint.theme.tone(Tone::Plain));
    }
}

fn over(made: &Plan, state: &PlanScreen, paint: &mut Paint<'_>, area: Rect) {
    let (list, details) = with_details(paint, area);
    let rows = plan::rows(made, state);
    let at = plan::chosen(made, state, &rows);
    let lines: Vec<Strip> = rows
        .iter()
        .map(|row| line(made, *row, paint, list))
        .collect();
    paint.strips(list, at, &lines);
    if let Some(row) = rows.get(at) {
        paint.paragraphs(details, &plan::told(made, *row));
    }
}

fn line(made: &Plan, row: Row, paint: &Paint<'_>, area: Rect) -> Strip {
    let strip = paint.strip(area);
    match row {
        Row::Notes => {
            let first = made.notes.first().map_or("", String::as_str);
            let text = match made.notes.len() {
                1 => format!("To know before: {first}"),
                count => format!("To know before ({count} notes): {first}"),
            };
            strip.put(&text, paint.theme.tone(Tone::Warn))
        }
        Row::Stage(stage) => {
            let title = made
                .stages
                .get(stage)
                .map_or("", |stage| stage.title.as_str());
            let steps: Vec<&Step> = made
                .steps
                .iter()
                .filter(|step| step.stage == stage)
                .collect();
            let columns = usize::from(area.width).saturating_sub(TIME);
            let name = format!("{} {title}", stage + 1);
            let title = columns * 2 / 5;
            strip
                .cell(title, &name, paint.theme.tone(Tone::Strong))
                .cell(
                    columns - title,
                    &counted(steps.len(), "step"),
                    paint.theme.tone(Tone::Dim),
                )
                .number(
                    TIME,
                    &span(plan::usual_of(made, stage)),
                    paint.theme.tone(Tone::Strong),
                )
        }
        Row::Step(step) => match made.steps.get(step) {
            Some(step) => step_line(step, strip, paint, area),
            None => strip,
        },
    }
}

fn step_line(step: &Step, strip: Strip, paint: &Paint<'_>, area: Rect) -> Strip {
    let columns = usize::from(area.width).saturating_sub(TIME + 3);
    let title = columns * 2 / 5;
    strip
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

/// What a step is made of, with the text of the chosen part.
fn inside(
    step: &Step,
    (parts, at): (&[Part<'_>], usize),
    paint: &mut Paint<'_>,
    (head, rest): (Rect, Rect),
) {
    let what = format!("{}: {}", step.title, show::describe(&step.action));
    paint.text(head, 0, &what, paint.theme.tone(Tone::Strong));
    let counts = format!(
        "{} · usually {} · Esc goes back to the steps",
        step.id,
        about(step.usual)
    );
    paint.text(head, 1, &counts, paint.theme.tone(Tone::Dim));
    let (list, details) = with_details(paint, rest);
    let title = usize::from(list.width) * 3 / 5;
    let lines: Vec<Strip> = parts
        .iter()
        .map(|part| {
            paint
                .strip(list)
                .cell(title, &part.title(), paint.theme.tone(Tone::Plain))
                .gap(1)
                .put(&part.hint(), paint.theme.tone(Tone::Dim))
        })
        .collect();
    paint.strips(list, at, &lines);
    if let Some(part) = parts.get(at) {
        paint.paragraphs(details, &part.body());
    }
}

/// What was found, with the line of it that is chosen.
fn found(search: &Search, made: &Plan, paint: &mut Paint<'_>, (head, rest): (Rect, Rect)) {
    let found = search.found();
    let label = "Search: ";
    let text = search.entry.text();
    if search.typing {
        paint.text(head, 0, label, paint.theme.tone(Tone::Strong));
        let (_, typed) = super::left(head, u16::try_from(label.len()).unwrap_or(0));
        paint.entry(typed, 0, &search.entry, false);
    } else {
        let text = format!("{label}{text}");
        paint.text(head, 0, &text, paint.theme.tone(Tone::Strong));
    }
    let hint = match (text.trim().is_empty(), found.len()) {
        (true, _) => "Type a part of a step, an object, a field or its value.".to_owned(),
        (false, 0) => "Nothing in this plan holds all of these words.".to_owned(),
        (false, count) => format!("{} · Enter goes there", counted(count, "place")),
    };
    paint.text(head, 1, &hint, paint.theme.tone(Tone::Dim));
    let (list, details) = with_details(paint, rest);
    let lines: Vec<Strip> = found
        .iter()
        .map(|place| place_line(place, paint, list))
        .collect();
    paint.strips(list, search.chosen, &lines);
    if let Some(place) = found.get(search.chosen) {
        paint.paragraphs(details, &around(place, made));
    }
}

fn place_line(place: &Place, paint: &Paint<'_>, area: Rect) -> Strip {
    let columns = usize::from(area.width);
    let label = columns * 3 / 5;
    let tone = match place.line {
        None => Tone::Strong,
        Some(_) => Tone::Plain,
    };
    paint
        .strip(area)
        .cell(label, &place.label, paint.theme.tone(tone))
        .gap(1)
        .put(&place.within, paint.theme.tone(Tone::Dim))
}

/// The lines around a place, so that it is known by what stands beside it.
fn around(place: &Place, made: &Plan) -> Vec<Words> {
    const BEFORE: usize = 2;
    let Some(step) = made.steps.iter().find(|step| step.id == place.step) else {
        return Vec::new();
    };
    let parts = plan::parts::parts(made, step);
    let mut story = vec![Words::new(Tone::Dim, place.within.clone())];
    let mut body = parts.get(place.part).map(Part::body).unwrap_or_default();
    let line = place.line.unwrap_or_default();
    if let Some(words) = body.get_mut(line).filter(|_| place.line.is_some()) {
        words.tone = Tone::Busy;
    }
    story.extend(body.into_iter().skip(line.saturating_sub(BEFORE)));
    story
}
