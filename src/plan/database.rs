//! Which incarnation of the database a site uses: each restore makes the next one, under names of its own. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ObjectRef;

/// The namespace of everything that belongs to the database.
pub const NAMESPACE: &str = "database";

/// The ConfigMap in which the cluster remembers its current incarnation; a site without a restore has none.
const REMEMBERED: &str = "care-database";

/// Counts the rows of every table that matters; the counting of each site and the proof of a restore ask the same.
pub const COUNT: &str = include_str!("../../assets/count.sql");

/// The incarnation of the database.
///
/// The cluster's own ConfigMap is the truth; a file in the site's folder repeats it for what is planned offline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Counted from 1.
    pub generation: u32,
    /// What it was restored from; the first was made empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// What a database was restored from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its name in the backup bucket.
    pub server: String,
    /// The moment to which it was restored.
    pub moment: Timestamp,
}

impl Default for Database {
    fn default() -> Self {
        Self::first()
    }
}

impl Database {
    /// The one that a deploy makes.
    pub fn first() -> Self {
        Self {
            generation: 1,
            origin: None,
        }
    }

    /// What is put behind names that exist once for each incarnation.
    pub fn tail(&self) -> String {
        match self.generation {
            1 => String::new(),
            number => format!("-g{number}"),
        }
    }

    /// The name of its Cluster.
    pub fn cluster(&self) -> String {
        format!("care-db{}", self.tail())
    }

    /// Its name in the backup bucket.
    pub fn server(&self) -> String {
        format!("care-db-{}", self.generation)
    }

    /// Its Cluster.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef::new(
            "postgresql.cnpg.io/v1",
            "Cluster",
            NAMESPACE,
            &self.cluster(),
        )
    }

    /// Where the cluster remembers it.
    pub fn remembered() -> ObjectRef {
        ObjectRef::new("v1", "ConfigMap", NAMESPACE, REMEMBERED)
    }

    /// What the cluster remembers it by.
    pub fn memory(&self) -> Value {
        let mut data = json!({"generation": self.generation.to_string()});
        if let Some(origin) = &self.origin {
            data["origin"] = origin.server.as_str().into();
            data["moment"] = origin.moment.to_string().into();
        }
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": REMEMBERED, "namespace": NAMESPACE}, "data": data,
        })
    }

    /// Reads what the cluster remembers; nothing when it is not written the way [`Database::memory`] does.
    pub fn read(memory: &Value) -> Option<Self> {
        let text = |field: &str| memory.pointer(&format!("/data/{field}"))?.as_str();
        let origin = match (text("origin"), text("moment")) {
            (Some(server), Some(moment)) => Some(Origin {
                server: server.to_owned(),
                moment: moment.parse().ok()?,
            }),
            _ => None,
        };
        Some(Self {
            generation: text("generation")?.parse().ok()?,
            origin,
        })
    }

    /// What the templates know of it.
    pub(super) fn values(&self) -> Value {
        let mut values = json!({
            "cluster": self.cluster(), "server": self.server(), "tail": self.tail(), "origin": null,
            "count": COUNT,
        });
        if let Some(origin) = &self.origin {
            // PostgreSQL reads this before it knows the names of time zones: a numeric offset, not the letter Z.
            let moment = origin.moment.strftime("%Y-%m-%d %H:%M:%S+00").to_string();
            values["origin"] = json!({"server": origin.server, "moment": moment});
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_cluster_remembers_is_read_as_it_was_written() {
        let restored = Database {
            generation: 3,
            origin: Some(Origin {
                server: "care-db-1".to_owned(),
                moment: "2026-11-24T11:42:00Z".parse().unwrap(),
            }),
        };
        for database in [Database::first(), restored] {
            assert_eq!(Database::read(&database.memory()), Some(database));
        }
        assert_eq!(Database::read(&json!({"data": {}})), None);
        assert_eq!(Database::read(&json!({"data": {"generation": "x"}})), None);
    }

    #[test]
    fn each_incarnation_has_names_of_its_own() {
        let names = |generation| {
            let database = Database {
                generation,
                origin: None,
            };
            (database.cluster(), database.server())
        };
        assert_eq!(names(1), ("care-db".to_owned(), "care-db-1".to_owned()));
        assert_eq!(names(2), ("care-db-g2".to_owned(), "care-db-2".to_owned()));
    }
}
