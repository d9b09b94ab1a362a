//! How a deed waits: it tells what for and why not yet, rests between two looks, and gives up when its time is over.

use std::time::Duration;

use tokio::time::sleep;

use super::Task;
use crate::{
    engine::event::{Reason, Waiting},
    problem::{Code, Problem},
    sys::{DoorError, Doors},
};

/// Pause between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Reasons told at once.
const REASONS: usize = 6;

/// A deed at work.
pub(super) struct Stay<'a> {
    pub task: &'a Task,
    pub doors: &'a Doors,
    /// What was told last.
    told: Vec<String>,
}

impl<'a> Stay<'a> {
    pub(super) fn new(task: &'a Task, doors: &'a Doors) -> Self {
        Self {
            task,
            doors,
            told: Vec::new(),
        }
    }

    /// A line of its log.
    pub(super) async fn log(&self, line: impl Into<String>) {
        self.task.tell.log(line).await;
    }

    /// Says what it waits for and why not yet, unless that was said before.
    pub(super) async fn waits(&mut self, target: &str, reasons: &[String]) {
        if !self.told.is_empty() && self.told == reasons {
            return;
        }
        self.told = reasons.to_vec();
        let reasons = reasons.iter().take(REASONS).map(|sentence| Reason {
            sentence: sentence.clone(),
            since: None,
            code: None,
            remedy: None,
        });
        let waiting = Waiting {
            target: target.to_owned(),
            reasons: reasons.collect(),
            gives_up_at: self.task.gives_up_at(),
        };
        self.task.tell.waiting(waiting).await;
    }

    /// Rests before the next look; an error once the time of the step is over.
    pub(super) async fn rest(&self, waits_for: &str, last: &[String]) -> Result<(), DoorError> {
        if self.task.left().is_zero() {
            let what = format!("It has taken too long to wait for {waits_for}.");
            let remedy = "Look at what it waited for, then run the same command again: it goes on from here.";
            let problem = Problem::new(Code::Wait01, what, remedy);
            let problem = last
                .iter()
                .fold(problem, |problem, why| problem.because(why.clone()));
            return Err(DoorError::lasting(problem));
        }
        sleep(LOOK.min(self.task.left())).await;
        Ok(())
    }

    /// Says why not yet, then rests.
    pub(super) async fn on(&mut self, target: &str, reasons: &[String]) -> Result<(), DoorError> {
        self.waits(target, reasons).await;
        self.rest(target, reasons).await
    }
}
