//! Databases inside a cluster: made once its primary serves and their owner is there. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CLUSTER, status::owner};
use crate::rehearsal::{
    control::{
        pods::ready,
        shape::{after, condition, items, leaving, namespace, report, text, time},
    },
    world::{Reaction, World},
};

/// Seconds that making a database takes.
const MAKING: i64 = 2;

/// One turn for all databases.
pub(super) fn databases(world: &World<'_>, now: Timestamp, reaction: &mut Reaction) {
    for database in world.list("Database.postgresql.cnpg.io", None) {
        let status = &database["status"];
        let settled = status["applied"] == true
            && status["observedGeneration"] == database["metadata"]["generation"];
        if !leaving(database) && !settled {
            one(world, database, now, reaction);
        }
    }
}

fn one(world: &World<'_>, database: &Value, now: Timestamp, reaction: &mut Reaction) {
    let space = namespace(database);
    let cluster = text(&database["spec"]["cluster"]["name"]);
    let Some(cluster) = world.get(CLUSTER, space, cluster) else {
        return;
    };
    let primary = text(&cluster["status"]["currentPrimary"]);
    let serving = world
        .get("Pod", space, primary)
        .filter(|pod| ready(pod))
        .and_then(|pod| condition(pod, "Ready"))
        .and_then(|says| time(&says["lastTransitionTime"]));
    let Some(serving) = serving else { return };
    let born = time(&database["metadata"]["creationTimestamp"]).unwrap_or(now);
    let due = after(born.max(serving), MAKING);
    if now < due {
        reaction.wake(due);
        return;
    }
    let mut status = json!({"observedGeneration": database["metadata"]["generation"]});
    let role = text(&database["spec"]["owner"]);
    status["applied"] = has_role(cluster, role).into();
    if status["applied"] == false {
        status["message"] = format!(
            "while creating database \"{}\": ERROR: role \"{role}\" does not exist (SQLSTATE 42704)",
            text(&database["spec"]["name"])
        )
        .into();
    }
    reaction.writes.extend(report(database, status));
}

/// Whether the cluster has a role: its own, the one it was made with, or one it keeps.
fn has_role(cluster: &Value, role: &str) -> bool {
    let kept = &cluster["status"]["managedRolesStatus"]["byStatus"]["reconciled"];
    role == "postgres" || role == owner(cluster) || items(kept).any(|known| known == role)
}
