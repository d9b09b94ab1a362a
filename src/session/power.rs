//! What a power-off or power-on has to know of the cluster, for its plan; and how far the last one came.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    catalog::Catalog,
    engine::{
        event::{Done, Event, Outcome, StepState},
        journal::{Journal, Memory},
        run::{Chosen, Setting},
    },
    plan::{
        Action, JobRun, ObjectRef, Plan, Purpose, Step, StepId,
        power::{Ground, Machine, Powering, Way, Which},
    },
    problem::{Code, Problem},
    restore,
    session::{Session, Workplace, World},
};

/// Looks what is there: the nodes, the database, volumes, and for all machines together also what writes.
///
/// # Errors
/// There is no such node, it is the only one, everything rests already, or the cluster cannot be asked.
pub async fn ground(
    session: &mut Session,
    world: &World,
    powering: &Powering,
) -> Result<Ground, Vec<Problem>> {
    let one = |problem| vec![problem];
    let kube = &world.doors.kube;
    let nodes = kube.list(&ObjectRef::new("v1", "Node", "", ""), "").await;
    let nodes = nodes.map_err(|error| vec![error.problem])?;
    if let Which::One(name) = &powering.node {
        known(&nodes, name, powering.way).map_err(one)?;
    }
    session.learn_database(world).await.map_err(one)?;
    let reference = session.database().reference();
    let database = kube.get(&reference).await;
    let database = database.map_err(|error| vec![error.problem])?;
    if powering.node != Which::All && database.as_ref().is_some_and(rests) {
        return Err(vec![at_rest()]);
    }
    let volume = ObjectRef::new("longhorn.io/v1beta2", "Volume", "longhorn-system", "");
    let volumes = kube.serves(&volume).await;
    let ground = Ground {
        site: session.site.name.to_string(),
        machines: machines(session, world, &nodes),
        database: database.is_some().then_some(reference),
        volumes: volumes.map_err(|error| vec![error.problem])?,
        ..Ground::default()
    };
    if powering.node != Which::All {
        return Ok(ground);
    }
    let plan = session.plan()?;
    Ok(Ground {
        archive: archive(session, database.as_ref()).map_err(one)?,
        writers: there(world, restore::writing(&Catalog::load()?, &plan))
            .await
            .map_err(one)?,
        proofs: proofs(plan),
        ..ground
    })
}

/// Whether there is such a node, and another one where what runs there can go.
fn known(nodes: &[Arc<Value>], name: &str, way: Way) -> Result<(), Problem> {
    let names: Vec<&str> = nodes
        .iter()
        .filter_map(|node| node["metadata"]["name"].as_str())
        .collect();
    if !names.contains(&name) {
        let what = format!("The cluster has no node `{name}`.");
        let remedy = format!(
            "Its nodes are: {}; `all` means all of them.",
            names.join(", ")
        );
        return Err(Problem::new(Code::Args01, what, remedy));
    }
    if names.len() == 1 && way == Way::Off {
        let what = format!("{name} is the only machine of the cluster.");
        let remedy = "There is nowhere to move anything to: care-install power off all stops everything in order instead.";
        return Err(Problem::new(Code::Args01, what, remedy));
    }
    Ok(())
}

/// The machines in the order in which they are switched off: the one that carries the API is the last, the primary before it.
fn machines(session: &Session, world: &World, nodes: &[Arc<Value>]) -> Vec<Machine> {
    let mut ordered: Vec<(bool, bool, &str)> = nodes
        .iter()
        .filter_map(|node| {
            let labels = &node["metadata"]["labels"];
            let api = labels["node-role.kubernetes.io/control-plane"].is_string();
            let first = labels["ohn/role"] == "primary";
            Some((api, first, node["metadata"]["name"].as_str()?))
        })
        .collect();
    ordered.sort_unstable();
    let machine = |name: &str| {
        if world.rehearsal {
            Machine::practice(name)
        } else {
            Machine::real(name, login(session, name).as_deref())
        }
    };
    let machines = ordered.into_iter();
    machines
        .map(|(api, _, name)| machine(name).carrying(api))
        .collect()
}

/// The command that leads to a machine of the settings.
fn login(session: &Session, name: &str) -> Option<String> {
    let nodes = &session.site.nodes;
    let mut both = [&nodes.primary, &nodes.secondary].into_iter();
    let node = both.find(|node| node.name.as_str() == name)?;
    let port = match node.ssh_port {
        22 => String::new(),
        port => format!("-p {port} "),
    };
    Some(format!(
        "ssh -t {port}{}@{}",
        node.ssh_user.as_str(),
        node.address
    ))
}

/// Whether a database is stopped.
fn rests(cluster: &Value) -> bool {
    cluster["metadata"]["annotations"]["cnpg.io/hibernation"] == "on"
}

/// What stands in the way of everything else while all of it is stopped.
fn at_rest() -> Problem {
    let what = "Everything of this site was stopped, to switch all machines off.";
    let remedy = "care-install power on all starts it again; care-install power off all goes on with switching off.";
    Problem::new(Code::Pg09, what, remedy)
}

/// Refuses what would start only a part of a site that rests.
///
/// # Errors
/// Everything was stopped, or the cluster cannot be asked.
pub async fn refuse_resting(session: &Session, world: &World) -> Result<(), Problem> {
    let database = session.database().reference();
    match world.doors.kube.get(&database).await {
        Ok(Some(cluster)) if rests(&cluster) && is_ours(&cluster) => Err(at_rest()),
        Err(error) if error.problem.code != Code::Kube05 => Err(error.problem),
        _ => Ok(()),
    }
}

/// Whether it was stopped by a run of ours.
fn is_ours(cluster: &Value) -> bool {
    cluster["metadata"]["annotations"]["care-install/rests"].is_string()
}

/// The job that waits for the last changes, of a database that has an archive.
fn archive(session: &Session, cluster: Option<&Value>) -> Result<Option<JobRun>, Problem> {
    let Some(cluster) = cluster else {
        return Ok(None);
    };
    let plugins = cluster["spec"]["plugins"].as_array();
    let archives = plugins
        .into_iter()
        .flatten()
        .any(|plugin| plugin["isWALArchiver"] == true);
    let Some(image) = cluster["spec"]["imageName"].as_str().filter(|_| archives) else {
        return Ok(None);
    };
    let database = session.database();
    let name = format!("{}-before-power-off", database.cluster());
    restore::last_changes(database, image, &name).map(Some)
}

/// Those that the cluster has.
async fn there(world: &World, all: Vec<ObjectRef>) -> Result<Vec<ObjectRef>, Problem> {
    let mut found = Vec::new();
    for one in all {
        if world.doors.kube.get(&one).await?.is_some() {
            found.push(one);
        }
    }
    Ok(found)
}

/// What asks the site's names from outside, at the end of a deploy.
fn proofs(plan: Plan) -> Vec<Step> {
    let steps = plan.steps.into_iter();
    steps
        .filter(|step| matches!(step.action, Action::Http(_)))
        .collect()
}

/// What the run needs to know beside its plan.
pub fn setting(session: &Session, world: &World, chosen: Chosen) -> Setting {
    Setting {
        journal: session.place.power_journal(),
        ..world.setting(session, chosen)
    }
}

/// The run of this very kind that is not over, if there is one.
///
/// # Errors
/// The journal cannot be read.
pub fn unfinished(place: &Workplace, powering: &Powering) -> Result<Option<Memory>, Problem> {
    let memory = Journal::look(&place.power_journal())?;
    let same = memory.events.iter().any(|event| match event {
        Event::RunStarted { outline, .. } => {
            matches!(&outline.purpose, Purpose::Power(known) if **known == *powering)
        }
        _ => false,
    });
    Ok(Some(memory).filter(|memory| same && memory.is_unfinished()))
}

/// Ends the run that waited for the last machine to go, now that the API does not answer: it went with it. False when more
/// than that was left to do.
///
/// # Errors
/// The journal cannot be used.
pub fn end_with_api(place: &Workplace, powering: &Powering) -> Result<bool, Problem> {
    let Some(memory) = unfinished(place, powering)? else {
        return Ok(false);
    };
    let outline = memory.events.iter().find_map(|event| match event {
        Event::RunStarted { outline, .. } => Some(outline),
        _ => None,
    });
    let Some(steps) = outline.map(|outline| &outline.steps) else {
        return Ok(false);
    };
    let over = |id: &StepId| memory.done.contains_key(id) || memory.skipped.contains_key(id);
    let mut open = steps.iter().filter(|step| !over(&step.id));
    let (Some(left), None) = (open.next(), open.next()) else {
        return Ok(false);
    };
    if steps.last().is_none_or(|last| last.id != left.id) {
        return Ok(false);
    }
    let at = jiff::Timestamp::now();
    let (mut journal, _memory) = Journal::open(&place.power_journal())?;
    let done = Event::Step {
        step: left.id.clone(),
        at,
        attempt: 1,
        elapsed_ms: 0,
        state: StepState::Done { how: Done::Applied },
    };
    journal.write(&done, None)?;
    let ended = Event::RunEnded {
        at,
        outcome: if memory.skipped.is_empty() {
            Outcome::Done
        } else {
            Outcome::DoneWithWarnings
        },
        done: steps.len(),
        total: steps.len(),
        elapsed_ms: 0,
    };
    journal.write(&ended, None)?;
    Ok(true)
}
