//! Where a served practice cluster is found: a small private file in its folder, believed only while a process answers.

use std::{fmt, path::Path, time::Duration};

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Speed;
use crate::{
    problem::{Code, Problem},
    sys::{
        Routes,
        clock::Clock,
        files::{self, Mode},
        kube::{Kube, Source},
    },
};

/// The file in the cluster's folder.
const FILE: &str = "point.json";

/// No point is nearly as long.
const LARGEST: u64 = 64 * 1024;

/// How long a living process may take to answer.
const ANSWER: Duration = Duration::from_secs(3);

/// Where a served practice cluster is.
#[derive(Clone, Serialize, Deserialize)]
pub struct Point {
    /// Such as `http://127.0.0.1:40123`.
    pub url: String,
    /// What clients must show.
    #[serde(serialize_with = "write_token", deserialize_with = "read_token")]
    pub token: SecretString,
    /// Where the names and nodes of the site lead.
    pub routes: Routes,
    /// How fast its time passes.
    pub speed: Speed,
    /// The serving process.
    pub pid: u32,
    /// What its clock showed when it began ...
    pub(super) began: Timestamp,
    /// ... and what ours showed then.
    pub(super) began_ours: Timestamp,
}

impl fmt::Debug for Point {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Point")
            .field("url", &self.url)
            .field("token", &"***")
            .field("routes", &self.routes)
            .field("speed", &self.speed)
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

fn write_token<S: Serializer>(token: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose_secret())
}

fn read_token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

impl Point {
    /// How to reach its API.
    pub fn source(&self) -> Source {
        Source::Endpoint {
            url: self.url.clone(),
            token: self.token.clone(),
        }
    }

    /// A clock that passes like the cluster's. A cluster that jumps cannot be followed: there it is our own time, so that
    /// limits count what a person really waits.
    pub fn clock(&self) -> Clock {
        match self.speed {
            Speed::Times(times) => Clock::of_cluster(self.began, self.began_ours, times),
            Speed::Max => Clock::real(),
        }
    }

    /// Tells others where it is.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Problem> {
        let text = serde_json::to_vec(self).map_err(|error| {
            let what = "The place of the practice cluster could not be written down.";
            Problem::new(Code::Bug01, what, "Report this.").caused_by(&error)
        })?;
        files::write_atomic(&folder.join(FILE), &text, Mode::Private)
    }

    /// What the file says; nothing when there is none or it is not understood.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let text = files::read_text_if_any(&folder.join(FILE), LARGEST);
        serde_json::from_str(&text.ok()??).ok()
    }

    /// Takes the file away.
    pub(super) fn remove(folder: &Path) -> Result<(), Problem> {
        files::remove(&folder.join(FILE))
    }

    /// Whether a process answers there and takes the token: the port may belong to another one by now.
    async fn answers(&self) -> bool {
        let ask = async {
            let kube = Kube::connect(&self.source()).await?;
            kube.version().await
        };
        matches!(tokio::time::timeout(ANSWER, ask).await, Ok(Ok(_version)))
    }
}

/// The folder's practice cluster when a living process serves it.
pub async fn find(cluster_folder: &Path) -> Option<Point> {
    let point = Point::read(cluster_folder)?;
    point.answers().await.then_some(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point() -> Point {
        let now = "2026-11-24T10:00:00Z".parse().unwrap();
        Point {
            url: "http://127.0.0.1:1".to_owned(),
            token: SecretString::from("canary"),
            routes: Routes::default(),
            speed: Speed::Times(20),
            pid: 1,
            began: now,
            began_ours: now,
        }
    }

    #[test]
    fn a_point_is_read_as_it_was_written_and_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        assert!(Point::read(folder.path()).is_none());
        point().write(folder.path()).unwrap();
        let read = Point::read(folder.path()).unwrap();
        assert_eq!(read.token.expose_secret(), "canary");
        assert_eq!((read.url, read.speed), (point().url, point().speed));
        let meta = folder.path().join(FILE).metadata().unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        Point::remove(folder.path()).unwrap();
        assert!(Point::read(folder.path()).is_none());
    }

    #[test]
    fn the_token_is_not_shown() {
        assert!(!format!("{:?}", point()).contains("canary"));
    }

    #[tokio::test]
    async fn a_point_at_which_nobody_answers_is_none() {
        let folder = tempfile::tempdir().unwrap();
        point().write(folder.path()).unwrap();
        assert!(find(folder.path()).await.is_none());
    }

    #[tokio::test]
    async fn a_file_that_is_no_point_is_none() {
        let folder = tempfile::tempdir().unwrap();
        files::write_atomic(&folder.path().join(FILE), b"{\"url\":", Mode::Private).unwrap();
        assert!(find(folder.path()).await.is_none());
    }
}
