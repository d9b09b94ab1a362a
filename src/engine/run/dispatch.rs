//! The one task that owns a run: commands and news in, events and begun steps out; nothing begins before it is remembered.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use tokio::{
    sync::{Notify, mpsc},
    task::{AbortHandle, JoinSet},
};

use super::{Hold, Perform, Setting};
use crate::{
    engine::{
        event::{Command, Done, Event, FORMAT, NotRun, Outcome, StepState},
        hub::Hub,
        journal::{Journal, Memory},
        outline,
        schedule::{Phase, Schedule},
        step::{self, News, Task, Tell},
    },
    plan::{Action, Plan, Step, StepId},
    problem::{Code, Problem},
    sys::clock::Stopwatch,
};

/// News of the steps that wait for the dispatcher.
const NEWS: usize = 1024;

/// A run and everything it owns.
pub struct Run {
    steps: Vec<Arc<Step>>,
    first: Event,
    schedule: Schedule,
    setting: Setting,
    journal: Journal,
    memory: Memory,
    hub: Hub,
    states: Vec<StepState>,
    attempts: Vec<u32>,
    began: HashMap<usize, Stopwatch>,
    at_work: HashMap<usize, Worker>,
    /// Set when the journal fails: then nothing may go on.
    broken: bool,
}

/// A step's own task.
struct Worker {
    abort: AbortHandle,
    /// Ends the pause before its next attempt.
    hurry: Arc<Notify>,
}

impl Run {
    pub(super) fn new(
        plan: Plan,
        setting: Setting,
        (journal, memory): (Journal, Memory),
        hub: Hub,
    ) -> Self {
        let schedule = Schedule::new(&plan.steps, |index| setting.chosen.takes(&plan, index));
        let now = setting.clock.now();
        let first = Event::RunStarted {
            format: FORMAT,
            run: setting
                .hold
                .as_ref()
                .map_or_else(super::new_id, |hold| hold.run.clone()),
            at: now,
            cluster: setting.cluster.clone(),
            rehearsal: setting.rehearsal,
            outline: outline::outline(&plan),
        };
        let count = plan.steps.len();
        // A finished run is not gone on with: everything is asked and applied again, which changes nothing
        // where all is as it should be.
        let memory = if memory.is_unfinished() && memory.cluster == setting.cluster {
            memory
        } else {
            Memory::default()
        };
        Self {
            steps: plan.steps.into_iter().map(Arc::new).collect(),
            first,
            schedule,
            setting,
            journal,
            memory,
            hub,
            states: vec![StepState::Waiting; count],
            attempts: vec![0; count],
            began: HashMap::new(),
            at_work: HashMap::new(),
            broken: false,
        }
    }

    /// Runs to the end.
    pub(super) async fn go(
        mut self,
        perform: Perform,
        mut asked: mpsc::Receiver<Command>,
    ) -> Outcome {
        let started = self.setting.clock.stopwatch();
        self.tell(self.first.clone(), None).await;
        self.leave_out().await;
        let (news, mut heard) = mpsc::channel(NEWS);
        let mut workers = JoinSet::new();
        let mut listening = true;
        let hold = self.setting.hold.clone();
        let lost = Hold::lost(hold.as_ref());
        tokio::pin!(lost);
        let mut keeps = true;
        loop {
            for index in self.schedule.begin() {
                self.begin(index, &perform, &news, &mut workers).await;
            }
            if self.broken || self.schedule.is_over() {
                break;
            }
            tokio::select! {
                biased;
                problem = &mut lost, if keeps => {
                    keeps = false;
                    self.stop_now(in_one_line(&problem), &mut workers).await;
                }
                command = asked.recv(), if listening => match command {
                    Some(command) => self.obey(command, &mut workers).await,
                    None => listening = false,
                },
                Some((index, piece)) = heard.recv() => self.hear(index, piece).await,
                Some(joined) = workers.join_next_with_id() => {
                    // What the step said before it ended comes first.
                    while let Ok((index, piece)) = heard.try_recv() {
                        self.hear(index, piece).await;
                    }
                    let broken = joined.err().filter(tokio::task::JoinError::is_panic).map(|error| error.id());
                    self.bury(broken).await;
                }
            }
        }
        workers.shutdown().await;
        // After the journal has failed some are left at work.
        let abandoned: Vec<usize> = self.schedule.running().collect();
        for index in abandoned {
            self.give_up(index).await;
        }
        self.finish(started).await
    }

    fn now(&self) -> Timestamp {
        self.setting.clock.now()
    }

    fn elapsed(&self, index: usize) -> u64 {
        self.began.get(&index).map_or(0, Stopwatch::millis)
    }

    fn id(&self, index: usize) -> Option<StepId> {
        self.steps.get(index).map(|step| step.id.clone())
    }

    fn place(&self, id: &StepId) -> Option<usize> {
        self.steps.iter().position(|step| step.id == *id)
    }

    /// Remembers an event, then tells it; once something could not be remembered, nothing more is.
    async fn tell(&mut self, event: Event, digest: Option<String>) {
        self.remember(&event, digest).await;
        self.hub.tell(event).await;
    }

    async fn remember(&mut self, event: &Event, digest: Option<String>) {
        if !self.broken
            && let Err(problem) = self.journal.write(event, digest)
        {
            tracing::error!(%problem, "the journal failed");
            self.broken = true;
            self.schedule.stop();
            let at = self.now();
            let why = in_one_line(&problem);
            self.hub.tell(Event::Stopping { at, why }).await;
        }
    }

    async fn turn(&mut self, index: usize, state: StepState) {
        let Some(step) = self.steps.get(index).map(Arc::clone) else {
            return;
        };
        let digest = matches!(state, StepState::Done { .. }).then(|| outline::digest(&step));
        if let Some(kept) = self.states.get_mut(index) {
            kept.clone_from(&state);
        }
        let event = Event::Step {
            step: step.id.clone(),
            at: self.now(),
            attempt: self.attempts.get(index).copied().unwrap_or_default(),
            elapsed_ms: self.elapsed(index),
            state,
        };
        self.tell(event, digest).await;
    }

    /// Tells which steps do not take part, and which a person leaves out.
    async fn leave_out(&mut self) {
        let not_chosen: Vec<usize> = self.schedule.in_phase(Phase::NotChosen).collect();
        for index in not_chosen {
            let why = NotRun::NotChosen;
            self.turn(index, StepState::NotRun { why }).await;
        }
        let chosen = &self.setting.chosen;
        let mut skip = chosen.skip.clone();
        // Who names a step wants it to run, whatever was said of it before.
        if chosen.only.is_none() && chosen.from.is_none() {
            skip.extend(self.memory.skipped.clone());
        }
        for (step, reason) in skip {
            self.skip(&step, reason).await;
        }
    }

    async fn skip(&mut self, step: &StepId, reason: String) {
        let Some(index) = self.place(step) else {
            return;
        };
        match self.schedule.phase(index) {
            Some(Phase::Waiting | Phase::Failed) => {}
            Some(Phase::Running) => {
                if let Some(worker) = self.at_work.remove(&index) {
                    worker.abort.abort();
                }
            }
            _ => return,
        }
        let how = Done::Skipped { reason };
        self.end(index, StepState::Done { how }).await;
    }

    async fn begin(
        &mut self,
        index: usize,
        perform: &Perform,
        news: &mpsc::Sender<(usize, News)>,
        workers: &mut JoinSet<()>,
    ) {
        let Some(step) = self.steps.get(index).map(Arc::clone) else {
            return;
        };
        if self.broken {
            return;
        }
        let since = self.setting.clock.stopwatch();
        self.began.insert(index, since);
        if let Some(attempt) = self.attempts.get_mut(index) {
            *attempt = 1;
        }
        if let Action::Confirm { question } = &step.action {
            let note = question.clone();
            self.turn(index, StepState::Running { note }).await;
            if self.setting.chosen.yes {
                self.answer(index, true).await;
            }
            return;
        }
        let note = step::first_note(&step);
        self.turn(index, StepState::Running { note }).await;
        if self.broken {
            return;
        }
        let remembered = self
            .memory
            .done
            .get(&step.id)
            .is_some_and(|digest| *digest == outline::digest(&step))
            && !outline::sends_secret(&step);
        let hurry = Arc::new(Notify::new());
        let task = Task {
            step,
            attempt: 1,
            remembered,
            clock: self.setting.clock,
            began: self.now(),
            since,
            tell: Tell::new(index, news.clone()),
        };
        let work = step::attempts(task, Arc::clone(perform), Arc::clone(&hurry));
        let abort = workers.spawn(work);
        self.at_work.insert(index, Worker { abort, hurry });
    }

    async fn hear(&mut self, index: usize, piece: News) {
        let Some(step) = self.id(index) else { return };
        if self.schedule.phase(index) != Some(Phase::Running) {
            // It was left out in the meantime.
            return;
        }
        let at = self.now();
        match piece {
            News::Note(note) => self.turn(index, StepState::Running { note }).await,
            News::Log(line) => self.tell(Event::Log { step, at, line }, None).await,
            News::Waiting(waiting) => {
                self.tell(Event::Waiting { step, at, waiting }, None).await;
            }
            News::Retry {
                attempt,
                next_in_ms,
                problem,
            } => {
                if let Some(kept) = self.attempts.get_mut(index) {
                    *kept = attempt + 1;
                }
                let event = Event::Retry {
                    step,
                    at,
                    attempt,
                    next_in_ms,
                    problem,
                };
                self.tell(event, None).await;
            }
            News::Ended(Ok(how)) => self.end(index, StepState::Done { how }).await,
            News::Ended(Err(problem)) => self.end(index, StepState::Failed { problem }).await,
        }
    }

    async fn end(&mut self, index: usize, state: StepState) {
        self.at_work.remove(&index);
        let left_out = matches!(
            state,
            StepState::Done {
                how: Done::Skipped { .. }
            }
        );
        let well = matches!(state, StepState::Done { .. });
        self.turn(index, state).await;
        if left_out {
            self.schedule.skip(index);
        } else {
            self.schedule.end(index, well);
        }
    }

    /// Ends a step whose task broke off without a word.
    async fn bury(&mut self, broken: Option<tokio::task::Id>) {
        let lost = broken.and_then(|id| {
            let mut workers = self.at_work.iter();
            workers
                .find(|(_, worker)| worker.abort.id() == id)
                .map(|(index, _)| *index)
        });
        if let Some(index) = lost {
            let problem = Problem::new(
                Code::Run05,
                "The step broke off without an answer.",
                "Run the deploy again, and report this with the log of this run.",
            );
            self.end(index, StepState::Failed { problem }).await;
        }
    }

    async fn obey(&mut self, command: Command, workers: &mut JoinSet<()>) {
        let at = self.now();
        match command {
            Command::Retry { step } => self.retry(&step).await,
            Command::Skip { step, reason } if !reason.trim().is_empty() => {
                self.skip(&step, reason).await;
            }
            // A reason that says nothing is none. Who steers is known to whoever serves the run; the run obeys all who may ask.
            Command::Skip { .. } | Command::TakeOver => {}
            Command::Pause => {
                self.schedule.pause(true);
                self.tell(Event::Paused { at }, None).await;
            }
            Command::Resume => {
                self.schedule.pause(false);
                self.tell(Event::Resumed { at }, None).await;
            }
            Command::Answer { step, yes } => {
                if let Some(index) = self.place(&step) {
                    self.answer(index, yes).await;
                }
            }
            Command::StopSafely => {
                if !self.schedule.stopping() {
                    let why = "asked to stop safely".to_owned();
                    self.tell(Event::Stopping { at, why }, None).await;
                }
                self.stop().await;
            }
            Command::StopNow => self.stop_now("asked to stop now".to_owned(), workers).await,
        }
    }

    /// Abandons what is at work; a resume asks the cluster how far it came.
    async fn stop_now(&mut self, why: String, workers: &mut JoinSet<()>) {
        let at = self.now();
        // First of all: nothing may be sent any more.
        workers.abort_all();
        self.tell(Event::Stopping { at, why }, None).await;
        self.stop().await;
        let abandoned: Vec<usize> = self.schedule.running().collect();
        for index in abandoned {
            self.give_up(index).await;
        }
    }

    /// No new steps; what only waits for a person, or for its next attempt, is not waited for.
    async fn stop(&mut self) {
        self.schedule.stop();
        let asking: Vec<usize> = self
            .schedule
            .running()
            .filter(|index| !self.at_work.contains_key(index))
            .collect();
        for index in asking {
            self.give_up(index).await;
        }
    }

    async fn give_up(&mut self, index: usize) {
        self.at_work.remove(&index);
        let why = NotRun::Stopped;
        self.turn(index, StepState::NotRun { why }).await;
        self.schedule.end(index, false);
    }

    async fn retry(&mut self, step: &StepId) {
        let Some(index) = self.place(step) else {
            return;
        };
        if let Some(worker) = self.at_work.get(&index) {
            worker.hurry.notify_one();
        } else if matches!(self.states.get(index), Some(StepState::Failed { .. }))
            && self.schedule.again(index)
        {
            self.turn(index, StepState::Waiting).await;
        }
    }

    async fn answer(&mut self, index: usize, yes: bool) {
        let asks = self
            .steps
            .get(index)
            .is_some_and(|step| matches!(step.action, Action::Confirm { .. }));
        if !asks || self.schedule.phase(index) != Some(Phase::Running) {
            return;
        }
        let state = if yes {
            StepState::Done { how: Done::Applied }
        } else {
            let what = "The question was answered with no.";
            let remedy = "Make it so, then run the step again and answer yes.";
            let problem = Problem::new(Code::Run04, what, remedy);
            StepState::Failed { problem }
        };
        self.end(index, state).await;
    }

    /// Says of every step that was not run why, then how the run ended.
    async fn finish(mut self, started: Stopwatch) -> Outcome {
        let left: Vec<usize> = self.schedule.in_phase(Phase::Waiting).collect();
        for index in &left {
            let needed = self.schedule.missing(*index).and_then(|need| self.id(need));
            let why = match needed {
                Some(step) if !self.schedule.stopping() => NotRun::Needs { step },
                _ => NotRun::Stopped,
            };
            self.turn(*index, StepState::NotRun { why }).await;
        }
        let mut end = self.ended(&started);
        self.remember(&end, None).await;
        // An end that could not be written down is none: the next start finds the run unfinished, and says so.
        if self.broken {
            end = self.ended(&started);
        }
        self.hub.tell(end).await;
        self.outcome()
    }

    fn ended(&self, started: &Stopwatch) -> Event {
        let is_done = |state: &&StepState| matches!(state, StepState::Done { .. });
        Event::RunEnded {
            at: self.now(),
            outcome: self.outcome(),
            done: self.states.iter().filter(is_done).count(),
            total: self.steps.len(),
            elapsed_ms: started.millis(),
        }
    }

    fn outcome(&self) -> Outcome {
        let any = |is: fn(&StepState) -> bool| self.states.iter().any(is);
        let stopped = |state: &StepState| {
            matches!(
                state,
                StepState::NotRun {
                    why: NotRun::Stopped
                }
            )
        };
        let noted = |state: &StepState| {
            matches!(
                state,
                StepState::Done {
                    how: Done::Warned { .. } | Done::Skipped { .. }
                }
            )
        };
        if self.broken || any(|state| matches!(state, StepState::Failed { .. })) {
            Outcome::Failed
        } else if any(stopped) {
            Outcome::Stopped
        } else if any(noted) {
            Outcome::DoneWithWarnings
        } else {
            Outcome::Done
        }
    }
}

fn in_one_line(problem: &Problem) -> String {
    let mut line = format!("{} {}", problem.what, problem.causes.join(": "));
    line.truncate(line.trim_end().len());
    format!("{line} [{}] {}", problem.code, problem.remedy)
}
