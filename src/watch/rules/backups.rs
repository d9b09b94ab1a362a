//! Whether the database could be restored: archive, age of the last backup, backups that hang. It goes by moments and never by what a status calls success. Pure.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use super::{Found, database::archivers};
use crate::{
    problem::{Code, Problem},
    watch::{
        facts::{Facts, age},
        rows::pods::short,
        snapshot::{Kind, condition, made, moment, name, namespace, text, time},
        view::Health,
    },
};

/// Archiving is refused for a moment at each failover.
const ARCHIVE_PAUSE: Duration = Duration::from_mins(1);

/// What CloudNativePG says while another instance takes over.
const TAKES_OVER: &str = "switchover in progress";

/// Nobody makes full backups more often.
const SHORTEST: Duration = Duration::from_mins(30);

/// Pause between backups when no schedule tells.
const USUAL_INTERVAL: Duration = Duration::from_hours(24);

/// Part of the interval by which a backup may be late.
const LATE_PART: u32 = 4;

/// A new cluster may be so long without a backup.
const FIRST_BACKUP: Duration = Duration::from_hours(2);

/// A backup may take this long, or three times what one took before.
const LONG_BACKUP: Duration = Duration::from_mins(30);

/// A schedule's next time may have passed by so much.
const OVERDUE: Duration = Duration::from_mins(15);

/// Findings about the backups of one cluster; what its operator writes counts only while it works.
pub fn findings(cluster: &Value, facts: &Facts<'_>, believed: bool) -> Vec<Found> {
    let backups = Backups::new(cluster, facts);
    let mut found: Vec<Found> = Vec::new();
    found.extend(backups.archive(believed));
    found.extend(backups.too_old());
    found.extend(backups.hangs());
    found.extend(backups.failed());
    found.extend(backups.schedule(believed));
    found
}

struct Backups<'f, 's> {
    cluster: &'f Value,
    facts: &'f Facts<'s>,
    all: Vec<&'s Arc<Value>>,
    schedules: Vec<&'s Arc<Value>>,
}

impl<'f, 's> Backups<'f, 's> {
    fn new(cluster: &'f Value, facts: &'f Facts<'s>) -> Self {
        let of = |kind| {
            let mine = |object: &&Arc<Value>| {
                namespace(object) == namespace(cluster)
                    && text(object, "/spec/cluster/name") == name(cluster)
            };
            facts.snapshot.all(kind).filter(mine).collect()
        };
        Self {
            cluster,
            facts,
            all: of(Kind::Backup),
            schedules: of(Kind::ScheduledBackup),
        }
    }

    fn found(&self, since: Option<Timestamp>, problem: Problem) -> Found {
        let (place, who) = (namespace(self.cluster), name(self.cluster));
        let found = Found::new(
            Health::Warn,
            format!("Cluster {place}/{who}"),
            since,
            problem,
        );
        found.within(place).of("Cluster", who).ranked(2)
    }

    fn has_archive(&self) -> bool {
        archivers(self.cluster).next().is_some()
            || self
                .cluster
                .pointer("/spec/backup/barmanObjectStore")
                .is_some()
    }

    /// The condition is true without any archive, and stays true while nobody writes it.
    fn archive(&self, believed: bool) -> Option<Found> {
        let who = name(self.cluster);
        if !self.has_archive() {
            let problem = Problem::new(
                Code::Pg06,
                format!("The changes of the database {who} are not archived anywhere."),
                "Deploy again: the step postgres/cluster names the archive. Until then a restore loses everything since the last full backup.",
            );
            return Some(
                self.found(made(self.cluster), problem)
                    .short(format!("{who} has no archive")),
            );
        }
        let failing = condition(self.cluster, "ContinuousArchiving")
            .filter(|found| text(found, "/status") == "False")?;
        let since = time(failing, "/lastTransitionTime");
        let message = text(failing, "/message");
        let passes = message.contains(TAKES_OVER) && !self.facts.lasts(since, ARCHIVE_PAUSE);
        if !believed || passes {
            return None;
        }
        let problem = Problem::new(
            Code::Pg03,
            format!("The changes of the database {who} do not reach the backup."),
            "Check the endpoint, bucket and keys of the backup, and that pods reach the endpoint, not only the nodes. It goes on by itself; until then the database's disk fills.",
        )
        .because(short(message));
        Some(
            self.found(since, problem)
                .short(format!("{who} is not archived")),
        )
    }

    /// The newest backup that could be restored: from the store's own window, or a completed Backup.
    fn last(&self) -> Option<Timestamp> {
        let completed = self
            .all
            .iter()
            .filter(|backup| text(backup, "/status/phase") == "completed")
            .filter_map(|backup| time(backup, "/status/stoppedAt"))
            .max();
        let windows = archivers(self.cluster).filter_map(|plugin| {
            let store = text(plugin, "/parameters/barmanObjectName");
            let server = match text(plugin, "/parameters/serverName") {
                "" => name(self.cluster),
                server => server,
            };
            let store =
                self.facts
                    .snapshot
                    .get(Kind::ObjectStore, namespace(self.cluster), store)?;
            let window = store.pointer("/status/serverRecoveryWindow")?.get(server)?;
            time(window, "/lastSuccessfulBackupTime")
        });
        windows.max().max(completed)
    }

    /// The schedule's own pause, from its last and next time.
    fn interval(&self) -> Duration {
        self.schedules
            .iter()
            .filter_map(|schedule| {
                let next = time(schedule, "/status/nextScheduleTime")?;
                age(time(schedule, "/status/lastScheduleTime"), next)
            })
            // The first backup is made at once: the time to the next one after it is no pause.
            .filter(|pause| *pause >= SHORTEST)
            .min()
            .unwrap_or(USUAL_INTERVAL)
    }

    fn too_old(&self) -> Option<Found> {
        let who = name(self.cluster);
        let remedy = format!(
            "Look at the newest backups: kubectl -n {} get backups.postgresql.cnpg.io. Check that pods of the database reach the backup's endpoint.",
            namespace(self.cluster)
        );
        let Some(last) = self.last() else {
            let since = made(self.cluster);
            let problem = Problem::new(
                Code::Pg04,
                format!("The database {who} has no backup that could be restored."),
                remedy,
            );
            let found = self
                .found(since, problem)
                .short(format!("{who} has no backup"));
            return self.facts.lasts(since, FIRST_BACKUP).then_some(found);
        };
        let interval = self.interval();
        if !self
            .facts
            .lasts(Some(last), interval + interval / LATE_PART)
        {
            return None;
        }
        let problem = Problem::new(
            Code::Pg04,
            format!("The last backup of the database {who} is too old."),
            remedy,
        )
        .because(format!("it ended at {}", moment(last)))
        .because(format!(
            "one is due every {} hours",
            interval.as_secs().div_ceil(3600)
        ));
        Some(
            self.found(Some(last), problem)
                .short(format!("{who}: last backup is too old")),
        )
    }

    /// A backup that cannot reach its store says `started` for ever, without an error.
    fn hangs(&self) -> Option<Found> {
        let running = self.all.iter().find(|backup| {
            !["completed", "failed"].contains(&text(backup, "/status/phase"))
                && self.facts.lasts(began(backup), self.longest())
        })?;
        let since = began(running);
        let problem = Problem::new(
            Code::Pg05,
            format!("The backup {} of the database {} does not end.", name(running), name(self.cluster)),
            "Check that pods of the database reach the backup's endpoint, not only the nodes. It completes by itself when the store answers.",
        )
        .because(format!("it has said \"{}\" all the time, which is no proof that it moves", phase(running)));
        Some(self.found(since, problem).short("a backup does not end"))
    }

    /// How long a backup may take here.
    fn longest(&self) -> Duration {
        self.all
            .iter()
            .filter(|backup| text(backup, "/status/phase") == "completed")
            .filter_map(|backup| {
                age(
                    time(backup, "/status/startedAt"),
                    time(backup, "/status/stoppedAt")?,
                )
            })
            .max()
            .map_or(LONG_BACKUP, |took| (took * 3).max(LONG_BACKUP))
    }

    fn failed(&self) -> Option<Found> {
        let newest = self
            .all
            .iter()
            .filter(|backup| ["completed", "failed"].contains(&text(backup, "/status/phase")))
            .max_by_key(|backup| made(backup))?;
        if text(newest, "/status/phase") != "failed" {
            return None;
        }
        let since = time(newest, "/status/stoppedAt").or_else(|| made(newest));
        let problem = Problem::new(
            Code::Wait12,
            format!("The newest backup of the database {} failed: {}.", name(self.cluster), name(newest)),
            "Check the endpoint, bucket and keys of the backup, and the free space in the bucket. The next one starts by its schedule.",
        )
        .because(short(text(newest, "/status/error")));
        Some(self.found(since, problem).short("the newest backup failed"))
    }

    fn schedule(&self, believed: bool) -> Option<Found> {
        let who = name(self.cluster);
        let stopped = self.schedules.iter().find(|schedule| {
            schedule.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true)
        });
        if let Some(schedule) = stopped {
            let problem = Problem::new(
                Code::Pg08,
                format!("The backups of the database {who} are suspended."),
                format!(
                    "If that is not wanted any more, set spec.suspend of ScheduledBackup {} to false, or deploy again.",
                    name(schedule)
                ),
            );
            return Some(self.found(None, problem).short("backups are suspended"));
        }
        // Without its operator nobody starts one: that is told already.
        let late = self.schedules.iter().find(|schedule| {
            believed
                && self
                    .facts
                    .lasts(time(schedule, "/status/nextScheduleTime"), OVERDUE)
        })?;
        let due = time(late, "/status/nextScheduleTime");
        let problem = Problem::new(
            Code::Pg08,
            format!("A scheduled backup of the database {who} did not start."),
            "Read the log of the CloudNativePG operator in cnpg-system.",
        );
        Some(self.found(due, problem).short("a backup did not start"))
    }
}

fn began(backup: &Value) -> Option<Timestamp> {
    time(backup, "/status/reconciliationStartedAt")
        .or_else(|| time(backup, "/status/startedAt"))
        .or_else(|| made(backup))
}

fn phase(backup: &Value) -> &str {
    match text(backup, "/status/phase") {
        "" => "pending",
        phase => phase,
    }
}
