//! The run's memory on disk: one JSON line for each transition, safe before the next one begins; the cluster stays the truth.

use std::{collections::HashMap, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    event::{Done, Event, FORMAT, Outcome, RunId, StepState},
    usual::Took,
};
use crate::{
    plan::StepId,
    problem::{Code, Problem},
    sys::lines::Lines,
};

/// The journal is shortened to its last run when it is longer than this.
const LONGEST: u64 = 8 * 1024 * 1024;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// Digest of what the step sent, beside its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(flatten)]
    event: Event,
}

/// What is remembered of the last run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The last run, when there was one.
    pub run: Option<RunId>,
    /// How it ended; nothing when it was cut off.
    pub outcome: Option<Outcome>,
    /// The cluster it worked on.
    pub cluster: String,
    /// Steps that ended well, with the digest of what they sent.
    pub done: HashMap<StepId, String>,
    /// Steps that a person left out, with the reason.
    pub skipped: HashMap<StepId, String>,
    /// Events of the last run, as they were.
    pub events: Vec<Event>,
    /// What the steps of all runs took.
    pub took: Took,
}

impl Memory {
    /// True when there is something to go on with.
    pub fn is_unfinished(&self) -> bool {
        self.run.is_some()
            && !matches!(
                self.outcome,
                Some(Outcome::Done | Outcome::DoneWithWarnings)
            )
    }

    fn hear(&mut self, record: Record) {
        self.took.hear(&record.event);
        match &record.event {
            Event::RunStarted { run, cluster, .. } => {
                // What an unfinished run had done stays known to the one that goes on with it.
                let kept = self.is_unfinished() && self.cluster == *cluster;
                let (done, skipped) = if kept {
                    (
                        std::mem::take(&mut self.done),
                        std::mem::take(&mut self.skipped),
                    )
                } else {
                    Default::default()
                };
                *self = Self {
                    run: Some(run.clone()),
                    cluster: cluster.clone(),
                    done,
                    skipped,
                    took: std::mem::take(&mut self.took),
                    ..Self::default()
                };
            }
            Event::Step { step, state, .. } => self.step(step, state, record.digest.clone()),
            Event::RunEnded { outcome, .. } => self.outcome = Some(outcome.clone()),
            _ => {}
        }
        self.events.push(record.event);
    }

    fn step(&mut self, step: &StepId, state: &StepState, digest: Option<String>) {
        match state {
            StepState::Done {
                how: Done::Skipped { reason },
            } => {
                self.skipped.insert(step.clone(), reason.clone());
            }
            StepState::Done { .. } => {
                self.done.insert(step.clone(), digest.unwrap_or_default());
            }
            StepState::Running { .. } | StepState::Failed { .. } => {
                self.done.remove(step);
            }
            StepState::Waiting | StepState::NotRun { .. } => {}
        }
    }
}

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    lines: Lines,
}

impl Journal {
    /// Opens the journal, or begins it, and gives what it remembers.
    ///
    /// # Errors
    /// The file cannot be used, or was written by a newer version.
    pub fn open(path: &Path) -> Result<(Self, Memory), Problem> {
        let (mut lines, texts) = Lines::open(path, is_whole)?;
        let memory = remember(&texts)?;
        if lines.bytes() > LONGEST {
            let last = texts
                .iter()
                .rposition(|text| text.contains(r#""event":"run_started""#))
                .unwrap_or_default();
            lines.rewrite(texts.get(last..).unwrap_or_default())?;
        }
        Ok((Self { lines }, memory))
    }

    /// Reads what a journal remembers and changes nothing; a journal that is not there remembers nothing.
    ///
    /// # Errors
    /// The file cannot be read, or was written by a newer version.
    pub fn look(path: &Path) -> Result<Memory, Problem> {
        remember(&Lines::read(path, is_whole)?)
    }

    /// Writes an event down when it is one to remember; after that a kill does not lose it.
    ///
    /// # Errors
    /// The disk is full or the file cannot be written: then the run must not go on.
    pub fn write(&mut self, event: &Event, digest: Option<String>) -> Result<(), Problem> {
        let passing = matches!(event, Event::Waiting { .. } | Event::Log { .. });
        if passing {
            return Ok(());
        }
        let record = Record {
            digest,
            event: event.clone(),
        };
        let text = serde_json::to_string(&record).map_err(|error| {
            Problem::new(
                Code::Bug01,
                "A journal record could not be written as JSON.",
                "Report this; the deploy can be started again.",
            )
            .caused_by(&error)
        })?;
        self.lines.append(&text)
    }
}

fn is_whole(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn remember(texts: &[String]) -> Result<Memory, Problem> {
    let mut memory = Memory::default();
    for text in texts {
        match serde_json::from_str::<Record>(text) {
            Ok(record) => {
                if let Event::RunStarted { format, .. } = &record.event
                    && *format > FORMAT
                {
                    return Err(newer());
                }
                memory.hear(record);
            }
            Err(_unknown) => {
                // A record of a kind this version does not know: nothing in it can be gone on with.
            }
        }
    }
    Ok(memory)
}

fn newer() -> Problem {
    Problem::new(
        Code::Run02,
        "The journal of this site was written by a newer care-install.",
        "Use the newer care-install for this site.",
    )
}

#[cfg(test)]
mod tests;
