//! Tells the events of a run to everyone who listens, from the first on; a slow listener is left behind, never waited for.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc};

use super::event::Event;
use crate::plan::StepId;

/// Events that a listener may lag behind before it is left.
const LAG: usize = 8192;

/// Events on their way to one listener.
const QUEUE: usize = 256;

/// Listeners and events that wait for the hub.
const ASKED: usize = 64;

/// Log lines told to those who come later, for each step.
const LOG: usize = 1000;

/// The way to the hub; it ends when all of these are gone.
#[derive(Clone, Debug)]
pub struct Hub(mpsc::Sender<Ask>);

#[derive(Debug)]
enum Ask {
    Tell(Event),
    Listen(mpsc::Sender<Event>),
}

impl Hub {
    /// Starts the task.
    pub fn start() -> Self {
        let (ask, mut asked) = mpsc::channel(ASKED);
        let (live, _) = broadcast::channel::<Arc<Event>>(LAG);
        tokio::spawn(async move {
            let mut past = Past::default();
            while let Some(ask) = asked.recv().await {
                match ask {
                    Ask::Tell(event) => {
                        let event = Arc::new(event);
                        past.add(&event);
                        // Nobody may be listening.
                        live.send(event).ok();
                    }
                    Ask::Listen(to) => {
                        let news = live.subscribe();
                        tokio::spawn(tell(past.0.clone(), news, to));
                    }
                }
            }
        });
        Self(ask)
    }

    /// Tells an event to everyone.
    pub async fn tell(&self, event: Event) {
        self.0.send(Ask::Tell(event)).await.ok();
    }

    /// Every event since the first, then those to come; ends after the last.
    pub fn listen(&self) -> mpsc::Receiver<Event> {
        let (to, events) = mpsc::channel(QUEUE);
        let ask = self.0.clone();
        tokio::spawn(async move { ask.send(Ask::Listen(to)).await.ok() });
        events
    }
}

async fn tell(
    past: Vec<Arc<Event>>,
    mut news: broadcast::Receiver<Arc<Event>>,
    to: mpsc::Sender<Event>,
) {
    let mut ended = false;
    for event in past {
        ended |= matches!(*event, Event::RunEnded { .. });
        if to.send((*event).clone()).await.is_err() {
            return;
        }
    }
    while !ended {
        let Ok(event) = news.recv().await else { return };
        ended = matches!(*event, Event::RunEnded { .. });
        if to.send((*event).clone()).await.is_err() {
            return;
        }
    }
}

/// What is told to those who come later: everything but outdated reasons and old log lines.
#[derive(Debug, Default)]
struct Past(Vec<Arc<Event>>);

impl Past {
    fn add(&mut self, event: &Arc<Event>) {
        match &**event {
            Event::Waiting { step, .. } => self.0.retain(|old| !is_waiting(old, step)),
            Event::Log { step, .. } => {
                let lines = self.0.iter().filter(|old| is_log(old, step)).count();
                if lines >= LOG
                    && let Some(oldest) = self.0.iter().position(|old| is_log(old, step))
                {
                    self.0.remove(oldest);
                }
            }
            _ => {}
        }
        self.0.push(Arc::clone(event));
    }
}

fn is_waiting(event: &Event, of: &StepId) -> bool {
    matches!(event, Event::Waiting { step, .. } if step == of)
}

fn is_log(event: &Event, of: &StepId) -> bool {
    matches!(event, Event::Log { step, .. } if step == of)
}
