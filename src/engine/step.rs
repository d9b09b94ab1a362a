//! One step: its attempts, its action and its readiness; it tells what it does and decides nothing about other steps.

mod act;
mod calls;
mod hooks;
mod node;
mod progress;
mod site;
mod stay;
mod wait;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};

use super::{
    event::{Done, Waiting},
    run::Perform,
};
use crate::{
    plan::{Action, Step},
    problem::{Code, Problem},
    sys::{
        DoorError, Doors, Retry,
        clock::{Clock, Stopwatch},
    },
};
use wait::Readings;

/// First pause between two attempts; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Attempts that are made without a person.
const ATTEMPTS: u32 = 20;

/// A clock that is set by fewer seconds than this does not change the moment at which a step gives up.
const FINE: i64 = 30;

/// How much longer than its limit an action may take that does not look at the time itself: a few requests.
const GRACE: Duration = Duration::from_mins(1);

/// What a step tells while it works.
#[derive(Debug)]
pub enum News {
    /// What it does right now.
    Note(String),
    /// A line of its log.
    Log(String),
    /// Why it waits.
    Waiting(Waiting),
    /// An attempt failed and the next will be made.
    Retry {
        /// The attempt that failed.
        attempt: u32,
        /// When the next begins.
        next_in_ms: u64,
        /// What went wrong.
        problem: Problem,
    },
    /// It has ended.
    Ended(Result<Done, Problem>),
}

/// Where a step tells its news.
#[derive(Clone, Debug)]
pub struct Tell {
    index: usize,
    news: mpsc::Sender<(usize, News)>,
}

impl Tell {
    /// For the step at this place of the plan.
    pub fn new(index: usize, news: mpsc::Sender<(usize, News)>) -> Self {
        Self { index, news }
    }

    async fn send(&self, piece: News) {
        // The run may have been stopped; then nobody needs to know.
        self.news.send((self.index, piece)).await.ok();
    }

    /// What it does right now.
    pub async fn note(&self, note: impl Into<String>) {
        self.send(News::Note(note.into())).await;
    }

    /// A line of its log; never a secret.
    pub async fn log(&self, line: impl Into<String>) {
        self.send(News::Log(line.into())).await;
    }

    /// Why it waits.
    pub async fn waiting(&self, waiting: Waiting) {
        self.send(News::Waiting(waiting)).await;
    }
}

/// One attempt at a step.
#[derive(Clone, Debug)]
pub struct Task {
    /// The step.
    pub step: Arc<Step>,
    /// Counted from 1.
    pub attempt: u32,
    /// True when the journal says that just this was done by the run that is gone on with.
    pub remembered: bool,
    /// The run's time.
    pub clock: Clock,
    /// When the step's first attempt began.
    pub began: Timestamp,
    /// How long ago that is; the clock may be set meanwhile.
    pub since: Stopwatch,
    /// Where to tell.
    pub tell: Tell,
}

impl Task {
    /// When the step gives up, as the clock shows it now.
    pub fn gives_up_at(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.since.elapsed()).unwrap_or_default();
        let set = self.clock.now().duration_since(self.began) - passed;
        // Smaller steps are no news.
        let set = SignedDuration::from_secs(set.as_secs() / FINE * FINE);
        let end = self.began.checked_add(self.step.limit);
        end.and_then(|end| end.checked_add(set))
            .unwrap_or(Timestamp::MAX)
    }

    /// How long that is from now, really.
    pub(super) fn left(&self) -> Duration {
        self.clock
            .real_duration(self.step.limit.saturating_sub(self.since.elapsed()))
    }
}

/// What a step does first, for its first event.
pub fn first_note(step: &Step) -> String {
    match &step.action {
        Action::Helm(release) => format!("helm: {} {}", release.name, release.version),
        Action::Apply(objects) if objects.len() == 1 => "applying 1 object".to_owned(),
        Action::Apply(objects) => format!("applying {} objects", objects.len()),
        Action::Wait => "waiting until it is ready".to_owned(),
        Action::Job(_) => "running the job".to_owned(),
        Action::Buckets { .. } => "making the buckets".to_owned(),
        Action::Http(proof) => format!("asking {}", proof.url()),
        Action::Delete(targets) => format!("deleting {} objects", targets.len()),
        Action::Node(work) => work.words(),
        Action::Site(deed) => deed.words(),
        Action::Confirm { question } => question.clone(),
    }
}

/// Makes attempts until one succeeds, another cannot help, or the step's time is over.
pub async fn attempts(mut task: Task, perform: Perform, hurry: Arc<Notify>) {
    let tell = task.tell.clone();
    let mut pause = FIRST_PAUSE;
    loop {
        let work = calls::told(&tell, perform(task.clone()));
        let work = timeout(task.left() + GRACE, work).await;
        let error = match work.unwrap_or_else(|_elapsed| Err(DoorError::lasting(endless(&task)))) {
            Ok(how) => return tell.send(News::Ended(Ok(how))).await,
            Err(error) => error,
        };
        let wait = match error.retry {
            Retry::No => None,
            Retry::Backoff => Some(pause),
            Retry::After(asked) => Some(asked.min(LONGEST_PAUSE)),
        };
        let Some(wait) = wait.filter(|_| task.attempt < ATTEMPTS && !task.left().is_zero()) else {
            return tell.send(News::Ended(Err(error.problem))).await;
        };
        tell.send(News::Retry {
            attempt: task.attempt,
            next_in_ms: wait.as_millis().try_into().unwrap_or(u64::MAX),
            problem: error.problem,
        })
        .await;
        tokio::select! {
            () = tokio::time::sleep(wait.min(task.left())) => {}
            () = hurry.notified() => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        task.attempt += 1;
        tell.note(first_note(&task.step)).await;
    }
}

/// What it does has no end, such as the deletion of an object that something holds.
fn endless(task: &Task) -> Problem {
    let minutes = task.step.limit.as_secs() / 60;
    Problem::new(
        Code::Wait01,
        format!("The step did not come to an end within its {minutes} minutes."),
        "Read the last line of its log (press l): what it names does not end. Look at that object and at its finalizers, then run \
         the step again.",
    )
}

/// One attempt: asks whether it is there already, else acts, then waits until it is ready.
///
/// # Errors
/// What went wrong, and whether another attempt can help.
pub async fn perform(task: Task, doors: Doors) -> Result<Done, DoorError> {
    // The watches begin before the action, so that nothing that follows from it is missed.
    let mut readings = Readings::begin(&task.step.ready, &doors).await?;
    // What was proved before is proved again: nothing in the cluster tells whether it still holds.
    let proves = matches!(
        task.step.action,
        Action::Http(_) | Action::Node(_) | Action::Site(_)
    );
    if task.remembered && !proves && readings.are_ready(&doors).await? {
        act::tell_results(&task, &doors).await;
        return Ok(Done::AlreadyThere);
    }
    let changed = act::act(&task, &doors).await?;
    if changed {
        readings.fence(&doors).await?;
    }
    let was_ready = readings.wait(&task, &doors).await?;
    act::tell_results(&task, &doors).await;
    Ok(if changed || !was_ready {
        Done::Applied
    } else {
        Done::AlreadyThere
    })
}
