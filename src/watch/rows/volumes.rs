//! Volume claims with what Longhorn says about the volumes behind them. Pure.

use serde_json::Value;

use super::pods::newest;
use crate::watch::{
    facts::{Facts, Operator, Works},
    snapshot::{Kind, condition, leaving, made, moment, name, namespace, text, time},
    view::{Health, VolumeRow},
};

/// The rows of all claims, by namespace and name.
pub fn rows(facts: &Facts<'_>) -> Vec<VolumeRow> {
    facts
        .snapshot
        .all(Kind::Claim)
        .map(|claim| row(claim, facts))
        .collect()
}

fn row(claim: &Value, facts: &Facts<'_>) -> VolumeRow {
    let phase = match text(claim, "/status/phase") {
        "" => "Pending",
        phase => phase,
    };
    let volume = volume_of(claim, facts);
    let believed = facts.works(Operator::Longhorn) == Works::Yes;
    let health = match (phase, volume) {
        _ if leaving(claim) => Health::Busy,
        ("Lost", _) => Health::Bad,
        ("Bound", Some(volume)) => robustness(volume, believed),
        ("Bound", None) => Health::Good,
        _ => Health::Busy,
    };
    let status = match volume.map(|volume| text(volume, "/status/robustness")) {
        _ if leaving(claim) => "Terminating",
        Some(_) if health == Health::Unknown => "Unknown",
        Some("degraded") => "Degraded",
        Some("faulted") => "Faulted",
        _ => phase,
    };
    let size = match text(claim, "/status/capacity/storage") {
        "" => text(claim, "/spec/resources/requests/storage"),
        size => size,
    };
    let mut details = volume.map_or_else(Vec::new, |volume| about(volume, believed, facts));
    details.extend(newest(&facts.events("PersistentVolumeClaim", claim)));
    VolumeRow {
        namespace: namespace(claim).to_owned(),
        name: name(claim).to_owned(),
        status: status.to_owned(),
        health,
        size: size.to_owned(),
        class: text(claim, "/spec/storageClassName").to_owned(),
        since: made(claim),
        details,
    }
}

/// The Longhorn volume behind a claim.
fn volume_of<'f>(claim: &Value, facts: &'f Facts<'_>) -> Option<&'f Value> {
    let wanted = text(claim, "/spec/volumeName");
    facts
        .snapshot
        .get(Kind::Volume, "longhorn-system", wanted)
        .filter(|_| !wanted.is_empty())
}

fn robustness(volume: &Value, believed: bool) -> Health {
    match text(volume, "/status/robustness") {
        _ if !believed => Health::Unknown,
        "faulted" => Health::Bad,
        "degraded" => Health::Warn,
        // A detached volume has no robustness: nobody uses it, nothing is wrong.
        _ => Health::Good,
    }
}

fn about(volume: &Value, believed: bool, facts: &Facts<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if !believed {
        lines.push("unknown: no Longhorn manager runs that could tell; last known:".to_owned());
    }
    lines.push(format!(
        "volume {}: {}, {}",
        name(volume),
        text(volume, "/status/state"),
        text(volume, "/status/robustness")
    ));
    for copy in facts.snapshot.all(Kind::Replica) {
        if text(copy, "/spec/volumeName") == name(volume) {
            let failed = !text(copy, "/spec/failedAt").is_empty();
            let state = if failed {
                "failed"
            } else {
                text(copy, "/status/currentState")
            };
            lines.push(format!("  copy on {}: {state}", text(copy, "/spec/nodeID")));
        }
    }
    if let Some(refused) = condition(volume, "Scheduled")
        && text(refused, "/status") == "False"
    {
        lines.push(format!(
            "  a copy has no place: {}",
            text(refused, "/message")
        ));
    }
    let backup = time(volume, "/status/lastBackupAt").map(moment);
    lines.push(match backup {
        Some(at) => format!("last backup: {at}"),
        None => "no backup of this volume itself".to_owned(),
    });
    lines
}

/// The claim that a Longhorn volume carries, as `namespace/name`; the volume's own name without one.
pub fn carried(volume: &Value) -> String {
    let claim = text(volume, "/status/kubernetesStatus/pvcName");
    if claim.is_empty() {
        return name(volume).to_owned();
    }
    format!(
        "{}/{claim}",
        text(volume, "/status/kubernetesStatus/namespace")
    )
}
