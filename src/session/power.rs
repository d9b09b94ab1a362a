//! What a power-off or power-on has to know of the cluster, for its plan.

use crate::{
    engine::run::{Chosen, Setting},
    plan::{
        ObjectRef,
        power::{Ground, Machines, Powering, Way},
    },
    problem::{Code, Problem},
    session::{Session, World},
};

/// Looks what is there: the other nodes, the database, volumes.
///
/// # Errors
/// There is no such node, it is the only one, or the cluster cannot be asked.
pub async fn ground(
    session: &mut Session,
    world: &World,
    powering: &Powering,
) -> Result<Ground, Problem> {
    let kube = &world.doors.kube;
    let nodes = kube.list(&ObjectRef::new("v1", "Node", "", ""), "").await?;
    let names: Vec<String> = nodes
        .iter()
        .filter_map(|node| Some(node["metadata"]["name"].as_str()?.to_owned()))
        .collect();
    if !names.contains(&powering.node) {
        let what = format!("The cluster has no node `{}`.", powering.node);
        let remedy = format!("Its nodes are: {}.", names.join(", "));
        return Err(Problem::new(Code::Args01, what, remedy));
    }
    let others: Vec<String> = names
        .into_iter()
        .filter(|name| *name != powering.node)
        .collect();
    if others.is_empty() && powering.way == Way::Off {
        let what = format!("{} is the only machine of the cluster.", powering.node);
        let remedy = "There is nowhere to move anything to: make a backup, then switch it off by hand (sudo poweroff).";
        return Err(Problem::new(Code::Args01, what, remedy));
    }
    session.learn_database(world).await?;
    let database = session.database().reference();
    let there = kube.get(&database).await?.is_some();
    let volume = ObjectRef::new("longhorn.io/v1beta2", "Volume", "longhorn-system", "");
    Ok(Ground {
        site: session.site.name.to_string(),
        others,
        database: there.then_some(database),
        volumes: kube.serves(&volume).await?,
        machines: if world.rehearsal {
            Machines::Practice
        } else {
            Machines::Real
        },
    })
}

/// What the run needs to know beside its plan.
pub fn setting(session: &Session, world: &World) -> Setting {
    Setting {
        journal: session.place.power_journal(),
        ..world.setting(session, Chosen::default())
    }
}
