//! Runs a plan to its end: begins steps as the schedule allows, remembers every transition first, and obeys commands.

mod dispatch;

use std::{path::PathBuf, pin::Pin, sync::Arc};

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::{
    event::{Command, Done, Event, Outcome, RunId},
    hub::Hub,
    journal::Journal,
    step::{self, Task},
};
use crate::{
    plan::{Plan, StepId, upgrade::BEFORE},
    problem::{Code, Problem},
    sys::{DoorError, Doors, clock::Clock, lease::Lease},
};

/// Commands that wait for the run.
const COMMANDS: usize = 16;

/// Which steps take part, and who answers questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Begin with this step and everything listed after it.
    pub from: Option<StepId>,
    /// Only this step.
    pub only: Option<StepId>,
    /// Steps to leave out, with the person's reason.
    pub skip: Vec<(StepId, String)>,
    /// Questions are answered with yes.
    pub yes: bool,
}

impl Chosen {
    /// Checks that every named step is in the plan.
    ///
    /// # Errors
    /// One problem for each step that is not.
    pub fn check(&self, plan: &Plan) -> Result<(), Vec<Problem>> {
        let named = self
            .from
            .iter()
            .chain(&self.only)
            .chain(self.skip.iter().map(|(step, _)| step));
        let problems: Vec<Problem> = named
            .filter(|id| !plan.steps.iter().any(|step| step.id == **id))
            .map(|id| unknown_step(plan, id))
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// Whether the step at this place of the plan takes part; a copy goes with the upgrade that it is made for.
    pub fn takes(&self, plan: &Plan, index: usize) -> bool {
        let copy = plan
            .steps
            .get(index)
            .filter(|step| step.id.component() == BEFORE);
        self.names(plan, index)
            || copy.is_some_and(|copy| {
                let later = plan.steps.iter().enumerate().skip(index + 1);
                later
                    .filter(|(_, step)| step.needs.contains(&copy.id))
                    .any(|(place, _)| self.takes(plan, place))
            })
    }

    /// Whether a person has chosen the step.
    fn names(&self, plan: &Plan, index: usize) -> bool {
        let place = |id: &StepId| plan.steps.iter().position(|step| step.id == *id);
        if let Some(only) = &self.only {
            return place(only) == Some(index);
        }
        self.from
            .as_ref()
            .and_then(place)
            .is_none_or(|first| index >= first)
    }
}

fn unknown_step(plan: &Plan, id: &StepId) -> Problem {
    let nearest = plan
        .steps
        .iter()
        .map(|step| step.id.as_str())
        .max_by(|left, right| {
            let likeness = |text: &str| strsim::jaro_winkler(text, id.as_str());
            likeness(left).total_cmp(&likeness(right))
        });
    let example = nearest.map_or_else(String::new, |id| format!(" Did you mean `{id}`?"));
    Problem::new(
        Code::Run03,
        format!("The plan has no step `{id}`."),
        format!("Choose one that the command `plan` lists, as COMPONENT/STEP.{example}"),
    )
}

/// What the steps of a run do; in life it is [`step::perform`] with the doors.
pub type Perform = Arc<
    dyn Fn(Task) -> Pin<Box<dyn Future<Output = Result<Done, DoorError>> + Send>> + Send + Sync,
>;

/// What a run needs to know beside its plan.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where it is remembered.
    pub journal: PathBuf,
    /// The cluster, for the first event.
    pub cluster: String,
    /// True on the rehearsal cluster.
    pub rehearsal: bool,
    /// Which steps.
    pub chosen: Chosen,
    /// Its time.
    pub clock: Clock,
    /// What lets it alone work on the cluster; without one, whoever starts it sees to that.
    pub hold: Option<Hold>,
}

/// A run's hold on its cluster; it is given back when the run ends.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The run that the lease names.
    pub run: RunId,
    /// The lease.
    pub lease: Lease,
}

impl Hold {
    /// Waits until it is lost and says why.
    async fn lost(hold: Option<&Self>) -> Problem {
        match hold {
            Some(hold) => hold.lease.lost().await,
            None => std::future::pending().await,
        }
    }
}

/// A name for a new run.
pub fn new_id() -> RunId {
    RunId(format!(
        "{}-{:04x}",
        Timestamp::now().strftime("%Y%m%dT%H%M%SZ"),
        rand::random::<u16>()
    ))
}

/// A run that goes on; dropping it does not stop the run.
#[derive(Clone, Debug)]
pub struct RunHandle {
    hub: Hub,
    commands: mpsc::Sender<Command>,
    outcome: watch::Receiver<Option<Outcome>>,
}

impl RunHandle {
    /// Every event since the first, then those to come; ends after the last.
    pub fn subscribe(&self) -> mpsc::Receiver<Event> {
        self.hub.listen()
    }

    /// Where to send commands.
    pub fn commands(&self) -> mpsc::Sender<Command> {
        self.commands.clone()
    }

    /// Waits for the end.
    pub async fn finished(&self) -> Outcome {
        let mut outcome = self.outcome.clone();
        let ended = outcome.wait_for(Option::is_some).await;
        // Without an answer the run's own task has broken off; what was done is in the journal.
        ended
            .ok()
            .and_then(|outcome| outcome.clone())
            .unwrap_or(Outcome::Failed)
    }
}

/// Begins or goes on with the plan on a cluster.
///
/// # Errors
/// The journal cannot be used, or a chosen step is not in the plan.
pub fn start(plan: Plan, doors: Doors, setting: Setting) -> Result<RunHandle, Vec<Problem>> {
    let perform: Perform = Arc::new(move |task| {
        let doors = doors.clone();
        Box::pin(step::perform(task, doors))
    });
    start_with(plan, perform, setting)
}

/// Begins or goes on with the plan, with other hands.
///
/// # Errors
/// The journal cannot be used, or a chosen step is not in the plan.
pub fn start_with(
    plan: Plan,
    perform: Perform,
    setting: Setting,
) -> Result<RunHandle, Vec<Problem>> {
    setting.chosen.check(&plan)?;
    let (journal, memory) = Journal::open(&setting.journal).map_err(|problem| vec![problem])?;
    let hub = Hub::start();
    let (commands, asked) = mpsc::channel(COMMANDS);
    let (told, outcome) = watch::channel(None);
    let hold = setting.hold.clone();
    let run = dispatch::Run::new(plan, setting, (journal, memory), hub.clone());
    tokio::spawn(async move {
        let outcome = run.go(perform, asked).await;
        if let Some(hold) = hold {
            hold.lease.give_back().await;
        }
        told.send_replace(Some(outcome));
    });
    Ok(RunHandle {
        hub,
        commands,
        outcome,
    })
}

#[cfg(test)]
mod tests;
