//! Tells the events of a run to everyone who listens, from the first on; a slow listener is never waited for, it gets the state anew.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc};

use super::event::Event;
use crate::plan::StepId;

/// Events that a listener may lag behind before it gets the state anew, from the first event on.
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
        let again = ask.downgrade();
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
                        tokio::spawn(tell(past.0.clone(), news, to, again.clone()));
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
    again: mpsc::WeakSender<Ask>,
) {
    let mut ended = false;
    for event in past {
        ended |= matches!(*event, Event::RunEnded { .. });
        if to.send((*event).clone()).await.is_err() {
            return;
        }
    }
    while !ended {
        let event = match news.recv().await {
            Ok(event) => event,
            Err(broadcast::error::RecvError::Closed) => return,
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "a slow listener gets the run anew");
                if let Some(again) = again.upgrade() {
                    again.send(Ask::Listen(to)).await.ok();
                }
                return;
            }
        };
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::engine::event::Outcome;

    #[tokio::test]
    async fn a_listener_that_was_too_slow_hears_everything_anew_to_the_end() {
        let hub = Hub::start();
        let at = Timestamp::UNIX_EPOCH;
        let mut slow = hub.listen();
        hub.tell(Event::Paused { at }).await;
        assert_eq!(slow.recv().await, Some(Event::Paused { at }));
        for _ in 0..LAG + 2 * QUEUE {
            hub.tell(Event::Resumed { at }).await;
        }
        let end = Event::RunEnded {
            at,
            outcome: Outcome::Done,
            done: 0,
            total: 0,
            elapsed_ms: 0,
        };
        hub.tell(end.clone()).await;
        let mut heard = Vec::new();
        while let Some(event) = slow.recv().await {
            heard.push(event);
        }
        assert_eq!(heard.last(), Some(&end));
        let anew = heard
            .iter()
            .rposition(|event| *event == Event::Paused { at });
        let anew = anew.expect("it did not lag");
        assert_eq!(heard.len() - anew, LAG + 2 * QUEUE + 2);
    }
}
