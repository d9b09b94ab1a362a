//! One sickness has many signs: a finding that follows from another one is told under it. Pure.

use std::time::Duration;

use super::{Area, Found, Link, order};
use crate::{
    problem::Code,
    watch::{
        facts::{Facts, age},
        services::Carriers,
        view::{Cause, Health},
    },
};

/// The clocks of nodes differ, and a watch tells later than it happened.
const SLACK: Duration = Duration::from_secs(30);

/// A cause is said by events, which come a while after what it brings about.
const NOTICED: Duration = Duration::from_mins(2);

/// A program whose preparing job failed so long ago fails for another reason.
const PREPARED: Duration = Duration::from_hours(1);

/// Causes are followed so far; no sickness has a longer chain.
const LONGEST: usize = 8;

/// Names the cause of what has one, and the services that each concerns; roots worst first, each with what follows from it.
pub fn fold(mut found: Vec<Found>, facts: &Facts<'_>, carriers: &Carriers) -> Vec<Found> {
    let tree = Tree::new(&found, carriers);
    let mut roots: Vec<usize> = (0..found.len()).map(|at| tree.root(at)).collect();
    // What stands for others is told itself, whatever a chain without an end would say.
    for at in 0..roots.len() {
        let root = roots[at];
        roots[root] = root;
    }
    for one in &mut found {
        one.finding.services = carriers.concerned(one, facts);
    }
    for (at, root) in roots.iter().enumerate() {
        if at == *root {
            continue;
        }
        let cause = &found[*root].finding;
        let named = Cause {
            code: cause.problem.code,
            about: cause.about.clone(),
        };
        let (health, services) = (found[at].finding.health, found[at].finding.services.clone());
        found[at].finding.because_of = Some(named);
        let told = &found[at].finding.problem;
        let line = format!("{} {}", told.code, told.what);
        let cause = &mut found[*root].finding;
        cause.brings.push(line);
        cause.health = cause.health.max(health);
        cause.services.extend(services);
    }
    for one in &mut found {
        one.finding.services.sort_unstable();
        one.finding.services.dedup();
    }
    in_order(found, &roots)
}

fn in_order(found: Vec<Found>, roots: &[usize]) -> Vec<Found> {
    let mut families: Vec<Vec<Found>> = Vec::new();
    let mut places: Vec<Option<usize>> = vec![None; roots.len()];
    for (at, root) in roots.iter().enumerate() {
        if at == *root {
            places[at] = Some(families.len());
            families.push(Vec::new());
        }
    }
    for (one, root) in found.into_iter().zip(roots) {
        let family = places[*root].and_then(|place| families.get_mut(place));
        if let Some(family) = family {
            family.push(one);
        }
    }
    for family in &mut families {
        let followers = |one: &Found| one.finding.because_of.is_some();
        family.sort_by(|left, right| {
            (followers(left), order(left)).cmp(&(followers(right), order(right)))
        });
    }
    let head = |family: &Vec<Found>| family.first().cloned();
    families.sort_by(|left, right| {
        let (left, right) = (head(left), head(right));
        left.as_ref().map(order).cmp(&right.as_ref().map(order))
    });
    families.into_iter().flatten().collect()
}

/// The findings with what of them is down that others live on.
struct Tree<'f> {
    found: &'f [Found],
    carriers: &'f Carriers,
    data: Vec<bool>,
    /// The workload that each is about.
    owners: Vec<Option<Link>>,
}

impl<'f> Tree<'f> {
    fn new(found: &'f [Found], carriers: &'f Carriers) -> Self {
        let data = |one: &Found| one.finding.health == Health::Bad && carriers.hold_data(one);
        Self {
            found,
            carriers,
            data: found.iter().map(data).collect(),
            owners: found.iter().map(owner).collect(),
        }
    }

    /// The finding at the beginning of the chain.
    fn root(&self, at: usize) -> usize {
        let mut root = at;
        for _ in 0..LONGEST {
            let next = (0..self.found.len()).find(|cause| self.brings(*cause, root));
            match next {
                Some(next) if next != at => root = next,
                _ => break,
            }
        }
        root
    }

    fn brings(&self, from: usize, to: usize) -> bool {
        let (Some(cause), Some(effect)) = (self.found.get(from), self.found.get(to)) else {
            return false;
        };
        let (code, followed) = (cause.finding.problem.code, effect.finding.problem.code);
        let deeper = depth(code)
            .zip(depth(followed))
            .is_some_and(|(cause, effect)| cause < effect);
        // The last good backup lies before whatever keeps the next one from being made.
        let in_time = of_backups(followed) || not_before(effect, cause, NOTICED);
        if deeper && in_time && may_bring(cause, followed) && self.linked(from, to) {
            return true;
        }
        // One image that several programs wait for is one matter.
        if code == Code::Wait02 && followed == Code::Wait02 && from < to && self.linked(from, to) {
            return true;
        }
        if from == to || !is_vague(followed) || !not_before(effect, cause, SLACK) {
            return false;
        }
        match code {
            Code::App02 => true,
            Code::Wait11 => {
                cause.finding.health == Health::Bad
                    && followed != Code::Wait11
                    && cause.area == effect.area
                    && soon(cause, effect)
            }
            _ => self.data.get(from) == Some(&true) && self.carriers.stands_on(effect, cause),
        }
    }

    /// Whether the one tells of something that the other may follow from, or is about the same workload.
    fn linked(&self, from: usize, to: usize) -> bool {
        let (Some(cause), Some(effect)) = (self.found.get(from), self.found.get(to)) else {
            return false;
        };
        let owner = |at: usize| self.owners.get(at).and_then(Option::as_ref);
        cause.tells.iter().chain(owner(from)).any(|told| {
            effect.follows.contains(told) || effect.tells.contains(told) || owner(to) == Some(told)
        })
    }
}

/// Whether one may follow from the other at all: causes lie deeper than what they bring about.
fn depth(code: Code) -> Option<u8> {
    let depth = match code {
        Code::Wait10 => 0,
        Code::Node02 | Code::Node03 | Code::Node04 | Code::Node05 => 1,
        Code::Node01 | Code::Vol03 | Code::Vol04 => 2,
        Code::Vol02 | Code::App02 => 3,
        Code::Wait06 | Code::Vol07 => 4,
        Code::Wait02
        | Code::Wait03
        | Code::Wait04
        | Code::Wait05
        | Code::Wait07
        | Code::Wait09
        | Code::Pod02
        | Code::Pod03
        | Code::Pod04 => 5,
        Code::Pg01 | Code::Pg07 | Code::Vol06 => 6,
        Code::Pg02 | Code::Vol01 => 7,
        Code::App01 | Code::App08 => 8,
        Code::Pod01 | Code::Pod05 | Code::Wait08 | Code::Wait11 => 9,
        Code::Pg03 | Code::Pg06 | Code::App03 => 10,
        Code::Wait12 => 11,
        Code::Pg05 => 12,
        Code::Pg08 => 13,
        Code::Pg04 => 14,
        // It stands for itself.
        _ => return None,
    };
    Some(depth)
}

fn of_backups(code: Code) -> bool {
    matches!(
        code,
        Code::Pg03 | Code::Pg04 | Code::Pg05 | Code::Pg06 | Code::Pg08 | Code::Wait12
    )
}

/// Backups fail for reasons of their own, not for everything that is wrong with their database.
fn may_bring(cause: &Found, effect: Code) -> bool {
    let code = cause.finding.problem.code;
    let down = code == Code::Pg01 && cause.finding.health == Health::Bad;
    let stops = matches!(effect, Code::Pg03 | Code::Pg05 | Code::Wait12);
    !of_backups(effect) || of_backups(code) || (down && stops)
}

/// What ends badly without having a fault of its own.
fn is_vague(code: Code) -> bool {
    matches!(
        code,
        Code::Wait03
            | Code::Wait08
            | Code::Wait11
            | Code::Pod01
            | Code::Pod05
            | Code::App01
            | Code::App03
            | Code::App08
    )
}

fn owner(found: &Found) -> Option<Link> {
    let Area::Namespace(space) = &found.area else {
        return None;
    };
    let (kind, name) = &found.owner;
    (!kind.is_empty()).then(|| Link::Owner(space.clone(), kind.clone(), name.clone()))
}

/// What was not prepared fails as soon as it is started.
fn soon(cause: &Found, effect: &Found) -> bool {
    let moments = effect.finding.since.zip(cause.finding.since);
    moments.is_some_and(|(effect, cause)| {
        age(Some(cause), effect).is_none_or(|passed| passed <= PREPARED)
    })
}

/// An effect never begins before its cause; what is not known is no reason against it.
fn not_before(effect: &Found, cause: &Found, slack: Duration) -> bool {
    let moments = effect.finding.since.zip(cause.finding.since);
    // How much later the cause began; nothing when it was first.
    let later = moments.and_then(|(effect, cause)| age(Some(effect), cause));
    later.is_none_or(|later| later <= slack)
}
