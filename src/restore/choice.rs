//! A chosen moment: refused where it cannot work, else the restore as it was agreed to. Pure.

use jiff::{Timestamp, Unit, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{Archive, Inventory, Rows, words};
use crate::{
    plan::{Database, Origin, Restoring},
    problem::{Code, Problem},
};

/// What a person wishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The moment.
    pub moment: Timestamp,
    /// The name in the bucket to restore from; none takes the present one.
    pub from: Option<String>,
    /// The number of the new incarnation; none takes the next that was never used.
    pub generation: Option<u32>,
}

impl Wish {
    /// The present database, back at this moment.
    pub fn to(moment: Timestamp) -> Self {
        Self {
            moment,
            from: None,
            generation: None,
        }
    }
}

/// A restore as it was agreed to: all that its plan follows from, kept in a file until it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When it was agreed to.
    pub begun: Timestamp,
    /// The incarnation that is left.
    pub present: Database,
    /// The incarnation that is made.
    pub next: Database,
    /// The present one is counted and backed up once more before.
    pub safety: bool,
    /// The rows that were promised, when they are known.
    pub promised: Option<Rows>,
    /// When those were counted.
    #[serde(default)]
    pub counted: Option<Timestamp>,
    /// A person has asked to put everything back.
    #[serde(default)]
    pub cancelled: bool,
}

impl Intent {
    /// The moment to which it leads.
    pub fn moment(&self) -> Timestamp {
        self.next
            .origin
            .as_ref()
            .map_or(self.begun, |origin| origin.moment)
    }

    /// What the faces tell of it.
    pub fn restoring(&self, zone: &TimeZone) -> Restoring {
        Restoring {
            moment: self.moment(),
            shown: words::shown(self.moment(), zone),
            cluster: self.next.cluster(),
            former: self.present.cluster(),
            promised: self.promised.clone().map(|rows| rows.0),
        }
    }
}

impl Inventory {
    /// Judges a wish.
    ///
    /// # Errors
    /// Nothing to restore from, an unknown or used name in the bucket, a moment too early or too late.
    pub fn choose(&self, wish: &Wish) -> Result<Intent, Problem> {
        let from = wish.from.as_ref().unwrap_or(&self.server);
        if !self.known_servers.contains(from) {
            return Err(self.unknown(from));
        }
        let Some(window) = self.window.filter(|_| *from == self.server) else {
            return Err(self.unknown(from));
        };
        // PostgreSQL's own moments are finer; ours are named in whole seconds.
        let moment = wish.moment.round(Unit::Second).unwrap_or(wish.moment);
        if moment < window.first {
            return Err(self.too_early(moment, window.first));
        }
        if moment > window.last {
            return Err(self.too_late(moment, window.last));
        }
        let next = Database {
            generation: wish.generation.unwrap_or(self.highest + 1),
            origin: Some(Origin {
                server: from.clone(),
                moment,
            }),
        };
        if next.server() == *from || self.used_servers.contains(&next.server()) {
            return Err(used(&next.server(), self.highest + 1));
        }
        let count = self.rows_at(moment);
        Ok(Intent {
            begun: self.now,
            present: self.current.clone(),
            next,
            safety: self.alive && self.archive == Archive::Works,
            promised: count.map(|count| count.rows.clone()),
            counted: count.map(|count| count.at),
            cancelled: false,
        })
    }

    fn unknown(&self, server: &str) -> Problem {
        let names: Vec<&str> = self.known_servers.iter().map(String::as_str).collect();
        let problem = Problem::new(
            Code::Rst03,
            format!("The backup bucket has nothing of `{server}` that could be restored."),
            "Look with care-install backup list; a restore begins from a completed base backup of the database in use.",
        );
        if names.is_empty() {
            problem.because("no base backup was ever completed")
        } else {
            problem.because(format!("it has backups of {}", names.join(", ")))
        }
    }

    fn too_early(&self, moment: Timestamp, first: Timestamp) -> Problem {
        let mut problem = Problem::new(
            Code::Rst01,
            format!(
                "{} is before the first moment that can be restored.",
                shown(moment)
            ),
            format!("Choose {} or later.", shown(first)),
        )
        .because(format!("the first base backup ended at {}", shown(first)));
        for rejected in &self.rejected {
            problem = problem.because(format!(
                "{} cannot be used: {}",
                rejected.name, rejected.reason
            ));
        }
        problem
    }

    fn too_late(&self, moment: Timestamp, last: Timestamp) -> Problem {
        let why = match &self.archive {
            Archive::Works => "it has not come yet".to_owned(),
            Archive::Fails { since, why } => {
                format!(
                    "changes do not reach the bucket; that is known since {}: {why}",
                    shown(*since)
                )
            }
            Archive::Unknown => "of the changes after the last backup nothing is known".to_owned(),
        };
        Problem::new(
            Code::Rst02,
            format!(
                "{} is after the last moment that can be restored.",
                shown(moment)
            ),
            format!("Choose {} or earlier.", shown(last)),
        )
        .because(why)
    }
}

/// Reads a moment: with its offset, or as this computer's clock shows it.
///
/// # Errors
/// It is neither.
pub fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, Problem> {
    let text = text.trim();
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let local: Option<DateTime> = text.parse().ok();
    let zoned = local.and_then(|local| local.to_zoned(zone.clone()).ok());
    zoned.map(|zoned| zoned.timestamp()).ok_or_else(|| {
        Problem::new(
            Code::Rst09,
            format!("`{text}` is not understood as a moment."),
            "Write it as 2026-11-24T11:42:00Z, as \"2026-11-24 11:42:00\" by this computer's clock, or as latest.",
        )
    })
}

fn used(server: &str, free: u32) -> Problem {
    Problem::new(
        Code::Rst04,
        format!("The bucket already holds something under the name `{server}`."),
        format!("Restore into a new name: care-db-{free} is free, and is taken by itself."),
    )
    .because("a database never archives into a name that is not empty")
}

/// A moment in whole seconds.
fn shown(moment: Timestamp) -> String {
    let zoned = moment.to_zoned(TimeZone::UTC);
    zoned.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
