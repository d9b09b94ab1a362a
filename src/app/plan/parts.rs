//! What a step of the plan is made of: objects, the values of a release, what it waits for; each opens as text. Pure.

use serde::Serialize;
use serde_json::Value;

use crate::{
    app::words::{Tone, Words, about, counted},
    capacity::cost::{Cost, cost, nodes},
    plan::{Action, Bucket, Object, Plan, Proof, Ready, Release, Step, show},
};

/// Conditions that are told one by one.
const CONDITIONS: usize = 3;

/// Objects or other things that are named in one hint.
const NAMES: usize = 3;

/// One part of a step.
#[derive(Clone, Copy, Debug)]
pub struct Part<'p> {
    plan: &'p Plan,
    step: &'p Step,
    what: What<'p>,
}

#[derive(Clone, Copy, Debug)]
enum What<'p> {
    About,
    Release(&'p Release),
    Values(&'p str, &'p Value),
    Workloads(&'p Release),
    Object(&'p Object),
    Bucket(&'p Bucket),
    Proof(&'p Proof),
    Deletes,
    Question(&'p str),
}

/// All parts: first the step itself, then everything that it sends.
pub fn parts<'p>(plan: &'p Plan, step: &'p Step) -> Vec<Part<'p>> {
    let mut whats = vec![What::About];
    match &step.action {
        Action::Helm(release) => {
            whats.push(What::Release(release));
            let values = release.values.as_object().into_iter().flatten();
            whats.extend(values.map(|(key, value)| What::Values(key, value)));
            if !release.workloads.is_empty() {
                whats.push(What::Workloads(release));
            }
        }
        Action::Buckets { buckets, .. } => whats.extend(buckets.iter().map(What::Bucket)),
        Action::Http(proof) => whats.push(What::Proof(proof)),
        Action::Delete(_) => whats.push(What::Deletes),
        Action::Confirm { question } => whats.push(What::Question(question)),
        Action::Apply(_) | Action::Job(_) | Action::Wait | Action::Node(_) | Action::Site(_) => {}
    }
    whats.extend(step.action.objects().into_iter().map(What::Object));
    let part = |what| Part { plan, step, what };
    whats.into_iter().map(part).collect()
}

impl Part<'_> {
    /// What it is called in a list.
    pub fn title(&self) -> String {
        match self.what {
            What::About => "About this step".to_owned(),
            What::Release(release) => format!("Release {}/{}", release.namespace, release.name),
            What::Values(key, _) => format!("  values: {key}"),
            What::Workloads(_) => "  what the chart makes".to_owned(),
            What::Object(object) => object.reference().to_string(),
            What::Bucket(bucket) => format!("Bucket {}", bucket.name),
            What::Proof(proof) => proof.url(),
            What::Deletes => "What is deleted".to_owned(),
            What::Question(_) => "The question".to_owned(),
        }
    }

    /// What is worth knowing beside the title.
    pub fn hint(&self) -> String {
        match self.what {
            What::About => show::describe(&self.step.action),
            What::Release(release) => format!("{} {}", release.chart, release.version),
            What::Values(_, value) => inside(value),
            What::Workloads(release) => counted(release.workloads.len(), "workload"),
            What::Object(object) => inside(&object.masked()),
            What::Bucket(bucket) if bucket.public_read => "anyone may read it".to_owned(),
            What::Bucket(_) => "private".to_owned(),
            What::Proof(proof) => format!("asked at {}", counted(proof.at.len(), "place")),
            What::Deletes => self.targets().join(", "),
            What::Question(question) => question.to_owned(),
        }
    }

    /// All of it, secrets masked.
    pub fn body(&self) -> Vec<Words> {
        match self.what {
            What::About => details(self.plan, self.step),
            What::Release(release) => of_release(release),
            What::Values(key, value) => moved(&yaml(&serde_json::json!({ key: value }))),
            What::Workloads(release) => moved(&yaml(&release.workloads)),
            What::Object(object) => moved(&yaml(&object.masked())),
            What::Bucket(bucket) => moved(&yaml(bucket)),
            What::Proof(proof) => moved(&yaml(proof)),
            What::Deletes => {
                let lines = self.targets().into_iter();
                lines.map(|line| Words::new(Tone::Plain, line)).collect()
            }
            What::Question(question) => vec![Words::new(Tone::Plain, question)],
        }
    }

    fn targets(&self) -> Vec<String> {
        match &self.step.action {
            Action::Delete(targets) => targets.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }
}

/// The names of what lies inside, so that a list tells its rows apart.
fn inside(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let passed = ["apiVersion", "kind", "metadata", "type"];
            let keys = map
                .iter()
                .filter(|(key, _)| !passed.contains(&key.as_str()));
            let keys: Vec<String> = keys
                .map(|(key, value)| match value {
                    Value::Object(_) | Value::Array(_) | Value::Null => key.clone(),
                    // A switch says whether it is on.
                    value => format!("{key}: {}", inside(value)),
                })
                .collect();
            let shown = keys.iter().take(NAMES).cloned().collect::<Vec<_>>();
            match keys.len().saturating_sub(NAMES) {
                0 => shown.join(", "),
                more => format!("{} and {more} more", shown.join(", ")),
            }
        }
        Value::Array(list) => counted(list.len(), "entry").replace("entrys", "entries"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn of_release(release: &Release) -> Vec<Words> {
    let dim = |text: String| Words::new(Tone::Dim, text);
    let mut body = vec![dim(format!(
        "# {} {} as {} in {}",
        release.chart, release.version, release.name, release.namespace
    ))];
    body.extend(
        release
            .repository
            .iter()
            .map(|from| dim(format!("# from {from}"))),
    );
    body.extend(moved(&yaml(&release.values)));
    body
}

/// What a step does, takes, costs, waits for and pins, the most telling first.
pub fn details(plan: &Plan, step: &Step) -> Vec<Words> {
    let mut story = vec![Words::new(
        Tone::Strong,
        format!("{}: {}.", step.id, show::describe(&step.action)),
    )];
    let times = format!(
        "Usually {}, gives up after {}.",
        about(step.usual),
        about(step.limit)
    );
    story.push(Words::new(Tone::Plain, times));
    story.extend(costs(plan, step));
    story.extend(done_when(&step.ready));
    let needs: Vec<&str> = step
        .needs
        .iter()
        .filter_map(|id| plan.steps.iter().find(|other| other.id == *id))
        .map(|other| other.title.as_str())
        .collect();
    if !needs.is_empty() {
        let text = format!("Begins after: {}.", needs.join(", "));
        story.push(Words::new(Tone::Plain, text));
    }
    let component = plan
        .components
        .iter()
        .find(|known| known.id == step.component);
    if let Some(component) = component {
        let text = format!("{}: {}", component.title, component.summary);
        story.push(Words::new(Tone::Dim, text));
        for pin in &component.pins {
            let digest = pin.digest.as_deref().unwrap_or("");
            let text = format!("{} {} {} {digest}", pin.kind, pin.name, pin.version);
            story.push(Words::new(Tone::Dim, text.trim_end()).moved(2));
        }
    }
    story
}

/// What the step and its whole component ask for.
fn costs(plan: &Plan, step: &Step) -> Option<Words> {
    let nodes = nodes(plan);
    let own = cost([step], nodes);
    let same = plan
        .steps
        .iter()
        .filter(|other| other.component == step.component);
    let whole = cost(same, nodes);
    let text = match (own.is_none(), whole.is_none()) {
        (_, true) => return None,
        (true, false) => format!("Its component asks for {} in all.", whole.words()),
        (false, false) if own == whole => format!("Asks for {}.", own.words()),
        (false, false) => {
            format!(
                "Asks for {}; its component in all {}.",
                own.words(),
                whole.words()
            )
        }
    };
    Some(Words::new(Tone::Plain, text))
}

fn done_when(ready: &[Ready]) -> Option<Words> {
    let told: Vec<String> = ready.iter().take(CONDITIONS).map(show::condition).collect();
    let text = match (told.is_empty(), ready.len().saturating_sub(CONDITIONS)) {
        (true, _) => return None,
        (false, 0) => format!("Done when {}.", told.join("; ")),
        (false, more) => format!("Done when {}; and {more} more like these.", told.join("; ")),
    };
    Some(Words::new(Tone::Plain, text))
}

/// A stage in a few sentences.
pub fn stage(plan: &Plan, stage: usize) -> Vec<Words> {
    let steps: Vec<&Step> = plan
        .steps
        .iter()
        .filter(|step| step.stage == stage)
        .collect();
    let title = plan
        .stages
        .get(stage)
        .map_or("", |stage| stage.title.as_str());
    let usual = super::chain(steps.iter().copied());
    let mut story = vec![Words::new(
        Tone::Strong,
        format!(
            "{title}: {}, usually {}.",
            counted(steps.len(), "step"),
            about(usual)
        ),
    )];
    let sum: Cost = cost(steps.iter().copied(), nodes(plan));
    if !sum.is_none() {
        story.push(Words::new(
            Tone::Plain,
            format!("Asks for {}.", sum.words()),
        ));
    }
    for component in &plan.components {
        if steps.iter().any(|step| step.component == component.id) {
            let text = format!("{}: {}", component.title, component.summary);
            story.push(Words::new(Tone::Dim, text));
        }
    }
    story
}

/// Lines with their indents.
pub fn moved(text: &str) -> Vec<Words> {
    let line = |line: &str| {
        let body = line.trim_start();
        Words::new(Tone::Plain, body).moved(line.len() - body.len())
    };
    text.lines().map(line).collect()
}

fn yaml(value: &impl Serialize) -> String {
    serde_yaml::to_string(value).unwrap_or_else(|error| format!("# not shown: {error}\n"))
}
