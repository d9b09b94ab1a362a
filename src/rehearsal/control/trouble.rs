//! Which scenario is played, as the simulated controllers ask for it. Pure.

use serde_json::Value;

use super::shape::text;
use crate::rehearsal::world::World;

/// The name of the ConfigMap in `kube-system` whose key `name` says what goes wrong.
pub const SCENARIO: &str = "rehearsal-scenario";

/// The names that controllers look for; the closed list with its words is [`crate::rehearsal::Scenario`].
pub const IMAGE_PULL_FAILS: &str = "image-pull-fails";
/// The second machine is lost.
pub const SECONDARY_LOST: &str = "secondary-lost";
/// Volumes need minutes.
pub const SLOW_DISKS: &str = "slow-disks";

/// How many times longer everything on a slow disk takes.
pub const SLOWER: i64 = 6;

/// The name of the scenario that an object of the scenario says; nothing goes wrong without one.
pub fn played(scenario: Option<&Value>) -> &str {
    scenario.map_or("", |map| text(&map["data"]["name"]))
}

/// The name of the scenario that is played; empty when none was ever set.
pub fn scenario<'w>(world: &World<'w>) -> &'w str {
    played(
        world
            .get("ConfigMap", "kube-system", SCENARIO)
            .map(AsRef::as_ref),
    )
}

/// Whether a scenario is played.
pub fn plays(world: &World<'_>, name: &str) -> bool {
    scenario(world) == name
}
