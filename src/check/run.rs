//! Runs all families together and tells each result as soon as it is judged; it stops at no failure.

use std::time::{Duration, Instant};

use tokio::{sync::mpsc, task::JoinSet};

use super::{
    Asked, CheckId, CheckResult, Verdict, certificate, cluster, dns, judge,
    list::{self, Check},
    ssh,
};
use crate::sys::helm::Helm;

/// Results on their way to whoever shows them.
const RESULTS: usize = 64;

/// Where a check is made that concerns no node.
pub const HERE: &str = "this computer";

/// Runs all checks together, bounded, each with its own limit; the channel ends when all were judged.
///
/// Must be called inside a runtime. When nobody listens any more, the checks stop.
pub fn run(asked: Asked) -> mpsc::Receiver<CheckResult> {
    let (results, heard) = mpsc::channel(RESULTS);
    let desk = Desk {
        results,
        only: asked.only,
    };
    tokio::spawn(async move {
        let mut families = JoinSet::new();
        families.spawn(ssh::run(asked.clone(), desk.clone()));
        families.spawn(dns::run(asked.clone(), desk.clone()));
        families.spawn(certificate::run(asked.clone(), desk.clone()));
        families.spawn(cluster::run(asked.clone(), desk.clone()));
        families.spawn(workstation(asked, desk.clone()));
        // Dropping the set ends what still runs.
        tokio::select! {
            () = desk.results.closed() => {}
            () = async { while families.join_next().await.is_some() {} } => {}
        }
    });
    heard
}

/// Where the families hand in their results.
#[derive(Clone, Debug)]
pub struct Desk {
    results: mpsc::Sender<CheckResult>,
    only: Option<crate::problem::Code>,
}

impl Desk {
    /// Whether any of these checks was asked for.
    pub fn wants(&self, checks: &[&Check]) -> bool {
        checks.iter().any(|check| check.is_meant(self.only))
    }

    /// Tells a result, if its check was asked for.
    pub async fn tell(&self, check: &Check, about: About<'_>, verdict: Verdict) {
        if !check.is_meant(self.only) {
            return;
        }
        let result = CheckResult {
            id: CheckId {
                code: check.code,
                subject: about.subject.to_owned(),
            },
            family: check.family,
            title: check.title.to_owned(),
            place: about.place.to_owned(),
            verdict,
            took_ms: u64::try_from(about.took.as_millis()).unwrap_or(u64::MAX),
        };
        // Whoever listened may have gone; then the checks are stopped as well.
        self.results.send(result).await.ok();
    }
}

/// What a result is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// What was looked at; empty when there is only one.
    pub subject: &'a str,
    /// The node it concerns, or [`HERE`].
    pub place: &'a str,
    /// How long it took.
    pub took: Duration,
}

impl<'a> About<'a> {
    /// About a subject that is looked at from this computer.
    pub fn here(subject: &'a str, began: Instant) -> Self {
        Self {
            subject,
            place: HERE,
            took: began.elapsed(),
        }
    }

    /// About a node.
    pub fn node(name: &'a str, began: Instant) -> Self {
        Self {
            subject: name,
            place: name,
            took: began.elapsed(),
        }
    }
}

async fn workstation(asked: Asked, desk: Desk) {
    let verdict = match &asked.helm {
        Helm::Command(command) => Verdict::Pass {
            seen: format!("helm {}", command.version()),
        },
        Helm::Practice(_) => judge::skipped("the practice cluster brings its own"),
        Helm::Missing(problem) => judge::told("cannot be used", problem.clone()),
    };
    desk.tell(&list::HELM, About::here("", Instant::now()), verdict)
        .await;
}
