//! Who steers a run: one at a time; the others look on, are told who it is, and may take over.

use jiff::Timestamp;
use tokio::sync::watch;

use crate::engine::event::{Steerer, Steering};

/// An onlooker's number; the process that runs the run itself has none.
pub(super) type Id = u64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Held {
    by: Option<(Option<Id>, Steerer)>,
}

/// The wheel of a run; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Wheel(watch::Sender<Held>);

impl Wheel {
    /// A wheel that nobody holds, or the process of the run itself.
    pub(super) fn new(owner: Option<String>) -> Self {
        let by = owner.map(|who| (None, steerer(who)));
        Self(watch::Sender::new(Held { by }))
    }

    /// Takes the wheel if nobody holds it; says whether it is held by this one now.
    pub(super) fn offer(&self, id: Id, who: &str) -> bool {
        self.0.send_if_modified(|held| {
            let free = held.by.is_none();
            if free {
                held.by = Some((Some(id), steerer(who.to_owned())));
            }
            free
        });
        self.holds(id)
    }

    /// Takes the wheel from whoever holds it.
    pub(super) fn take(&self, id: Id, who: &str) {
        if !self.holds(id) {
            let by = Some((Some(id), steerer(who.to_owned())));
            self.0.send_replace(Held { by });
        }
    }

    /// Lets go of it.
    pub(super) fn leave(&self, id: Id) {
        self.0.send_if_modified(|held| {
            let own = is_of(held, id);
            if own {
                held.by = None;
            }
            own
        });
    }

    fn holds(&self, id: Id) -> bool {
        is_of(&self.0.borrow(), id)
    }

    /// How it looks for an onlooker.
    pub(super) fn seen_by(&self, id: Id) -> Steering {
        let held = self.0.borrow();
        Steering {
            mine: is_of(&held, id),
            by: held.by.as_ref().map(|(_, steerer)| steerer.clone()),
        }
    }

    /// Hears when it changes hands.
    pub(super) fn changes(&self) -> Changes {
        Changes(self.0.subscribe())
    }
}

/// News of the wheel.
pub(super) struct Changes(watch::Receiver<Held>);

impl Changes {
    /// Waits until it has changed hands.
    pub(super) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn is_of(held: &Held, id: Id) -> bool {
    held.by.as_ref().is_some_and(|(by, _)| *by == Some(id))
}

fn steerer(who: String) -> Steerer {
    Steerer {
        who,
        since: Timestamp::now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_steers_and_who_leaves_lets_the_next_one_steer() {
        let wheel = Wheel::new(None);
        assert!(wheel.offer(1, "anna") && !wheel.offer(2, "ben"));
        let seen = wheel.seen_by(2);
        assert!(!seen.mine && seen.by.unwrap().who == "anna");
        wheel.leave(2);
        assert!(wheel.seen_by(1).mine);
        wheel.leave(1);
        assert_eq!(wheel.seen_by(2).by, None);
        assert!(wheel.offer(2, "ben"));
    }

    #[test]
    fn a_watcher_takes_over_also_from_the_process_of_the_run() {
        let wheel = Wheel::new(Some("root".to_owned()));
        assert!(!wheel.offer(1, "anna"));
        wheel.take(1, "anna");
        assert!(wheel.seen_by(1).mine);
        let since = wheel.seen_by(1).by.unwrap().since;
        wheel.take(1, "anna");
        assert_eq!(wheel.seen_by(1).by.unwrap().since, since);
        wheel.take(2, "ben");
        assert!(!wheel.seen_by(1).mine && wheel.seen_by(2).mine);
    }
}
