//! Backups and restores in words, for every face. Pure.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{Archive, Intent, Inventory, Rows};
use crate::plan::Restoring;

/// Everything that can be restored, and what cannot.
pub fn inventory(inventory: &Inventory, zone: &TimeZone) -> String {
    let mut lines = vec![format!(
        "PostgreSQL {} ({} in the bucket)",
        inventory.current.cluster(),
        inventory.server
    )];
    match &inventory.window {
        Some(window) => lines.push(format!(
            "Can be restored from {} to {}",
            shown(window.first, zone),
            shown(window.last, zone)
        )),
        None => lines.push("Nothing can be restored: there is no completed base backup".to_owned()),
    }
    lines.push(match &inventory.archive {
        Archive::Works => "Changes reach the bucket".to_owned(),
        Archive::Fails { since, why } => format!(
            "CHANGES DO NOT REACH THE BUCKET, known since {}: {why}",
            shown(*since, zone)
        ),
        Archive::Unknown => "Nobody says whether changes reach the bucket".to_owned(),
    });
    for base in &inventory.bases {
        lines.push(format!(
            "  ok        {:<44} ended {}",
            base.name,
            shown(base.ended, zone)
        ));
    }
    for rejected in &inventory.rejected {
        lines.push(format!(
            "  not used  {:<44} {}",
            rejected.name, rejected.reason
        ));
    }
    lines.join("\n") + "\n"
}

/// What a restore would do and cost.
pub fn intent(intent: &Intent, inventory: &Inventory, zone: &TimeZone) -> Vec<String> {
    let moment = intent.moment();
    let mut lines = vec![format!("Restores  PostgreSQL to {}", shown(moment, zone))];
    if let Some(base) = inventory.base_for(moment) {
        let after = span(moment.duration_since(base.ended));
        lines.push(format!(
            "          from the base backup {} and {after} of changes",
            base.name
        ));
    }
    let lost = span(inventory.now.duration_since(moment));
    let rows = match loss(intent, inventory) {
        Some((0, _)) => ", and no rows".to_owned(),
        Some((rows, tables)) => format!(", {rows} rows in {tables} tables"),
        None => ", rows are not counted".to_owned(),
    };
    lines.push(format!(
        "Loses     everything entered since then: {lost}{rows}"
    ));
    if let Some(promised) = &intent.promised {
        let at = intent.counted.map_or_else(String::new, |at| {
            format!(", as counted at {}", shown(at, zone))
        });
        lines.push(format!("Brings    {}{at}", promised.words()));
    }
    lines.push(format!(
        "Into      a new database {} ({} in the bucket); {} stays until you delete it",
        intent.next.cluster(),
        intent.next.server(),
        intent.present.cluster()
    ));
    if !intent.safety {
        lines.push("Without   the last changes in the bucket: the present database is not healthy, or does not reach it".to_owned());
    }
    for rejected in &inventory.rejected {
        lines.push(format!("Not used  {}: {}", rejected.name, rejected.reason));
    }
    lines
}

/// Rows and tables that go, when they are known.
pub fn loss(intent: &Intent, inventory: &Inventory) -> Option<(u64, usize)> {
    let now = &inventory.rows_at(inventory.now)?.rows;
    Some(now.beyond(intent.promised.as_ref()?))
}

/// The same for scripts.
pub fn intent_json(intent: &Intent, inventory: &Inventory) -> Value {
    let lost = inventory.now.duration_since(intent.moment());
    json!({
        "event": "restore", "moment": intent.moment(), "from": inventory.server,
        "into": intent.next.server(), "cluster": intent.next.cluster(),
        "base": inventory.base_for(intent.moment()), "loses_seconds": lost.as_secs(),
        "loses_rows": loss(intent, inventory).map(|(rows, _)| rows),
        "promised": intent.promised, "counted": intent.counted, "safety_copy": intent.safety, "rejected": inventory.rejected,
    })
}

/// What a finished restore has brought.
pub fn result(restoring: &Restoring, found: Option<&Rows>) -> String {
    format!(
        "Care uses {} now, as PostgreSQL was at {}: {}.\n{} is still there; delete it once nobody misses anything.\n",
        restoring.cluster,
        restoring.shown,
        proof(restoring, found),
        restoring.former
    )
}

/// What the proof has found, beside what was promised.
pub fn proof(restoring: &Restoring, found: Option<&Rows>) -> String {
    let promised = restoring.promised.clone().map(Rows);
    match (found, &promised) {
        (Some(found), Some(promised)) if found == promised => {
            format!("{}, exactly as promised", found.words())
        }
        (Some(found), Some(promised)) => {
            format!("{}; promised were {}", found.words(), promised.words())
        }
        (Some(found), None) => found.words(),
        (None, _) => "its rows were counted in the step restore/proof".to_owned(),
    }
}

/// A moment by the clock of a zone.
pub fn shown(moment: Timestamp, zone: &TimeZone) -> String {
    let zoned = moment.to_zoned(zone.clone());
    zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// A length of time.
pub fn span(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{} s", seconds % 60),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}
