//! Differences and drift for people and for programs. Pure.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Becomes, By, Change, Difference, Drift, Field, Mask, Shown, What};

/// Characters of a value that are shown to people.
const WIDTH: usize = 60;

/// Lines of a long text that are shown to people.
const LINES: usize = 4;

/// An object as YAML, as it may be shown.
pub fn object(object: &Value, mask: &Mask) -> String {
    let shown = mask.object(object);
    serde_yaml::to_string(&shown).unwrap_or_else(|error| format!("# not shown: {error}\n"))
}

/// What a deploy would change, as a person reads it.
pub fn differences(cluster: &str, all: &[Difference]) -> String {
    let mut text = String::new();
    if all.is_empty() {
        line(
            &mut text,
            &format!("No difference: {cluster} is as the plan says."),
        );
        return text;
    }
    let stops = all
        .iter()
        .filter(|one| matches!(one.what, What::Stops { .. }));
    let stops = match stops.count() {
        0 => String::new(),
        1 => ", and would stop at one of them".to_owned(),
        count => format!(", and would stop at {count} of them"),
    };
    let things = if all.len() == 1 { "thing" } else { "things" };
    let head = format!(
        "A deploy would change {} {things} in {cluster}{stops}. Nothing has been changed.",
        all.len()
    );
    line(&mut text, &head);
    let mut step = None;
    for one in all {
        if step != Some(&one.step) {
            step = Some(&one.step);
            line(&mut text, "");
            line(&mut text, one.step.as_str());
        }
        difference(&mut text, one);
    }
    text
}

fn difference(text: &mut String, one: &Difference) {
    let subject = &one.subject;
    match &one.what {
        What::Makes => line(text, &format!("   + {subject}")),
        What::Deletes => line(text, &format!("   - {subject}")),
        What::Changes { fields } => {
            line(text, &format!("   ~ {subject}"));
            for Becomes { field, from, to } in fields {
                values(text, field, from, to);
            }
        }
        What::Stops { problem } => {
            line(text, &format!("   ! {subject}"));
            for part in problem.to_string().lines() {
                line(text, &format!("       {part}"));
            }
        }
    }
}

/// What somebody changed, as a person reads it.
pub fn drift(cluster: &str, began: Option<Timestamp>, all: &[Drift]) -> String {
    let mut text = String::new();
    let since = began.map_or_else(
        || {
            "This folder remembers no run, so what is missing is not told (care-install plan --diff lists it)"
                .to_owned()
        },
        |began| format!("Since the last run, which began at {began:.0}"),
    );
    let head = match all.len() {
        0 => format!("{since}: nobody has changed anything in {cluster}."),
        1 => format!("{since}: one thing was changed in {cluster}."),
        count => format!("{since}: {count} things were changed in {cluster}."),
    };
    line(&mut text, &head);
    for one in all {
        line(&mut text, "");
        match &one.change {
            Change::Missing { told } => {
                line(
                    &mut text,
                    &format!("{} is missing  (step {})", one.subject, one.step),
                );
                let who = told.as_ref().map_or_else(
                    || "the cluster does not tell who took it away, nor when".to_owned(),
                    |told| format!("an event says: {told}"),
                );
                line(&mut text, &format!("   {who}"));
            }
            Change::Fields { fields } => {
                line(
                    &mut text,
                    &format!("{} was changed  (step {})", one.subject, one.step),
                );
                for field in fields {
                    values(&mut text, &field.field, &field.was, &field.is);
                    line(&mut text, &format!("         {}", who(field)));
                }
            }
        }
    }
    text
}

fn who(field: &Field) -> String {
    let Some(by) = &field.by else {
        return "the cluster does not tell by whom".to_owned();
    };
    let By {
        manager,
        operation,
        subresource,
        at,
        event,
        revision,
    } = by;
    let mut text = format!("by {manager}, {}", operation.to_lowercase());
    if !subresource.is_empty() {
        write!(text, " of {subresource}").ok();
    }
    if let Some(revision) = revision {
        write!(text, ", revision {revision}").ok();
    }
    match at {
        Some(at) => write!(text, ", at {at}").ok(),
        None => write!(text, ", at a time that is not told").ok(),
    };
    if let Some(event) = event {
        write!(text, " (event: {})", cut(event)).ok();
    }
    text
}

/// A field with what it was and what it becomes.
fn values(text: &mut String, field: &str, from: &Shown, to: &Shown) {
    if *from == Shown::Secret || *to == Shown::Secret {
        let word = match (from, to) {
            (Shown::Absent, _) => "a secret is added",
            (_, Shown::Absent) => "a secret is taken away",
            _ => "changed (a secret: not shown)",
        };
        return line(text, &format!("       {field}: {word}"));
    }
    if let (Shown::Value(Value::String(left)), Shown::Value(Value::String(right))) = (from, to)
        && (left.contains('\n') || right.contains('\n'))
    {
        line(text, &format!("       {field}:"));
        only(text, '-', left, right);
        only(text, '+', right, left);
        return;
    }
    line(
        text,
        &format!("       {field}: {} -> {}", short(from), short(to)),
    );
}

/// The lines that only the one text has.
fn only(text: &mut String, mark: char, of: &str, not: &str) {
    let own: Vec<&str> = of
        .lines()
        .filter(|line| !not.lines().any(|other| other == *line))
        .collect();
    for part in own.iter().take(LINES) {
        line(text, &format!("         {mark} {}", cut(part)));
    }
    if own.len() > LINES {
        line(
            text,
            &format!("         {mark} and more lines: {}", own.len() - LINES),
        );
    }
}

fn short(shown: &Shown) -> String {
    match shown {
        Shown::Absent => "nothing".to_owned(),
        Shown::Secret => super::mask::STARS.to_owned(),
        Shown::Value(value) => cut(&value.to_string()),
    }
}

/// So much of a text as has room, and nothing that a terminal obeys.
fn cut(text: &str) -> String {
    let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
    if text.chars().count() <= WIDTH {
        return text;
    }
    let begin: String = text.chars().take(WIDTH - 3).collect();
    format!("{begin}...")
}

fn line(text: &mut String, words: &str) {
    text.push_str(words);
    text.push('\n');
}

/// What a deploy would change, a value for each line; the last one sums up.
pub fn differences_json(cluster: &str, all: &[Difference]) -> Vec<Value> {
    let mut lines: Vec<Value> = all.iter().map(|one| event("difference", one)).collect();
    let stops = all
        .iter()
        .filter(|one| matches!(one.what, What::Stops { .. }));
    lines.push(json!({"event": "differences", "cluster": cluster, "count": all.len(), "stops": stops.count()}));
    lines
}

/// What somebody changed, a value for each line; the last one sums up.
pub fn drift_json(cluster: &str, began: Option<Timestamp>, all: &[Drift]) -> Vec<Value> {
    let mut lines: Vec<Value> = all.iter().map(|one| event("drift", one)).collect();
    lines.push(json!({"event": "drifts", "cluster": cluster, "since": began, "count": all.len()}));
    lines
}

fn event(name: &str, one: &impl serde::Serialize) -> Value {
    let mut value = json!({ "event": name });
    // Plain data always has a JSON form.
    if let (Some(map), Ok(Value::Object(more))) = (value.as_object_mut(), serde_json::to_value(one))
    {
        map.extend(more);
    }
    value
}
