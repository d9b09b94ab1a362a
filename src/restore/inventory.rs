//! What can be restored: base backups, the window of moments, and every backup that is of no use with its reason. Pure.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rows::{self, Count};
use crate::{
    plan::{Database, ObjectRef},
    ready::{self, Readiness},
};

/// The plugin that copies a database to its bucket.
const PLUGIN: &str = "barman-cloud.cloudnative-pg.io";

/// The archive is found to fail about this long after its last change arrived (seen: two minutes), and PostgreSQL
/// hands changes on only after `archive_timeout`.
const ARCHIVE_DELAY: Duration = Duration::from_mins(7);

/// What the cluster says about the database and its backups, as it was read.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Every Cluster, Backup, ObjectStore and ConfigMap of the database's namespace.
    pub objects: Vec<Arc<Value>>,
    /// When they were read, by the cluster's clock.
    pub now: Timestamp,
}

impl Facts {
    fn all<'f>(&'f self, kind: &'f str) -> impl Iterator<Item = &'f Value> + 'f {
        let objects = self.objects.iter().map(AsRef::as_ref);
        objects.filter(move |object: &&Value| text(object, "/kind") == kind)
    }

    fn named<'f>(&'f self, kind: &'f str, name: &str) -> Option<&'f Value> {
        self.all(kind)
            .find(|object| text(object, "/metadata/name") == name)
    }
}

/// A base backup that a restore can begin from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The Backup's name.
    pub name: String,
    /// When it began.
    pub began: Timestamp,
    /// When it ended: no earlier moment can be restored from it.
    pub ended: Timestamp,
}

/// A backup that a restore cannot use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The Backup's name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The moments that can be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The end of the first base backup that is still there.
    pub first: Timestamp,
    /// The newest change that is surely in the bucket.
    pub last: Timestamp,
}

/// Whether the changes of the database reach the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "archive")]
pub enum Archive {
    /// They do.
    Works,
    /// They do not.
    Fails {
        /// Since when that is known.
        since: Timestamp,
        /// What the operator says.
        why: String,
    },
    /// Nobody says: the database is gone, or has no archive.
    Unknown,
}

/// What can be restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The incarnation in use.
    pub current: Database,
    /// Its name in the bucket.
    pub server: String,
    /// True when its Cluster is healthy: then its last changes can be brought to safety first.
    pub alive: bool,
    /// Whether its changes arrive.
    pub archive: Archive,
    /// The moments; none without a completed backup.
    pub window: Option<Window>,
    /// Base backups, oldest first.
    pub bases: Vec<Base>,
    /// Backups of no use, with reasons.
    pub rejected: Vec<Rejected>,
    /// Names in the bucket that may hold something.
    pub used_servers: BTreeSet<String>,
    /// The names that the store has a window for.
    pub known_servers: BTreeSet<String>,
    /// The highest incarnation that was ever begun.
    pub highest: u32,
    /// When the facts were read.
    pub now: Timestamp,
    #[serde(skip)]
    counts: Vec<Count>,
}

/// An inventory with the counts that its JSON leaves out, for recordings of the screens.
pub mod whole {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Count, Inventory};

    #[derive(Serialize, Deserialize)]
    struct Whole {
        inventory: Inventory,
        counts: Vec<Count>,
    }

    /// Writes it.
    ///
    /// # Errors
    /// Whoever writes cannot.
    pub fn serialize<S: Serializer>(inventory: &Inventory, to: S) -> Result<S::Ok, S::Error> {
        let whole = Whole {
            inventory: inventory.clone(),
            counts: inventory.counts.clone(),
        };
        whole.serialize(to)
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is none.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Inventory, D::Error> {
        let Whole { inventory, counts } = Whole::deserialize(from)?;
        Ok(Inventory {
            counts,
            ..inventory
        })
    }
}

impl Inventory {
    /// Reads the facts.
    pub fn of(facts: &Facts) -> Self {
        let memory = facts.named("ConfigMap", &Database::remembered().name);
        let current = memory.and_then(Database::read).unwrap_or_default();
        let cluster = facts.named("Cluster", &current.cluster());
        let server = cluster
            .and_then(archive_of)
            .map_or_else(|| current.server(), |(_, server)| server.to_owned());
        let known_servers = known_servers(facts);
        let (bases, rejected) = sorted(facts, &current.cluster(), first(facts, &server));
        let alive = cluster.is_some_and(is_ready);
        let archive = cluster.map_or(Archive::Unknown, archive);
        let counts = facts.named("ConfigMap", &format!("{}-rows", current.cluster()));
        Self {
            window: window(facts, &server, &archive, &bases),
            used_servers: used_servers(facts, &known_servers),
            highest: highest(facts, &current, &known_servers),
            counts: counts.map(rows::history).unwrap_or_default(),
            now: facts.now,
            current,
            server,
            alive,
            archive,
            bases,
            rejected,
            known_servers,
        }
    }

    /// The base backup from which a moment is reached.
    pub fn base_for(&self, moment: Timestamp) -> Option<&Base> {
        self.bases.iter().rev().find(|base| base.ended <= moment)
    }

    /// The last count before a moment, when there is one.
    pub fn rows_at(&self, moment: Timestamp) -> Option<&Count> {
        rows::at(&self.counts, moment)
    }
}

/// The store and the name in it, when a cluster archives by the plugin.
fn archive_of(cluster: &Value) -> Option<(&str, &str)> {
    let plugins = cluster.pointer("/spec/plugins")?.as_array()?;
    let plugin = plugins
        .iter()
        .find(|plugin| text(plugin, "/name") == PLUGIN)?;
    let server = match text(plugin, "/parameters/serverName") {
        "" => text(cluster, "/metadata/name"),
        server => server,
    };
    Some((text(plugin, "/parameters/barmanObjectName"), server))
}

fn is_ready(cluster: &Value) -> bool {
    let name = text(cluster, "/metadata/name");
    let target = ObjectRef::new(
        "postgresql.cnpg.io/v1",
        "Cluster",
        crate::plan::DATABASE,
        name,
    );
    ready::object(&target, Some(cluster)) == Readiness::Ready
}

/// The condition is true without any archive too, so the plugin is looked at first.
fn archive(cluster: &Value) -> Archive {
    if archive_of(cluster).is_none() {
        return Archive::Unknown;
    }
    let all = cluster
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let found = all.into_iter().flatten();
    let Some(condition) = found
        .into_iter()
        .find(|condition| text(condition, "/type") == "ContinuousArchiving")
    else {
        return Archive::Unknown;
    };
    match (
        text(condition, "/status"),
        time(condition, "/lastTransitionTime"),
    ) {
        ("True", _) => Archive::Works,
        (_, Some(since)) => Archive::Fails {
            since,
            why: text(condition, "/message").to_owned(),
        },
        _ => Archive::Unknown,
    }
}

fn windows(facts: &Facts) -> impl Iterator<Item = (&String, &Value)> {
    let windows = facts
        .all("ObjectStore")
        .filter_map(|store| store.pointer("/status/serverRecoveryWindow")?.as_object());
    windows.flatten()
}

/// The first moment that the store itself can restore for a server.
fn first(facts: &Facts, server: &str) -> Option<Timestamp> {
    let mut windows = windows(facts).filter(|(name, _)| *name == server);
    windows.find_map(|(_, window)| time(window, "/firstRecoverabilityPoint"))
}

fn window(facts: &Facts, server: &str, archive: &Archive, bases: &[Base]) -> Option<Window> {
    let first = first(facts, server).or_else(|| bases.iter().map(|base| base.ended).min())?;
    let said = windows(facts).filter(|(name, _)| *name == server);
    let last_backup = said
        .filter_map(|(_, window)| time(window, "/lastSuccessfulBackupTime"))
        .chain(bases.iter().map(|base| base.ended))
        .max()?;
    let last = match archive {
        Archive::Works => facts.now,
        Archive::Fails { since, .. } => since.checked_sub(ARCHIVE_DELAY).unwrap_or(last_backup),
        Archive::Unknown => last_backup,
    };
    Some(Window {
        first,
        last: last.max(last_backup),
    })
}

fn known_servers(facts: &Facts) -> BTreeSet<String> {
    windows(facts).map(|(name, _)| name.clone()).collect()
}

fn used_servers(facts: &Facts, known: &BTreeSet<String>) -> BTreeSet<String> {
    let archived = facts.all("Cluster").filter_map(archive_of);
    let archived = archived.map(|(_, server)| server.to_owned());
    known.iter().cloned().chain(archived).collect()
}

/// A cancelled restore has written under its name too: no number is used twice.
fn highest(facts: &Facts, current: &Database, known: &BTreeSet<String>) -> u32 {
    let number = |text: &str, before: &str| text.strip_prefix(before)?.parse::<u32>().ok();
    let tried = facts.named("ConfigMap", super::steps::TRIED);
    let tried = tried.and_then(|map| text(map, "/data/highest").parse().ok());
    let clusters = facts
        .all("Cluster")
        .filter_map(|cluster| number(text(cluster, "/metadata/name"), "care-db-g"));
    let servers = known.iter().filter_map(|server| number(server, "care-db-"));
    let all = clusters.chain(servers).chain(tried);
    all.max().unwrap_or(1).max(current.generation)
}

/// Base backups of the cluster, oldest first, and those of no use.
fn sorted(facts: &Facts, cluster: &str, first: Option<Timestamp>) -> (Vec<Base>, Vec<Rejected>) {
    let (mut bases, mut rejected) = (Vec::new(), Vec::new());
    for backup in facts.all("Backup") {
        let name = text(backup, "/metadata/name").to_owned();
        match judged(backup, cluster, first) {
            Ok((began, ended)) => bases.push(Base { name, began, ended }),
            Err(reason) => rejected.push(Rejected { name, reason }),
        }
    }
    bases.sort_by_key(|base| base.ended);
    rejected.sort_by(|one, other| one.name.cmp(&other.name));
    (bases, rejected)
}

fn judged(
    backup: &Value,
    cluster: &str,
    first: Option<Timestamp>,
) -> Result<(Timestamp, Timestamp), String> {
    let of = text(backup, "/spec/cluster/name");
    if of != cluster {
        return Err(format!(
            "it belongs to {of}, not to the database in use ({cluster})"
        ));
    }
    let method = text(backup, "/spec/method");
    if method != "plugin" {
        return Err(format!(
            "it was made with the method {method}, not by the plugin into the bucket"
        ));
    }
    match text(backup, "/status/phase") {
        "completed" => {}
        "failed" => return Err(format!("it failed: {}", text(backup, "/status/error"))),
        "" => return Err("it has not begun".to_owned()),
        phase => return Err(format!("it is not finished ({phase})")),
    }
    let times = time(backup, "/status/startedAt").zip(time(backup, "/status/stoppedAt"));
    let Some((began, ended)) = times else {
        return Err("it does not say when it began and ended".to_owned());
    };
    if first.is_some_and(|first| ended < first) {
        return Err("it is older than what the bucket still keeps".to_owned());
    }
    Ok((began, ended))
}

pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    text(value, pointer).parse().ok()
}
