//! Which names a site file knows, and the nearest one to a name it does not know. Pure.

use crate::problem::{Code, Problem};

use super::super::{Field, draft::shown, fields::FIELDS};

/// What a path is.
pub enum Known {
    /// A field.
    Field(&'static Field),
    /// A section that holds fields.
    Section,
    /// Something below a field, which should have been a value; with the depth of the field's name.
    BelowField(&'static Field, usize),
    /// Nothing that is known.
    No {
        /// The path up to the first unknown name.
        unknown: String,
        /// How deep that name stands; the outermost has depth 0.
        depth: usize,
    },
}

/// Finds out what a path is.
pub fn lookup(path: &[String]) -> Known {
    let mut joined = String::new();
    for (index, name) in path.iter().enumerate() {
        if index > 0 {
            joined.push('.');
        }
        joined.push_str(name);
        // A dot within a name is a mistake: `site.name: x` instead of a section with a name below it.
        let plain = !name.contains('.');
        if let Some(field) = Field::find(&joined).filter(|_| plain) {
            return if index + 1 == path.len() {
                Known::Field(field)
            } else {
                Known::BelowField(field, index)
            };
        }
        if !plain || !is_section(&joined) {
            return Known::No {
                unknown: joined,
                depth: index,
            };
        }
    }
    Known::Section
}

fn is_section(path: &str) -> bool {
    FIELDS.iter().any(|field| {
        field
            .id
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// How alike two names must be before one is offered for the other; 1 is the same.
const ALIKE: f64 = 0.6;

/// The problem of an unknown name, with the nearest known one.
pub fn unknown(path: &str) -> Problem {
    let shown = shown(path);
    let remedy = match nearest(path) {
        Some(known) if path == known => {
            format!("Write it as nested names: `{}`.", known.replace('.', ": "))
        }
        Some(known) => format!("Did you mean `{known}`? Otherwise remove the line."),
        None => format!(
            "Remove the line. Known here: {}.",
            siblings(above(path)).join(", ")
        ),
    };
    Problem::new(Code::Site11, format!("`{shown}` is not known."), remedy)
}

fn above(path: &str) -> &str {
    let above = path.rsplit_once('.').map_or("", |(above, _)| above);
    if is_section(above) { above } else { "" }
}

/// The names directly below a section; the empty path is the top.
fn siblings(section: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for field in FIELDS {
        let rest = match section {
            "" => Some(field.id),
            _ => field
                .id
                .strip_prefix(section)
                .and_then(|rest| rest.strip_prefix('.')),
        };
        if let Some(name) = rest.and_then(|rest| rest.split('.').next())
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// The known path that was most likely meant: one beside it, the same name elsewhere, or the most alike of all.
fn nearest(path: &str) -> Option<String> {
    let section = above(path);
    let own = path.rsplit_once('.').map_or(path, |(_, own)| own);
    let join = |name: &str| {
        if section.is_empty() {
            name.to_owned()
        } else {
            format!("{section}.{name}")
        }
    };
    let mut beside: Vec<&str> = siblings(section);
    if section.is_empty() {
        beside.push("schema");
    }
    if Field::find(path).is_some() {
        return Some(path.to_owned());
    }
    most_alike(own, beside.into_iter())
        .map(join)
        .or_else(|| {
            let same = FIELDS
                .iter()
                .find(|field| field.id.rsplit('.').next() == Some(own));
            same.map(|field| field.id.to_owned())
        })
        .or_else(|| most_alike(path, FIELDS.iter().map(|field| field.id)).map(str::to_owned))
}

fn most_alike<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Only the beginning counts: a name of a thousand characters is like none of ours.
    let name: String = name.chars().take(80).collect();
    known
        .map(|known| (strsim::normalized_damerau_levenshtein(&name, known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, known)| known)
}
