//! What the simulated PostgreSQL holds: rows that grow while Care writes, and the bucket to which each change is copied. Pure.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{CLUSTER, Phase, status::archive};
use crate::rehearsal::{
    control::{
        SCENARIO,
        shape::{after, items, leaving, name, namespace, owned_by, report, stamp, text, time, uid},
        trouble::scenario,
    },
    world::{Reaction, World, Write},
};

/// The bucket: one entry for each server name, with every count that has arrived.
const BUCKET: &str = "practice-bucket";
const SYSTEM: &str = "kube-system";

/// A note on the scenario: its one-time part was done.
const DONE: &str = "rehearsal.care-install/done";

/// Counts that are kept; when there are more, the older ones are thinned out.
const MOST: usize = 100;

/// Seconds between two counts.
const PAUSE: i64 = 60;

/// The archive is said to fail this many seconds after its last change arrived: Care closes a segment of the log that often, and
/// the bucket refuses it at once. Of an endpoint that is silent instead, a real cluster says so only after two minutes.
const SAID_AFTER: i64 = 30;

/// Tables with the rows that the practice hospital begins with, and how many more each hour brings.
const TABLES: [(&str, u64, u64); 6] = [
    ("public.emr_condition", 940, 40),
    ("public.emr_encounter", 2120, 90),
    ("public.emr_facility", 1, 0),
    ("public.emr_medicationrequest", 3310, 150),
    ("public.emr_patient", 1500, 60),
    ("public.users_user", 48, 0),
];

/// One turn for the rows of all clusters and for the bucket.
pub(super) fn rows(world: &World<'_>, now: Timestamp, reaction: &mut Reaction) {
    let emptied = emptied(world, reaction);
    let mut bucket = Bucket::of(world);
    for cluster in world.list(CLUSTER, None) {
        let healthy = cluster["status"]["phase"] == Phase::healthy().name;
        if leaving(cluster) || !healthy {
            continue;
        }
        let known = world.get("ConfigMap", namespace(cluster), &held_name(name(cluster)));
        let mut log = known.map(|map| lines(map)).unwrap_or_default();
        let before = log.len();
        if log.is_empty() {
            log.push(line(now, &first(&bucket, cluster)));
        }
        if emptied {
            log.push(line(now, &empty()));
        } else {
            grow(world, cluster, &mut log, now);
        }
        if log.len() != before {
            thin(&mut log);
            let write = match known {
                None => Write::Create(written(cluster, &log)),
                Some(known) => {
                    let mut object = (**known).clone();
                    object["data"]["counts"] = log.join("\n").into();
                    Write::Replace(object)
                }
            };
            reaction.writes.push(write);
        }
        reaction.writes.extend(remembered(world, cluster, &log));
        bucket.receive(cluster, &log, now, scenario(world) == "wal-archiving-fails");
        if let Some(stopped) = bucket.stopped(cluster) {
            let said = after(stopped, SAID_AFTER);
            if now < said {
                reaction.wake(said);
            }
        }
    }
    reaction.writes.extend(bucket.write());
}

/// What the site's own counting remembers of the counts, and that it was at work: its jobs are not run here, where the
/// clock jumps from one to the next, and it sees every change.
fn remembered(world: &World<'_>, cluster: &Value, log: &[String]) -> Vec<Write> {
    let own = format!("{}-rows", name(cluster));
    let counting = world.get("CronJob.batch", namespace(cluster), &own);
    let history = world.get("ConfigMap", namespace(cluster), &own);
    let (Some(counting), Some(history)) = (counting, history) else {
        return Vec::new();
    };
    let counts = log.join("\n");
    if counting["spec"]["suspend"] == true || history["data"]["counts"] == counts.as_str() {
        return Vec::new();
    }
    let mut object = (**history).clone();
    object["data"]["counts"] = counts.into();
    let mut status = counting["status"].clone();
    if let Some((at, _)) = log.last().and_then(|line| read(line)) {
        status["lastScheduleTime"] = stamp(at).into();
        status["lastSuccessfulTime"] = stamp(at).into();
    }
    let told = report(counting, status);
    std::iter::once(Write::Replace(object))
        .chain(told)
        .collect()
}

/// Whether the tables are emptied in this turn: once for each time that the scenario is set.
fn emptied(world: &World<'_>, reaction: &mut Reaction) -> bool {
    let Some(map) = world.get("ConfigMap", SYSTEM, SCENARIO) else {
        return false;
    };
    let wanted = map["data"]["name"] == "data-destroyed";
    let done = map["metadata"]["annotations"][DONE].is_string();
    if wanted == done {
        return false;
    }
    let mut noted = (**map).clone();
    if wanted {
        noted["metadata"]["annotations"][DONE] = "true".into();
    } else if let Some(notes) = noted["metadata"]["annotations"].as_object_mut() {
        notes.shift_remove(DONE);
    }
    reaction.writes.push(Write::Replace(noted));
    wanted
}

/// More rows while Care writes into this cluster; the first time with all that the practice hospital begins with.
fn grow(world: &World<'_>, cluster: &Value, log: &mut Vec<String>, now: Timestamp) {
    let Some((at, rows)) = log.last().and_then(|line| read(line)) else {
        return;
    };
    if !written_to(world, cluster) {
        return;
    }
    let new = log
        .iter()
        .filter_map(|line| read(line))
        .all(|(_, rows)| total(&rows) == 0);
    let seconds = now.duration_since(at).as_secs();
    if !new && seconds < PAUSE {
        return;
    }
    let passed = u64::try_from(seconds).unwrap_or(0);
    let more = TABLES.iter().map(|(table, base, hourly)| {
        let had = rows[*table].as_u64().unwrap_or(0);
        let count = if new {
            *base
        } else {
            had + passed * hourly / 3600
        };
        ((*table).to_owned(), count.into())
    });
    log.push(line(now, &Value::Object(more.collect())));
}

fn written_to(world: &World<'_>, cluster: &Value) -> bool {
    let host = format!("{}-rw.{}.svc", name(cluster), namespace(cluster));
    let led = world
        .list("ConfigMap", Some("care-be"))
        .any(|map| map["data"]["POSTGRES_HOST"] == host.as_str());
    let serves = |object: &Value| object["status"]["readyReplicas"].as_u64().unwrap_or(0) > 0;
    led && world
        .get("Deployment.apps", "care-be", "care")
        .is_some_and(|care| serves(care))
}

/// What a new cluster holds: nothing, or what the bucket has of its origin at the target.
fn first(bucket: &Bucket, cluster: &Value) -> Value {
    let Some((server, target)) = recovery(cluster) else {
        return empty();
    };
    let known = bucket
        .lines(server)
        .into_iter()
        .filter_map(|line| read(&line));
    let mut rows = empty();
    for (_, counted) in known.take_while(|(at, _)| target.is_none_or(|target| *at <= target)) {
        rows = counted;
    }
    rows
}

/// The server name and the moment that a cluster is to be recovered from.
pub(super) fn recovery(cluster: &Value) -> Option<(&str, Option<Timestamp>)> {
    let how = &cluster["spec"]["bootstrap"]["recovery"];
    let source = how["source"].as_str()?;
    let origin = items(&cluster["spec"]["externalClusters"]).find(|one| one["name"] == source)?;
    let server = origin["plugin"]["parameters"]["serverName"]
        .as_str()
        .unwrap_or(source);
    Some((server, time(&how["recoveryTarget"]["targetTime"])))
}

/// Why a recovery can never succeed, by the name that the log of its pods is made from.
pub(super) fn wrong(world: &World<'_>, cluster: &Value, now: Timestamp) -> Option<&'static str> {
    let (server, target) = recovery(cluster)?;
    let bucket = Bucket::of(world);
    if let Some((_, own)) = archive(cluster)
        && bucket.entries[own].is_object()
        && bucket.entries[own]["cluster"] != uid(cluster)
    {
        return Some("same-server-name");
    }
    let windows = world
        .list("ObjectStore.barmancloud.cnpg.io", Some(namespace(cluster)))
        .filter_map(|store| {
            time(&store["status"]["serverRecoveryWindow"][server]["firstRecoverabilityPoint"])
        });
    let first = windows.min();
    let early = |first: Timestamp| target.is_some_and(|target| target < first);
    if first.is_none_or(early) {
        return Some("no-target-backup");
    }
    let last = time(&bucket.entries[server]["stopped"]).unwrap_or(now);
    target
        .is_some_and(|target| target > last)
        .then_some("target-too-late")
}

/// Since when nothing arrives of a cluster, once that is said of it.
pub(super) fn archive_fails(world: &World<'_>, cluster: &Value, now: Timestamp) -> bool {
    let stopped = Bucket::of(world).stopped(cluster);
    stopped.is_some_and(|stopped| now >= after(stopped, SAID_AFTER))
}

/// Whether nothing arrives of a cluster now: a base backup then waits without a word.
pub(super) fn archive_stands(world: &World<'_>, cluster: &Value) -> bool {
    Bucket::of(world).stopped(cluster).is_some()
}

/// The rows that a query at this moment finds.
pub fn counted(world: &World<'_>, space: &str, cluster: &str, at: Timestamp) -> Vec<(String, u64)> {
    let Some(map) = world.get("ConfigMap", space, &held_name(cluster)) else {
        return Vec::new();
    };
    let known = lines(map);
    let known = known.iter().filter_map(|line| read(line));
    let last = known.take_while(|(then, _)| *then <= at).last();
    let rows = last.map(|(_, rows)| rows).unwrap_or_default();
    let pairs = rows.as_object().into_iter().flatten();
    pairs
        .filter_map(|(table, count)| Some((table.clone(), count.as_u64()?)))
        .collect()
}

/// The bucket, as it is kept between two turns.
struct Bucket {
    entries: Value,
    known: Option<Value>,
    before: Value,
}

impl Bucket {
    fn of(world: &World<'_>) -> Self {
        let map = world.get("ConfigMap", SYSTEM, BUCKET);
        let data = map.and_then(|map| map["data"].as_object().cloned());
        let entries = data.into_iter().flatten().filter_map(|(server, entry)| {
            Some((server, serde_json::from_str(entry.as_str()?).ok()?))
        });
        let entries: Value = entries.collect::<Map<String, Value>>().into();
        Self {
            known: map.map(|map| (**map).clone()),
            before: entries.clone(),
            entries,
        }
    }

    fn lines(&self, server: &str) -> Vec<String> {
        let known = items(&self.entries[server]["counts"]).filter_map(Value::as_str);
        known.map(str::to_owned).collect()
    }

    fn stopped(&self, cluster: &Value) -> Option<Timestamp> {
        let (_, server) = archive(cluster)?;
        time(&self.entries[server]["stopped"])
    }

    /// Every change of a cluster that archives; while its archive fails, nothing.
    fn receive(&mut self, cluster: &Value, log: &[String], now: Timestamp, fails: bool) {
        let Some((_, server)) = archive(cluster) else {
            return;
        };
        let entry = &mut self.entries[server];
        if !entry.is_object() {
            *entry = json!({"cluster": uid(cluster), "counts": [], "stopped": null});
        }
        if entry["cluster"] != uid(cluster) {
            return;
        }
        if fails {
            if entry["stopped"].is_null() {
                entry["stopped"] = stamp(now).into();
            }
        } else {
            entry["stopped"] = Value::Null;
            entry["counts"] = json!(log);
        }
    }

    fn write(self) -> Option<Write> {
        if self.entries == self.before {
            return None;
        }
        let data = self.entries.as_object().into_iter().flatten();
        let data: Map<String, Value> = data
            .map(|(server, entry)| (server.clone(), entry.to_string().into()))
            .collect();
        Some(match self.known {
            None => Write::Create(json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": BUCKET, "namespace": SYSTEM}, "data": data,
            })),
            Some(mut object) => {
                object["data"] = data.into();
                Write::Replace(object)
            }
        })
    }
}

/// Where the rows themselves are kept.
fn held_name(cluster: &str) -> String {
    format!("{cluster}-practice")
}

fn lines(map: &Value) -> Vec<String> {
    text(&map["data"]["counts"])
        .lines()
        .map(str::to_owned)
        .collect()
}

fn written(cluster: &Value, log: &[String]) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": held_name(name(cluster)), "namespace": namespace(cluster),
            "ownerReferences": owned_by(cluster),
        },
        "data": {"counts": log.join("\n")},
    })
}

fn line(at: Timestamp, rows: &Value) -> String {
    json!({"at": stamp(at), "rows": rows}).to_string()
}

fn read(line: &str) -> Option<(Timestamp, Value)> {
    let value: Value = serde_json::from_str(line).ok()?;
    Some((time(&value["at"])?, value["rows"].clone()))
}

fn empty() -> Value {
    let rows = TABLES
        .iter()
        .map(|(table, ..)| ((*table).to_owned(), 0.into()));
    rows.collect::<Map<String, Value>>().into()
}

fn total(rows: &Value) -> u64 {
    let counts = rows.as_object().into_iter().flatten();
    counts.filter_map(|(_, count)| count.as_u64()).sum()
}

/// Keeps the log short: of its older half every second count goes.
fn thin(log: &mut Vec<String>) {
    if log.len() <= MOST {
        return;
    }
    let half = log.len() / 2;
    let mut index = 0;
    log.retain(|_| {
        index += 1;
        index > half || index % 2 == 1
    });
}
