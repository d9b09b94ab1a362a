//! What a run tells, kept for the questions of a test.

use std::{collections::BTreeMap, time::Duration};

use care_install::{
    engine::{
        event::{Done, Event, Outcome, StepState},
        run::RunHandle,
    },
    problem::Code,
};
use tokio::sync::mpsc;

/// How long a whole deploy, or any piece of news of it, may take.
const LIMIT: Duration = Duration::from_mins(3);

/// What a listener has heard so far.
pub struct Heard {
    events: mpsc::Receiver<Event>,
    all: Vec<Event>,
}

impl Heard {
    pub fn of(handle: &RunHandle) -> Self {
        Self {
            events: handle.subscribe(),
            all: Vec::new(),
        }
    }

    /// Listens until it comes.
    pub async fn until(&mut self, what: &str, is: impl Fn(&Event) -> bool) {
        loop {
            let event = tokio::time::timeout(LIMIT, self.events.recv()).await;
            let event = event.ok().flatten();
            assert!(event.is_some(), "{what} did not come: {:#?}", self.last());
            let Some(event) = event else { return };
            let found = is(&event);
            self.all.push(event);
            if found {
                return;
            }
        }
    }

    pub async fn into_end(mut self) -> (Outcome, Vec<Event>) {
        self.until("the end", |event| matches!(event, Event::RunEnded { .. }))
            .await;
        let Some(Event::RunEnded { outcome, .. }) = self.all.last() else {
            unreachable!("the last event is the end");
        };
        (outcome.clone(), self.all)
    }

    fn last(&self) -> Vec<String> {
        last(&self.all)
    }
}

/// The newest state of every step and the newest reason why it waits, for the words of a failed test.
pub fn last(events: &[Event]) -> Vec<String> {
    let mut states = BTreeMap::new();
    for event in events {
        match event {
            Event::Step { step, state, .. } => {
                states.insert(step.as_str(), format!("{state:?}"));
            }
            Event::Waiting { step, waiting, .. } => {
                states.insert(step.as_str(), format!("{waiting:?}"));
            }
            Event::Retry { step, problem, .. } => {
                states.insert(step.as_str(), format!("{problem:?}"));
            }
            _ => {}
        }
    }
    states
        .into_iter()
        .map(|(step, state)| format!("{step}: {state}"))
        .collect()
}

pub fn logs<'e>(events: &'e [Event], id: &str) -> Vec<&'e str> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Log { step, line, .. } if step.as_str() == id => Some(line.as_str()),
            _ => None,
        })
        .collect()
}

/// The codes of the attempts of a step that failed and were made again.
pub fn retries(events: &[Event], id: &str) -> Vec<Code> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Retry { step, problem, .. } if step.as_str() == id => Some(problem.code),
            _ => None,
        })
        .collect()
}

pub fn ends(events: &[Event]) -> BTreeMap<String, Done> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Step {
                step,
                state: StepState::Done { how },
                ..
            } => Some((step.to_string(), how.clone())),
            _ => None,
        })
        .collect()
}
