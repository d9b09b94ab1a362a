//! A card that asks for a text: a reason, or a passphrase. Pure.

use jiff::Timestamp;

use super::super::{
    entry::Entry,
    health::deed::{Deed, Workload},
    keys::Act,
};
use crate::{
    check::CheckId,
    plan::{Powering, StepId},
};

/// What the text is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Why a step is left out.
    Skip(StepId),
    /// Why a failed check is accepted.
    Waive(CheckId),
    /// The name of the site, before its database goes back to this moment.
    Restore(Timestamp),
    /// A moment.
    Moment,
    /// A time of a log.
    LogRange,
    /// The name of what this destroys.
    Deed(Box<Deed>),
    /// How many pods this shall have.
    Copies(Workload),
    /// Why machines are switched off although something could be lost.
    Power(Powering),
    /// The passphrase of this site's vault.
    Unlock(String),
    /// A file of answers.
    Import,
    /// A kubeconfig, or the folder of a site.
    Attach,
    /// A new vault's passphrase, typed twice; empty makes a key file.
    Passphrase,
}

/// A question for a text.
#[derive(Debug)]
pub struct Ask {
    /// Its heading.
    pub title: String,
    /// What to know.
    pub hint: String,
    /// What is typed.
    pub entry: Entry,
    /// The same again, where a slip would lock a person out.
    pub again: Option<Entry>,
    /// True while the second line is typed.
    pub second: bool,
    /// How it is shown.
    pub shown: Shown,
    /// What is wrong with what was typed.
    pub wrong: Option<&'static str>,
    /// What it is for.
    pub asked: Asked,
}

/// How a typed text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As it is.
    Open,
    /// As dots.
    Hidden,
    /// A secret that the person wants to see.
    Revealed,
}

impl Ask {
    /// A reason in a person's own words.
    pub fn reason(title: String, hint: &str, asked: Asked) -> Self {
        Self {
            title,
            hint: hint.to_owned(),
            entry: Entry::default(),
            again: None,
            second: false,
            shown: Shown::Open,
            wrong: None,
            asked,
        }
    }

    /// A vault's passphrase.
    pub fn unlock(site: String) -> Self {
        let title = format!("Passphrase of {site}");
        let hint = "The vault holds the secrets of the site.";
        Self {
            shown: Shown::Hidden,
            ..Self::reason(title, hint, Asked::Unlock(site))
        }
    }

    /// A new vault's passphrase.
    pub fn passphrase() -> Self {
        let hint = "The secrets of the site are kept in a vault. Four words or more; nobody can open it without. \
                    Leave both lines empty to protect it with a key file beside it instead.";
        Self {
            shown: Shown::Hidden,
            again: Some(Entry::default()),
            ..Self::reason(
                "A passphrase for the vault".to_owned(),
                hint,
                Asked::Passphrase,
            )
        }
    }

    /// The line that is typed.
    pub fn entry_mut(&mut self) -> &mut Entry {
        self.wrong = None;
        match &mut self.again {
            Some(again) if self.second => again,
            _ => &mut self.entry,
        }
    }

    /// Whether something would happen now.
    pub fn can(&self, act: Act) -> bool {
        match act {
            Act::Open => match self.asked {
                Asked::Skip(_)
                | Asked::Waive(_)
                | Asked::Restore(_)
                | Asked::Moment
                | Asked::LogRange
                | Asked::Import
                | Asked::Deed(_)
                | Asked::Power(_)
                | Asked::Copies(_) => !self.entry.text().trim().is_empty(),
                Asked::Unlock(_) => !self.entry.is_empty(),
                Asked::Passphrase | Asked::Attach => true,
            },
            Act::Next | Act::Previous => self.again.is_some(),
            Act::Reveal => self.shown != Shown::Open,
            _ => false,
        }
    }
}
