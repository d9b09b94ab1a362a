//! A run as every face draws it: a fold over its events, nothing else. Pure.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

use super::event::{Done, Event, NotRun, Outcome, Outline, RunId, StepOutline, StepState, Waiting};
use crate::{
    plan::{Purpose, Stage, StepId},
    problem::Problem,
};

/// Log lines kept for each step.
const LOG: usize = 1000;

/// Failed attempts kept for each step.
const ATTEMPTS: usize = 20;

/// A step that runs longer than usual still has at least this long to go.
const LEAST: Duration = Duration::from_secs(2);

/// One step.
#[derive(Clone, Debug)]
pub struct StepView {
    /// What the plan says.
    pub outline: StepOutline,
    /// Where it stands.
    pub state: StepState,
    /// Attempt, counted from 1; 0 before the first.
    pub attempt: u32,
    /// When it began.
    pub began: Option<Timestamp>,
    /// How long it took, once it has ended.
    pub took: Duration,
    /// Why it waits, while it does.
    pub waiting: Option<Waiting>,
    /// Why the last attempt failed, while the next is awaited or made.
    pub retry: Option<Problem>,
    /// The attempts that failed, oldest first.
    pub attempts: VecDeque<Attempt>,
    /// Its newest log lines.
    pub log: VecDeque<String>,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from 1, and again from 1 after a person has asked for it.
    pub number: u32,
    /// When it failed.
    pub at: Timestamp,
    /// Why.
    pub problem: Problem,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// The whole run.
#[derive(Clone, Debug, Default)]
pub struct RunView {
    /// Which run; nothing before the first event.
    pub run: Option<RunId>,
    /// Site name.
    pub site: String,
    /// What the run is for.
    pub purpose: Purpose,
    /// The cluster.
    pub cluster: String,
    /// True on the rehearsal cluster.
    pub rehearsal: bool,
    /// When it began.
    pub began: Option<Timestamp>,
    /// Stages in order.
    pub stages: Vec<Stage>,
    /// Steps in order.
    pub steps: Vec<StepView>,
    /// True while no new steps are started.
    pub paused: bool,
    /// Why it is stopping, while it is.
    pub stopping: Option<String>,
    /// How it ended, once it has.
    pub ended: Option<Ended>,
    index: HashMap<StepId, usize>,
}

/// How many steps stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Steps that take part.
    pub all: usize,
    /// Ended well.
    pub done: usize,
    /// At work.
    pub running: usize,
    /// Ended badly.
    pub failed: usize,
    /// Not begun.
    pub waiting: usize,
}

impl RunView {
    /// Takes one more event.
    pub fn fold(&mut self, event: &Event) {
        match event {
            Event::RunStarted {
                run,
                at,
                cluster,
                rehearsal,
                outline,
                ..
            } => *self = Self::begin(run, *at, (cluster, *rehearsal), outline),
            Event::Step {
                step,
                at,
                attempt,
                elapsed_ms,
                state,
            } => {
                if let Some(view) = self.step_mut(step) {
                    view.turn(*at, *attempt, Duration::from_millis(*elapsed_ms), state);
                }
            }
            Event::Retry {
                step,
                at,
                attempt,
                problem,
                ..
            } => {
                if let Some(view) = self.step_mut(step) {
                    view.failed(*attempt, *at, problem);
                    view.retry = Some(problem.clone());
                    view.waiting = None;
                }
            }
            Event::Waiting { step, waiting, .. } => {
                if let Some(view) = self.step_mut(step) {
                    view.waiting = Some(waiting.clone());
                }
            }
            Event::Log { step, line, .. } => {
                if let Some(view) = self.step_mut(step) {
                    if view.log.len() == LOG {
                        view.log.pop_front();
                    }
                    view.log.push_back(line.clone());
                }
            }
            Event::Paused { .. } => self.paused = true,
            Event::Resumed { .. } => self.paused = false,
            Event::Stopping { why, .. } => self.stopping = Some(why.clone()),
            Event::RunEnded {
                outcome,
                elapsed_ms,
                ..
            } => {
                self.ended = Some(Ended {
                    outcome: outcome.clone(),
                    took: Duration::from_millis(*elapsed_ms),
                });
            }
        }
    }

    fn begin(
        run: &RunId,
        at: Timestamp,
        (cluster, rehearsal): (&str, bool),
        outline: &Outline,
    ) -> Self {
        let steps: Vec<StepView> = outline.steps.iter().map(StepView::new).collect();
        Self {
            run: Some(run.clone()),
            site: outline.site.clone(),
            purpose: outline.purpose.clone(),
            cluster: cluster.to_owned(),
            rehearsal,
            began: Some(at),
            stages: outline.stages.clone(),
            index: steps
                .iter()
                .enumerate()
                .map(|(index, step)| (step.outline.id.clone(), index))
                .collect(),
            steps,
            ..Self::default()
        }
    }

    /// A step by its id.
    pub fn step(&self, id: &StepId) -> Option<&StepView> {
        self.steps.get(*self.index.get(id)?)
    }

    fn step_mut(&mut self, id: &StepId) -> Option<&mut StepView> {
        self.steps.get_mut(*self.index.get(id)?)
    }

    /// How many steps of the stage, or of all, stand where; steps that were not chosen do not count.
    pub fn counts(&self, stage: Option<usize>) -> Counts {
        let mut counts = Counts::default();
        let chosen = self
            .steps
            .iter()
            .filter(|step| stage.is_none_or(|stage| step.outline.stage == stage))
            .filter(|step| !step.is_left_out());
        for step in chosen {
            counts.all += 1;
            match step.state {
                StepState::Done { .. } => counts.done += 1,
                StepState::Running { .. } => counts.running += 1,
                StepState::Failed { .. } => counts.failed += 1,
                StepState::Waiting | StepState::NotRun { .. } => counts.waiting += 1,
            }
        }
        counts
    }

    /// How long the run still usually takes: the longest chain of what is left. Nothing once it has ended.
    pub fn remaining(&self, now: Timestamp) -> Option<Duration> {
        if self.ended.is_some() || self.steps.is_empty() {
            return None;
        }
        let mut until: Vec<Duration> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let needs = step
                .outline
                .needs
                .iter()
                .filter_map(|need| until.get(*self.index.get(need)?))
                .max()
                .copied();
            until.push(needs.unwrap_or_default() + step.left(now));
        }
        until.into_iter().max()
    }

    /// How long a stage usually takes: its longest chain.
    pub fn usual(&self, stage: usize) -> Duration {
        let mut ends: HashMap<&StepId, Duration> = HashMap::new();
        let steps = self.steps.iter();
        for step in steps.filter(|step| step.outline.stage == stage && !step.is_left_out()) {
            let before = step.outline.needs.iter().filter_map(|need| ends.get(need));
            let begins = before.max().copied().unwrap_or_default();
            ends.insert(&step.outline.id, begins + step.usual());
        }
        ends.into_values().max().unwrap_or_default()
    }

    /// What the person should look at first: a failed step, else the one that waits with a known cause, else the
    /// one that has run longest.
    pub fn foremost(&self) -> Option<usize> {
        let failed = |step: &StepView| matches!(step.state, StepState::Failed { .. });
        let troubled = |step: &StepView| {
            step.retry.is_some()
                || step.waiting.as_ref().is_some_and(|waiting| {
                    waiting.reasons.iter().any(|reason| reason.code.is_some())
                })
        };
        let running = |step: &StepView| matches!(step.state, StepState::Running { .. });
        self.steps
            .iter()
            .position(failed)
            .or_else(|| {
                self.steps
                    .iter()
                    .position(|step| running(step) && troubled(step))
            })
            .or_else(|| {
                self.steps
                    .iter()
                    .enumerate()
                    .filter(|(_, step)| running(step))
                    .min_by_key(|(_, step)| step.began)
                    .map(|(index, _)| index)
            })
    }
}

impl StepView {
    fn new(outline: &StepOutline) -> Self {
        Self {
            outline: outline.clone(),
            state: StepState::Waiting,
            attempt: 0,
            began: None,
            took: Duration::ZERO,
            waiting: None,
            retry: None,
            attempts: VecDeque::new(),
            log: VecDeque::new(),
        }
    }

    fn failed(&mut self, number: u32, at: Timestamp, problem: &Problem) {
        if self.attempts.len() == ATTEMPTS {
            self.attempts.pop_front();
        }
        self.attempts.push_back(Attempt {
            number,
            at,
            problem: problem.clone(),
        });
    }

    fn turn(&mut self, at: Timestamp, attempt: u32, elapsed: Duration, state: &StepState) {
        self.attempt = attempt;
        match state {
            StepState::Running { .. } => {
                self.began = at
                    .checked_sub(elapsed)
                    .ok()
                    .map(|began| self.began.unwrap_or(began));
            }
            // It begins anew, and what was tried before is still worth reading.
            StepState::Waiting => {
                *self = Self {
                    log: std::mem::take(&mut self.log),
                    attempts: std::mem::take(&mut self.attempts),
                    ..Self::new(&self.outline)
                }
            }
            StepState::Done { .. } | StepState::NotRun { .. } => {
                self.waiting = None;
                self.retry = None;
            }
            // Why it waited is what the person wants to read after it gave up.
            StepState::Failed { problem } => {
                self.retry = None;
                self.failed(attempt, at, problem);
            }
        }
        self.took = elapsed;
        self.state = state.clone();
    }

    /// True when this run was asked to leave the step out.
    pub fn is_left_out(&self) -> bool {
        matches!(
            self.state,
            StepState::NotRun {
                why: NotRun::NotChosen
            }
        )
    }

    /// True when a person left it out with a reason.
    pub fn is_skipped(&self) -> bool {
        matches!(
            self.state,
            StepState::Done {
                how: Done::Skipped { .. }
            }
        )
    }

    /// How long it has been at work, or took.
    pub fn elapsed(&self, now: Timestamp) -> Duration {
        match (&self.state, self.began) {
            (StepState::Running { .. }, Some(began)) => {
                Duration::try_from(now.duration_since(began)).unwrap_or_default()
            }
            _ => self.took,
        }
    }

    /// How long it usually takes.
    pub fn usual(&self) -> Duration {
        Duration::from_millis(self.outline.usual_ms)
    }

    fn left(&self, now: Timestamp) -> Duration {
        match self.state {
            StepState::Waiting => self.usual(),
            StepState::Running { .. } => self.usual().saturating_sub(self.elapsed(now)).max(LEAST),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::StepKind;

    fn at(second: u8) -> Timestamp {
        format!("2026-11-24T02:00:{second:02}Z").parse().unwrap()
    }

    fn outline(name: &str, needs: &[&str], usual: u64) -> StepOutline {
        StepOutline {
            id: StepId::new("t", name),
            component: "t".to_owned(),
            stage: 0,
            title: name.to_owned(),
            kind: StepKind::Wait,
            needs: needs.iter().map(|need| StepId::new("t", need)).collect(),
            usual_ms: usual * 1000,
            limit_ms: 60_000,
        }
    }

    fn view() -> RunView {
        let mut view = RunView::default();
        view.fold(&Event::RunStarted {
            format: 1,
            run: RunId("r".to_owned()),
            at: at(0),
            cluster: "c".to_owned(),
            rehearsal: true,
            outline: Outline {
                site: "s".to_owned(),
                purpose: Purpose::Deploy,
                stages: Vec::new(),
                components: Vec::new(),
                steps: vec![
                    outline("a", &[], 10),
                    outline("b", &["a"], 20),
                    outline("c", &[], 5),
                ],
                digest: String::new(),
            },
        });
        view
    }

    fn turn(view: &mut RunView, name: &str, second: u8, state: StepState) {
        view.fold(&Event::Step {
            step: StepId::new("t", name),
            at: at(second),
            attempt: 1,
            elapsed_ms: 0,
            state,
        });
    }

    fn running() -> StepState {
        StepState::Running {
            note: "applying".to_owned(),
        }
    }

    #[test]
    fn what_is_left_is_the_longest_chain() {
        let mut view = view();
        assert_eq!(view.remaining(at(0)), Some(Duration::from_secs(30)));
        turn(&mut view, "a", 0, running());
        assert_eq!(view.remaining(at(4)), Some(Duration::from_secs(26)));
        assert_eq!(
            view.remaining(at(30)),
            Some(LEAST + Duration::from_secs(20))
        );
        turn(&mut view, "a", 9, StepState::Done { how: Done::Applied });
        assert_eq!(view.remaining(at(9)), Some(Duration::from_secs(20)));
    }

    #[test]
    fn what_is_left_is_not_the_sum_and_not_the_longest_step() {
        let view = view();
        let sum: Duration = view.steps.iter().map(StepView::usual).sum();
        let longest = view.steps.iter().map(StepView::usual).max().unwrap();
        let left = view.remaining(at(0)).unwrap();
        assert!(left < sum && left > longest, "{left:?}");
        assert_eq!(view.usual(0), left);
    }

    #[test]
    fn what_was_tried_stays_readable_after_a_retry_by_hand() {
        let mut view = view();
        let problem = Problem::new(crate::problem::Code::Wait01, "It failed.", "Try again.");
        turn(&mut view, "a", 0, running());
        view.fold(&Event::Log {
            step: StepId::new("t", "a"),
            at: at(1),
            line: "created ConfigMap a/b".to_owned(),
        });
        view.fold(&Event::Retry {
            step: StepId::new("t", "a"),
            at: at(2),
            attempt: 1,
            next_in_ms: 1000,
            problem: problem.clone(),
        });
        turn(&mut view, "a", 3, StepState::Failed { problem });
        turn(&mut view, "a", 4, StepState::Waiting);
        turn(&mut view, "a", 5, running());
        let step = view.step(&StepId::new("t", "a")).unwrap();
        assert_eq!((step.attempts.len(), step.log.len()), (2, 1));
        assert_eq!(step.elapsed(at(6)), Duration::from_secs(1));
    }

    #[test]
    fn a_step_stays_begun_when_it_was_while_its_note_changes() {
        let mut view = view();
        turn(&mut view, "a", 0, running());
        turn(&mut view, "a", 5, running());
        let step = view.step(&StepId::new("t", "a")).unwrap();
        assert_eq!(step.elapsed(at(8)), Duration::from_secs(8));
    }

    #[test]
    fn the_foremost_is_what_failed_then_what_has_run_longest() {
        let mut view = view();
        turn(&mut view, "c", 1, running());
        turn(&mut view, "a", 0, running());
        assert_eq!(view.foremost(), Some(0));
        let problem = Problem::new(crate::problem::Code::Wait01, "It failed.", "Try again.");
        turn(&mut view, "c", 3, StepState::Failed { problem });
        assert_eq!(view.foremost(), Some(2));
        assert_eq!(view.counts(None).failed, 1);
    }

    #[test]
    fn what_was_not_chosen_does_not_count() {
        let mut view = view();
        turn(
            &mut view,
            "a",
            0,
            StepState::NotRun {
                why: NotRun::NotChosen,
            },
        );
        assert_eq!(view.counts(None).all, 2);
    }
}
