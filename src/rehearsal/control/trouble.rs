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

/// A disk of the first machine is full.
pub const DISK_FULL: &str = "disk-full";
/// The certificate of the site's addresses has ended.
pub const CERTIFICATE_EXPIRED: &str = "certificate-expired";
/// A backup has begun and does not end.
pub const BACKUP_STUCK: &str = "backup-stuck";
/// The background tasks of Care need more memory than they may have.
pub const OUT_OF_MEMORY: &str = "out-of-memory";
/// The second machine runs out of memory.
pub const NODE_PRESSURE: &str = "node-pressure";

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
