//! What a row means, as a sentence that a person needs, and everything else that is known of it. Pure.

use jiff::Timestamp;

use super::{
    Tab,
    row::{By, Row},
    tone, used,
};
use crate::{
    app::{
        story,
        words::{Tone, Words, about, since, span},
    },
    watch::view::{
        BackupRow, CertificateRow, ClusterView, Health, IngressRow, JobRow, PodRow, TimelineRow,
    },
};

/// Everything known about a row: the sentence first.
pub fn details(row: Row<'_>, by: By<'_>) -> Vec<Words> {
    let now = by.now;
    if let Row::Finding(row) = row {
        let mut story = story::problem(&row.problem);
        let head = match row.since {
            Some(at) => format!("{}, for {}", row.about, about(since(at, now))),
            None => row.about.clone(),
        };
        story.insert(0, Words::new(Tone::Strong, head));
        if !row.services.is_empty() {
            let titles: Vec<&str> = row.services.iter().map(|service| service.title()).collect();
            story.push(Words::new(
                Tone::Plain,
                format!("concerns {}", titles.join(", ")),
            ));
        }
        story.extend(followers(&row.brings));
        story.extend(story::runbook(row.problem.code));
        return story;
    }
    let plain = |text| Words::new(Tone::Plain, text);
    let mut story = vec![Words::new(tone(row.health()), sentence(row, now))];
    story.extend(facts(row).into_iter().map(plain));
    story.extend(used::lines(row, by));
    story.extend(row.more().iter().cloned().map(plain));
    story
}

/// What can be said while nothing needs attention: how much there is of each, and what comes next.
pub fn well(view: &ClusterView, now: Timestamp) -> Vec<Words> {
    const LABEL: usize = 14;
    if view.at.is_none() || view.pods.is_empty() {
        return Vec::new();
    }
    let line = |label: &str, text: String| {
        Words::new(Tone::Plain, format!("{label:<LABEL$}{text}")).labelled(LABEL)
    };
    let counted = [
        Tab::Pods,
        Tab::Nodes,
        Tab::Volumes,
        Tab::Ingress,
        Tab::Jobs,
        Tab::Releases,
    ];
    let counted = counted.map(|tab| format!("{} {}", tab.title(), tab.count(view)));
    let mut story = vec![line("In order", counted.join(" · "))];
    let backups = view
        .backups
        .iter()
        .filter(|row| row.kind == "Backup" && row.health == Health::Good);
    if let Some((at, name)) = backups.filter_map(|row| Some((row.at?, &row.name))).max() {
        let ago = about(since(at, now));
        story.push(line("Last backup", format!("{ago} ago, {name}")));
    }
    let certificates = view.certificates.iter();
    if let Some((ends, name)) = certificates
        .filter_map(|row| Some((row.ends?, &row.name)))
        .min()
    {
        let left = about(since(now, ends));
        story.push(line(
            "Certificates",
            format!("the first ends in {left}, {name}"),
        ));
    }
    story
}

/// Lines of what follows that are shown.
const FOLLOWERS: usize = 12;

/// What follows from a finding, so that it is not taken for a sickness of its own.
fn followers(brings: &[String]) -> Vec<Words> {
    if brings.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![
        Words::empty(),
        Words::new(Tone::Strong, format!("Follows from it: {}", brings.len())),
    ];
    let shown = brings.iter().take(FOLLOWERS);
    lines.extend(shown.map(|line| Words::new(Tone::Plain, line.clone()).moved(2)));
    if brings.len() > FOLLOWERS {
        let more = format!("and {} more", brings.len() - FOLLOWERS);
        lines.push(Words::new(Tone::Dim, more).moved(2));
    }
    lines
}

/// One sentence about the row: what it is and whether that is well.
pub fn sentence(row: Row<'_>, now: Timestamp) -> String {
    let old = row
        .at()
        .map_or_else(String::new, |at| format!(" {}", about(since(at, now))));
    match row {
        Row::Finding(row) => row.problem.what.clone(),
        Row::Pod(row) => pod(row, now),
        Row::Node(row) => match row.health {
            Health::Good => format!("{} is ready and carries {} pods.", row.name, row.pods),
            Health::Bad => format!("{} does not answer as it should: {}.", row.name, row.status),
            _ => format!("{}: {}; {} pods are on it.", row.name, row.status, row.pods),
        },
        Row::Volume(row) => match row.health {
            Health::Good => format!("{} has its volume of {}.", row.name, row.size),
            Health::Busy => format!("{} waits for its volume of {}.", row.name, row.size),
            Health::Unknown => {
                format!("Nobody can tell how the volume of {} is now.", row.name)
            }
            Health::Warn | Health::Bad => format!("The volume of {}: {}.", row.name, row.status),
        },
        Row::Backup(row) => backup(row, &old),
        Row::Certificate(row) => certificate(row, now),
        Row::Ingress(row) => ingress(row),
        Row::Event(row) => {
            let times = match row.times {
                0 | 1 => String::new(),
                times => format!(", {times} times"),
            };
            format!(
                "{} of {}{old} ago{times}: {}",
                row.reason, row.about, row.message
            )
        }
        Row::Job(row) => job(row, &old),
        Row::Change(row) => row.what.clone(),
        Row::Release(row) => format!(
            "{} is {} {}, revision {}: {}{}.",
            row.name,
            row.chart,
            row.version,
            row.revision,
            row.status,
            if old.is_empty() {
                String::new()
            } else {
                format!("{old} ago")
            }
        ),
    }
}

fn archive(status: &str) -> &str {
    match status {
        "archiving" => "archived as they happen",
        "not archiving" => "NOT archived now",
        "not begun" => "not archived yet",
        other => other,
    }
}

fn pod(row: &PodRow, now: Timestamp) -> String {
    let age = row.since.map_or_else(String::new, |at| {
        format!(", made {} ago", about(since(at, now)))
    });
    let place = match row.node.as_str() {
        "" => "on no node yet".to_owned(),
        node => format!("on {node}"),
    };
    let again = match row.restarts {
        0 => String::new(),
        1 => "; restarted once".to_owned(),
        count => format!("; restarted {count} times"),
    };
    match row.health {
        Health::Good if row.status == "Running" => {
            format!("{} runs {place}{age}{again}.", row.name)
        }
        Health::Good => format!("{} has done its work: {}{again}.", row.name, row.status),
        Health::Unknown => format!(
            "Nobody can tell how {} is: its node {} is silent.",
            row.name, row.node
        ),
        Health::Busy => format!(
            "{} is on its way: {}, {place}{again}.",
            row.name, row.status
        ),
        Health::Warn => format!(
            "{} needs a look: {}, {place}{age}{again}.",
            row.name, row.status
        ),
        Health::Bad => format!(
            "{} does not work: {}, {place}{age}{again}.",
            row.name, row.status
        ),
    }
}

fn days(left: std::time::Duration) -> String {
    match left.as_secs() / 86_400 {
        0 => about(left),
        1 => "day".to_owned(),
        days => format!("{days} days"),
    }
}

/// What stands in the columns and not in the sentence.
fn facts(row: Row<'_>) -> Vec<String> {
    let dash = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
    match row {
        Row::Pod(row) => vec![format!(
            "containers ready: {} of {}",
            row.ready, row.containers
        )],
        Row::Node(row) => vec![format!(
            "part {}, kubelet {}, CPU {}, memory {}",
            dash(&row.role),
            dash(&row.version),
            dash(&row.cpu),
            dash(&row.memory)
        )],
        Row::Volume(row) => vec![format!("storage class {}", dash(&row.class))],
        Row::Ingress(row) => vec![format!(
            "class {}, leads to {}",
            dash(&row.class),
            dash(&row.address)
        )],
        Row::Release(row) => vec![format!("program {}", dash(&row.app))],
        Row::Change(row) => changed(row),
        Row::Finding(_) | Row::Backup(_) | Row::Certificate(_) | Row::Event(_) | Row::Job(_) => {
            Vec::new()
        }
    }
}

/// When something began and ended, and about what it was.
fn changed(row: &TimelineRow) -> Vec<String> {
    let moment = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let mut lines = vec![row.about.clone()];
    lines.extend(row.at.map(|at| format!("began {}", moment(at))));
    match (row.until, row.kind) {
        (Some(until), _) => lines.push(format!("ended {}", moment(until))),
        (None, "finding") => lines.push("it lasts".to_owned()),
        (None, _) => {}
    }
    lines.extend(row.code.map(|code| format!("{code}: {}", code.title())));
    lines
}

/// How a backup, its schedule or the archive is.
fn backup(row: &BackupRow, old: &str) -> String {
    match (row.kind, row.at) {
        ("Backup", Some(_)) => format!("Backup of {}: {},{old} ago.", row.of, row.status),
        ("Schedule", Some(_)) => {
            format!(
                "Backups of {} are {}; the last began{old} ago.",
                row.of, row.status
            )
        }
        ("Archive", Some(_)) => format!(
            "The changes of {} are {}; the last good backup ended{old} ago.",
            row.of,
            archive(&row.status)
        ),
        ("Archive", None) => format!(
            "The changes of {} are {}; no backup that could be restored is known.",
            row.of,
            archive(&row.status)
        ),
        ("Volumes", _) => format!("The store of the volumes' backups is {}.", row.status),
        _ => format!("{} {}: {}.", row.kind, row.name, row.status),
    }
}

/// How long a certificate is valid.
fn certificate(row: &CertificateRow, now: Timestamp) -> String {
    match row.ends {
        None => format!("{} holds no certificate that can be read.", row.name),
        Some(at) if at <= now => format!(
            "{} ended {} ago: browsers and programs refuse it.",
            row.name,
            about(since(at, now))
        ),
        Some(at) => format!(
            "{} is valid for another {}.",
            row.name,
            days(since(now, at))
        ),
    }
}

/// Whether anything answers at an address.
fn ingress(row: &IngressRow) -> String {
    match (row.health, row.behind) {
        (Health::Bad, _) => format!(
            "{} leads nowhere: no pod behind it takes requests.",
            row.hosts
        ),
        (Health::Good, Some(1)) => format!("{} is served by 1 pod.", row.hosts),
        (Health::Good, Some(pods)) => format!("{} is served by {pods} pods.", row.hosts),
        _ => format!("{}: {}.", row.hosts, row.status),
    }
}

/// How a job or a schedule is.
fn job(row: &JobRow, old: &str) -> String {
    match (row.kind, row.took) {
        ("CronJob", _) => format!(
            "{} begins a job at {}: {}.",
            row.name, row.schedule, row.status
        ),
        (_, Some(took)) => format!("{} is {} after {}.", row.name, row.status, span(took)),
        _ => format!(
            "{} is {}{}.",
            row.name,
            row.status,
            match old {
                "" => String::new(),
                old => format!(", begun{old} ago"),
            }
        ),
    }
}
