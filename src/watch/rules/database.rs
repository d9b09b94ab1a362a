//! PostgreSQL clusters: primary, copies, and whether anybody watches over them. Pure.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use super::{Found, Link, SETTLING, counted};
use crate::{
    problem::{Code, Problem},
    watch::{
        facts::{Facts, Operator, Works, node_of, owner, toleration, unready_since},
        rows::pods::{is_instance, printed},
        snapshot::{
            Kind, condition, holds, items, label, leaving, made, name, namespace, number, text,
            time,
        },
        view::Health,
    },
};

/// How long a first start usually takes at most.
const FIRST_START: Duration = Duration::from_mins(10);

/// An operator may be away so long, while it is replaced.
const AWAY: Duration = Duration::from_secs(30);

const HEALTHY: &str = "Cluster in healthy state";

/// The operator's words for a disk without room.
const DISK_FULL: &str = "Not enough disk space";

/// Findings about all clusters.
pub fn findings(facts: &Facts<'_>) -> Vec<Found> {
    let clusters: Vec<&Arc<Value>> = facts
        .snapshot
        .all(Kind::Cluster)
        .filter(|cluster| !leaving(cluster))
        .collect();
    if clusters.is_empty() {
        return Vec::new();
    }
    let works = facts.works(Operator::Cnpg);
    let mut found: Vec<Found> = unwatched(&works, facts).into_iter().collect();
    for cluster in clusters {
        let look = Look::new(cluster, facts, &works);
        if look.rests() {
            found.extend(look.at_rest());
            continue;
        }
        found.extend(look.state());
        found.extend(super::backups::findings(cluster, facts, look.believed));
    }
    found
}

/// No operator works: what its objects say is old.
fn unwatched(works: &Works, facts: &Facts<'_>) -> Option<Found> {
    let what = "Nobody watches over the database: no CloudNativePG operator works.";
    let (since, problem) = match works {
        Works::Yes => return None,
        Works::Absent => (
            None,
            Problem::new(
                Code::Pg07,
                what,
                "Deploy again: the step cnpg/operator starts it.",
            )
            .because("it has no pods"),
        ),
        Works::No {
            since,
            lost_with: Some(node),
        } => (
            *since,
            Problem::new(
                Code::Pg07,
                what,
                format!(
                    "It repairs itself{}. Bring {node} back meanwhile.",
                    moved(*since, facts)
                ),
            )
            .because(format!("it was on {node}, which is not ready"))
            .because("what the Cluster object says is as old as that"),
        ),
        Works::No {
            since,
            lost_with: None,
        } => {
            if !facts.lasts(*since, AWAY) {
                return None;
            }
            let pod = facts.pods_of(Operator::Cnpg).next()?;
            let state = format!("pod {} is {}", name(pod), printed(pod).status);
            let remedy = format!(
                "Read the log of pod {} in {} (press l).",
                name(pod),
                namespace(pod)
            );
            (
                *since,
                Problem::new(Code::Pg07, what, remedy).because(state),
            )
        }
    };
    let found = Found::new(
        Health::Warn,
        "Operator CloudNativePG".to_owned(),
        since,
        problem,
    );
    let lost = match &works {
        Works::No {
            lost_with: Some(node),
            ..
        } => Some(Link::Silent(node.clone())),
        _ => None,
    };
    let mut found = found.follows(lost);
    if let Some(pod) = facts.pods_of(Operator::Cnpg).next() {
        let (kind, who) = owner(pod);
        found = found.tells(Link::Owner(namespace(pod).to_owned(), kind, who));
    }
    Some(found.short("the database is not watched over").ranked(2))
}

/// When Kubernetes gives up on the pods of the silent node and starts them elsewhere.
fn moved(since: Option<Timestamp>, facts: &Facts<'_>) -> String {
    let longest = facts
        .pods_of(Operator::Cnpg)
        .map(|pod| toleration(pod))
        .min();
    let at = since
        .zip(longest)
        .and_then(|(since, pause)| since.checked_add(pause).ok())
        .filter(|at| *at > facts.now);
    match at {
        Some(at) => format!(
            ": Kubernetes starts it elsewhere at about {}",
            at.strftime("%H:%M UTC")
        ),
        None => ": Kubernetes starts it elsewhere now".to_owned(),
    }
}

/// One cluster with its pods.
struct Look<'f, 's> {
    cluster: &'f Value,
    facts: &'f Facts<'s>,
    /// Whether its operator works, so that its status can be believed.
    believed: bool,
    pods: Vec<&'s Arc<Value>>,
}

impl<'f, 's> Look<'f, 's> {
    fn new(cluster: &'f Value, facts: &'f Facts<'s>, works: &Works) -> Self {
        let pods = facts
            .pods_in(namespace(cluster))
            .iter()
            .copied()
            .filter(|pod| is_instance(pod, name(cluster)))
            .collect();
        Self {
            cluster,
            facts,
            believed: *works == Works::Yes,
            pods,
        }
    }

    fn primary(&self) -> &str {
        text(self.cluster, "/status/currentPrimary")
    }

    fn phase(&self) -> String {
        let phase = text(self.cluster, "/status/phase");
        match text(self.cluster, "/status/phaseReason") {
            "" => phase.to_owned(),
            reason => format!("{phase}: {reason}"),
        }
    }

    fn found(&self, health: Health, since: Option<Timestamp>, problem: Problem) -> Found {
        let place = namespace(self.cluster);
        let who = name(self.cluster);
        Found::new(health, format!("Cluster {place}/{who}"), since, problem)
            .within(place)
            .of("Cluster", who)
            .follows(self.claims())
            .ranked(1)
    }

    /// The claims of those instances that do not serve; each is called like its instance.
    fn claims(&self) -> Vec<Link> {
        let place = namespace(self.cluster);
        let claims = facts_claims(self.facts, place, name(self.cluster));
        claims
            .filter(|claim| {
                !self
                    .pods
                    .iter()
                    .any(|pod| claim.starts_with(name(pod)) && self.facts.serves(pod))
            })
            .map(|claim| Link::Claim(place.to_owned(), claim.to_owned()))
            .collect()
    }

    /// Whether it was told to stop: then nothing of it is amiss.
    fn rests(&self) -> bool {
        text(self.cluster, "/metadata/annotations/cnpg.io~1hibernation") == "on"
    }

    /// Stopped by a run that switches all machines off; whom a person stopped, that person knows of.
    fn at_rest(&self) -> Option<Found> {
        if text(self.cluster, "/metadata/annotations/care-install~1rests").is_empty() {
            return None;
        }
        let who = name(self.cluster);
        let says = condition(self.cluster, "cnpg.io/hibernation");
        let since = says.and_then(|says| time(says, "/lastTransitionTime"));
        let problem = Problem::new(
            Code::Pg09,
            format!(
                "The database {who} rests, and Care with it: all was stopped to switch every machine off."
            ),
            "When the machines are on: care-install power on all. Its data is untouched.",
        );
        Some(
            self.found(Health::Bad, since, problem)
                .short(format!("{who} rests")),
        )
    }

    fn state(&self) -> Option<Found> {
        if self.primary().is_empty() {
            return self.first_start();
        }
        let primary = self.pods.iter().find(|pod| name(pod) == self.primary());
        match primary {
            Some(pod) if self.facts.serves(pod) => self.with_primary(),
            Some(pod) if self.facts.pod_lost(pod).is_some() => Some(self.lost(pod)),
            _ => self.without_primary(primary.copied()),
        }
    }

    /// It was never ready: the reason is in its claims and pods, which have findings of their own.
    fn first_start(&self) -> Option<Found> {
        let since = made(self.cluster);
        if !self.facts.lasts(since, FIRST_START) {
            return None;
        }
        let who = name(self.cluster);
        let problem = Problem::new(
            Code::Pg01,
            format!("The database {who} has not started for the first time yet."),
            "Look at its pods and claims: their findings name the reason. The log of a job's pod holds what a restore could not do.",
        );
        let problem = match self.phase() {
            phase if phase.is_empty() => problem,
            phase => problem.because(phase),
        };
        Some(
            self.found(Health::Bad, since, problem)
                .short(format!("{who} has not started")),
        )
    }

    /// The primary's machine is silent.
    fn lost(&self, primary: &Value) -> Found {
        let (who, pod, node) = (name(self.cluster), name(primary), node_of(primary));
        let since = self.facts.lost(node).and_then(|lost| lost.since);
        let spare = self.pods.iter().find(|pod| self.facts.serves(pod));
        let remedy = match (spare, self.believed) {
            (None, _) => format!("There is no other copy that works: bring {node} back."),
            (Some(spare), true) => format!(
                "It repairs itself: the operator makes {} the primary, usually within a minute. Bring {node} back meanwhile.",
                name(spare)
            ),
            (Some(spare), false) => format!(
                "It repairs itself{}; then {} becomes the primary within half a minute. Bring {node} back meanwhile.",
                operator_moves(since, self.facts),
                name(spare)
            ),
        };
        let mut problem = Problem::new(
            Code::Pg01,
            format!(
                "The database {who} takes no writes: its primary {pod} is on {node}, which is not ready."
            ),
            remedy,
        );
        problem = if self.believed {
            problem.because(self.phase())
        } else {
            problem.because(format!(
                "the Cluster object still says \"{}\", but its operator does not work",
                self.phase()
            ))
        };
        self.found(Health::Bad, since, problem)
            .short(format!("{who} takes no writes"))
    }

    /// The primary's machine is there, the primary is not ready.
    fn without_primary(&self, pod: Option<&Arc<Value>>) -> Option<Found> {
        let who = name(self.cluster);
        let changed = self.not_ready_since();
        let since = pod.and_then(|pod| unready_since(pod)).max(changed);
        let moving = ["Failing over", "Switchover in progress"]
            .contains(&text(self.cluster, "/status/phase"));
        // A pod that is made anew is away for a moment; an operator that works says so by itself.
        let content = pod.is_none() && self.believed && holds(self.cluster, "Ready");
        let told = (self.believed && moving)
            || (since.is_none() && !content)
            || self.facts.lasts(since, AWAY);
        if !told {
            return None;
        }
        if self.believed && text(self.cluster, "/status/phase") == DISK_FULL {
            return Some(self.disk_full(since));
        }
        let what = format!(
            "The database {who} takes no writes: its primary {} is not ready.",
            self.primary()
        );
        let remedy = if self.believed {
            format!(
                "The operator repairs it by itself, usually within a minute. If it lasts, read the log of pod {} (press l).",
                self.primary()
            )
        } else {
            format!(
                "Read the log of pod {} (press l). Nothing repairs it while the operator does not work.",
                self.primary()
            )
        };
        let mut problem = Problem::new(Code::Pg01, what, remedy);
        if self.believed {
            problem = problem.because(self.phase());
        }
        if let Some(pod) = pod {
            problem = problem.because(format!("pod {} is {}", name(pod), printed(pod).status));
        }
        Some(
            self.found(Health::Bad, since, problem)
                .short(format!("{who} takes no writes")),
        )
    }

    /// The primary works: how about the others?
    fn with_primary(&self) -> Option<Found> {
        let who = name(self.cluster);
        let serving = self
            .pods
            .iter()
            .filter(|pod| self.facts.serves(pod))
            .count();
        let wish = number(self.cluster, "/spec/instances")
            .or_else(|| number(self.cluster, "/status/instances"))
            .and_then(|wish| usize::try_from(wish).ok())
            .unwrap_or(1);
        if serving < wish {
            return self.fewer(serving, wish);
        }
        let phase = text(self.cluster, "/status/phase");
        // Every pod serves: an old phase of an absent operator says nothing more.
        if !self.believed || phase == HEALTHY || phase.is_empty() {
            return None;
        }
        // An operator that has just seen the last of them come back needs a moment to say so.
        let serve_since = self.pods.iter().filter_map(|pod| ready_since(pod)).max();
        let since = self.not_ready_since().max(serve_since);
        if !self.facts.lasts(since, SETTLING) {
            return None;
        }
        if phase == DISK_FULL {
            return Some(self.disk_full(since));
        }
        let problem = Problem::new(
            Code::Pg01,
            format!("The database {who} works, and its operator is not content with it."),
            format!(
                "Read what it says: kubectl -n {} describe cluster.postgresql.cnpg.io {who}.",
                namespace(self.cluster)
            ),
        )
        .because(self.phase());
        Some(
            self.found(Health::Warn, since, problem)
                .short(format!("{who}: {phase}")),
        )
    }

    /// The operator keeps an instance from starting that would fill its disk to the last byte.
    fn disk_full(&self, since: Option<Timestamp>) -> Found {
        let who = name(self.cluster);
        let problem = Problem::new(
            Code::Pg01,
            format!("The disk of the database {who} is full: it takes no more changes."),
            format!(
                "Give it a larger disk: raise the size of its volume in the settings and deploy again. If changes do not reach the backup, cure that first: kubectl -n {} describe cluster.postgresql.cnpg.io {who}.",
                namespace(self.cluster)
            ),
        )
        .because(self.phase());
        self.found(Health::Bad, since, problem)
            .short(format!("the disk of {who} is full"))
    }

    fn fewer(&self, serving: usize, wish: usize) -> Option<Found> {
        let who = name(self.cluster);
        let idle: Vec<&&Arc<Value>> = self
            .pods
            .iter()
            .filter(|pod| !self.facts.serves(pod))
            .collect();
        let lost = idle.iter().find(|pod| self.facts.pod_lost(pod).is_some());
        let since = if let Some(pod) = lost {
            self.facts.pod_lost(pod).and_then(|lost| lost.since)
        } else {
            self.fewer_since(&idle)
        };
        if lost.is_none() && !self.facts.lasts(since, SETTLING) {
            return None;
        }
        let what = format!(
            "The database {who} works without reserve: {serving} of {} is ready.",
            counted(wish, "instance", "instances")
        );
        let remedy = match lost {
            Some(pod) => format!("Bring {} back: the copy there rejoins by itself. Do not stop the other machine before that.", node_of(pod)),
            None => "Look at the pods of the database: their findings name the reason. A copy that is behind catches up by itself.".to_owned(),
        };
        let mut problem = Problem::new(Code::Pg02, what, remedy);
        for pod in &idle {
            problem = problem.because(match self.facts.pod_lost(pod) {
                Some(_) => format!("{} is on {}, which is not ready", name(pod), node_of(pod)),
                None => format!("{} is {}", name(pod), printed(pod).status),
            });
        }
        Some(
            self.found(Health::Warn, since, problem)
                .follows(lost.map(|pod| Link::Silent(node_of(pod).to_owned())))
                .short(format!("{who} has no second copy")),
        )
    }

    /// Since when a copy is missing. One that comes back has been missing for longer than its new pod tells; one that is
    /// made for the first time is missed only once the primary works.
    fn fewer_since(&self, idle: &[&&Arc<Value>]) -> Option<Timestamp> {
        let primary = self.pods.iter().find(|pod| name(pod) == self.primary());
        let works = primary.and_then(|pod| ready_since(pod));
        let said = self.not_ready_since().filter(|_| self.believed);
        idle.iter()
            .filter_map(|pod| unready_since(pod))
            .chain(said.map(|said| works.map_or(said, |works| said.max(works))))
            .min()
    }

    fn not_ready_since(&self) -> Option<Timestamp> {
        condition(self.cluster, "Ready")
            .filter(|_| !holds(self.cluster, "Ready"))
            .and_then(|ready| time(ready, "/lastTransitionTime"))
    }
}

/// The claims of a cluster's instances.
fn facts_claims<'f>(
    facts: &'f Facts<'_>,
    place: &'f str,
    cluster: &'f str,
) -> impl Iterator<Item = &'f str> {
    let all = facts.snapshot.all(Kind::Claim);
    all.filter(move |claim| {
        namespace(claim) == place && label(claim, "cnpg.io/cluster") == Some(cluster)
    })
    .map(|claim| name(claim))
}

/// How the failover begins while the operator is away.
fn operator_moves(since: Option<Timestamp>, facts: &Facts<'_>) -> String {
    match facts.works(Operator::Cnpg) {
        Works::No {
            lost_with: Some(_), ..
        } => moved(since, facts).replace("starts it elsewhere", "starts the operator elsewhere"),
        _ => " once the operator works again".to_owned(),
    }
}

/// Since when a pod is ready.
fn ready_since(pod: &Value) -> Option<Timestamp> {
    condition(pod, "Ready")
        .filter(|_| holds(pod, "Ready"))
        .and_then(|ready| time(ready, "/lastTransitionTime"))
}

/// Names of the plugins that archive the changes.
pub fn archivers(cluster: &Value) -> impl Iterator<Item = &Value> {
    items(cluster, "/spec/plugins").filter(|plugin| {
        let flag = |pointer| plugin.pointer(pointer).and_then(Value::as_bool);
        flag("/isWALArchiver") == Some(true) && flag("/enabled") != Some(false)
    })
}
