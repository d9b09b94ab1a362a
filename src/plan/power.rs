//! Switching a machine off and on again in the order that harms nothing, as a plan like any other. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Action, ObjectRef, Plan, Purpose, Ready, Stage, Step, StepId};

/// The component's name in the ids of these steps.
pub const POWER: &str = "power";

/// How long a healthy cluster may take for one thing.
const LIMIT: Duration = Duration::from_mins(20);

/// How long a person may take to go to the machine.
const PERSON: Duration = Duration::from_hours(12);

/// How long volumes may take until each has its copies again.
const REBUILD: Duration = Duration::from_hours(6);

/// What is done with a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Powering {
    /// Its node.
    pub node: String,
    /// Off or on.
    pub way: Way,
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
    /// Waits until no volume lacks a copy.
    Whole,
    /// It takes no new pods.
    Close,
    /// The database's primary moves away from it.
    HandOver(ObjectRef),
    /// Its pods leave, as their budgets allow.
    Empty,
    /// Waits until somebody has switched it off, in this way.
    SwitchedOff(String),
    /// Waits until somebody has switched it on, in this way.
    SwitchedOn(String),
    /// Looks whether its clock agrees with ours.
    Clock,
    /// It takes pods again.
    Open,
}

/// What is there, as far as the plan needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// The site's name.
    pub site: String,
    /// The other nodes.
    pub others: Vec<String>,
    /// The database, when there is one.
    pub database: Option<ObjectRef>,
    /// Whether there are Longhorn volumes.
    pub volumes: bool,
    /// Whose machines are switched.
    pub machines: Machines,
}

/// How a person switches a machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Machines {
    /// By its own system and its button.
    #[default]
    Real,
    /// By the practice cluster's own switch.
    Practice,
}

impl Machines {
    fn how(self, powering: &Powering) -> String {
        let Powering { node, way } = powering;
        match (self, way) {
            (Self::Practice, way) => format!(
                "on the practice cluster: m here, or care-install rehearse --machine {node}={}",
                way.word()
            ),
            (Self::Real, Way::Off) => "on it: sudo poweroff; or press its button".to_owned(),
            (Self::Real, Way::On) => {
                "press its button, or let its management board do it".to_owned()
            }
        }
    }
}

impl NodeWork {
    /// In a few words.
    pub fn words(&self) -> String {
        let node = &self.node;
        match &self.does {
            NodeDeed::Whole => "waits until every volume has its copies".to_owned(),
            NodeDeed::Close => format!("lets no new pod start on {node}"),
            NodeDeed::HandOver(cluster) => {
                format!("moves the primary of {} away from {node}", cluster.name)
            }
            NodeDeed::Empty => format!("lets the pods of {node} leave, as their budgets allow"),
            NodeDeed::SwitchedOff(_) => format!("waits until you have switched {node} off"),
            NodeDeed::SwitchedOn(_) => format!("waits until you have switched {node} on"),
            NodeDeed::Clock => format!("looks at the clock of {node}"),
            NodeDeed::Open => format!("lets pods start on {node} again"),
        }
    }
}

/// One step after the other: what comes before must hold before the next begins.
struct Steps<'a> {
    node: &'a str,
    steps: Vec<Step>,
}

impl Steps<'_> {
    fn add(
        &mut self,
        stage: usize,
        (name, title): (&str, &str),
        action: Action,
        ready: Vec<Ready>,
    ) {
        let (usual, limit) = times(&action);
        let needs = self.steps.last().map(|step| step.id.clone());
        self.steps.push(Step {
            id: StepId::new(POWER, name),
            component: POWER.to_owned(),
            stage,
            title: title.to_owned(),
            needs: needs.into_iter().collect(),
            action,
            ready,
            usual,
            limit,
        });
    }

    fn node(&mut self, stage: usize, names: (&str, &str), does: NodeDeed) {
        let node = self.node.to_owned();
        self.add(
            stage,
            names,
            Action::Node(NodeWork { node, does }),
            Vec::new(),
        );
    }
}

/// Usual time and limit.
fn times(action: &Action) -> (Duration, Duration) {
    let Action::Node(work) = action else {
        return (Duration::from_secs(5), LIMIT);
    };
    match work.does {
        NodeDeed::Close | NodeDeed::Open | NodeDeed::Clock => (Duration::from_secs(1), LIMIT),
        NodeDeed::HandOver(_) => (Duration::from_secs(20), LIMIT),
        NodeDeed::Empty => (Duration::from_mins(2), LIMIT),
        NodeDeed::Whole => (Duration::from_secs(5), REBUILD),
        NodeDeed::SwitchedOff(_) | NodeDeed::SwitchedOn(_) => (Duration::from_mins(3), PERSON),
    }
}

/// The plan.
pub fn plan(powering: &Powering, ground: &Ground) -> Plan {
    let mut steps = Steps {
        node: &powering.node,
        steps: Vec::new(),
    };
    let titles: &[(&str, &str)] = match powering.way {
        Way::Off => {
            off(&mut steps, (powering, ground));
            &[
                ("look", "Look"),
                ("empty", "Empty the machine"),
                ("off", "Switch it off"),
            ]
        }
        Way::On => {
            on(&mut steps, (powering, ground));
            &[("on", "Switch it on"), ("back", "Take it back")]
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
        steps: steps.steps,
        notes: Vec::new(),
    }
}

fn node_ready(name: &str) -> Ready {
    Ready::Object(ObjectRef::new("v1", "Node", "", name))
}

fn off(steps: &mut Steps<'_>, (powering, ground): (&Powering, &Ground)) {
    // What is not whole before, would be lost with the machine.
    let others = ground.others.iter().map(|name| node_ready(name));
    steps.add(
        0,
        ("others", "The other machine works"),
        Action::Wait,
        others.collect(),
    );
    if let Some(database) = &ground.database {
        let whole = vec![Ready::Object(database.clone())];
        steps.add(
            0,
            ("database", "The database has its standby"),
            Action::Wait,
            whole,
        );
    }
    if ground.volumes {
        steps.node(
            0,
            ("volumes", "Every volume has its copies"),
            NodeDeed::Whole,
        );
    }
    steps.node(1, ("close", "No new pods"), NodeDeed::Close);
    if let Some(database) = &ground.database {
        let names = ("hand-over", "The database's primary moves");
        steps.node(1, names, NodeDeed::HandOver(database.clone()));
    }
    steps.node(1, ("empty", "Its pods leave"), NodeDeed::Empty);
    steps.node(
        2,
        ("off", "Switch the machine off"),
        NodeDeed::SwitchedOff(ground.machines.how(powering)),
    );
}

fn on(steps: &mut Steps<'_>, (powering, ground): (&Powering, &Ground)) {
    let how = ground.machines.how(powering);
    steps.node(
        0,
        ("on", "Switch the machine on"),
        NodeDeed::SwitchedOn(how),
    );
    steps.node(0, ("clock", "Its clock"), NodeDeed::Clock);
    steps.node(1, ("open", "Pods start there again"), NodeDeed::Open);
    if ground.volumes {
        steps.node(
            1,
            ("volumes", "Volumes get their copies back"),
            NodeDeed::Whole,
        );
    }
    if let Some(database) = &ground.database {
        let whole = vec![Ready::Object(database.clone())];
        steps.add(
            1,
            ("database", "The database's standby is back"),
            Action::Wait,
            whole,
        );
    }
    let all = |kind| Ready::All {
        of: ObjectRef::new("apps/v1", kind, "", ""),
        selector: String::new(),
        at_least: 0,
    };
    let whole = vec![all("Deployment"), all("StatefulSet")];
    steps.add(
        1,
        ("writers", "Every program runs again"),
        Action::Wait,
        whole,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Database;

    fn names(way: Way, ground: &Ground) -> Vec<String> {
        let powering = Powering {
            node: "primary".to_owned(),
            way,
        };
        let plan = plan(&powering, ground);
        // One after the other.
        for pair in plan.steps.windows(2) {
            assert_eq!(pair[1].needs, [pair[0].id.clone()]);
            assert!(pair[0].stage <= pair[1].stage && pair[1].stage < plan.stages.len());
        }
        plan.steps
            .iter()
            .map(|step| step.id.as_str().to_owned())
            .collect()
    }

    fn ground() -> Ground {
        Ground {
            site: "st-marys".to_owned(),
            others: vec!["secondary".to_owned()],
            database: Some(Database::default().reference()),
            volumes: true,
            machines: Machines::Practice,
        }
    }

    #[test]
    fn a_machine_is_emptied_before_it_is_switched_off_and_looked_at_before_it_is_used_again() {
        assert_eq!(
            names(Way::Off, &ground()),
            [
                "power/others",
                "power/database",
                "power/volumes",
                "power/close",
                "power/hand-over",
                "power/empty",
                "power/off"
            ]
        );
        assert_eq!(
            names(Way::On, &ground()),
            [
                "power/on",
                "power/clock",
                "power/open",
                "power/volumes",
                "power/database",
                "power/writers"
            ]
        );
    }

    #[test]
    fn without_a_database_and_volumes_nothing_waits_for_them() {
        let bare = Ground {
            others: vec!["b".to_owned()],
            ..Ground::default()
        };
        let steps = names(Way::Off, &bare);
        assert_eq!(
            steps,
            ["power/others", "power/close", "power/empty", "power/off"]
        );
    }
}
