//! All simulated controllers as one: every turn asks each of them what the world still lacks. Pure.

use jiff::Timestamp;

use super::{
    collect, control,
    world::{Controller, Reaction, World},
};

/// What every API server's own controller manager does; the others are in [`control::CONTROLLERS`].
const COLLECTORS: &[Controller] = &[collect::owners, collect::namespaces, collect::definitions];

/// One turn of all controllers.
pub fn turn(world: &World<'_>, now: Timestamp) -> Reaction {
    COLLECTORS
        .iter()
        .chain(control::CONTROLLERS)
        .fold(Reaction::default(), |sum, controller| {
            sum.and(controller(world, now))
        })
}
