//! What each optional part of a site asks for, and the site as a whole, disks included. Pure.

use serde::Serialize;

use super::{Amount, Fit};

/// What the answers come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Costs {
    /// How the site fits, with all nodes and with each one lost.
    pub fits: Vec<Fit>,
    /// What its volumes take from the disks of all nodes, copies included, in bytes.
    pub disk: u64,
    /// Every optional part.
    pub parts: Vec<Part>,
    /// True while answers are missing and examples stand in for them.
    pub is_rough: bool,
}

/// An optional part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The setting that switches it.
    pub field: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// The word that the setting holds then.
    pub word: &'static str,
    /// Whether the site has it.
    pub is_chosen: bool,
    /// What it asks for.
    pub asks: Amount,
    /// What its volumes take from the disks of all nodes, copies included, in bytes.
    pub disk: u64,
    /// What finds no room any more once the site has it: when, and how much of it.
    pub misfits: Vec<String>,
}

impl Costs {
    /// The part that a setting would bring with this word.
    pub fn part(&self, field: &str, word: &str) -> Option<&Part> {
        self.parts
            .iter()
            .find(|part| part.field == field && part.word == word)
    }
}

/// What does not fit, such as `without primary: Deployment odoo/odoo`.
pub fn misfits(fits: &[Fit]) -> Vec<String> {
    let wrong = fits.iter().filter(|fit| !fit.fits());
    wrong
        .map(|fit| {
            let when = match &fit.lost {
                None => "with all nodes".to_owned(),
                Some(lost) => format!("without {lost}"),
            };
            format!("{when} no room for {}", super::show::counted(&fit.homeless))
        })
        .collect()
}
