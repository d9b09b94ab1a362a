//! Accepted failures of checks, kept for the hand-over record: who, when, why.

use std::path::Path;

use jiff::Timestamp;

use crate::{check::Waiver, problem::Problem, sys::lines::Lines};

/// The record, in the folder of the reports.
const FILE: &str = "waivers.jsonl";

/// Writes accepted failures down; what stands there already is not repeated.
///
/// # Errors
/// The folder cannot be written.
pub fn keep_waivers(reports: &Path, waivers: &[Waiver]) -> Result<(), Problem> {
    if waivers.is_empty() {
        return Ok(());
    }
    crate::sys::files::create_folder(reports)?;
    let (mut lines, known) = Lines::open(&reports.join(FILE), |_| true)?;
    for waiver in waivers {
        // A waiver is plain data: it always has a JSON form.
        let line = serde_json::to_string(waiver).unwrap_or_default();
        if !known.contains(&line) {
            lines.append(&line)?;
        }
    }
    Ok(())
}

/// The failures that were accepted after the last run ended: they are meant for the one that comes next. An older acceptance
/// says nothing about the world of today.
///
/// # Errors
/// The record cannot be read.
pub fn since_last_run(reports: &Path, ended: Option<Timestamp>) -> Result<Vec<Waiver>, Problem> {
    let lines = Lines::read(&reports.join(FILE), |_| true)?;
    let mut waivers: Vec<Waiver> = Vec::new();
    for waiver in lines
        .iter()
        .filter_map(|line| serde_json::from_str::<Waiver>(line).ok())
    {
        if ended.is_none_or(|ended| waiver.at > ended) {
            // Of the same check the newest reason counts.
            waivers.retain(|known| known.id != waiver.id);
            waivers.push(waiver);
        }
    }
    Ok(waivers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::CheckId, problem::Code};

    fn waiver(subject: &str, at: i64, reason: &str) -> Waiver {
        Waiver {
            id: CheckId {
                code: Code::Dns02,
                subject: subject.to_owned(),
            },
            reason: reason.to_owned(),
            by: "meera@laptop".to_owned(),
            at: Timestamp::from_second(at).unwrap(),
        }
    }

    #[test]
    fn an_acceptance_is_written_once_and_holds_until_the_next_run_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        let (old, new) = (waiver("a", 10, "old"), waiver("b", 30, "new"));
        keep_waivers(here, std::slice::from_ref(&old)).unwrap();
        keep_waivers(here, &[old.clone(), new.clone()]).unwrap();
        assert_eq!(since_last_run(here, None).unwrap(), [old, new.clone()]);
        let ended = Timestamp::from_second(20).unwrap();
        assert_eq!(since_last_run(here, Some(ended)).unwrap(), [new]);
        let again = waiver("b", 40, "another reason");
        keep_waivers(here, std::slice::from_ref(&again)).unwrap();
        assert_eq!(since_last_run(here, Some(ended)).unwrap(), [again]);
    }

    #[test]
    fn records_of_older_versions_say_no_name_and_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let line =
            r#"{"id":{"code":"DNS-02","subject":"a"},"reason":"r","at":"2026-11-26T10:00:00Z"}"#;
        let (mut lines, _) = Lines::open(&folder.path().join(FILE), |_| true).unwrap();
        lines.append(line).unwrap();
        let read = since_last_run(folder.path(), None).unwrap();
        assert_eq!(read.first().unwrap().by, "");
    }
}
