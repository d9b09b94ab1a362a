//! Where a command works: the site's folder, and for practice the folder inside it that keeps practice apart. Pure.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Life or practice; nothing of the one is ever read as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The site's own cluster.
    Life,
    /// The practice cluster.
    Rehearsal,
}

/// The folders of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workplace {
    /// Holds `site.yaml` and the vault.
    pub site: PathBuf,
    /// Life or practice.
    pub mode: Mode,
}

impl Workplace {
    /// The folder of the journal, the lock, the socket and the logs.
    pub fn work(&self) -> PathBuf {
        match self.mode {
            Mode::Life => self.site.clone(),
            Mode::Rehearsal => self.site.join("rehearsal"),
        }
    }

    /// What was done.
    pub fn journal(&self) -> PathBuf {
        self.work().join("journal.jsonl")
    }

    /// What a restore did; a deploy's memory is kept apart.
    pub fn restore_journal(&self) -> PathBuf {
        self.work().join("restore.jsonl")
    }

    /// What switching machines off and on did.
    pub fn power_journal(&self) -> PathBuf {
        self.work().join("power.jsonl")
    }

    /// The restore that was agreed to and is not over.
    pub fn restore(&self) -> PathBuf {
        self.work().join("restore.json")
    }

    /// The incarnation of the database that is planned with.
    pub fn database(&self) -> PathBuf {
        self.work().join("database.json")
    }

    /// Held by the process that deploys.
    pub fn lock(&self) -> PathBuf {
        self.work().join("run.lock")
    }

    /// The names of the last runs: what they have left behind in the cluster is this folder's own.
    pub fn last_runs(&self) -> PathBuf {
        self.work().join("run.last")
    }

    /// The logs.
    pub fn logs(&self) -> PathBuf {
        self.work().join("logs")
    }

    /// What goes into the hand-over record.
    pub fn reports(&self) -> PathBuf {
        self.work().join("reports")
    }

    /// The practice cluster's own state.
    pub fn cluster(&self) -> PathBuf {
        self.work().join("cluster")
    }

    /// Where helm keeps its values for the moment of a call, and its locks.
    pub fn helm(&self) -> PathBuf {
        self.work().join("helm")
    }

    /// The arguments that lead another process of this program to the same place.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments = vec!["--site".into(), self.site.clone().into_os_string()];
        if self.mode == Mode::Rehearsal {
            arguments.push("--rehearsal".into());
        }
        arguments
    }

    /// The settings.
    pub fn settings(&self) -> PathBuf {
        self.site.join("site.yaml")
    }

    /// A path from the settings: relative ones are meant from the site's folder.
    pub fn path(&self, text: &str) -> PathBuf {
        let rest = text.strip_prefix("~/");
        match (rest, std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.site.join(Path::new(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn practice_and_life_share_the_settings_and_nothing_else() {
        let life = Workplace {
            site: "/s".into(),
            mode: Mode::Life,
        };
        let practice = Workplace {
            site: "/s".into(),
            mode: Mode::Rehearsal,
        };
        assert_eq!(life.settings(), practice.settings());
        for file in [Workplace::journal, Workplace::lock, Workplace::logs] {
            assert_ne!(file(&life), file(&practice));
        }
    }

    #[test]
    fn relative_paths_are_meant_from_the_sites_folder() {
        let place = Workplace {
            site: "/s".into(),
            mode: Mode::Life,
        };
        assert_eq!(
            place.path("tls/chain.pem"),
            PathBuf::from("/s/tls/chain.pem")
        );
        assert_eq!(
            place.path("/etc/chain.pem"),
            PathBuf::from("/etc/chain.pem")
        );
    }
}
