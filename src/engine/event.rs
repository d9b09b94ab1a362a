//! What happens in a run, as data: every face, the journal and the JSON output read these. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    plan::{Component, Purpose, Stage, StepId, StepKind},
    problem::{Code, Problem},
};

/// Version of the event and journal format.
pub const FORMAT: u32 = 1;

/// A run's identity: when it began, and a random tail.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RunId(pub String);

/// Where a step stands; every end carries its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum StepState {
    /// Needs others first, or a free place.
    Waiting,
    /// At work.
    Running {
        /// What it does right now, such as `applying 12 objects`.
        note: String,
    },
    /// Finished well.
    Done {
        /// In which way.
        how: Done,
    },
    /// Finished badly.
    Failed {
        /// What, why and what to do.
        problem: Problem,
    },
    /// Never started in this run.
    NotRun {
        /// Why not.
        why: NotRun,
    },
}

/// How a step finished well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "done", rename_all = "snake_case")]
pub enum Done {
    /// It changed something and is ready.
    Applied,
    /// All was there and ready.
    AlreadyThere,
    /// Ready, with something to know.
    Warned {
        /// What to know.
        message: String,
    },
    /// Left out by a person.
    Skipped {
        /// The person's reason.
        reason: String,
    },
}

/// Why a step was never started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum NotRun {
    /// A step it needs is not done.
    Needs {
        /// The step that is missing.
        step: StepId,
    },
    /// The run was stopped before.
    Stopped,
    /// Left out by `--from` or `--only`.
    NotChosen,
}

impl StepState {
    /// True once the step will not change by itself any more.
    pub fn is_end(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Running { .. })
    }
}

/// Why a step is still waiting for readiness, from live objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What is waited for, such as `Cluster database/care-db to be healthy`.
    pub target: String,
    /// What the objects say, most telling first; whole short sentences.
    pub reasons: Vec<Reason>,
    /// When the step gives up.
    pub gives_up_at: Timestamp,
}

/// One finding about why it waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Such as `pod care-db-2 is Pending: its volume is attaching on secondary`.
    pub sentence: String,
    /// Since when it has been so, when the objects tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The problem code, when it is a known cause that will not cure itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// What to do, when there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A step as the first event lists it, so that a face can draw the plan before anything runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOutline {
    /// Unique id.
    pub id: StepId,
    /// Component id.
    pub component: String,
    /// Index into the stages.
    pub stage: usize,
    /// What is shown.
    pub title: String,
    /// Kind of step.
    pub kind: StepKind,
    /// Steps it needs.
    pub needs: Vec<StepId>,
    /// Usual time in milliseconds.
    pub usual_ms: u64,
    /// When its wait gives up, in milliseconds after its start.
    pub limit_ms: u64,
}

/// The plan as the first event carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// Site name.
    pub site: String,
    /// What the run is for.
    #[serde(default, skip_serializing_if = "Purpose::is_deploy")]
    pub purpose: Purpose,
    /// Stages in order.
    pub stages: Vec<Stage>,
    /// Components with their pins.
    pub components: Vec<Component>,
    /// Steps in order.
    pub steps: Vec<StepOutline>,
    /// Digest over the finished objects: two plans with the same digest send the same.
    pub digest: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Every chosen step is done.
    Done,
    /// Done, and some steps warned or were skipped.
    DoneWithWarnings,
    /// Some steps failed; the rest that could run did.
    Failed,
    /// Stopped by a person or a signal; resumable.
    Stopped,
}

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Always the first.
    RunStarted {
        /// Format version.
        format: u32,
        /// This run.
        run: RunId,
        /// When.
        at: Timestamp,
        /// The cluster, such as `https://kube-api.internal:6443`.
        cluster: String,
        /// True on the rehearsal cluster.
        rehearsal: bool,
        /// The whole plan in outline.
        outline: Outline,
    },
    /// A step changed its state.
    Step {
        /// Which.
        step: StepId,
        /// When.
        at: Timestamp,
        /// Attempt, counted from 1.
        attempt: u32,
        /// Since the step began, in milliseconds.
        elapsed_ms: u64,
        /// The new state.
        #[serde(flatten)]
        state: StepState,
    },
    /// An attempt failed and will be made again.
    Retry {
        /// Which step.
        step: StepId,
        /// When.
        at: Timestamp,
        /// The attempt that failed.
        attempt: u32,
        /// When the next begins, in milliseconds from now.
        next_in_ms: u64,
        /// What went wrong.
        problem: Problem,
    },
    /// Why a step waits; only the newest matters.
    Waiting {
        /// Which step.
        step: StepId,
        /// When.
        at: Timestamp,
        /// What and why.
        waiting: Waiting,
    },
    /// A command, an API call or an output line, for the step's log; never holds a secret.
    Log {
        /// Which step.
        step: StepId,
        /// When.
        at: Timestamp,
        /// One line.
        line: String,
    },
    /// No new steps are started until resumed.
    Paused {
        /// When.
        at: Timestamp,
    },
    /// Steps are started again.
    Resumed {
        /// When.
        at: Timestamp,
    },
    /// A stop was asked for.
    Stopping {
        /// When.
        at: Timestamp,
        /// Why: the key, the signal.
        why: String,
    },
    /// Always the last.
    RunEnded {
        /// When.
        at: Timestamp,
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// Steps done, also those already there.
        done: usize,
        /// Steps in the plan.
        total: usize,
        /// Since the run began, in milliseconds.
        elapsed_ms: u64,
    },
}

/// Who steers a run, as one who looks on is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steering {
    /// Who does; nobody after the one who did has left.
    pub by: Option<Steerer>,
    /// True when that is oneself.
    pub mine: bool,
}

/// The one who steers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steerer {
    /// The person, computer and process.
    pub who: String,
    /// Since when.
    pub since: Timestamp,
}

/// What a face may ask of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Make a failed step's next attempt now.
    Retry {
        /// Which.
        step: StepId,
    },
    /// Leave a step out, with a reason.
    Skip {
        /// Which.
        step: StepId,
        /// Why; never empty.
        reason: String,
    },
    /// Start no new steps.
    Pause,
    /// Start steps again.
    Resume,
    /// Answer a confirm step.
    Answer {
        /// Which.
        step: StepId,
        /// Yes or no.
        yes: bool,
    },
    /// Finish the running steps, then stop.
    StopSafely,
    /// Stop now; running steps are abandoned and asked again by the resume.
    StopNow,
    /// Steer from here on; whoever did looks on.
    TakeOver,
}
