//! Claims, Longhorn's volumes and disks, and the store of their backups. Pure.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{Found, Link, sentence};
use crate::{
    plan::{ObjectRef, Ready},
    problem::{Code, Problem},
    ready::Live,
    waiting,
    watch::{
        facts::{Facts, Operator, Works, age, node_of, owner},
        rows::{
            nodes::{disk_name, gib},
            pods::{printed, short},
            volumes::carried,
        },
        snapshot::{Kind, condition, items, leaving, made, name, namespace, number, text, time},
        view::Health,
    },
};

/// How long a claim may wait for its volume.
const PROVIDING: Duration = Duration::from_secs(30);

/// How long a claim that says nothing may wait.
const QUIET: Duration = Duration::from_mins(5);

/// A volume that was just attached may be short of a copy for so long.
const JOINING: Duration = Duration::from_mins(1);

/// The managers may be away so long, while they are replaced.
const AWAY: Duration = Duration::from_mins(1);

/// A disk with less free than this part is nearly full, whatever Longhorn's limit.
const NEARLY_FULL: u64 = 10;

/// Findings about claims, volumes, disks and their backup store.
pub fn findings(facts: &Facts<'_>) -> Vec<Found> {
    let mut found: Vec<Found> = facts
        .snapshot
        .all(Kind::Claim)
        .filter_map(|one| claim(one, facts))
        .collect();
    let has_volumes = facts.snapshot.all(Kind::Volume).next().is_some()
        || facts.snapshot.all(Kind::StorageNode).next().is_some();
    if !has_volumes {
        return found;
    }
    match facts.works(Operator::Longhorn) {
        Works::Yes => {
            found.extend(
                facts
                    .snapshot
                    .all(Kind::Volume)
                    .filter_map(|one| volume(one, facts)),
            );
            for node in facts.snapshot.all(Kind::StorageNode) {
                found.extend(disks(node, facts));
            }
            found.extend(
                facts
                    .snapshot
                    .all(Kind::BackupTarget)
                    .filter_map(|one| target(one)),
            );
        }
        works => found.extend(unwatched(&works, facts)),
    }
    found
}

fn claim(claim: &Arc<Value>, facts: &Facts<'_>) -> Option<Found> {
    let (place, who) = (namespace(claim), name(claim));
    let about = format!("PersistentVolumeClaim {place}/{who}");
    let since = made(claim);
    let found = match text(claim, "/status/phase") {
        _ if leaving(claim) => return None,
        "Lost" => {
            let problem = Problem::new(
                Code::Vol07,
                format!(
                    "The claim {who} has lost its volume {}.",
                    text(claim, "/spec/volumeName")
                ),
                "Do not delete the claim. Look for the volume's backup, and restore it.",
            );
            Found::new(Health::Bad, about, None, problem)
        }
        "Bound" => return None,
        _ => {
            let target = ObjectRef::new("v1", "PersistentVolumeClaim", place, who);
            let live = Live {
                targets: vec![Arc::clone(claim)],
                claims: vec![Arc::clone(claim)],
                events: facts.events("PersistentVolumeClaim", claim),
                ..Live::default()
            };
            let reasons = waiting::explain(&Ready::Object(target), &live);
            let known = reasons.into_iter().find(|reason| reason.code.is_some());
            match known {
                Some(reason) if facts.lasts(since, PROVIDING) => {
                    let code = reason.code.unwrap_or(Code::Wait06);
                    let remedy = reason.remedy.unwrap_or_default();
                    let problem = Problem::new(code, sentence(&reason.sentence), remedy);
                    Found::new(Health::Bad, about, since, problem)
                }
                None if facts.lasts(since, QUIET) && is_asked_for(claim, facts) => {
                    let class = text(claim, "/spec/storageClassName");
                    let problem = Problem::new(
                        Code::Wait06,
                        format!(
                            "The claim {who} (class {class}) has no volume, and nobody says why."
                        ),
                        format!(
                            "Check that the storage class {class} exists and that what provides it runs."
                        ),
                    );
                    Found::new(Health::Bad, about, since, problem)
                }
                _ => return None,
            }
        }
    };
    Some(
        found
            .within(place)
            .tells(Link::Claim(place.to_owned(), who.to_owned()))
            .follows(every_disk(facts).chain([Link::Unattached]))
            .short(format!("{who} has no volume"))
            .ranked(2),
    )
}

/// Every disk of the volumes: whatever needs room may follow from any that is full.
fn every_disk(facts: &Facts<'_>) -> impl Iterator<Item = Link> {
    let nodes = facts.snapshot.all(Kind::StorageNode);
    nodes.map(|node| Link::Disk(name(node).to_owned()))
}

/// The nodes of copies that are out of reach or have failed.
fn copies_follow(copies: &[&Value], facts: &Facts<'_>) -> Vec<Link> {
    let mut links = Vec::new();
    if copies.is_empty() {
        // Nobody tells where its copies are: any machine that is off may hold one.
        let nodes = facts.snapshot.all(Kind::StorageNode).map(|node| name(node));
        let off = nodes.filter(|node| facts.lost(node).is_some());
        links.extend(off.map(|node| Link::Silent(node.to_owned())));
    }
    for copy in copies {
        let node = text(copy, "/spec/nodeID");
        if facts.lost(node).is_some() {
            links.push(Link::Silent(node.to_owned()));
        } else if !text(copy, "/spec/failedAt").is_empty() {
            links.push(Link::Disk(node.to_owned()));
        }
    }
    links
}

/// A claim may wait for its first pod; that is no fault.
fn is_asked_for(claim: &Value, facts: &Facts<'_>) -> bool {
    facts.pods_in(namespace(claim)).iter().any(|pod| {
        items(pod, "/spec/volumes")
            .any(|volume| text(volume, "/persistentVolumeClaim/claimName") == name(claim))
    })
}

fn within(volume: &Value, found: Found) -> Found {
    match text(volume, "/status/kubernetesStatus/namespace") {
        "" => found,
        place => found.within(place),
    }
}

fn volume(volume: &Value, facts: &Facts<'_>) -> Option<Found> {
    // Its manager is on a silent node: what it wrote is old until another one takes over.
    let owner = text(volume, "/status/ownerID");
    if facts.lost(owner).is_some() {
        return None;
    }
    let claim = carried(volume);
    let about = format!("Volume {}", name(volume));
    let since = time(volume, "/status/lastDegradedAt");
    let copies: Vec<&Value> = facts
        .snapshot
        .all(Kind::Replica)
        .map(Arc::as_ref)
        .filter(|copy| text(copy, "/spec/volumeName") == name(volume))
        .collect();
    match text(volume, "/status/robustness") {
        "faulted" => {
            let problem = Problem::new(
                Code::Vol02,
                format!("The volume of {claim} has no usable copy left."),
                "Delete nothing. If a machine is down, bring it back: Longhorn takes up its copy by itself. Else restore the volume from its backup.",
            );
            let problem = with_copies(problem, &copies, facts);
            let found = Found::new(Health::Bad, about, since, problem);
            let (place, claimed) = (
                text(volume, "/status/kubernetesStatus/namespace"),
                text(volume, "/status/kubernetesStatus/pvcName"),
            );
            Some(
                within(volume, found)
                    .tells(Link::Claim(place.to_owned(), claimed.to_owned()))
                    .follows(copies_follow(&copies, facts))
                    .short(format!("the volume of {claim} is lost"))
                    .ranked(1),
            )
        }
        "degraded"
            if text(volume, "/status/state") == "attached" && facts.lasts(since, JOINING) =>
        {
            let mut follows = copies_follow(&copies, facts);
            let mut problem = Problem::new(
                Code::Vol01,
                format!("The volume of {claim} has fewer copies than it should."),
                "Longhorn makes a new copy by itself once a node or disk with room is there. Do not stop another machine before that.",
            );
            if let Some(refused) = condition(volume, "Scheduled")
                && text(refused, "/status") == "False"
            {
                follows.extend(every_disk(facts));
                problem = problem.because(format!(
                    "a copy has no place: {}",
                    short(text(refused, "/message"))
                ));
            }
            let problem = with_copies(problem, &copies, facts);
            let found = Found::new(Health::Warn, about, since, problem);
            Some(
                within(volume, found)
                    .follows(follows)
                    .short(format!("the volume of {claim} has one copy less"))
                    .ranked(2),
            )
        }
        _ => None,
    }
}

fn with_copies(mut problem: Problem, copies: &[&Value], facts: &Facts<'_>) -> Problem {
    for copy in copies {
        let node = text(copy, "/spec/nodeID");
        let state = if facts.lost(node).is_some() {
            "not reachable: the node is not ready"
        } else if !text(copy, "/spec/failedAt").is_empty() {
            "failed"
        } else if text(copy, "/spec/healthyAt").is_empty() {
            "being made"
        } else {
            "good"
        };
        let node = if node.is_empty() { "no node yet" } else { node };
        problem = problem.because(format!("copy on {node}: {state}"));
    }
    problem
}

fn disks(node: &Value, facts: &Facts<'_>) -> Vec<Found> {
    let who = name(node);
    if facts.lost(who).is_some() {
        return Vec::new();
    }
    let disks = node
        .pointer("/status/diskStatus")
        .and_then(Value::as_object);
    disks
        .into_iter()
        .flatten()
        .filter_map(|(key, disk)| {
            let (called, path) = (disk_name(key, disk), text(disk, "/diskPath"));
            let state = |kind: &str| {
                items(disk, "/conditions")
                    .find(|one| text(one, "/type") == kind && text(one, "/status") == "False")
            };
            let about = format!("Disk {called} of node {who}");
            if let Some(broken) = state("Ready") {
                let problem = Problem::new(
                    Code::Vol04,
                    format!("The disk {called} of {who} cannot be used for volumes."),
                    format!("On {who}: findmnt {path}; dmesg | tail -n 50; smartctl -a on its device."),
                )
                .because(short(text(broken, "/message")));
                let since = time(broken, "/lastTransitionTime");
                let found = Found::new(Health::Bad, about, since, problem).tells(Link::Disk(who.to_owned()));
                return Some(found.short(format!("disk {called} of {who} fails")).ranked(1));
            }
            let free = number(disk, "/storageAvailable").unwrap_or(0);
            let whole = number(disk, "/storageMaximum").filter(|whole| *whole > 0)?;
            let pressed = state("Schedulable").filter(|one| text(one, "/reason") == "DiskPressure");
            let scarce = free < whole / NEARLY_FULL;
            if pressed.is_none() && !scarce {
                return None;
            }
            let health = if scarce { Health::Bad } else { Health::Warn };
            let problem = Problem::new(
                Code::Vol03,
                format!("The disk {called} of {who} is nearly full: {} of {} are free.", gib(free), gib(whole)),
                format!("On {who}: du -xh --max-depth 2 {path} shows what fills it. Remove old snapshots, or add a larger disk."),
            );
            let since = pressed.and_then(|one| time(one, "/lastTransitionTime"));
            let found = Found::new(health, about, since, problem).tells(Link::Disk(who.to_owned()));
            Some(found.short(format!("disk {called} of {who} is nearly full")).ranked(2))
        })
        .collect()
}

fn target(target: &Value) -> Option<Found> {
    let available = target.pointer("/status/available").and_then(Value::as_bool);
    if text(target, "/spec/backupTargetURL").is_empty() || available != Some(false) {
        return None;
    }
    let broken = condition(target, "Unavailable").filter(|one| text(one, "/status") == "True");
    let since = broken.and_then(|one| time(one, "/lastTransitionTime"));
    let mut problem = Problem::new(
        Code::Vol05,
        "The backup store of the volumes cannot be reached: no volume is backed up.",
        "Check the endpoint, bucket and keys of the backup, and that pods reach the endpoint, not only the nodes. It is tried again every five minutes.",
    );
    if let Some(broken) = broken {
        problem = problem.because(short(text(broken, "/message")));
    }
    let about = format!("BackupTarget {}", name(target));
    let found = Found::new(Health::Warn, about, since, problem);
    // Longhorn asks for the first time only after a moment.
    (broken.is_some() || !text(target, "/status/ownerID").is_empty())
        .then(|| found.short("volumes are not backed up"))
}

/// No manager works: what its objects say is old.
fn unwatched(works: &Works, facts: &Facts<'_>) -> Option<Found> {
    let what = "Nobody tells how the volumes are: no Longhorn manager works.";
    let (since, problem) = match works {
        Works::Yes => return None,
        Works::Absent => (
            None,
            Problem::new(
                Code::Vol06,
                what,
                "Deploy again: the step longhorn/release starts them.",
            )
            .because("it has no pods"),
        ),
        Works::No { since, .. } => {
            if age(*since, facts.now).is_some_and(|age| age < AWAY) {
                return None;
            }
            let pod = facts.pods_of(Operator::Longhorn).next()?;
            let cause = match facts.pod_lost(pod) {
                Some(_) => format!(
                    "pod {} is on {}, which is not ready",
                    name(pod),
                    node_of(pod)
                ),
                None => format!("pod {} is {}", name(pod), printed(pod).status),
            };
            let remedy = "Volumes in use go on. Look at the pods longhorn-manager in longhorn-system (press l for the log).";
            (
                *since,
                Problem::new(Code::Vol06, what, remedy).because(cause),
            )
        }
    };
    let found = Found::new(Health::Warn, "Operator Longhorn".to_owned(), since, problem);
    let mut found = found.tells(Link::Unattached);
    if let Works::No {
        lost_with: Some(node),
        ..
    } = works
    {
        found = found.follows([Link::Silent(node.clone())]);
    }
    if let Some(pod) = facts.pods_of(Operator::Longhorn).next() {
        let (kind, who) = owner(pod);
        found = found.tells(Link::Owner(namespace(pod).to_owned(), kind, who));
    }
    Some(found.short("the volumes are not watched over").ranked(2))
}
