//! The version of the layout: older files are brought up to date entry by entry, newer ones refused. Pure.

use crate::problem::{Code, Problem};

use super::{
    SCHEMA,
    entries::{Entry, Found, Place},
};

/// Brings the entries of one schema to the next one.
type Migration = fn(Vec<Entry>) -> Vec<Entry>;

/// The step at index `n` leads from schema `n + 1` to schema `n + 2`.
const MIGRATIONS: &[Migration] = &[];

type Placed = (Place, Problem);

/// Takes the version off the entries and brings the rest up to date.
///
/// # Errors
/// When the file is newer than this program: nothing else in it can be judged.
pub fn migrate(entries: Vec<Entry>) -> Result<(Vec<Entry>, Vec<Placed>), Placed> {
    migrate_with(entries, MIGRATIONS)
}

fn migrate_with(
    entries: Vec<Entry>,
    migrations: &[Migration],
) -> Result<(Vec<Entry>, Vec<Placed>), Placed> {
    let newest = u32::try_from(migrations.len())
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    let (version, mut rest): (Vec<Entry>, Vec<Entry>) = entries
        .into_iter()
        .partition(|entry| entry.path.first().is_some_and(|name| name == "schema"));
    let Some(version) = version.into_iter().next() else {
        return Ok((rest, vec![(Place { line: 1, column: 1 }, missing())]));
    };
    let Some(number) = number(&version) else {
        return Ok((rest, vec![(version.value, unreadable())]));
    };
    if number > newest {
        return Err((version.value, newer(number, newest)));
    }
    let done = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    for step in migrations.iter().skip(done) {
        rest = step(rest);
    }
    Ok((rest, Vec::new()))
}

fn number(entry: &Entry) -> Option<u32> {
    match (&entry.found, entry.path.len()) {
        (Found::Text(text), 1) => text.parse().ok().filter(|number| *number > 0),
        _ => None,
    }
}

fn missing() -> Problem {
    Problem::new(
        Code::Site14,
        "The version of the layout (`schema`) is missing.",
        format!("Write `schema: {SCHEMA}` as the first line."),
    )
}

fn unreadable() -> Problem {
    Problem::new(
        Code::Site14,
        "The version of the layout (`schema`) is not a number.",
        format!("Write `schema: {SCHEMA}`."),
    )
}

fn newer(found: u32, newest: u32) -> Problem {
    Problem::new(
        Code::Site13,
        format!(
            "The file has schema {found}, and this version of care-install knows schemas up to {newest}."
        ),
        "Use the newer care-install that wrote the file; an older one could damage the site.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, text: &str) -> Entry {
        let place = Place { line: 1, column: 1 };
        let path = path.split('.').map(str::to_owned).collect();
        let keys = Vec::new();
        Entry {
            path,
            keys,
            value: place,
            found: Found::Text(text.into()),
        }
    }

    #[test]
    fn an_old_file_passes_through_every_later_step_in_order() {
        fn append(mut entries: Vec<Entry>, word: &str) -> Vec<Entry> {
            for entry in &mut entries {
                entry.path.push(word.into());
            }
            entries
        }
        let steps: &[Migration] = &[
            |entries| append(entries, "two"),
            |entries| append(entries, "three"),
        ];
        let paths = |from: &str| {
            let entries = vec![entry("schema", from), entry("site.name", "x")];
            let (entries, problems) = migrate_with(entries, steps).unwrap();
            assert_eq!(problems, vec![]);
            entries
                .into_iter()
                .map(|entry| entry.path.join("."))
                .collect::<Vec<_>>()
        };
        assert_eq!(paths("1"), ["site.name.two.three"]);
        assert_eq!(paths("2"), ["site.name.three"]);
        assert_eq!(paths("3"), ["site.name"]);
        let newer = migrate_with(vec![entry("schema", "4")], steps).unwrap_err();
        assert_eq!(newer.1.code, Code::Site13);
    }

    #[test]
    fn the_schema_of_this_version_is_the_last_step() {
        assert_eq!(usize::try_from(SCHEMA).unwrap(), MIGRATIONS.len() + 1);
    }
}
