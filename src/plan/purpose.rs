//! What a plan is for: every face chooses its words by it. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::power::{Powering, Way, Which};

/// What a plan is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Purpose {
    /// The site as its settings say.
    #[default]
    Deploy,
    /// The database back to a moment.
    Restore(Box<Restoring>),
    /// Everything as it was before a restore that was cancelled.
    PutBack(Box<Restoring>),
    /// A machine off, or on again.
    Power(Box<Powering>),
}

/// A restore, as the faces tell of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restoring {
    /// The moment.
    pub moment: Timestamp,
    /// The same by the clock of the computer that restores.
    pub shown: String,
    /// The Cluster that is made.
    pub cluster: String,
    /// The Cluster that is left.
    pub former: String,
    /// Rows by table that were promised, when they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised: Option<BTreeMap<String, u64>>,
}

impl Purpose {
    /// True for what a deploy is for.
    pub fn is_deploy(&self) -> bool {
        *self == Self::Deploy
    }

    /// What such a run is called.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Restore(_) => "restore",
            Self::PutBack(_) => "cancelling of the restore",
            Self::Power(powering) => match powering.way {
                Way::Off => "power-off",
                Way::On => "power-on",
            },
        }
    }

    /// The command that goes on with it.
    pub fn command(&self) -> &'static str {
        match self {
            Self::Deploy => "care-install deploy",
            Self::Restore(_) => "care-install restore",
            Self::PutBack(_) => "care-install restore cancel",
            Self::Power(_) => "care-install power",
        }
    }

    /// What is done in it, for a heading; a deploy needs none.
    pub fn heading(&self) -> Option<String> {
        match self {
            Self::Deploy => None,
            Self::Restore(restoring) => {
                Some(format!("Restoring PostgreSQL to {}", restoring.shown))
            }
            Self::PutBack(restoring) => Some(format!(
                "Putting back what the restore to {} has changed",
                restoring.shown
            )),
            Self::Power(powering) => Some(match (&powering.node, powering.way) {
                (Which::One(node), Way::Off) => format!("Switching {node} off"),
                (Which::One(node), Way::On) => format!("Bringing {node} back"),
                (Which::All, Way::Off) => "Switching all machines off".to_owned(),
                (Which::All, Way::On) => "Bringing all machines back".to_owned(),
            }),
        }
    }

    /// What it has come to, once every step is done.
    pub fn done(&self) -> String {
        match self {
            Self::Deploy => "Done".to_owned(),
            Self::Restore(restoring) => {
                format!("Restored: PostgreSQL is as it was at {}", restoring.shown)
            }
            Self::PutBack(_) => "Put back: all is as it was before the restore".to_owned(),
            Self::Power(powering) => match (&powering.node, powering.way) {
                (Which::One(node), Way::Off) => {
                    format!("{node} is off; care-install power on {node} brings it back")
                }
                (Which::One(node), Way::On) => {
                    format!("{node} is back, and everything runs again")
                }
                (Which::All, Way::Off) => {
                    "No machine answers any more; care-install power on all brings them back"
                        .to_owned()
                }
                (Which::All, Way::On) => {
                    "All machines are back, and everything runs again".to_owned()
                }
            },
        }
    }

    /// What an end before that is called.
    pub fn not_done(&self) -> &'static str {
        match self {
            Self::Deploy => "Not done",
            Self::Restore(_) => "Not restored",
            Self::PutBack(_) => "Not all put back",
            Self::Power(powering) => match powering.way {
                Way::Off => "Not off",
                Way::On => "Not back",
            },
        }
    }

    /// How it is gone on with, as a sentence; for a deploy that is the same command.
    pub fn goes_on(&self) -> String {
        match self {
            Self::Deploy => "The same command goes on from here.".to_owned(),
            Self::Restore(_) => "care-install restore goes on from here; as long as Care does not use \
                                 the new database, care-install restore cancel puts everything back."
                .to_owned(),
            Self::PutBack(_) => format!("{} goes on from here.", self.command()),
            Self::Power(powering) => {
                let Powering { node, way } = &**powering;
                let undo = match (node, way) {
                    (Which::One(node), Way::Off) => {
                        format!("; kubectl uncordon {node} gives it up")
                    }
                    (Which::All, Way::Off) => {
                        "; care-install power on all gives it up, and starts everything again"
                            .to_owned()
                    }
                    (_, Way::On) => String::new(),
                };
                format!("care-install power {} {node} goes on from here{undo}.", way.word())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restoring() -> Restoring {
        Restoring {
            moment: "2026-11-24T11:42:00Z".parse().unwrap(),
            shown: "2026-11-24 17:12:00 IST".to_owned(),
            cluster: "care-db-g2".to_owned(),
            former: "care-db".to_owned(),
            promised: Some([("public.emr_patient".to_owned(), 1500)].into()),
        }
    }

    #[test]
    fn a_run_says_what_it_is_for_and_a_journal_from_before_means_a_deploy() {
        for purpose in [
            Purpose::Deploy,
            Purpose::Restore(Box::new(restoring())),
            Purpose::PutBack(Box::new(restoring())),
            Purpose::Power(Box::new(Powering {
                node: Which::One("primary".to_owned()),
                way: Way::Off,
            })),
        ] {
            let text = serde_json::to_string(&purpose).unwrap();
            assert_eq!(serde_json::from_str::<Purpose>(&text).unwrap(), purpose);
        }
        assert_eq!(Purpose::default(), Purpose::Deploy);
        assert_eq!(
            Purpose::Restore(Box::new(restoring())).heading().unwrap(),
            "Restoring PostgreSQL to 2026-11-24 17:12:00 IST"
        );
    }
}
