//! Helm's releases, from the memory that helm keeps of them. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::watch::{
    facts::Facts,
    snapshot::{Kind, label, made, moment, namespace, text},
    view::{Health, ReleaseRow},
};

/// A helm that was killed leaves its release pending: nobody works on it any more after this.
const PENDING: std::time::Duration = std::time::Duration::from_mins(30);

/// The newest revision of each release, by namespace and name.
pub fn rows(facts: &Facts<'_>) -> Vec<ReleaseRow> {
    let mut newest: BTreeMap<(String, String), ReleaseRow> = BTreeMap::new();
    let mut older: BTreeMap<(String, String), Vec<(u64, String)>> = BTreeMap::new();
    for secret in facts.snapshot.all(Kind::Release) {
        let Some(row) = row(secret, facts) else {
            continue;
        };
        let key = (row.namespace.clone(), row.name.clone());
        let line = format!(
            "revision {}: {}, {} {}{}",
            row.revision,
            row.status,
            row.chart,
            row.version,
            row.at
                .map_or_else(String::new, |at| format!(", {}", moment(at)))
        );
        older
            .entry(key.clone())
            .or_default()
            .push((row.revision, line));
        let known = newest.get(&key).map_or(0, |known| known.revision);
        if row.revision > known {
            newest.insert(key, row);
        }
    }
    newest
        .into_iter()
        .map(|(key, mut row)| {
            let mut lines = older.remove(&key).unwrap_or_default();
            lines.sort_by_key(|(revision, _)| std::cmp::Reverse(*revision));
            row.details.extend(lines.into_iter().map(|(_, line)| line));
            row
        })
        .collect()
}

fn row(secret: &Value, facts: &Facts<'_>) -> Option<ReleaseRow> {
    let status = label(secret, "status")?;
    let revision: u64 = label(secret, "version")?.parse().ok()?;
    // Each revision is a Secret of its own, made when helm began with it.
    let at = made(secret);
    let health = match status {
        "deployed" | "superseded" => Health::Good,
        "failed" => Health::Bad,
        _ if facts.lasts(at, PENDING) => Health::Warn,
        _ => Health::Busy,
    };
    let said = text(secret, "/release/description");
    let details = (!said.is_empty())
        .then(|| said.to_owned())
        .into_iter()
        .collect();
    Some(ReleaseRow {
        namespace: namespace(secret).to_owned(),
        name: label(secret, "name")?.to_owned(),
        chart: text(secret, "/release/chart").to_owned(),
        version: text(secret, "/release/version").to_owned(),
        app: text(secret, "/release/app").to_owned(),
        revision,
        status: status.to_owned(),
        health,
        at,
        details,
    })
}
