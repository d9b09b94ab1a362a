//! A run as lines of text: each event becomes zero or more lines; it prints nothing itself.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    engine::event::{Done, Event, NotRun, Outcome, Outline, StepOutline, StepState, Waiting},
    plan::{Purpose, StepId},
    problem::Problem,
};

/// Turns events into lines; it remembers what was already said, so that nothing is repeated.
#[derive(Debug, Default)]
pub struct RunLines {
    purpose: Purpose,
    steps: BTreeMap<StepId, StepOutline>,
    said: BTreeMap<StepId, String>,
    ended: usize,
    began: Option<Timestamp>,
}

impl RunLines {
    /// The lines for this event, without line ends.
    pub fn of(&mut self, event: &Event) -> Vec<String> {
        match event {
            Event::RunStarted {
                at,
                cluster,
                rehearsal,
                outline,
                ..
            } => {
                self.began = Some(*at);
                vec![self.begun(outline, cluster, *rehearsal)]
            }
            Event::Step {
                step,
                at,
                attempt,
                elapsed_ms,
                state,
            } => self.step(step, *at, (*attempt, *elapsed_ms), state),
            Event::Retry {
                step,
                at,
                attempt,
                next_in_ms,
                problem,
            } => {
                let mut lines = vec![format!(
                    "{} {:<9}{step}: attempt {attempt} failed, the next begins in {}",
                    clock(*at),
                    "again",
                    duration(*next_in_ms)
                )];
                lines.extend(told(problem));
                lines
            }
            Event::Waiting { step, at, waiting } => self.waiting(step, *at, waiting),
            Event::Log { .. } => Vec::new(),
            Event::Paused { at } => vec![format!("{} paused: no new step is started", clock(*at))],
            Event::Resumed { at } => vec![format!("{} going on", clock(*at))],
            Event::Stopping { at, why } => vec![format!(
                "{} stopping ({why}): the running steps finish first",
                clock(*at)
            )],
            Event::RunEnded {
                outcome,
                done,
                total,
                elapsed_ms,
                ..
            } => {
                vec![ended(&self.purpose, outcome, (*done, *total), *elapsed_ms)]
            }
        }
    }

    fn begun(&mut self, outline: &Outline, cluster: &str, rehearsal: bool) -> String {
        self.purpose = outline.purpose.clone();
        let steps = outline.steps.iter();
        self.steps = steps.map(|step| (step.id.clone(), step.clone())).collect();
        let place = if rehearsal {
            "its practice cluster (REHEARSAL)".to_owned()
        } else {
            format!("the cluster {cluster}")
        };
        let (site, steps) = (&outline.site, outline.steps.len());
        match outline.purpose.heading() {
            None => format!(
                "Deploying {site} to {place}: {steps} steps of {} components.",
                outline.components.len()
            ),
            Some(heading) => format!("{heading}, {site} on {place}: {steps} steps."),
        }
    }

    /// Steps that ended, and all steps: for a progress bar.
    pub fn progress(&self) -> (usize, usize) {
        (self.ended, self.steps.len())
    }

    fn step(
        &mut self,
        step: &StepId,
        at: Timestamp,
        (attempt, elapsed_ms): (u32, u64),
        state: &StepState,
    ) -> Vec<String> {
        let usual = self.steps.get(step).map_or(0, |outline| outline.usual_ms);
        let took = duration(elapsed_ms);
        let line = |word: &str, rest: String| format!("{} {word:<9}{step}{rest}", clock(at));
        if state.is_end() {
            self.ended += 1;
            self.said.remove(step);
        }
        match state {
            StepState::Waiting => Vec::new(),
            StepState::Running { note } if note.is_empty() => Vec::new(),
            StepState::Running { note } => {
                let said = self.said.insert(step.clone(), note.clone());
                if said.as_ref() == Some(note) {
                    return Vec::new();
                }
                let again = if attempt > 1 {
                    format!(" (attempt {attempt})")
                } else {
                    String::new()
                };
                vec![line(
                    "running",
                    format!(": {note}{again}, usually {}", duration(usual)),
                )]
            }
            StepState::Done { how } => vec![match how {
                Done::Applied => line("done", format!(" in {took}")),
                Done::AlreadyThere => line("there", " already, and ready".to_owned()),
                Done::Warned { message } => line("warning", format!(" done in {took}: {message}")),
                Done::Skipped { reason } => line("skipped", format!(": {reason}")),
            }],
            StepState::Failed { problem } => {
                let mut lines = vec![line("FAILED", format!(" after {took}"))];
                lines.extend(told(problem));
                lines
            }
            StepState::NotRun { why } => match why {
                NotRun::Needs { step: needed } => {
                    vec![line("not run", format!(": it needs {needed}"))]
                }
                NotRun::Stopped => vec![line("not run", ": stopped before".to_owned())],
                NotRun::NotChosen => Vec::new(),
            },
        }
    }

    fn waiting(&mut self, step: &StepId, at: Timestamp, waiting: &Waiting) -> Vec<String> {
        let mut lines = vec![format!(
            "{} {:<9}{step}: {}",
            clock(at),
            "waiting",
            waiting.target
        )];
        for reason in &waiting.reasons {
            let code = reason
                .code
                .map(|code| format!("  [{code}]"))
                .unwrap_or_default();
            lines.push(format!("           {}{code}", reason.sentence));
            if let Some(remedy) = &reason.remedy {
                lines.push(format!("           To fix: {remedy}"));
            }
        }
        // The same words again would only fill the screen.
        let words = lines.iter().skip(1).cloned().collect::<String>() + &waiting.target;
        let said = self.said.insert(step.clone(), words.clone());
        if said.as_deref() == Some(words.as_str()) {
            Vec::new()
        } else {
            lines
        }
    }
}

fn told(problem: &Problem) -> Vec<String> {
    problem
        .to_string()
        .lines()
        .map(|line| format!("           {line}"))
        .collect()
}

fn ended(
    purpose: &Purpose,
    outcome: &Outcome,
    (done, total): (usize, usize),
    elapsed_ms: u64,
) -> String {
    let took = duration(elapsed_ms);
    let steps = format!("{done} of {total} steps");
    let goes_on = purpose.goes_on();
    match outcome {
        Outcome::Done => format!("{}: {steps} in {took}.", purpose.done()),
        Outcome::DoneWithWarnings => format!(
            "{} with warnings: {steps} in {took}. Read the lines marked warning or skipped.",
            purpose.done()
        ),
        Outcome::Failed if purpose.is_deploy() => format!(
            "Not done: {steps} after {took}. Fix what failed, then run the same command: it goes on from here."
        ),
        Outcome::Failed => format!(
            "{}: {steps} after {took}. Fix what failed, then {goes_on}",
            purpose.not_done()
        ),
        Outcome::Stopped => format!("Stopped: {steps} after {took}. {goes_on}"),
    }
}

/// The time of day in this computer's time zone.
fn clock(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system())
        .strftime("%H:%M:%S")
        .to_string()
}

/// A duration as people say it: `4 s`, `2 min 5 s`, `1 h 3 min`.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0) => format!("{milliseconds} ms"),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Code;

    fn step(state: StepState) -> Event {
        Event::Step {
            step: StepId::new("valkey", "objects"),
            at: Timestamp::UNIX_EPOCH,
            attempt: 1,
            elapsed_ms: 65_000,
            state,
        }
    }

    #[test]
    fn a_failure_tells_the_whole_problem() {
        let problem = Problem::new(Code::Bug01, "Could not apply.", "try again").because("refused");
        let lines = RunLines::default()
            .of(&step(StepState::Failed { problem }))
            .join("\n");
        for word in [
            "FAILED",
            "valkey/objects",
            "1 min 5 s",
            "Could not apply.",
            "refused",
            "try again",
        ] {
            assert!(lines.contains(word), "{word} in\n{lines}");
        }
    }

    #[test]
    fn the_same_waiting_is_told_once() {
        let mut lines = RunLines::default();
        let waiting = Event::Waiting {
            step: StepId::new("valkey", "objects"),
            at: Timestamp::UNIX_EPOCH,
            waiting: Waiting {
                target: "Deployment valkey to be available".to_owned(),
                reasons: Vec::new(),
                gives_up_at: Timestamp::UNIX_EPOCH,
            },
        };
        assert_eq!(lines.of(&waiting).len(), 1);
        assert_eq!(lines.of(&waiting).len(), 0);
    }

    #[test]
    fn durations_read_like_speech() {
        let said: Vec<String> = [40, 4_000, 60_000, 125_000, 3_780_000]
            .into_iter()
            .map(duration)
            .collect();
        assert_eq!(said, ["40 ms", "4 s", "1 min", "2 min 5 s", "1 h 3 min"]);
    }
}
