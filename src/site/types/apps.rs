//! What the programs beside Care are told: how their texts are read. Pure.

use super::{Wrong, wrong};

pub(super) fn module_name(text: &str) -> Result<String, Wrong> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !text.chars().all(good) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return wrong(format!(
            "`{text}` is no module: its name has small letters, digits and _ only"
        ));
    }
    Ok(text.into())
}

/// The date of a release, as the last part of its name begins with it.
const DATE: usize = 8;

pub(super) fn release_file(text: &str) -> Result<String, Wrong> {
    let good = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let parts_are_names = text.split('/').all(|part| !part.is_empty() && part != "..");
    if !text.chars().all(good) || !parts_are_names {
        return wrong("it has letters, digits, _ - . and / between folders only");
    }
    let last = text.rsplit('_').next().unwrap_or(text);
    let dated = last
        .get(..DATE)
        .is_some_and(|date| date.chars().all(|c| c.is_ascii_digit()))
        && last.chars().nth(DATE) == Some('T');
    if !dated || text.strip_suffix(".zip").is_none() {
        return wrong("a release ends with its date and .zip, such as _20261101T120000Z.zip");
    }
    Ok(text.into())
}

pub(super) fn edition_number(text: &str) -> Result<String, Wrong> {
    if !(6..=18).contains(&text.len()) || !text.chars().all(|c| c.is_ascii_digit()) {
        return wrong("the number of an edition has 6 to 18 digits");
    }
    Ok(text.into())
}
