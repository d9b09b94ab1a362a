//! site.yaml as text: read with a line and a column in every problem, all of them at once, and written in one order. Pure.

mod entries;
mod example;
mod migrate;
mod names;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::problem::{Code, Problem};

use self::entries::{Entry, Found, Place};
use super::{Field, Site, SiteDraft, fields::FIELDS, kind::Shape, types::items, valid::put};

pub use example::example;

/// The layout of site.yaml that this version writes.
pub const SCHEMA: u32 = 1;

/// A problem with its place in the text.
type Placed = (Place, Problem);

/// Where a site file begins.
const TOP: Place = Place { line: 1, column: 1 };

/// What was read from a site file: the answers and where they stand.
#[derive(Clone, Debug)]
struct SiteFile {
    name: String,
    draft: SiteDraft,
    /// Where fields and sections stand, by their dotted path.
    places: BTreeMap<String, Place>,
    /// The fields of which a problem of shape was told; whether they are missing is not told as well.
    told: Vec<&'static str>,
    /// Whether the whole text was understood; after an error of syntax nothing is called missing.
    whole: bool,
}

/// Reads a site file whose answers may still be incomplete or wrong, such as a saved draft.
///
/// # Errors
/// Everything that keeps the text from being a site file: syntax, unknown names, wrong types, a newer schema.
pub fn read_draft(name: &str, text: &str) -> Result<SiteDraft, Vec<Problem>> {
    match parse(name, text) {
        (file, problems) if problems.is_empty() => Ok(file.draft),
        (file, problems) => Err(file.in_words(problems)),
    }
}

/// Reads a finished site file.
///
/// # Errors
/// Every problem of the file, each with its line and column, in the order of the lines.
pub fn read(name: &str, text: &str) -> Result<(SiteDraft, Site), Vec<Problem>> {
    let (file, mut problems) = parse(name, text);
    if file.whole {
        problems.extend(file.value_problems());
    }
    if !problems.is_empty() {
        return Err(file.in_words(problems));
    }
    match Site::try_from(&file.draft) {
        Ok(site) => Ok((file.draft, site)),
        Err(problems) => Err(file.in_words(file.placed(problems))),
    }
}

/// The warnings of a site file that was read, each with its line and column.
pub fn warnings(name: &str, text: &str) -> Vec<Problem> {
    let (file, _) = parse(name, text);
    file.in_words(file.placed(file.draft.warnings()))
}

/// Writes the draft as a site file: only what was typed, in the order of the table. Use [`SiteDraft::filled`] first for a finished site.
pub fn write(draft: &SiteDraft) -> String {
    let mut root = Map::new();
    root.insert("schema".into(), json!(SCHEMA));
    for field in FIELDS {
        let text = draft.get(field.id);
        if !text.is_empty() {
            put(&mut root, field.id, value(field, text));
        }
    }
    // A map of texts, numbers and lists always becomes YAML.
    serde_yaml::to_string(&root).unwrap_or_default()
}

fn value(field: &Field, text: &str) -> Value {
    match field.kind.shape() {
        Shape::Text => json!(text),
        Shape::Number => match text.parse::<u32>() {
            Ok(number) if number.to_string() == text => json!(number),
            _ => json!(text),
        },
        Shape::List => json!(items(text)),
    }
}

/// Reads as much as can be understood, with everything that cannot.
fn parse(name: &str, text: &str) -> (SiteFile, Vec<Placed>) {
    let (entries, mut problems) = entries::read(text);
    let mut file = SiteFile {
        name: name.into(),
        draft: SiteDraft::new(),
        places: BTreeMap::new(),
        told: Vec::new(),
        whole: problems
            .iter()
            .all(|(_, problem)| problem.code != Code::Site10),
    };
    match migrate::migrate(entries) {
        Ok((entries, more)) => {
            problems.extend(more.into_iter().filter(|_| file.whole));
            file.take(entries, &mut problems);
        }
        Err(newer) => {
            problems = vec![newer];
            file.whole = false;
        }
    }
    (file, problems)
}

impl SiteFile {
    /// Fills the draft from the entries.
    fn take(&mut self, entries: Vec<Entry>, problems: &mut Vec<Placed>) {
        let mut unknown: Vec<String> = Vec::new();
        for entry in entries {
            for depth in 1..entry.path.len() {
                let section = entry.path.get(..depth).unwrap_or_default().join(".");
                self.places.entry(section).or_insert(entry.key(depth - 1));
            }
            match names::lookup(&entry.path) {
                names::Known::Field(field) => self.answer(field, entry, problems),
                names::Known::Section => {
                    if !matches!(entry.found, Found::Nothing | Found::EmptySection) {
                        let words = "a section with names below it";
                        let problem = wrong_type(&entry.path.join("."), words, &entry.found);
                        problems.push((entry.value, problem));
                    }
                }
                names::Known::BelowField(field, depth) => {
                    if !self.told.contains(&field.id) {
                        self.told.push(field.id);
                        let problem =
                            wrong_type(field.id, shape_words(field), &Found::EmptySection);
                        problems.push((entry.key(depth), problem));
                    }
                }
                names::Known::No {
                    unknown: name,
                    depth,
                } => {
                    if !unknown.contains(&name) {
                        problems.push((entry.key(depth), names::unknown(&name)));
                        unknown.push(name);
                    }
                }
            }
        }
    }

    fn answer(&mut self, field: &'static Field, entry: Entry, problems: &mut Vec<Placed>) {
        if field.secret().is_some() {
            problems.push((entry.own_key(), secret_in_file(field)));
            return;
        }
        let place = match entry.found {
            Found::Nothing => entry.own_key(),
            _ => entry.value,
        };
        self.places.insert(field.id.into(), place);
        let text = match (field.kind.shape(), entry.found) {
            (_, Found::Nothing) => return,
            (Shape::Text | Shape::Number, Found::Text(text)) => text,
            (Shape::List, Found::List(items)) if items.is_empty() => "none".into(),
            (Shape::List, Found::List(items)) => items.join(", "),
            (_, found) => {
                problems.push((place, wrong_type(field.id, shape_words(field), &found)));
                self.told.push(field.id);
                return;
            }
        };
        self.draft.set(field.id, &text);
    }

    /// The problems of the values, each with its place.
    fn value_problems(&self) -> Vec<Placed> {
        let mut problems = self.draft.problems();
        problems.retain(|(id, _)| !self.told.contains(id));
        self.placed(problems)
    }

    fn placed(&self, problems: Vec<super::FieldProblem>) -> Vec<Placed> {
        problems
            .into_iter()
            .map(|(id, problem)| (self.place(id), problem))
            .collect()
    }

    /// Where a field stands, or the nearest section above it, or the file's beginning.
    fn place(&self, id: &str) -> Place {
        let mut path = id;
        loop {
            if let Some(place) = self.places.get(path) {
                return *place;
            }
            match path.rsplit_once('.') {
                Some((above, _)) => path = above,
                None => return TOP,
            }
        }
    }

    /// The problems in the order of their places, each with its place in words.
    fn in_words(&self, mut problems: Vec<Placed>) -> Vec<Problem> {
        problems.sort_by_key(|(place, _)| *place);
        let told = |(place, mut problem): Placed| {
            let Place { line, column } = place;
            problem.what = format!(
                "{}, line {line}, column {column}: {}",
                self.name, problem.what
            );
            problem
        };
        problems.into_iter().map(told).collect()
    }
}

fn shape_words(field: &Field) -> &'static str {
    match field.kind.shape() {
        Shape::Text => "a text",
        Shape::Number => "a number",
        Shape::List => "a list",
    }
}

fn wrong_type(id: &str, wanted: &str, found: &Found) -> Problem {
    let remedy = match Field::find(id) {
        Some(field) if field.kind.shape() == Shape::List => {
            format!(
                "Write it like `[{}]`, also when it has one item.",
                field.example
            )
        }
        Some(field) => format!("Write it like `{}`.", field.example),
        None => format!(
            "Put the names that belong to `{id}` below it, each on a line of its own, two spaces further in."
        ),
    };
    Problem::new(
        Code::Site12,
        format!("`{id}` must be {wanted} and is {}.", found.words()),
        remedy,
    )
}

fn secret_in_file(field: &Field) -> Problem {
    Problem::new(
        Code::Site15,
        format!(
            "{} (`{}`) is a secret and must not stand in this file.",
            field.label, field.id
        ),
        "Remove the line and change that password at its source, because others may have read it. The new one is asked for and kept in the vault.",
    )
}

#[cfg(test)]
mod tests;
