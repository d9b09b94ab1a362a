//! What the screens know of the world; every screen reads it, only news change it. Pure.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    Effect, Input,
    health::asking::Asking,
    logs::wish::Reading,
    wizard::{bill, looks::Looks},
};
use crate::{
    check::{CheckId, CheckResult, Waiver, verdict},
    engine::{
        event::{Event, Steerer, Steering},
        view::RunView,
    },
    plan::Plan,
    problem::{Code, Problem},
    restore::{Intent, Inventory},
    site::{Place, SiteDraft},
    watch::{usage::Usage, view::ClusterView},
};

/// A site of this computer, as the first screen lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteRow {
    /// Its name.
    pub name: String,
    /// Where it stands, such as `stopped in stage 4 of 9, yesterday 17:40`.
    pub state: String,
    /// The same for the program.
    #[serde(default)]
    pub stands: Stands,
}

/// Where a site stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stands {
    /// Its questions are not finished.
    Draft,
    /// It is ready to be deployed.
    #[default]
    Ready,
    /// A run was begun and is not at its end.
    Stopped,
    /// All was deployed.
    Deployed,
    /// Its folder cannot be read.
    Unreadable,
}

/// How much of what is open is on this computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Here {
    /// The site, with its settings and secrets.
    #[default]
    Site,
    /// The way to the cluster alone.
    Cluster,
}

/// How the run is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// There is none.
    #[default]
    None,
    /// It was asked for.
    Starting,
    /// Every event arrives.
    Live,
    /// It cannot be heard since then.
    Lost(Timestamp),
}

/// The plan, as far as it is known.
#[derive(Clone, Debug, Default)]
pub enum Planned {
    /// Not made yet.
    #[default]
    Unknown,
    /// Made.
    Made(Arc<Plan>),
    /// It cannot be made.
    Refused(Vec<Problem>),
}

/// The backups of the database, as the cluster said when they were looked at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Backups {
    /// What can be restored.
    #[serde(with = "crate::restore::whole")]
    pub inventory: Inventory,
    /// The restore that is not over.
    pub unfinished: Option<Intent>,
    /// By which clock moments are shown.
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub zone: TimeZone,
}

/// The practice cluster: what can go wrong on it, and how its time passes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Practice {
    /// Each scenario's name with what it does, short.
    pub scenarios: Vec<(String, String)>,
    /// The name of the one that is played.
    pub playing: String,
    /// `20`, `max`, `paused`.
    pub pace: String,
    /// The machines by their nodes, and whether each is switched on.
    pub machines: Vec<(String, bool)>,
}

/// What is known.
#[derive(Debug, Default)]
pub struct Known {
    /// The site that is open; empty when none is.
    pub site: String,
    /// How much of it is on this computer.
    pub here: Here,
    /// True on the practice cluster.
    pub rehearsal: bool,
    /// Its settings.
    pub draft: SiteDraft,
    /// The answers about a new site that were kept and are not finished.
    pub begun: SiteDraft,
    /// Where in the questions about the new site the person was.
    pub begun_at: Option<Place>,
    /// The sites of this computer.
    pub sites: Vec<SiteRow>,
    /// What was seen about the answers.
    pub looks: Looks,
    /// What the answers come to.
    pub costs: Option<bill::Known>,
    /// The answers that are being added up.
    pub costing: Option<SiteDraft>,
    /// Results of checks, in the order of their families.
    pub checks: Vec<CheckResult>,
    /// True while checks run.
    pub checking: bool,
    /// Those whose answers are older than the present pass.
    pub asked_again: BTreeSet<CheckId>,
    /// How long the last pass took.
    pub check_took: Option<Duration>,
    /// Failures that were accepted.
    pub waivers: Vec<Waiver>,
    /// The plan.
    pub plan: Planned,
    /// The run.
    pub run: RunView,
    /// How it is heard.
    pub link: Link,
    /// Who steers it; nothing while that was not told.
    pub steering: Option<Steering>,
    /// The cluster.
    pub cluster: Arc<ClusterView>,
    /// What pods and nodes use.
    pub usage: Usage,
    /// When that is asked for again.
    pub asking: Asking,
    /// The log that was read last.
    pub log: Reading,
    /// The backups; nothing while they are looked at.
    pub backups: Option<Result<Backups, Problem>>,
}

impl Known {
    /// Takes news of the world.
    pub fn hear(&mut self, news: Input, now: Timestamp) {
        match news {
            Input::Run(event) => self.heard(&event),
            Input::RunGone if self.run.ended.is_none() => {
                self.link = Link::Lost(now);
                self.steering = None;
            }
            Input::Steering(steering) => self.steering = Some(steering),
            Input::Checks(results, finished) => self.take_checks(results, finished),
            Input::CheckTime(took) => self.check_took = Some(took),
            Input::Waivers(waivers) => self.waivers = waivers,
            Input::Waived(waiver) => {
                self.waivers.retain(|known| known.id != waiver.id);
                self.waivers.push(waiver);
            }
            Input::Plan(plan) => self.plan = Planned::Made(plan),
            Input::Refused(problems) => self.plan = Planned::Refused(problems),
            Input::Cluster(view) => self.cluster = view,
            Input::Usage(heard) => {
                self.usage.hear(*heard, now);
                self.asking = Asking::Answered(0, now);
            }
            Input::Looked((field, of), seen) => self.looks.answer((&field, &of), seen, now),
            Input::Costs(costs) => self.costed(*costs),
            Input::Backups(backups) => self.backups = Some(*backups),
            // The screens themselves take the others.
            _ => {}
        }
    }

    fn heard(&mut self, event: &Event) {
        self.link = Link::Live;
        self.run.fold(event);
        if self.site.is_empty() {
            self.site.clone_from(&self.run.site);
        }
        self.rehearsal |= self.run.rehearsal;
    }

    /// Who steers the run, while that is somebody else.
    pub fn steered_by_another(&self) -> Option<&Steerer> {
        let steering = self.steering.as_ref().filter(|steering| !steering.mine);
        let steering = steering.filter(|_| self.run_goes_on());
        steering.and_then(|steering| steering.by.as_ref())
    }

    /// A run that was asked for did not begin.
    pub fn not_begun(&mut self) {
        if self.link == Link::Starting {
            self.link = match self.run.run {
                Some(_) => Link::Live,
                None => Link::None,
            };
        }
    }

    /// The former sum stays in sight when there is no new one.
    fn costed(&mut self, (of, costs): (SiteDraft, Option<bill::Costs>)) {
        self.costing = None;
        match (costs, &mut self.costs) {
            (Some(costs), known) => *known = Some((of, costs)),
            (None, Some((known, _))) => *known = of,
            (None, None) => {}
        }
    }

    fn take_checks(&mut self, results: Vec<CheckResult>, finished: bool) {
        self.checking = !finished;
        for result in results {
            self.asked_again.remove(&result.id);
            match self.checks.iter_mut().find(|known| known.id == result.id) {
                Some(known) => *known = result,
                None => self.checks.push(result),
            }
        }
        if finished {
            // What was not answered in a whole pass is not there any more.
            let gone = std::mem::take(&mut self.asked_again);
            self.checks.retain(|result| !gone.contains(&result.id));
        }
        self.checks
            .sort_by(|a, b| (a.family, &a.id).cmp(&(b.family, &b.id)));
    }

    /// Asks for checks, all or those with a code; what they said last stays in sight until they have answered.
    pub fn check_again(&mut self, code: Option<Code>) -> Vec<Effect> {
        self.checking = true;
        self.check_took = None;
        let meant = |result: &&CheckResult| code.is_none_or(|code| result.id.code == code);
        let meant = self.checks.iter().filter(meant);
        self.asked_again = meant.map(|result| result.id.clone()).collect();
        vec![Effect::RunChecks(code)]
    }

    /// Whether a run is at work that this program hears, or just asked for.
    pub fn run_goes_on(&self) -> bool {
        match self.link {
            Link::None => false,
            Link::Starting => true,
            Link::Live | Link::Lost(_) => self.run.run.is_some() && self.run.ended.is_none(),
        }
    }

    /// How many failed checks hold the deploy back; nothing while that is not known.
    pub fn blocked(&self) -> Option<usize> {
        (!self.checking && !self.checks.is_empty())
            .then(|| verdict::blocking(&self.checks, &self.waivers).len())
    }
}
