//! All simulated controllers as one: every turn asks each of them what the world still lacks. Pure.

use jiff::Timestamp;

use super::{
    collect, control,
    store::Store,
    world::{Controller, Reaction, Seen, World},
};

/// What every API server's own controller manager does; the others are in [`control::CONTROLLERS`].
const COLLECTORS: &[Controller] = &[collect::owners, collect::namespaces, collect::definitions];

fn all() -> impl Iterator<Item = Controller> {
    COLLECTORS.iter().chain(control::CONTROLLERS).copied()
}

/// One turn of all controllers, for those who ask only once.
#[cfg(test)]
pub fn turn(world: &World<'_>, now: Timestamp) -> Reaction {
    all().fold(Reaction::default(), |sum, controller| {
        sum.and(controller(world, now))
    })
}

/// The controllers of a cluster that lives: each is asked again only when something it looks at has changed, or when it said.
#[derive(Debug, Default)]
pub struct Driver(Vec<(Controller, Option<Asked>)>);

/// The last time a controller was asked.
#[derive(Debug)]
struct Asked {
    seen: Seen,
    /// The revision it saw.
    at: u64,
    wake_at: Option<Timestamp>,
}

impl Asked {
    fn holds(&self, store: &Store, now: Timestamp) -> bool {
        self.wake_at.is_none_or(|wake| now < wake) && self.seen.is_unchanged(store, self.at)
    }
}

impl Driver {
    /// Every controller.
    pub fn new() -> Self {
        Self::of(all())
    }

    /// Only these.
    pub fn of(controllers: impl IntoIterator<Item = Controller>) -> Self {
        Self(controllers.into_iter().map(|one| (one, None)).collect())
    }

    /// One turn of those that may have something to say.
    pub fn turn(&mut self, store: &Store, now: Timestamp) -> Reaction {
        let mut sum = Reaction::default();
        for (controller, asked) in &mut self.0 {
            if let Some(known) = asked.as_ref().filter(|known| known.holds(store, now)) {
                sum.wake_at = sum.wake_at.into_iter().chain(known.wake_at).min();
                continue;
            }
            let seen = Seen::default();
            let reaction = controller(&World::noting(store, &seen), now);
            *asked = Some(Asked {
                seen,
                at: store.revision(),
                wake_at: reaction.wake_at,
            });
            sum = sum.and(reaction);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;
    use crate::rehearsal::world::Write;

    thread_local! {
        static ASKED: Cell<u32> = const { Cell::new(0) };
    }

    /// Looks at nodes, and wants to be asked in a minute.
    fn looks(world: &World<'_>, now: Timestamp) -> Reaction {
        ASKED.set(ASKED.get() + 1);
        let mut reaction = Reaction::default();
        if world.list("Node", None).next().is_some() {
            reaction.wake(now + SignedDuration::from_mins(1));
        }
        reaction
    }

    #[test]
    fn a_controller_is_asked_again_when_what_it_looks_at_changes_or_its_time_has_come() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let mut store = Store::default();
        let mut driver = Driver::of([looks as Controller]);
        let object = |kind: &str, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
        let minute = Some(now + SignedDuration::from_mins(1));
        // What happens, when they are asked, how often they were asked by then, and when they want to be asked again.
        for (made, after, asked, wake) in [
            (None, 0, 1, None),
            (None, 0, 1, None),
            (Some("Pod"), 0, 1, None),
            (Some("Node"), 0, 2, minute),
            (Some("Pod"), 59, 2, minute),
            (
                None,
                60,
                3,
                minute.map(|at| at + SignedDuration::from_mins(1)),
            ),
        ] {
            if let Some(kind) = made {
                let name = format!("a{}", store.revision());
                store.perform(Write::Create(object(kind, &name)), now);
            }
            let reaction = driver.turn(&store, now + SignedDuration::from_secs(after));
            assert_eq!(
                (ASKED.get(), reaction.wake_at),
                (asked, wake),
                "{made:?} after {after} s"
            );
        }
    }
}
