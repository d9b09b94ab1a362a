//! What the programs beside Care are told: how their texts are read. Pure.

use super::{FromLine, ModuleName, Wrong, wrong};

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

/// Names that lead to something else tomorrow.
const MOVING: [&str; 6] = ["head", "main", "master", "develop", "staging", "latest"];

pub(super) fn git_source(text: &str) -> Result<String, Wrong> {
    let Some((address, reference)) = text.split_once('#') else {
        return wrong("the tag or commit is missing: it stands behind a #");
    };
    let Some(path) = address.strip_prefix("https://") else {
        return wrong("the repository is named by its https:// address");
    };
    let good = |c: char| c.is_ascii_alphanumeric() || "./_-~".contains(c);
    let Some((host, path)) = path.split_once('/') else {
        return wrong("there is no repository behind the server's name");
    };
    if host.is_empty() || path.strip_suffix(".git").is_none_or(str::is_empty) {
        return wrong("the address of a repository ends with .git");
    }
    pinned(reference)?;
    if !host.chars().chain(path.chars()).all(good) || path.split('/').any(|part| part == "..") {
        return wrong("the address has letters, digits, . _ - ~ and / only; no login stands in it");
    }
    Ok(text.into())
}

/// A tag or commit: what is built from it today is built from it next year.
fn pinned(reference: &str) -> Result<(), Wrong> {
    let good = |c: char| c.is_ascii_alphanumeric() || "./_-".contains(c);
    if reference.is_empty() || reference.len() > 100 || !reference.chars().all(good) {
        return wrong("a tag or commit has up to 100 letters, digits, . _ - and /");
    }
    if MOVING
        .iter()
        .any(|name| reference.eq_ignore_ascii_case(name))
    {
        return wrong(format!(
            "`{reference}` moves by itself; name a tag or a commit"
        ));
    }
    Ok(())
}

/// A plug of Care: what it is called, what is installed, and which version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plug {
    /// Its name among Care's apps.
    pub name: ModuleName,
    /// What pip installs.
    pub package: String,
    /// The version as pip reads it behind the package, such as `@f635553` or `==1.2`.
    pub version: String,
}

impl FromLine for Plug {
    fn from_line(text: &str) -> Result<Self, Wrong> {
        let Some((name, rest)) = text.split_once('=') else {
            return wrong(format!(
                "`{text}` has no `=` between the plug's name and its package"
            ));
        };
        let within = |Wrong(why)| Wrong(format!("in `{text}`: {why}"));
        let good = |c: char| c.is_ascii_alphanumeric() || "./_-~:+=@".contains(c);
        let Some((package, version)) = rest
            .rsplit_once('@')
            .filter(|(package, _)| !package.is_empty())
        else {
            return wrong(format!("`{text}` has no `@` in front of its version"));
        };
        if !package.chars().all(good) {
            return wrong(format!("`{text}` has a character that no package has"));
        }
        pinned(version).map_err(within)?;
        // A repository is followed by @, a package of the index by ==.
        let sign = if package.starts_with("git+https://") {
            "@"
        } else {
            "=="
        };
        Ok(Self {
            name: ModuleName::from_line(name.trim()).map_err(within)?,
            package: package.to_owned(),
            version: format!("{sign}{version}"),
        })
    }
}
