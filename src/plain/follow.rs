//! Follows a run without screens: lines or JSON Lines until its end; a signal becomes a wish to stop.

use std::{collections::BTreeMap, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use super::{output, run::RunLines};
use crate::{
    engine::event::{Command, Done, Event, Outcome, Steering, StepState},
    plan::{Purpose, StepId},
    problem::Exit,
};

/// How often the time on the progress line moves.
const TICK: Duration = Duration::from_millis(500);

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Lines for people.
    Lines,
    /// JSON Lines for programs.
    Json,
}

/// What the followed run came to: what it was for, and the newest state of each step.
#[derive(Debug, Default)]
struct Tally {
    purpose: Purpose,
    steps: BTreeMap<StepId, StepState>,
}

/// A run as it is followed.
#[derive(Debug)]
pub struct Followed {
    /// Its events.
    pub events: mpsc::Receiver<Event>,
    /// What to ask of it.
    pub commands: mpsc::Sender<Command>,
    /// Who steers it; nothing when that is this process by itself.
    pub steering: Option<mpsc::Receiver<Steering>>,
}

/// The next news of who steers; never any for a run of this process.
async fn steered(steering: &mut Option<mpsc::Receiver<Steering>>) -> Steering {
    let news = match steering {
        Some(steering) => steering.recv().await,
        None => None,
    };
    match news {
        Some(steering) => steering,
        None => std::future::pending().await,
    }
}

/// Says who steers, and what Ctrl-C does here therefore.
fn tell(steering: &Steering, style: Style) {
    if style == Style::Json {
        output::json(&json!({"event": "steering", "by": steering.by, "mine": steering.mine}));
        return;
    }
    match (&steering.by, steering.mine) {
        (_, true) => output::note("You steer it: Ctrl-C stops it safely."),
        (Some(by), false) => output::note(&format!(
            "{} steers it since {}; Ctrl-C here only stops looking on. On the screens (care-install) T takes over.",
            by.who,
            by.since.strftime("%H:%M:%S UTC")
        )),
        (None, false) => output::note("Nobody steers it: Ctrl-C stops it safely."),
    }
}

/// Shows the run until it ends and gives the exit code that its end means.
pub async fn follow(followed: Followed, style: Style) -> Exit {
    let Followed {
        mut events,
        commands,
        mut steering,
    } = followed;
    let mut lines = RunLines::default();
    let mut tally = Tally::default();
    let bar = progress(style);
    let mut end = None;
    let mut signals = (
        listen(SignalKind::interrupt()),
        listen(SignalKind::terminate()),
    );
    let mut asked = false;
    let mut watches = false;
    loop {
        tokio::select! {
            steering = steered(&mut steering) => {
                watches = steering.by.is_some() && !steering.mine;
                bar.suspend(|| tell(&steering, style));
            }
            event = events.recv() => {
                let Some(event) = event else { break };
                tally.hear(&event);
                show(&event, &mut lines, &bar, style);
                if let Event::RunEnded { outcome, .. } = &event {
                    end = Some(outcome.clone());
                }
            }
            () = either(&mut signals) => {
                if watches {
                    break;
                }
                let command = if asked { Command::StopNow } else { Command::StopSafely };
                asked = true;
                commands.send(command).await.ok();
            }
        }
    }
    bar.finish_and_clear();
    let exit = exit(end.as_ref());
    if style == Style::Json {
        output::json(&tally.summary(end.as_ref(), exit));
    }
    exit
}

fn show(event: &Event, lines: &mut RunLines, bar: &ProgressBar, style: Style) {
    if style == Style::Json {
        output::json(event);
        return;
    }
    let new = lines.of(event);
    if !new.is_empty() {
        bar.suspend(|| new.iter().for_each(|text| output::line(text)));
    }
    let (ended, all) = lines.progress();
    bar.set_length(all.try_into().unwrap_or(u64::MAX));
    bar.set_position(ended.try_into().unwrap_or(u64::MAX));
}

/// The line below the lines; on anything but a terminal it draws nothing.
fn progress(style: Style) -> ProgressBar {
    if style == Style::Json {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{pos}/{len} steps, {elapsed}  Ctrl-C stops safely")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind).ok()
}

async fn either(signals: &mut (Option<Signal>, Option<Signal>)) {
    tokio::select! {
        () = one(&mut signals.0) => {}
        () = one(&mut signals.1) => {}
    }
}

async fn one(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn exit(end: Option<&Outcome>) -> Exit {
    match end {
        Some(Outcome::Done) => Exit::Done,
        Some(Outcome::DoneWithWarnings) => Exit::Warnings,
        Some(Outcome::Failed) => Exit::Problem,
        // A run that vanished is resumable like one that was stopped.
        Some(Outcome::Stopped) | None => Exit::Resumable,
    }
}

impl Tally {
    fn hear(&mut self, event: &Event) {
        match event {
            Event::RunStarted { outline, .. } => self.purpose = outline.purpose.clone(),
            Event::Step { step, state, .. } => {
                self.steps.insert(step.clone(), state.clone());
            }
            _ => {}
        }
    }

    fn count(&self, is: impl Fn(&StepState) -> bool) -> usize {
        self.steps.values().filter(|state| is(state)).count()
    }

    fn summary(&self, end: Option<&Outcome>, exit: Exit) -> serde_json::Value {
        let outcome = end.and_then(|end| serde_json::to_value(end).ok());
        json!({
            "event": "summary",
            "purpose": self.purpose,
            "outcome": outcome.as_ref().and_then(|value| value.get("outcome")),
            "exit": exit as u8,
            "steps": {
                "applied": self.count(|state| matches!(state, StepState::Done { how: Done::Applied })),
                "already_there": self.count(|state| matches!(state, StepState::Done { how: Done::AlreadyThere })),
                "warned": self.count(|state| matches!(state, StepState::Done { how: Done::Warned { .. } })),
                "skipped": self.count(|state| matches!(state, StepState::Done { how: Done::Skipped { .. } })),
                "failed": self.count(|state| matches!(state, StepState::Failed { .. })),
                "not_run": self.count(|state| matches!(state, StepState::NotRun { .. })),
            },
        })
    }
}
