//! Checks and health as lines of text; it prints nothing itself. Pure.

use serde_json::{Value, json};

use crate::{
    check::{CheckResult, Verdict},
    watch::view::{ClusterView, Health},
};

/// Columns of a line for people.
const WIDTH: usize = 96;

/// A check as lines.
pub fn check(result: &CheckResult) -> String {
    let (word, seen, problem) = match &result.verdict {
        Verdict::Pass { seen } => ("ok", seen.as_str(), None),
        Verdict::Warn { seen, problem } => ("WARN", seen.as_str(), Some(problem)),
        Verdict::Fail { seen, problem } => ("FAIL", seen.as_str(), Some(problem)),
        Verdict::Skipped { reason } => ("skipped", reason.as_str(), None),
    };
    let subject = if result.id.subject.is_empty() {
        String::new()
    } else {
        format!(" {}", result.id.subject)
    };
    let mut text = format!(
        "{word:<8}{:<8}{}{subject}: {seen}",
        result.id.code, result.title
    );
    for line in problem.map(ToString::to_string).unwrap_or_default().lines() {
        text.push_str("\n                ");
        text.push_str(line);
    }
    text
}

/// What the checks come to, in a line.
pub fn checks(results: &[CheckResult]) -> String {
    let count = |is: fn(&Verdict) -> bool| {
        let of = results.iter().filter(|result| is(&result.verdict));
        of.count()
    };
    format!(
        "{} {}: {} ok, {} warn, {} fail, {} skipped.",
        results.len(),
        if results.len() == 1 {
            "check"
        } else {
            "checks"
        },
        count(|verdict| matches!(verdict, Verdict::Pass { .. })),
        count(|verdict| matches!(verdict, Verdict::Warn { .. })),
        count(|verdict| matches!(verdict, Verdict::Fail { .. })),
        count(|verdict| matches!(verdict, Verdict::Skipped { .. })),
    )
}

/// The site's health as lines.
pub fn status(view: &ClusterView) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    for row in &view.services {
        let note = if row.note.is_empty() {
            String::new()
        } else {
            format!("  {}", row.note)
        };
        let words = format!("{:<9}{}{note}", row.health.word(), row.service.title());
        line(words);
    }
    if view.findings.is_empty() {
        line("Nothing needs attention.".to_owned());
    }
    for finding in view.causes() {
        line(format!(
            "{:<9}{}  [{}]  {}",
            finding.health.word(),
            finding.problem.what,
            finding.problem.code,
            finding.about
        ));
        for cause in &finding.problem.causes {
            line(format!("           because: {cause}"));
        }
        line(format!("           to fix: {}", finding.problem.remedy));
        for follower in &finding.brings {
            line(format!("           follows from it: {follower}"));
        }
    }
    line(counts(view));
    text
}

fn counts(view: &ClusterView) -> String {
    format!(
        "Pods {}, volumes {}, nodes {}.",
        part(view.pods.iter().map(|row| row.health)),
        part(view.volumes.iter().map(|row| row.health)),
        part(view.nodes.iter().map(|row| row.health)),
    )
}

fn part(rows: impl Iterator<Item = Health>) -> String {
    let all: Vec<Health> = rows.collect();
    let good = all.iter().filter(|health| **health == Health::Good).count();
    format!("{good} of {} ok", all.len())
}

/// What matters of the picture: two pictures with the same summary need not be told twice.
pub fn summary(view: &ClusterView) -> Vec<String> {
    let services = view.services.iter();
    let services =
        services.map(|row| format!("{:?} {} {}", row.service, row.health.word(), row.note));
    let findings = view.findings.iter();
    let findings = findings.map(|finding| format!("{} {}", finding.problem.code, finding.about));
    services.chain(findings).chain([counts(view)]).collect()
}

/// The site's health as JSON.
pub fn status_json(view: &ClusterView) -> Value {
    let services: Vec<Value> = view
        .services
        .iter()
        .map(|row| json!({"service": row.service, "health": row.health.word(), "note": row.note}))
        .collect();
    let findings: Vec<Value> = view
        .findings
        .iter()
        .map(|finding| {
            json!({"health": finding.health.word(), "about": finding.about, "since": finding.since,
                "services": finding.services, "because_of": finding.because_of, "problem": finding.problem})
        })
        .collect();
    let pods: Vec<Value> = view
        .pods
        .iter()
        .map(|row| {
            json!({"namespace": row.namespace, "name": row.name, "status": row.status, "health": row.health.word(),
                "ready": row.ready, "containers": row.containers, "restarts": row.restarts, "node": row.node})
        })
        .collect();
    let volumes: Vec<Value> = view
        .volumes
        .iter()
        .map(|row| {
            json!({"namespace": row.namespace, "name": row.name, "status": row.status, "health": row.health.word(),
                "size": row.size, "class": row.class})
        })
        .collect();
    let nodes: Vec<Value> = view
        .nodes
        .iter()
        .map(|row| {
            json!({"name": row.name, "role": row.role, "status": row.status, "health": row.health.word(),
                "version": row.version, "pods": row.pods})
        })
        .collect();
    json!({"event": "status", "at": view.at, "stale_since": view.stale_since, "services": services,
        "findings": findings, "pods": pods, "volumes": volumes, "nodes": nodes})
}

/// A text in lines for people.
pub fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}
