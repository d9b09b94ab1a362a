//! Switching one machine or all of them off and on again in the order that harms nothing, as a plan like any other. Pure.

mod all;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Action, JobRun, ObjectRef, Plan, Purpose, Ready, Stage, Step, StepId};

/// The component's name in the ids of these steps.
pub const POWER: &str = "power";

/// How long a healthy cluster may take for one thing.
const LIMIT: Duration = Duration::from_mins(20);

/// How long a person may take to go to the machine.
const PERSON: Duration = Duration::from_hours(12);

/// How long volumes may take until each has its copies again.
const REBUILD: Duration = Duration::from_hours(6);

/// How long the last changes of the database may take until they are in the bucket.
const ARCHIVE: Duration = Duration::from_mins(30);

/// The word for all machines together, as it is typed; a node of this name cannot be switched by itself.
pub const ALL: &str = "all";

/// What is done with machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Powering {
    /// Whose.
    pub node: Which,
    /// Off or on.
    pub way: Way,
}

/// Which machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Which {
    /// That of one node, by its name.
    One(String),
    /// All, one after the other.
    All,
}

impl Which {
    /// As it was typed.
    pub fn typed(text: &str) -> Self {
        if text == ALL {
            Self::All
        } else {
            Self::One(text.to_owned())
        }
    }

    /// As it is typed.
    pub fn as_str(&self) -> &str {
        match self {
            Self::One(name) => name,
            Self::All => ALL,
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// Off or on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// It is emptied and switched off.
    Off,
    /// It is switched on and takes its part again.
    On,
}

impl Way {
    /// As it is typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
        }
    }
}

/// Something that is done to a node, or waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeWork {
    /// The node.
    pub node: String,
    /// What.
    pub does: NodeDeed,
}

/// What is done to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeDeed {
    /// It takes no new pods.
    Close,
    /// The database's primary moves away from it.
    HandOver(ObjectRef),
    /// Its pods leave, as their budgets allow.
    Empty,
    /// Waits until somebody has switched it off, in this way.
    SwitchedOff(String),
    /// The same of the machine that carries the API: once that does not answer any more, it is off.
    SwitchedOffWithApi(String),
    /// Waits until somebody has switched it on, in this way.
    SwitchedOn(String),
    /// Looks whether its clock agrees with ours.
    Clock,
    /// It takes pods again.
    Open,
}

/// What is done to the site as a whole around the switching of its machines; each may be done again from its beginning.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteDeed {
    /// Waits until the database is whole; one that rests already is.
    Sound(ObjectRef),
    /// Waits until no volume lacks a copy.
    Whole,
    /// What writes into the database stops; how many pods it had is kept on it.
    StopWriters(Vec<ObjectRef>),
    /// Sees to it that the last changes of the database are in the bucket, by this job; those of one that rests already are.
    Copied {
        /// The database.
        database: ObjectRef,
        /// The job that waits for them.
        job: Box<JobRun>,
    },
    /// Every database is stopped in order, the primary first, and stays so. This one is in use.
    Rest(ObjectRef),
    /// What still uses a volume ends, until every volume is let go.
    Detach,
    /// The databases that were stopped run again. This one is in use.
    Wake(ObjectRef),
    /// What was stopped gets as many pods again as it had.
    StartWriters,
}

/// What is there, as far as the plan needs to know.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// The site's name.
    pub site: String,
    /// Every machine, in the order in which they are switched off: the last carries the API.
    pub machines: Vec<Machine>,
    /// The database, when there is one.
    pub database: Option<ObjectRef>,
    /// The job that waits until its last changes are in the bucket, when it has one.
    pub archive: Option<JobRun>,
    /// Whether there are Longhorn volumes.
    pub volumes: bool,
    /// What writes into the database.
    pub writers: Vec<ObjectRef>,
    /// The steps of a deploy that ask the site's names from outside.
    pub proofs: Vec<Step>,
}

/// A machine, and how a person switches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its node.
    pub name: String,
    /// How it is switched off.
    pub off: String,
    /// How it is switched on.
    pub on: String,
    /// Whether the API itself runs on it.
    pub carries_api: bool,
}

impl Machine {
    /// One that is switched by its own system and its button; the command that leads to its system, when it is known.
    pub fn real(name: &str, ssh: Option<&str>) -> Self {
        let typed = match ssh {
            Some(ssh) => format!("type `{ssh} sudo poweroff` here"),
            None => "type `sudo poweroff` on it".to_owned(),
        };
        Self {
            name: name.to_owned(),
            off: format!("{typed}, or press its button"),
            on: "press its button, or let its management board do it".to_owned(),
            carries_api: false,
        }
    }

    /// One of the practice cluster, which has a switch of its own.
    pub fn practice(name: &str) -> Self {
        let how = |way: Way| {
            let way = way.word();
            format!("press m, or type `care-install rehearse --machine {name}={way}`")
        };
        Self {
            name: name.to_owned(),
            off: how(Way::Off),
            on: how(Way::On),
            carries_api: false,
        }
    }

    /// With the API on it, or without.
    #[must_use]
    pub fn carrying(self, carries_api: bool) -> Self {
        Self {
            carries_api,
            ..self
        }
    }

    /// Waits until it is off.
    fn switched_off(&self) -> NodeDeed {
        let how = self.off.clone();
        if self.carries_api {
            NodeDeed::SwitchedOffWithApi(how)
        } else {
            NodeDeed::SwitchedOff(how)
        }
    }
}

impl NodeWork {
    /// In a few words.
    pub fn words(&self) -> String {
        let node = &self.node;
        match &self.does {
            NodeDeed::Close => format!("lets no new pod start on {node}"),
            NodeDeed::HandOver(cluster) => {
                format!("moves the primary of {} away from {node}", cluster.name)
            }
            NodeDeed::Empty => format!("lets the pods of {node} leave, as their budgets allow"),
            NodeDeed::SwitchedOff(_) | NodeDeed::SwitchedOffWithApi(_) => {
                format!("waits until you have switched {node} off")
            }
            NodeDeed::SwitchedOn(_) => format!("waits until you have switched {node} on"),
            NodeDeed::Clock => format!("looks at the clock of {node}"),
            NodeDeed::Open => format!("lets pods start on {node} again"),
        }
    }
}

impl SiteDeed {
    /// In a few words.
    pub fn words(&self) -> String {
        match self {
            Self::Sound(database) => format!("waits until {} is whole", database.name),
            Self::Whole => "waits until every volume has its copies".to_owned(),
            Self::StopWriters(writers) => {
                format!(
                    "stops {} programs, and keeps how many pods each had",
                    writers.len()
                )
            }
            Self::Copied { database, .. } => {
                format!(
                    "waits until the last changes of {} are in the bucket",
                    database.name
                )
            }
            Self::Rest(_) => "stops the database in order".to_owned(),
            Self::Detach => "ends what still uses a volume".to_owned(),
            Self::Wake(_) => "starts the database again".to_owned(),
            Self::StartWriters => "gives each program as many pods as it had".to_owned(),
        }
    }
}

/// One step after the other: what comes before must hold before the next begins.
#[derive(Debug, Default)]
struct Steps(Vec<Step>);

impl Steps {
    fn add(
        &mut self,
        stage: usize,
        (name, title): (&str, &str),
        action: Action,
        ready: Vec<Ready>,
    ) {
        let (usual, limit) = times(&action);
        self.push(Step {
            id: StepId::new(POWER, name),
            component: POWER.to_owned(),
            stage,
            title: title.to_owned(),
            needs: Vec::new(),
            action,
            ready,
            usual,
            limit,
        });
    }

    /// Adds a step behind all others.
    fn push(&mut self, mut step: Step) {
        let before = self.0.last().map(|step| step.id.clone());
        step.needs = before.into_iter().collect();
        self.0.push(step);
    }

    fn node(&mut self, stage: usize, names: (&str, &str), (node, does): (&str, NodeDeed)) {
        let node = node.to_owned();
        let action = Action::Node(NodeWork { node, does });
        self.add(stage, names, action, Vec::new());
    }

    fn site(&mut self, stage: usize, names: (&str, &str), deed: SiteDeed) {
        self.add(stage, names, Action::Site(deed), Vec::new());
    }
}

/// Usual time and limit.
fn times(action: &Action) -> (Duration, Duration) {
    let usual = Duration::from_secs;
    match action {
        Action::Node(work) => match work.does {
            NodeDeed::Close | NodeDeed::Open | NodeDeed::Clock => (usual(1), LIMIT),
            NodeDeed::HandOver(_) => (usual(20), LIMIT),
            NodeDeed::Empty => (usual(120), LIMIT),
            NodeDeed::SwitchedOff(_)
            | NodeDeed::SwitchedOffWithApi(_)
            | NodeDeed::SwitchedOn(_) => (usual(180), PERSON),
        },
        Action::Site(deed) => match deed {
            SiteDeed::Sound(_) => (usual(1), LIMIT),
            SiteDeed::Whole => (usual(5), REBUILD),
            SiteDeed::Copied { .. } => (usual(120), ARCHIVE),
            SiteDeed::StopWriters(_) | SiteDeed::Rest(_) => (usual(30), LIMIT),
            SiteDeed::Detach | SiteDeed::Wake(_) => (usual(60), LIMIT),
            SiteDeed::StartWriters => (usual(5), LIMIT),
        },
        _ => (usual(5), LIMIT),
    }
}

/// The plan; of a machine that is not there, nothing is done.
pub fn plan(powering: &Powering, ground: &Ground) -> Plan {
    let mut steps = Steps::default();
    let titles: &[(&str, &str)] = match (&powering.node, powering.way) {
        (Which::One(name), Way::Off) => {
            off(&mut steps, name, ground);
            &[
                ("look", "Look"),
                ("empty", "Empty the machine"),
                ("off", "Switch it off"),
            ]
        }
        (Which::One(name), Way::On) => {
            on(&mut steps, name, ground);
            &[("on", "Switch it on"), ("back", "Take it back")]
        }
        (Which::All, Way::Off) => {
            all::off(&mut steps, ground);
            &all::OFF
        }
        (Which::All, Way::On) => {
            all::on(&mut steps, ground);
            &all::ON
        }
    };
    let stages = titles.iter().map(|(id, title)| Stage {
        id: (*id).to_owned(),
        title: (*title).to_owned(),
    });
    Plan {
        site: ground.site.clone(),
        purpose: Purpose::Power(Box::new(powering.clone())),
        stages: stages.collect(),
        components: Vec::new(),
        steps: steps.0,
        notes: Vec::new(),
    }
}

fn node_ready(name: &str) -> Ready {
    Ready::Object(ObjectRef::new("v1", "Node", "", name))
}

/// Every object of these kinds of workload is ready.
fn all_ready(kinds: &[&str]) -> Vec<Ready> {
    let kinds = kinds.iter().map(|kind| Ready::All {
        of: ObjectRef::new("apps/v1", kind, "", ""),
        selector: String::new(),
        at_least: 0,
    });
    kinds.collect()
}

fn off(steps: &mut Steps, name: &str, ground: &Ground) {
    // What is not whole before, would be lost with the machine.
    let others = ground.machines.iter().filter(|other| other.name != name);
    let others = others.map(|other| node_ready(&other.name)).collect();
    steps.add(
        0,
        ("others", "The other machine works"),
        Action::Wait,
        others,
    );
    if let Some(database) = &ground.database {
        let whole = vec![Ready::Object(database.clone())];
        let names = ("database", "The database has its standby");
        steps.add(0, names, Action::Wait, whole);
    }
    if ground.volumes {
        let names = ("volumes", "Every volume has its copies");
        steps.site(0, names, SiteDeed::Whole);
    }
    steps.node(1, ("close", "No new pods"), (name, NodeDeed::Close));
    if let Some(database) = &ground.database {
        let names = ("hand-over", "The database's primary moves");
        steps.node(1, names, (name, NodeDeed::HandOver(database.clone())));
    }
    steps.node(1, ("empty", "Its pods leave"), (name, NodeDeed::Empty));
    if let Some(machine) = ground.machines.iter().find(|one| one.name == name) {
        let deed = machine.switched_off();
        steps.node(2, ("off", "Switch the machine off"), (name, deed));
    }
}

fn on(steps: &mut Steps, name: &str, ground: &Ground) {
    if let Some(machine) = ground.machines.iter().find(|one| one.name == name) {
        let deed = NodeDeed::SwitchedOn(machine.on.clone());
        steps.node(0, ("on", "Switch the machine on"), (name, deed));
    }
    steps.node(0, ("clock", "Its clock"), (name, NodeDeed::Clock));
    steps.node(
        1,
        ("open", "Pods start there again"),
        (name, NodeDeed::Open),
    );
    if ground.volumes {
        let names = ("volumes", "Volumes get their copies back");
        steps.site(1, names, SiteDeed::Whole);
    }
    if let Some(database) = &ground.database {
        let whole = vec![Ready::Object(database.clone())];
        let names = ("database", "The database's standby is back");
        steps.add(1, names, Action::Wait, whole);
    }
    let whole = all_ready(&["Deployment", "StatefulSet"]);
    let names = ("writers", "Every program runs again");
    steps.add(1, names, Action::Wait, whole);
}
