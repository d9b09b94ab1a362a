//! What goes wrong on the practice cluster: the closed list of scenarios, by name and in words. Pure.

use std::fmt;

use crate::problem::{Code, Problem};

/// How alike a name must be to be offered.
const ALIKE: f64 = 0.5;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// Nothing.
    Healthy,
    /// The registry does not have the image of the Care backend.
    ImagePullFails,
    /// Somebody empties the tables of the database.
    DataDestroyed,
    /// The changes of the database do not reach the bucket.
    WalArchivingFails,
    /// The API refuses, breaks off or delays a share of the requests.
    ApiFlaky,
    /// The second machine falls silent.
    SecondaryLost,
    /// Volumes are made and attached very slowly.
    SlowDisks,
    /// The fast disk of the first machine is full.
    DiskFull,
    /// The certificate of the site's addresses has ended.
    CertificateExpired,
    /// A backup of the database has begun and does not end.
    BackupStuck,
    /// The background tasks of Care use more memory than they may.
    OutOfMemory,
    /// The second machine runs out of memory.
    NodePressure,
}

impl Scenario {
    /// Every scenario, the usual one first.
    pub const ALL: &[Self] = &[
        Self::Healthy,
        Self::ImagePullFails,
        Self::DataDestroyed,
        Self::WalArchivingFails,
        Self::ApiFlaky,
        Self::SecondaryLost,
        Self::SlowDisks,
        Self::DiskFull,
        Self::CertificateExpired,
        Self::BackupStuck,
        Self::OutOfMemory,
        Self::NodePressure,
    ];

    /// The name as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::ImagePullFails => "image-pull-fails",
            Self::DataDestroyed => "data-destroyed",
            Self::WalArchivingFails => "wal-archiving-fails",
            Self::ApiFlaky => "api-flaky",
            Self::SecondaryLost => "secondary-lost",
            Self::SlowDisks => "slow-disks",
            Self::DiskFull => "disk-full",
            Self::CertificateExpired => "certificate-expired",
            Self::BackupStuck => "backup-stuck",
            Self::OutOfMemory => "out-of-memory",
            Self::NodePressure => "node-pressure",
        }
    }

    /// What happens, in words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Healthy => "Everything works",
            Self::ImagePullFails => "The image of the Care backend cannot be pulled",
            Self::DataDestroyed => "Somebody has emptied the tables of the database",
            Self::WalArchivingFails => "The changes of the database do not reach the backup bucket",
            Self::ApiFlaky => "The Kubernetes API refuses or delays one request of five",
            Self::SecondaryLost => "The second machine is lost: nothing is heard of it",
            Self::SlowDisks => "The disks are slow: volumes need minutes instead of seconds",
            Self::DiskFull => "The fast disk of the first machine is full",
            Self::CertificateExpired => "The certificate of the site's addresses has ended",
            Self::BackupStuck => "A backup of the database has begun an hour ago and does not end",
            Self::OutOfMemory => "The background tasks of Care use more memory than they may",
            Self::NodePressure => "The second machine runs out of memory and ends a pod",
        }
    }

    /// The same, short enough for one row of a menu.
    pub fn brief(self) -> &'static str {
        match self {
            Self::Healthy => "everything works",
            Self::ImagePullFails => "the backend's image cannot be pulled",
            Self::DataDestroyed => "the database's tables are emptied",
            Self::WalArchivingFails => "changes do not reach the backup bucket",
            Self::ApiFlaky => "the API refuses one request of five",
            Self::SecondaryLost => "the second machine is silent",
            Self::SlowDisks => "volumes need minutes",
            Self::DiskFull => "the first machine's fast disk is full",
            Self::CertificateExpired => "the site's certificate has ended",
            Self::BackupStuck => "a backup does not end",
            Self::OutOfMemory => "background tasks run out of memory",
            Self::NodePressure => "the second machine runs out of memory",
        }
    }

    /// Finds a scenario by its name.
    ///
    /// # Errors
    /// Offers the nearest known name, else all of them.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let known = |scenario: &&Self| scenario.name().eq_ignore_ascii_case(text);
        if let Some(found) = Self::ALL.iter().find(known) {
            return Ok(*found);
        }
        let typed = text.to_lowercase();
        let nearest = Self::ALL
            .iter()
            .map(|scenario| (strsim::jaro_winkler(scenario.name(), &typed), scenario))
            .filter(|(alike, _)| *alike > ALIKE)
            .max_by(|left, right| left.0.total_cmp(&right.0));
        let names: Vec<&str> = Self::ALL.iter().map(|scenario| scenario.name()).collect();
        let all = format!("The scenarios are: {}.", names.join(", "));
        let remedy = match nearest {
            Some((_, scenario)) => format!("Did you mean `{}`? {all}", scenario.name()),
            None => all,
        };
        Err(Problem::new(
            Code::Reh03,
            format!("The practice cluster knows no scenario `{text}`."),
            remedy,
        ))
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_found_by_its_name() {
        for scenario in Scenario::ALL {
            assert_eq!(Scenario::parse(scenario.name()).unwrap(), *scenario);
            assert!(!scenario.title().ends_with('.'));
            assert!(scenario.brief().len() <= 40, "{scenario}");
        }
    }

    #[test]
    fn a_misspelt_scenario_is_offered_the_nearest() {
        let problem = Scenario::parse("image-pul-fail").unwrap_err();
        assert_eq!(problem.code, Code::Reh03);
        assert!(
            problem
                .remedy
                .starts_with("Did you mean `image-pull-fails`?"),
            "{problem}"
        );
        let problem = Scenario::parse("zzz").unwrap_err();
        assert_eq!(
            problem.remedy,
            "The scenarios are: healthy, image-pull-fails, data-destroyed, wal-archiving-fails, api-flaky, secondary-lost, slow-disks, \
             disk-full, certificate-expired, backup-stuck, out-of-memory, node-pressure."
        );
    }
}
