//! Draws a run: stages and steps with their times, and why the chosen one stands where it stands. Pure.
#![expect(
    clippy::similar_names,
    reason = "a screen has a state and a run has stages: they are called what they are"
)]

use ratatui::layout::Rect;

use super::{
    WIDE,
    paint::{Paint, Strip},
    theme::Theme,
    top, with_details,
};
use crate::{
    app::{
        App, Link,
        deploy::{self, Deploy, Row},
        story,
        words::{Tone, Words, about, since, span},
    },
    engine::{
        event::{Done, NotRun, Outcome, StepState},
        view::{RunView, StepView},
    },
    plan::{Purpose, StepKind},
};

/// Draws the screen.
pub fn draw(app: &App, state: &Deploy, paint: &mut Paint<'_>, area: Rect) {
    let run = &app.known.run;
    if run.run.is_none() {
        nothing_yet(app, paint, area);
        return;
    }
    let heading = run.purpose.heading();
    let (title, rest) = top(area, heading.is_some().into());
    if let Some(heading) = heading {
        let strip = paint
            .strip(title)
            .put(&heading, paint.theme.tone(Tone::Strong));
        paint.line(title, 0, &strip);
    }
    let rest = watching(app, paint, rest);
    let (head, rest) = top(rest, 2);
    summary(app, paint, head);
    let (list, details) = with_details(paint, rest);
    let rows = deploy::rows(run, state);
    let chosen = deploy::chosen(run, state, &rows);
    let line = |index: usize| match rows.get(index) {
        Some(Row::Stage(stage)) => stage_line(app, *stage, paint.theme, list.width),
        Some(Row::Step(step)) => step_line(app, *step, paint.theme, list.width),
        None => Strip::new(paint.theme, list.width),
    };
    let lines: Vec<Strip> = (0..rows.len()).map(line).collect();
    paint.strips(list, chosen, &lines);
    let story = match rows.get(chosen) {
        _ if run.ended.is_some() && state.chosen.is_none() && run.foremost().is_none() => {
            story::ended(run)
        }
        Some(Row::Stage(stage)) => story::stage(run, *stage),
        Some(Row::Step(step)) => run
            .steps
            .get(*step)
            .map(|step| step_story(step, app, details.width + list.width >= WIDE - 4))
            .unwrap_or_default(),
        None => Vec::new(),
    };
    paint.paragraphs(details, &story);
}

/// Says, while somebody else steers the run, who and since when, and how to take over.
fn watching(app: &App, paint: &mut Paint<'_>, area: Rect) -> Rect {
    let Some(by) = app.known.steered_by_another() else {
        return area;
    };
    let (line, rest) = top(area, 1);
    let words = format!(
        "Looking on: {} steers since {} UTC. T takes over.",
        by.who,
        by.since.strftime("%H:%M:%S")
    );
    paint.text(line, 0, &words, paint.theme.tone(Tone::Warn));
    rest
}

fn nothing_yet(app: &App, paint: &mut Paint<'_>, area: Rect) {
    let story = match app.known.link {
        Link::Starting => vec![Words::new(Tone::Busy, "The run is starting.")],
        _ => vec![
            Words::new(Tone::Strong, "There is no run yet."),
            Words::new(
                Tone::Plain,
                "Look at the plan first (o, then Plan); y there begins the deploy.",
            ),
        ],
    };
    paint.paragraphs(area, &story);
}

/// Two rows below the heading: where the run stands, and the bar.
fn summary(app: &App, paint: &mut Paint<'_>, area: Rect) {
    let run = &app.known.run;
    let counts = run.counts(None);
    let (words, tone) = standing(app, area.width);
    let strip = paint.strip(area).put(&words, paint.theme.tone(tone));
    paint.line(area, 0, &strip);
    paint.bar(area, 1, (counts.done, counts.all));
}

fn standing(app: &App, width: u16) -> (String, Tone) {
    let run = &app.known.run;
    let counts = run.counts(None);
    let steps = format!("{} of {} steps", counts.done, counts.all);
    if let Some(end) = &run.ended {
        let took = about(end.took);
        let done = match run.purpose {
            Purpose::Deploy => "Done",
            Purpose::Restore(_) => "Restored",
            Purpose::PutBack(_) => "All is put back",
            Purpose::Power(_) => "All is done",
        };
        return match end.outcome {
            Outcome::Done => (
                format!("{done}: {steps} in {took}. Enter shows the health of the site."),
                Tone::Good,
            ),
            Outcome::DoneWithWarnings => (
                format!("{done} with warnings: {steps} in {took}. Enter shows the health."),
                Tone::Warn,
            ),
            Outcome::Failed => (
                format!(
                    "{}: {steps}, {} failed. Cure the cause; r goes on from here.",
                    run.purpose.not_done(),
                    counts.failed
                ),
                Tone::Bad,
            ),
            Outcome::Stopped => (
                format!("Stopped after {took}: {steps}. r goes on from here."),
                Tone::Warn,
            ),
        };
    }
    if let Some(why) = &run.stopping {
        let running = counts.running;
        return (
            format!("Stopping ({why}): {running} running steps finish first. {steps}."),
            Tone::Warn,
        );
    }
    let began = run.began.filter(|_| width >= 70);
    let elapsed = began.map_or_else(String::new, |began| {
        format!(" · {} so far", about(since(began, app.now)))
    });
    let remaining = run
        .remaining(app.now)
        .map_or_else(String::new, |left| format!(" · about {} left", about(left)));
    let failed = match counts.failed {
        0 => String::new(),
        failed => format!(" · {failed} FAILED"),
    };
    let stage = current_stage(run);
    if run.paused {
        return (
            format!("Paused, p goes on · {stage} · {steps}{failed}{elapsed}"),
            Tone::Warn,
        );
    }
    let tone = if counts.failed > 0 {
        Tone::Bad
    } else {
        Tone::Strong
    };
    (
        format!("{stage} · {steps}{failed}{elapsed}{remaining}"),
        tone,
    )
}

/// The first stage that is not done.
fn current_stage(run: &RunView) -> String {
    let all = run.stages.len();
    let open = (0..all).find(|stage| {
        let counts = run.counts(Some(*stage));
        counts.done < counts.all
    });
    let at = open.unwrap_or(all.saturating_sub(1));
    let title = run.stages.get(at).map_or("", |stage| stage.title.as_str());
    format!("Stage {} of {all}, {title}", at + 1)
}

/// Mark, word and tone of a step.
fn word(step: &StepView) -> (&'static str, &'static str, Tone) {
    match &step.state {
        StepState::Waiting => ("  ", "", Tone::Dim),
        StepState::Running { .. } if step.outline.kind == StepKind::Confirm => {
            ("??", "asks you", Tone::Warn)
        }
        StepState::Running { .. } if step.retry.is_some() => ("..", "again", Tone::Warn),
        StepState::Running { .. } if troubled(step) => ("..", "waits", Tone::Warn),
        StepState::Running { .. } => ("..", "running", Tone::Busy),
        StepState::Done { how } => match how {
            Done::Applied => ("OK", "done", Tone::Good),
            Done::AlreadyThere => ("OK", "there", Tone::Good),
            Done::Warned { .. } => ("OK", "warning", Tone::Warn),
            Done::Skipped { .. } => ("--", "left out", Tone::Warn),
        },
        StepState::Failed { .. } => ("!!", "FAILED", Tone::Bad),
        StepState::NotRun { .. } => ("--", "not run", Tone::Dim),
    }
}

fn troubled(step: &StepView) -> bool {
    let reasons = step.waiting.iter().flat_map(|waiting| &waiting.reasons);
    reasons.into_iter().any(|reason| reason.code.is_some())
}

/// Columns of the word, of the time and of the note at the end of a line.
fn columns(width: u16) -> (usize, usize, usize) {
    match width {
        0..60 => (9, 7, 0),
        60..66 => (9, 7, 13),
        66..90 => (9, 7, 22),
        _ => (9, 8, 30),
    }
}

fn stage_line(app: &App, stage: usize, theme: Theme, width: u16) -> Strip {
    let run = &app.known.run;
    let counts = run.counts(Some(stage));
    let title = run
        .stages
        .get(stage)
        .map_or("", |stage| stage.title.as_str());
    let (mark, tone) = if counts.failed > 0 {
        ("!!", Tone::Bad)
    } else if counts.running > 0 {
        ("..", Tone::Busy)
    } else if counts.done == counts.all {
        ("OK", Tone::Good)
    } else {
        ("  ", Tone::Dim)
    };
    let (word, time, note) = columns(width);
    let fixed = 3 + word + time + note + if note > 0 { 2 } else { 0 };
    let strip = Strip::new(theme, width)
        .cell(3, mark, theme.tone(tone))
        .cell(
            usize::from(width).saturating_sub(fixed),
            &format!("{} {title}", stage + 1),
            theme.tone(Tone::Strong),
        )
        .cell(
            word,
            &format!("{} of {}", counts.done, counts.all),
            theme.tone(tone),
        )
        .number(time, &took(app, stage), theme.tone(Tone::Plain));
    if note == 0 {
        return strip;
    }
    let (words, tone) = if counts.failed > 0 {
        (format!("{} failed", counts.failed), Tone::Bad)
    } else {
        (format!("usually {}", span(run.usual(stage))), Tone::Dim)
    };
    strip.gap(2).cell(note, &words, theme.tone(tone))
}

/// From the stage's first step to now, or to the end of its last.
fn took(app: &App, stage: usize) -> String {
    let steps = app.known.run.steps.iter();
    let steps = steps.filter(|step| step.outline.stage == stage);
    let began = steps.clone().filter_map(|step| step.began).min();
    let ends = steps.filter_map(|step| {
        let began = step.began?;
        began.checked_add(step.elapsed(app.now)).ok()
    });
    match (began, ends.max()) {
        (Some(began), Some(end)) => span(since(began, end)),
        _ => String::new(),
    }
}

fn step_line(app: &App, index: usize, theme: Theme, width: u16) -> Strip {
    let run = &app.known.run;
    let Some(step) = run.steps.get(index) else {
        return Strip::new(theme, width);
    };
    let (mark, said, tone) = word(step);
    let (word, time, note) = columns(width);
    let fixed = 8 + word + time + note + if note > 0 { 2 } else { 0 };
    let elapsed = match step.state {
        StepState::Waiting | StepState::NotRun { .. } => String::new(),
        _ => span(step.elapsed(app.now)),
    };
    let strip = Strip::new(theme, width)
        .gap(4)
        .cell(3, mark, theme.tone(tone))
        .cell(
            usize::from(width).saturating_sub(fixed),
            &step.outline.title,
            theme.tone(if step.state == StepState::Waiting {
                Tone::Dim
            } else {
                Tone::Plain
            }),
        )
        .gap(1)
        .cell(word, said, theme.tone(tone))
        .number(time, &elapsed, theme.tone(Tone::Plain));
    if note == 0 {
        return strip;
    }
    let (text, tone) = remark(step, run);
    strip.gap(2).cell(note, &text, theme.tone(tone))
}

/// What is worth knowing at the end of the line.
fn remark(step: &StepView, run: &RunView) -> (String, Tone) {
    match &step.state {
        StepState::Failed { problem } => (problem.code.to_string(), Tone::Bad),
        StepState::Running { .. } => {
            let reasons = step.waiting.iter().flat_map(|waiting| &waiting.reasons);
            let known = reasons.into_iter().find_map(|reason| reason.code);
            let code = step.retry.as_ref().map(|problem| problem.code).or(known);
            match code {
                Some(code) => (format!("{code} {}", code.title()), Tone::Warn),
                None => (format!("usually {}", span(step.usual())), Tone::Dim),
            }
        }
        StepState::Waiting => {
            let missing = step.outline.needs.iter().find_map(|id| {
                let need = run.step(id)?;
                (!matches!(need.state, StepState::Done { .. })).then_some(need)
            });
            let text = missing.map(|need| format!("needs {}", need.outline.title));
            (text.unwrap_or_default(), Tone::Dim)
        }
        StepState::NotRun {
            why: NotRun::Needs { step },
        } => (format!("needs {step}"), Tone::Dim),
        StepState::Done {
            how: Done::Applied | Done::Warned { .. },
        } => (format!("usually {}", span(step.usual())), Tone::Dim),
        StepState::Done {
            how: Done::Skipped { reason },
        } => (reason.clone(), Tone::Warn),
        StepState::NotRun { .. } | StepState::Done { .. } => (String::new(), Tone::Dim),
    }
}

/// Why the step stands where it stands; where there is room, also the end of its log.
fn step_story(step: &StepView, app: &App, roomy: bool) -> Vec<Words> {
    const TAIL: usize = 8;
    let mut story = story::step(step, &app.known.run, app.now);
    // Calls of the API stand on the step's page and in its log.
    let said = step.log.iter().filter(|line| !line.starts_with("> "));
    let said: Vec<&String> = said.collect();
    if roomy && !said.is_empty() {
        story.push(Words::empty());
        story.push(Words::new(Tone::Strong, "Newest lines of its log"));
        let first = said.len().saturating_sub(TAIL);
        let tail = said.into_iter().skip(first);
        story.extend(tail.map(|line| Words::new(Tone::Dim, line.clone()).moved(2)));
    }
    story
}
