//! The plan screen: stages, steps, pins, and what each step sends. Pure.

use std::{fmt::Write, time::Duration};

use super::{
    App, Dialog, Effect, Planned, Screen,
    keys::Act,
    list,
    words::{Tone, Words, about},
};
use crate::plan::{Action, Plan, Step, StepId, show};

/// What belongs to the screen alone.
#[derive(Debug, Default)]
pub struct PlanScreen {
    /// The step that the person chose; else the first.
    pub chosen: Option<StepId>,
}

/// The plan, once it is made.
pub fn plan(app: &App) -> Option<&Plan> {
    match &app.known.plan {
        Planned::Made(plan) => Some(plan),
        Planned::Unknown | Planned::Refused(_) => None,
    }
}

/// Which step is chosen.
pub fn chosen(state: &PlanScreen, plan: &Plan) -> usize {
    state
        .chosen
        .as_ref()
        .and_then(|id| plan.steps.iter().position(|step| step.id == *id))
        .unwrap_or(0)
}

/// How long the whole usually takes: the longest chain of needs.
pub fn usual(plan: &Plan) -> Duration {
    let mut ends: Vec<(&StepId, Duration)> = Vec::new();
    for step in &plan.steps {
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

/// What a step does, waits for and pins, in a few sentences.
pub fn details(plan: &Plan, step: &Step) -> Vec<Words> {
    let mut story = vec![Words::new(
        Tone::Strong,
        format!("{}: {}.", step.id, show::describe(&step.action)),
    )];
    let waits: Vec<String> = step.ready.iter().map(show::condition).collect();
    if !waits.is_empty() {
        let text = format!("Done when {}.", waits.join("; "));
        story.push(Words::new(Tone::Plain, text));
    }
    let component = plan
        .components
        .iter()
        .find(|known| known.id == step.component);
    if let Some(component) = component {
        story.push(Words::new(
            Tone::Dim,
            format!("{}: {}", component.title, component.summary),
        ));
        for pin in &component.pins {
            let digest = pin.digest.as_deref().unwrap_or("");
            let text = format!("{} {} {} {digest}", pin.kind, pin.name, pin.version);
            story.push(Words::new(Tone::Dim, text.trim_end()).moved(2));
        }
    }
    story
}

/// Everything a step sends, as YAML, secrets masked.
pub fn sent(step: &Step) -> Vec<Words> {
    let mut text = String::new();
    // Writing to a string cannot fail.
    match &step.action {
        Action::Helm(release) => {
            writeln!(
                text,
                "# {} {} as {} in {}",
                release.chart, release.version, release.name, release.namespace
            )
            .ok();
            text.push_str(&yaml(&release.values));
        }
        action => {
            for object in action.objects() {
                writeln!(text, "--- # {}", object.reference()).ok();
                text.push_str(&yaml(&object.masked()));
            }
        }
    }
    if text.is_empty() {
        return vec![Words::new(
            Tone::Plain,
            format!(
                "This step sends nothing: it {}.",
                show::describe(&step.action)
            ),
        )];
    }
    moved(&text)
}

/// Lines with their indents.
fn moved(text: &str) -> Vec<Words> {
    let line = |line: &str| {
        let body = line.trim_start();
        Words::new(Tone::Plain, body).moved(line.len() - body.len())
    };
    text.lines().map(line).collect()
}

/// Shows the difference that was asked for, unless the person has gone on to something else.
pub fn show_difference(app: &mut App, text: &str) {
    if matches!(app.screen, Screen::Plan(_)) && app.dialog.is_none() {
        app.dialog = Some(Dialog::text("Difference to what is there", moved(text)));
    }
}

fn yaml(value: &serde_json::Value) -> String {
    serde_yaml::to_string(value).unwrap_or_else(|error| format!("# not shown: {error}\n"))
}

/// Whether something would happen now.
pub fn can(app: &App, act: Act) -> bool {
    let steps = plan(app).map_or(0, |plan| plan.steps.len());
    match act {
        Act::Open | Act::Explain | Act::Copy | Act::Compare => steps > 0,
        Act::Deploy => steps > 0 && !app.known.run_goes_on(),
        Act::Back => app.has_back(),
        act => list::is_move(act) && steps > 1,
    }
}

/// Does it.
pub fn act(app: &mut App, act: Act) -> Vec<Effect> {
    let App {
        known,
        screen,
        dialog,
        notice,
        ..
    } = &mut *app;
    let (Screen::Plan(state), Planned::Made(plan)) = (screen, &known.plan) else {
        return if act == Act::Back {
            app.pop()
        } else {
            Vec::new()
        };
    };
    let at = chosen(state, plan);
    match (act, plan.steps.get(at)) {
        (Act::Open, Some(step)) => {
            *dialog = Some(Dialog::text(
                format!("{}: what is sent", step.title),
                sent(step),
            ));
            Vec::new()
        }
        (Act::Explain, Some(step)) => {
            *dialog = Some(Dialog::text(step.title.clone(), details(plan, step)));
            Vec::new()
        }
        (Act::Copy, _) => vec![Effect::Copy(show::text(plan))],
        (Act::Compare, _) => {
            *notice = Some("Asking the cluster what is otherwise.".to_owned());
            vec![Effect::Compare]
        }
        (Act::Deploy, _) => {
            *dialog = Some(Dialog::deploy(known, plan.steps.len(), &about(usual(plan))));
            Vec::new()
        }
        (Act::Back, _) => app.pop(),
        (act, _) => {
            let at = list::moved(act, at, plan.steps.len());
            state.chosen = plan.steps.get(at).map(|step| step.id.clone());
            Vec::new()
        }
    }
}
