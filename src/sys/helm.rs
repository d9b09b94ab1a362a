//! The door to Helm: the real command in life, stand-in objects in practice; it never waits for readiness.

mod command;
mod listen;
mod record;

use std::path::PathBuf;

use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    DoorError,
    kube::{Applied, Kube},
};
use crate::{
    compare::Revision,
    plan::{Object, Release},
    problem::Problem,
};

pub use command::Command;
pub(super) use record::called;

/// What helm would remember of a release.
#[cfg(test)]
pub(super) fn remembered(release: &Release) -> Object {
    record::of(release, 1)
}
use record::Standing;

/// How charts are installed.
#[derive(Clone, Debug)]
pub enum Helm {
    /// By the helm command.
    Command(Command),
    /// By objects that stand for what the chart makes.
    Practice(Practice),
    /// Not at all: the helm command cannot be used.
    Missing(Problem),
}

/// What stands for a chart on the practice cluster.
#[derive(Clone, Copy, Debug)]
pub struct Practice {
    /// The objects of a release.
    pub objects: fn(&Release) -> Vec<Object>,
    /// A definition by its name, such as `certificates.cert-manager.io`.
    pub definition: fn(&str) -> Option<Value>,
}

/// The revision of a release that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Installed {
    /// Counted from 1.
    pub number: u64,
    /// The chart's name.
    pub chart: String,
    /// The chart's version.
    pub version: String,
    /// The values that were given.
    pub values: Value,
}

/// Where to look for the helm command and its charts, and where it may work.
#[derive(Clone, Debug)]
pub struct Place {
    /// The command; none takes the one on the PATH.
    pub program: Option<PathBuf>,
    /// A folder of charts instead of the repositories.
    pub charts: Option<PathBuf>,
    /// A private folder for values and locks.
    pub work: PathBuf,
}

impl Helm {
    /// Finds the helm command and checks its version; what is wrong is said when it is used.
    pub async fn find(place: Place) -> Self {
        match Command::find(place).await {
            Ok(command) => Self::Command(command),
            Err(problem) => Self::Missing(problem),
        }
    }

    /// Installs or upgrades the release unless it is there just so; each line that helm writes goes to `lines`.
    ///
    /// # Errors
    /// Helm is missing or failed; whether another attempt can help.
    pub async fn deploy(
        &self,
        release: &Release,
        kube: &Kube,
        lines: mpsc::Sender<String>,
    ) -> Result<Applied, DoorError> {
        match self {
            Self::Command(command) => command.deploy(release, kube, lines).await,
            Self::Practice(practice) => practice.deploy(release, kube, lines).await,
            Self::Missing(problem) => Err(DoorError::lasting(problem.clone())),
        }
    }

    /// What runs of the release, when it is there; helm itself is not needed for that.
    ///
    /// # Errors
    /// The API cannot be reached or refuses.
    pub async fn installed(release: &Release, kube: &Kube) -> Result<Option<Installed>, DoorError> {
        record::installed(kube, release).await
    }

    /// What the cluster remembers of the release, the newest first; helm itself is not needed for that.
    ///
    /// # Errors
    /// The API cannot be reached or refuses.
    pub async fn history(
        &self,
        release: &Release,
        kube: &Kube,
    ) -> Result<Vec<Revision>, DoorError> {
        let mut history = record::history(kube, release).await?;
        if let Self::Practice(practice) = self {
            // What stands for the chart stands for each of its revisions.
            for revision in &mut history {
                let made = (practice.objects)(release);
                revision.objects = made.iter().map(|object| object.value().clone()).collect();
            }
        }
        Ok(history)
    }
}

impl Practice {
    async fn deploy(
        &self,
        release: &Release,
        kube: &Kube,
        lines: mpsc::Sender<String>,
    ) -> Result<Applied, DoorError> {
        let made = (self.objects)(release);
        if record::standing(kube, release).await? == Standing::JustSo {
            let targets = made.iter().map(Object::reference).collect();
            match record::first_missing(kube, targets).await? {
                Standing::Missing(target) => {
                    say(&lines, format!("{target} is gone and is made again")).await;
                }
                Standing::JustSo | Standing::Different => return Ok(Applied::Unchanged),
            }
        }
        let mut objects = Vec::new();
        for name in &release.crds {
            let definition =
                (self.definition)(name).and_then(|value| Object::from_value(value).ok());
            match definition {
                Some(definition) => objects.push(definition),
                // Nothing of the catalogue uses it.
                None => say(&lines, format!("practice: {name} is left out")).await,
            }
        }
        objects.extend(made);
        for object in &objects {
            kube.apply(object).await?;
            say(&lines, format!("practice: applied {}", object.reference())).await;
        }
        // The first revision is written anew; one that a real helm has written is followed by the next.
        let newest = record::newest(kube, release).await?;
        let number = newest.map_or(1, |newest| match newest.number {
            0 | 1 => 1,
            later => later + 1,
        });
        kube.apply(&record::of(release, number)).await?;
        Ok(Applied::Created)
    }
}

async fn say(lines: &mpsc::Sender<String>, line: String) {
    // Whoever listens may have gone.
    lines.send(line).await.ok();
}
