//! Why something stands where it stands, in paragraphs that every screen can show. Pure.

use jiff::Timestamp;

use super::words::{Tone, Words, about, counted, since, span};
use crate::{
    engine::{
        event::{Done, NotRun, Outcome, Reason, StepState, Waiting},
        view::{Attempt, RunView, StepView},
    },
    plan::{Purpose, StepId, StepKind},
    problem::{Code, Problem},
    restore::{PROOF, counted as counted_rows, words},
};

/// What, why and what to do.
pub fn problem(problem: &Problem) -> Vec<Words> {
    let mut story = vec![Words::new(
        Tone::Bad,
        format!("{}  [{}]", problem.what, problem.code),
    )];
    for cause in &problem.causes {
        story.push(Words::new(Tone::Plain, format!("because {cause}")).moved(2));
    }
    story.push(remedy(&problem.remedy));
    story
}

fn remedy(text: &str) -> Words {
    Words::new(Tone::Remedy, format!("To fix: {text}"))
}

/// What a code means, from the program's own runbook.
pub fn runbook(code: Code) -> Vec<Words> {
    vec![
        Words::empty(),
        Words::new(Tone::Strong, format!("{code}: {}", code.title())),
        Words::new(Tone::Plain, code.runbook()),
    ]
}

/// Why a step stands where it stands, the most telling first.
pub fn step(step: &StepView, run: &RunView, now: Timestamp) -> Vec<Words> {
    match &step.state {
        StepState::Waiting => not_begun(step, run),
        StepState::Running { note } => running(step, note, now),
        StepState::Failed { problem } => failed(step, problem, now),
        StepState::Done { how } => vec![done(step, how)],
        StepState::NotRun { why } => vec![not_run(run, why)],
    }
}

/// The same with everything else that is known about the step.
pub fn step_in_full(view: &StepView, run: &RunView, now: Timestamp) -> Vec<Words> {
    let mut story = step(view, run, now);
    let mut codes: Vec<Code> = Vec::new();
    if let StepState::Failed { problem } = &view.state {
        codes.push(problem.code);
    }
    codes.extend(view.retry.iter().map(|problem| problem.code));
    let reasons = view.waiting.iter().flat_map(|waiting| &waiting.reasons);
    codes.extend(reasons.filter_map(|reason| reason.code));
    codes.sort_unstable();
    codes.dedup();
    for code in codes {
        story.extend(runbook(code));
    }
    story.extend(limits(view, run));
    story
}

/// The page of a step: why it stands where it stands, what was tried, what it did and asked, and the end of its log.
pub fn page(view: &StepView, run: &RunView, now: Timestamp) -> Vec<Words> {
    let mut story = step(view, run, now);
    let heading = |story: &mut Vec<Words>, text: &str| {
        story.push(Words::empty());
        story.push(Words::new(Tone::Strong, text));
    };
    if !view.attempts.is_empty() {
        heading(&mut story, "Attempts that failed");
        story.extend(view.attempts.iter().map(attempt));
    }
    let is_call = |line: &&String| line.starts_with("> ") || line.starts_with("$ ");
    let is_change = |line: &&String| CHANGES.iter().any(|word| line.starts_with(word));
    let (calls, said): (Vec<&String>, Vec<&String>) = view.log.iter().partition(is_call);
    let (changes, said): (Vec<&String>, Vec<&String>) = said.into_iter().partition(is_change);
    for (name, lines, most) in [
        ("What it did", changes, DONE),
        ("Commands, and calls of the API", calls, CALLS),
        ("Newest lines of its log", said, SAID),
    ] {
        if lines.is_empty() {
            continue;
        }
        let passed = lines.len().saturating_sub(most);
        let count = if passed == 0 {
            name.to_owned()
        } else {
            format!("{name} (the newest {most} of {}; l shows all)", lines.len())
        };
        heading(&mut story, &count);
        let shown = lines.into_iter().skip(passed);
        story.extend(shown.map(|line| Words::new(Tone::Plain, line.clone()).moved(2)));
    }
    if view.log.is_empty() && view.state.is_end() {
        heading(
            &mut story,
            "What it did and asked is told while the run goes on; the journal keeps how it ended.",
        );
    }
    story.extend(limits(view, run));
    story
}

/// Words that begin a line of the log about a change.
const CHANGES: [&str; 6] = [
    "created ",
    "changed ",
    "unchanged ",
    "removing ",
    "deleted ",
    "moved ",
];

/// Lines of each kind on the page of a step.
const DONE: usize = 12;
const CALLS: usize = 16;
const SAID: usize = 12;

fn attempt(attempt: &Attempt) -> Words {
    let at = attempt.at.strftime("%H:%M:%S");
    let Problem {
        what, code, causes, ..
    } = &attempt.problem;
    let why = causes
        .first()
        .map_or_else(String::new, |cause| format!(" Because {cause}."));
    let text = format!("{}. at {at} UTC: {what}  [{code}]{why}", attempt.number);
    Words::new(Tone::Warn, text).moved(2)
}

/// How long it may take and what it needs.
fn limits(view: &StepView, run: &RunView) -> Vec<Words> {
    let mut story = vec![
        Words::empty(),
        Words::new(
            Tone::Dim,
            format!(
                "Step {}: usually {}, gives up after {}, attempt {}.",
                view.outline.id,
                about(view.usual()),
                about(std::time::Duration::from_millis(view.outline.limit_ms)),
                view.attempt.max(1)
            ),
        ),
    ];
    let needs: Vec<String> = view.outline.needs.iter().map(|id| title(run, id)).collect();
    if !needs.is_empty() {
        let text = format!("It needs: {}.", needs.join(", "));
        story.push(Words::new(Tone::Dim, text));
    }
    story
}

fn title(run: &RunView, id: &StepId) -> String {
    run.step(id)
        .map_or_else(|| id.to_string(), |step| step.outline.title.clone())
}

fn not_begun(step: &StepView, run: &RunView) -> Vec<Words> {
    let missing: Vec<String> = step
        .outline
        .needs
        .iter()
        .filter(|id| {
            run.step(id)
                .is_some_and(|need| !matches!(need.state, StepState::Done { .. }))
        })
        .map(|id| title(run, id))
        .collect();
    let text = match (run.paused, missing.is_empty()) {
        (true, _) => "Not begun: the run is paused. p goes on.".to_owned(),
        (false, true) => "Not begun: it waits for a free place.".to_owned(),
        (false, false) => format!("Not begun: it needs {}.", missing.join(", ")),
    };
    vec![Words::new(Tone::Plain, text)]
}

fn running(step: &StepView, note: &str, now: Timestamp) -> Vec<Words> {
    if step.outline.kind == StepKind::Confirm {
        return vec![
            Words::new(Tone::Strong, note),
            Words::new(Tone::Remedy, "y answers yes, n answers no."),
        ];
    }
    let mut story = Vec::new();
    if let Some(retry) = &step.retry {
        story.push(Words::new(
            Tone::Warn,
            format!(
                "Attempt {} did not work; it is made again. r makes it now.",
                step.attempt
            ),
        ));
        story.extend(problem(retry));
    }
    match &step.waiting {
        Some(waiting) => story.extend(waits(waiting, now)),
        None if note.is_empty() => {}
        None => story.push(Words::new(Tone::Plain, format!("Now: {note}"))),
    }
    story
}

fn waits(waiting: &Waiting, now: Timestamp) -> Vec<Words> {
    let left = since(now, waiting.gives_up_at);
    let mut story = vec![Words::new(
        Tone::Strong,
        format!("Waiting for {}, gives up in {}", waiting.target, span(left)),
    )];
    story.extend(reasons(waiting, now));
    story
}

fn reasons(waiting: &Waiting, now: Timestamp) -> Vec<Words> {
    if waiting.reasons.is_empty() {
        return vec![
            Words::new(Tone::Dim, "Nothing unusual is known: it takes its time.").moved(2),
        ];
    }
    waiting
        .reasons
        .iter()
        .flat_map(|reason| told(reason, now))
        .collect()
}

fn told(reason: &Reason, now: Timestamp) -> Vec<Words> {
    let mut sentence = reason.sentence.clone();
    if let Some(then) = reason.since {
        sentence = format!("{sentence} ({})", span(since(then, now)));
    }
    if let Some(code) = reason.code {
        sentence = format!("{sentence}  [{code}]");
    }
    let tone = if reason.code.is_some() {
        Tone::Warn
    } else {
        Tone::Plain
    };
    let mut story = vec![Words::new(tone, sentence).moved(2)];
    if let Some(text) = &reason.remedy {
        story.push(remedy(text).moved(2));
    }
    story
}

fn failed(step: &StepView, what: &Problem, now: Timestamp) -> Vec<Words> {
    let mut story = problem(what);
    if let Some(waiting) = &step.waiting {
        story.push(Words::new(
            Tone::Dim,
            format!("At the end it waited for {}.", waiting.target),
        ));
        story.extend(reasons(waiting, now));
    }
    story.push(Words::new(
        Tone::Dim,
        "r tries again, s leaves it out with a reason, l shows its log.",
    ));
    story
}

fn done(step: &StepView, how: &Done) -> Words {
    let took = about(step.took);
    match how {
        Done::Applied => Words::new(
            Tone::Good,
            format!("Done in {took}; usually {}.", about(step.usual())),
        ),
        Done::AlreadyThere => Words::new(Tone::Good, "It was there already, and it is ready."),
        Done::Warned { message } => Words::new(
            Tone::Warn,
            format!("Done in {took}, with a warning: {message}"),
        ),
        Done::Skipped { reason } => Words::new(
            Tone::Warn,
            format!("Left out by a person. The reason: {reason}"),
        ),
    }
}

fn not_run(run: &RunView, why: &NotRun) -> Words {
    match why {
        NotRun::Needs { step } => Words::new(
            Tone::Warn,
            format!("Not run: it needs {}, which is not done.", title(run, step)),
        ),
        NotRun::Stopped => Words::new(
            Tone::Plain,
            format!(
                "Not run: the run was stopped. The next {} goes on here.",
                run.purpose.noun()
            ),
        ),
        NotRun::NotChosen => Words::new(Tone::Dim, "Not part of this run."),
    }
}

/// What is worth knowing after a run: what it brought, what warned, what was left out, what did not run.
pub fn ended(run: &RunView) -> Vec<Words> {
    let mut story = brought(run);
    for step in run.steps.iter().filter(|step| !step.is_left_out()) {
        let words = match &step.state {
            StepState::Done {
                how: how @ (Done::Warned { .. } | Done::Skipped { .. }),
            } => done(step, how),
            StepState::Failed { problem } => Words::new(Tone::Bad, problem.what.clone()),
            _ => continue,
        };
        let text = format!("{}: {}", step.outline.title, words.text);
        story.push(Words { text, ..words });
    }
    let left = run.counts(None);
    if left.done < left.all && left.failed == 0 {
        let words = format!(
            "{} not run yet. What is done stays; the next run goes on with the rest.",
            counted(left.all - left.done, "step")
        );
        story.push(Words::new(Tone::Plain, words));
    } else if story.is_empty() {
        story.push(Words::new(
            Tone::Good,
            "Every step is done, and nothing warned.",
        ));
    }
    story
}

/// What a restore has brought, as its proof has counted it.
fn brought(run: &RunView) -> Vec<Words> {
    let done = run
        .ended
        .as_ref()
        .is_some_and(|end| matches!(end.outcome, Outcome::Done | Outcome::DoneWithWarnings));
    let Purpose::Restore(restoring) = &run.purpose else {
        return Vec::new();
    };
    if !done {
        return Vec::new();
    }
    let proof = run.step(&StepId::from_text(PROOF));
    let lines: Vec<String> = proof
        .iter()
        .flat_map(|step| step.log.iter().cloned())
        .collect();
    let told = words::result(restoring, counted_rows(&lines).as_ref());
    told.lines()
        .map(|line| Words::new(Tone::Good, line))
        .collect()
}

/// A stage in a few sentences.
pub fn stage(run: &RunView, stage: usize) -> Vec<Words> {
    let counts = run.counts(Some(stage));
    let name = run
        .stages
        .get(stage)
        .map_or_else(String::new, |stage| stage.title.clone());
    let mut story = vec![Words::new(
        Tone::Strong,
        format!("{name}: {} of {} steps are done.", counts.done, counts.all),
    )];
    let mut named = |tone, word: &str, is: &dyn Fn(&StepState) -> bool| {
        let titles: Vec<&str> = run
            .steps
            .iter()
            .filter(|step| step.outline.stage == stage && is(&step.state))
            .map(|step| step.outline.title.as_str())
            .collect();
        if !titles.is_empty() {
            story.push(Words::new(tone, format!("{word}: {}", titles.join(", "))).moved(2));
        }
    };
    named(Tone::Bad, "Failed", &|state| {
        matches!(state, StepState::Failed { .. })
    });
    named(Tone::Busy, "At work", &|state| {
        matches!(state, StepState::Running { .. })
    });
    named(Tone::Plain, "Not begun", &|state| {
        *state == StepState::Waiting
    });
    named(
        Tone::Plain,
        "Not run",
        &|state| matches!(state, StepState::NotRun { why } if *why != NotRun::NotChosen),
    );
    story
}
