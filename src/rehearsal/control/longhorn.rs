//! Longhorn as far as others see it. Pure.

use serde_json::Value;

use super::shape::name;
use crate::rehearsal::world::World;

/// The name of its volume driver.
pub const DRIVER: &str = "driver.longhorn.io";
const NAMESPACE: &str = "longhorn-system";

/// Whether the DaemonSet of the managers serves on every node.
pub fn runs(world: &World<'_>) -> bool {
    world
        .list("DaemonSet.apps", Some(NAMESPACE))
        .any(|set| name(set) == "longhorn-manager" && all_serve(set))
}

fn all_serve(set: &Value) -> bool {
    let wanted = set["status"]["desiredNumberScheduled"]
        .as_u64()
        .unwrap_or(0);
    wanted > 0 && set["status"]["numberReady"].as_u64() >= Some(wanted)
}

/// Whether volumes can be made now: the managers run, and so does the provisioner that they start.
pub fn provisions(world: &World<'_>) -> bool {
    let provisioner = world.get("Deployment.apps", NAMESPACE, "csi-provisioner");
    runs(world) && provisioner.is_some_and(|provisioner| super::operator::serves(provisioner))
}
