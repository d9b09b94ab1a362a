//! What a plan asks of the nodes: its requests added up, placed, and placed again with one node lost. Pure.

pub mod cost;
pub mod costs;
mod loads;
pub mod show;

pub use costs::Costs;
pub use loads::{Amount, Load, Shape, amount, loads};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The nodes of the reference: 8 cores and 32 GiB each.
pub const REFERENCE: Amount = Amount {
    milli: 8_000,
    bytes: 32 * 1024 * 1024 * 1024,
};

/// A node with its room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its `ohn/role`.
    pub role: String,
    /// What pods may ask for.
    pub room: Amount,
}

impl Node {
    /// A node of the reference.
    pub fn reference(name: &str, role: &str) -> Self {
        Self {
            name: name.to_owned(),
            role: role.to_owned(),
            room: REFERENCE,
        }
    }

    /// A node as the cluster tells it; nothing while it does not say what it has.
    pub fn read(node: &Value) -> Option<Self> {
        let text = |pointer| node.pointer(pointer).and_then(Value::as_str);
        let of = |name: &str| {
            node.pointer("/status/allocatable")
                .and_then(|has| has.get(name))
        };
        Some(Self {
            name: text("/metadata/name")?.to_owned(),
            role: text("/metadata/labels/ohn~1role")
                .unwrap_or_default()
                .to_owned(),
            room: Amount {
                milli: amount(of("cpu")?)? / 1_000,
                bytes: amount(of("memory")?)? / 1_000_000,
            },
        })
    }
}

/// How the plan fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fit {
    /// The node that is lost, when one is.
    pub lost: Option<String>,
    /// What each remaining node carries.
    pub nodes: Vec<Carried>,
    /// What finds no room.
    pub homeless: Vec<String>,
    /// What is bound to the lost node and waits until it is back.
    pub waiting: Vec<String>,
}

/// What one node carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The node.
    pub name: String,
    /// What its pods ask for.
    pub asked: Amount,
    /// What there is.
    pub room: Amount,
}

impl Carried {
    fn with(&self, load: &Load) -> Amount {
        self.asked + load.asks_of(self.room)
    }

    fn has_room_for(&self, load: &Load) -> bool {
        self.with(load).is_within(self.room)
    }
}

impl Fit {
    /// Whether everything that is not bound to a lost node finds room.
    pub fn fits(&self) -> bool {
        self.homeless.is_empty()
    }
}

/// The plan on all nodes, then with each one lost in turn.
pub fn fits(loads: &[Load], nodes: &[Node]) -> Vec<Fit> {
    let lost = nodes.iter().map(Some).filter(|_| nodes.len() > 1);
    [None]
        .into_iter()
        .chain(lost)
        .map(|lost| place(loads, nodes, lost))
        .collect()
}

fn place(loads: &[Load], nodes: &[Node], lost: Option<&Node>) -> Fit {
    let left: Vec<&Node> = nodes
        .iter()
        .filter(|node| lost.is_none_or(|lost| lost.name != node.name))
        .collect();
    let mut fit = Fit {
        lost: lost.map(|node| node.name.clone()),
        nodes: left
            .iter()
            .map(|node| Carried {
                name: node.name.clone(),
                asked: Amount::default(),
                room: node.room,
            })
            .collect(),
        homeless: Vec::new(),
        waiting: Vec::new(),
    };
    // What cannot choose goes first, then what is large.
    let mut sorted: Vec<&Load> = loads.iter().collect();
    sorted.sort_by_key(|load| {
        let freedom = match (load.shape, load.is_bound) {
            (Shape::EveryNode, _) => 0,
            (Shape::Copies(_), true) => 1,
            (Shape::Copies(_), false) => 2,
        };
        (
            freedom,
            std::cmp::Reverse(load.asks.bytes),
            std::cmp::Reverse(load.asks.milli),
        )
    });
    for load in sorted {
        match load.shape {
            Shape::EveryNode => {
                for index in 0..left.len() {
                    put(&mut fit, load, Some(index));
                }
            }
            Shape::Copies(copies) => copied(&mut fit, load, &left, copies),
        }
    }
    fit
}

/// Each copy goes to the node of its role, further ones to where the fewest copies are, then to where the most room is.
fn copied(fit: &mut Fit, load: &Load, left: &[&Node], copies: u32) {
    let at_home = |index: usize| {
        left.get(index)
            .is_some_and(|node| Some(&node.role) == load.role.as_ref())
    };
    let mut here = vec![0_u32; left.len()];
    for _ in 0..copies {
        let mut choice: Vec<usize> = (0..left.len()).collect();
        if load.is_bound {
            choice.retain(|index| at_home(*index));
            if choice.is_empty() {
                fit.waiting.push(load.name.clone());
                return;
            }
        }
        let fitting = |index: &usize| {
            let carried = fit.nodes.get(*index);
            carried.is_some_and(|carried| carried.has_room_for(load))
        };
        let best = choice.into_iter().filter(fitting).min_by_key(|index| {
            let asked = fit
                .nodes
                .get(*index)
                .map_or(0, |carried| carried.asked.bytes);
            let copies = here.get(*index).copied().unwrap_or_default();
            (copies, !at_home(*index), asked)
        });
        if let Some(index) = best
            && let Some(count) = here.get_mut(index)
        {
            *count += 1;
        }
        put(fit, load, best);
    }
}

fn put(fit: &mut Fit, load: &Load, index: Option<usize>) {
    let carried = index.and_then(|index| fit.nodes.get_mut(index));
    match carried.filter(|carried| carried.has_room_for(load)) {
        Some(carried) => carried.asked = carried.with(load),
        None => fit.homeless.push(load.name.clone()),
    }
}

/// What becomes of the site when a setting is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The setting, such as `components.monitoring=on`.
    pub setting: String,
    /// What it asks for in addition.
    pub more: Amount,
    /// How the site fits then.
    pub fits: Vec<Fit>,
}

#[cfg(test)]
mod tests;
