//! Finding something in a plan: every step, object and field is a place that can be gone to. Pure.

use super::parts::parts;
use crate::{
    app::{
        entry::Entry,
        words::{Tone, Words},
    },
    plan::{Plan, StepId},
};

/// Places that are listed at most.
const SHOWN: usize = 500;

/// A place in the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// In which step.
    pub step: StepId,
    /// In which of its parts.
    pub part: usize,
    /// On which line of it; nothing for the part itself.
    pub line: Option<usize>,
    /// What stands there: a title, or the path of a field with its value.
    pub label: String,
    /// Where that is, in words.
    pub within: String,
    /// The label in small letters.
    small: String,
    /// Both in small letters.
    all: String,
}

/// A search that was begun.
#[derive(Debug)]
pub struct Search {
    /// What is typed.
    pub entry: Entry,
    /// True while it is typed.
    pub typing: bool,
    /// The chosen place among those found.
    pub chosen: usize,
    places: Vec<Place>,
}

impl Search {
    /// Begins one over everything in the plan.
    pub fn over(plan: &Plan) -> Self {
        Self {
            entry: Entry::default(),
            typing: true,
            chosen: 0,
            places: places(plan),
        }
    }

    /// The places that hold every word that was typed; the broader ones first.
    pub fn found(&self) -> Vec<&Place> {
        let typed = self.entry.text().to_lowercase();
        let words: Vec<&str> = typed.split_whitespace().collect();
        if words.is_empty() {
            return Vec::new();
        }
        let holds = |place: &&Place| {
            words.iter().all(|word| place.all.contains(word))
                && words.iter().any(|word| place.small.contains(word))
        };
        let mut found: Vec<&Place> = self.places.iter().filter(holds).collect();
        found.sort_by_key(|place| (place.line.is_some(), place.part > 0));
        found.truncate(SHOWN);
        found
    }

    /// The chosen place.
    pub fn chosen(&self) -> Option<Place> {
        let found = self.found();
        found.get(self.chosen).map(|place| (*place).clone())
    }
}

fn places(plan: &Plan) -> Vec<Place> {
    let mut places = Vec::new();
    for step in &plan.steps {
        for (index, part) in parts(plan, step).iter().enumerate() {
            let title = match index {
                0 => step.title.clone(),
                _ => part.title().trim_start().to_owned(),
            };
            let within = match index {
                0 => step.id.to_string(),
                _ => step.title.clone(),
            };
            let place = |line, label: String, within: String| {
                let small = label.to_lowercase();
                let all = format!("{small} {}", within.to_lowercase());
                Place {
                    step: step.id.clone(),
                    part: index,
                    line,
                    label,
                    within,
                    small,
                    all,
                }
            };
            places.push(place(None, title.clone(), within.clone()));
            if index == 0 {
                continue;
            }
            let inner = format!("{within}, {title}");
            let fields = fields(&part.body());
            places.extend(
                fields
                    .into_iter()
                    .map(|(line, label)| place(Some(line), label, inner.clone())),
            );
        }
    }
    places
}

/// The fields of a YAML text, each with its line and its path: `spec.storage.size: 20Gi`.
fn fields(body: &[Words]) -> Vec<(usize, String)> {
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut fields = Vec::new();
    for (line, words) in body
        .iter()
        .enumerate()
        .filter(|(_, words)| words.tone == Tone::Plain)
    {
        let mut text = words.text.as_str();
        let mut indent = words.indent;
        let mut dashes = "";
        while let Some(rest) = text.strip_prefix("- ") {
            text = rest;
            indent += 2;
            dashes = "- ";
        }
        path.retain(|(outer, _)| *outer < indent);
        let above: Vec<&str> = path.iter().map(|(_, key)| key.as_str()).collect();
        let above = above.join(".");
        let (key, value) = match text.split_once(':') {
            Some((key, value)) if value.is_empty() || value.starts_with(' ') => (key, value.trim()),
            _ => ("", text),
        };
        let label = match (key.is_empty(), above.is_empty()) {
            (true, true) => text.to_owned(),
            (true, false) => format!("{above}: {dashes}{value}"),
            (false, true) => format!("{key}: {value}"),
            (false, false) => format!("{above}.{key}: {value}"),
        };
        if !key.is_empty() {
            path.push((indent, key.to_owned()));
        }
        // A name that only opens what is inside of it is found by what is inside of it.
        if !value.is_empty() {
            fields.push((line, label));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::plan::parts::moved;

    #[test]
    fn a_field_is_found_by_its_path_and_its_value() {
        let text = "apiVersion: v1\nspec:\n  storage:\n    size: 20Gi\n  list:\n  - name: a\n    image: b:1\n  - plain\n";
        let labels: Vec<String> = fields(&moved(text))
            .into_iter()
            .map(|(_, label)| label)
            .collect();
        assert_eq!(
            labels,
            [
                "apiVersion: v1",
                "spec.storage.size: 20Gi",
                "spec.list.name: a",
                "spec.list.image: b:1",
                "spec.list: - plain",
            ]
        );
    }
}
