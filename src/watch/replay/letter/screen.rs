//! The health screen at each change of it: services, what needs attention with its age and what follows, and what nobody can tell.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::Writer;
use crate::watch::view::{ClusterView, Health};

impl Writer<'_> {
    /// Says the whole screen when anything of it is new but ages.
    pub fn screen(&mut self, view: &ClusterView, now: Timestamp, news: &mut String) {
        let mut view = view.clone();
        self.history.look(&view);
        self.history.remember(&mut view);
        let still = told(&view, None);
        if self.said.get("screen") != Some(&still) {
            news.push_str(&told(&view, Some(now)));
            self.said.insert("screen".to_owned(), still);
            let causes = view.causes();
            let about = causes.map(|one| format!("{} about {}", one.problem.code, one.about));
            self.letter.begun.extend(about);
        }
    }
}

/// The screen in words; with a moment it tells ages, too.
fn told(view: &ClusterView, now: Option<Timestamp>) -> String {
    let mut text = String::new();
    for row in view
        .services
        .iter()
        .filter(|row| row.note != "not installed")
    {
        let note = if row.note.is_empty() {
            String::new()
        } else {
            format!(": {}", row.note)
        };
        writeln!(
            text,
            "    {} {}{note}",
            row.service.title(),
            row.health.word()
        )
        .unwrap();
    }
    for finding in view.causes() {
        let age = match (finding.since, now) {
            (Some(since), Some(now)) => format!(" for {}", span(since, now)),
            _ => String::new(),
        };
        let (word, problem) = (finding.health.word(), &finding.problem);
        writeln!(
            text,
            "    - {word}{age}: {} [{}]",
            problem.what, problem.code
        )
        .unwrap();
        for line in &finding.brings {
            writeln!(text, "        follows: {line}").unwrap();
        }
    }
    if view.findings.is_empty() {
        text.push_str("    - nothing needs attention\n");
    }
    let unknown: Vec<&str> = view
        .pods
        .iter()
        .filter(|row| row.health == Health::Unknown)
        .map(|row| row.name.as_str())
        .collect();
    if !unknown.is_empty() {
        writeln!(text, "    nobody can tell of {}", unknown.join(", ")).unwrap();
    }
    for row in view.backups.iter().filter(|row| row.kind != "Backup") {
        writeln!(
            text,
            "    {} {}: {}",
            row.kind.to_lowercase(),
            row.name,
            row.status
        )
        .unwrap();
    }
    text
}

fn span(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
