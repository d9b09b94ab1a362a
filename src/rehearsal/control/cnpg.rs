//! CloudNativePG: clusters through the phases seen on a real one, their databases and their backups. Pure.

mod backups;
mod certificates;
mod databases;
mod failover;
mod hibernation;
mod instances;
mod parts;
mod rows;
mod stage;
mod status;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    operator::{image, runs},
    shape::{delete, event, items, label, leaving, name, namespace, report, text},
};
use crate::rehearsal::world::{Reaction, World, Write};
use instances::{Instance, State};

pub use parts::WRONG;
pub use rows::counted;

const NAMESPACE: &str = "cnpg-system";
const OPERATOR: &str = "cnpg-cloudnative-pg";
/// The Deployment of the plugin that copies to a bucket, and the name that clusters call it by.
const BARMAN: &str = "plugin-barman-cloud";
const PLUGIN: &str = "barman-cloud.cloudnative-pg.io";
const SOURCE: &str = "cloudnative-pg";
const CLUSTER: &str = "Cluster.postgresql.cnpg.io";
/// The phase in which instances are made anew one after the other; then nothing fails over.
const UPGRADING: &str = "Upgrading cluster";
/// The phase while another instance takes over.
const FAILING_OVER: &str = "Failing over";

/// One turn for everything of CloudNativePG; without its operator nothing changes, not even what has become wrong.
pub fn cnpg(world: &World<'_>, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    if !runs(world, NAMESPACE, OPERATOR) {
        return reaction;
    }
    for cluster in world.list(CLUSTER, None) {
        if !leaving(cluster) {
            one(world, cluster, now, &mut reaction);
        }
    }
    databases::databases(world, now, &mut reaction);
    backups::backups(world, now, &mut reaction);
    rows::rows(world, now, &mut reaction);
    reaction
}

/// A phase with its reason, as the Cluster says them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Phase {
    name: &'static str,
    reason: String,
}

impl Phase {
    fn new(name: &'static str, reason: impl Into<String>) -> Self {
        Self {
            name,
            reason: reason.into(),
        }
    }

    fn healthy() -> Self {
        Self::new("Cluster in healthy state", "")
    }

    fn is_healthy(&self) -> bool {
        *self == Self::healthy()
    }

    fn setting_up(primary: &str) -> Self {
        let reason = format!("Creating primary instance {primary}");
        Self::new("Setting up primary", reason)
    }

    fn waiting() -> Self {
        let reason = "Some instances are not yet active. Please wait.";
        Self::new("Waiting for the instances to become active", reason)
    }

    fn upgrading(instance: &str) -> Self {
        let reason = format!("Restarting instance {instance}, because its pod has changed");
        Self::new(UPGRADING, reason)
    }

    fn joining(job: &str) -> Self {
        Self::new("Creating a new replica", format!("Creating replica {job}"))
    }
}

fn one(world: &World<'_>, cluster: &Value, now: Timestamp, reaction: &mut Reaction) {
    let seen = instances::of(world, cluster);
    if let Some(phase) = plugins_missing(world, cluster) {
        let status = status::of(world, cluster, (&seen, &phase), now);
        reaction.writes.extend(report(cluster, status));
        return;
    }
    if hibernation::goes_on(cluster) {
        let says = hibernation::turn(cluster, &seen, reaction);
        let mut status = status::of(world, cluster, (&seen, &Phase::healthy()), now);
        hibernation::told(&mut status, Some(&says), now);
        reaction.writes.extend(report(cluster, status));
        return;
    }
    let maker = parts::Maker::new(
        cluster,
        image(world, NAMESPACE, OPERATOR),
        plugin_image(world),
    )
    .failing(rows::wrong(world, cluster, now));
    let greeted = cluster["status"]["phase"].is_string();
    if greeted {
        surroundings(world, &maker, reaction);
    }
    for instance in &seen {
        carry_on(&maker, instance, reaction);
    }
    let phase = match failover::phase(world, (cluster, &seen), now, reaction) {
        Some(phase) => phase,
        None if greeted => grow(&maker, &seen, reaction),
        None => Phase::setting_up(&maker.instance(1)),
    };
    if phase.is_healthy() && cluster["status"]["phase"] == phase.name {
        tidy(&seen, reaction);
    }
    let mut status = status::of(world, cluster, (&seen, &phase), now);
    hibernation::told(&mut status, None, now);
    reaction.writes.extend(report(cluster, status));
}

/// The phase of a cluster that names a plugin which nobody offers.
fn plugins_missing(world: &World<'_>, cluster: &Value) -> Option<Phase> {
    let missing = plugins(cluster)
        .map(|plugin| text(&plugin["name"]))
        .find(|plugin| *plugin != PLUGIN || !runs(world, NAMESPACE, BARMAN))?;
    Some(Phase::new(
        "Cluster cannot proceed to reconciliation due to an unknown plugin being required",
        format!(
            "Unknown plugin: '{missing}'. This may be caused by the plugin not being loaded correctly by the operator. Check the operator and plugin logs for errors"
        ),
    ))
}

/// The plugins that a cluster uses.
fn plugins(cluster: &Value) -> impl Iterator<Item = &Value> {
    items(&cluster["spec"]["plugins"]).filter(|plugin| plugin["enabled"] != false)
}

/// The image of the sidecar: it is released together with the plugin.
fn plugin_image(world: &World<'_>) -> Option<String> {
    let image = image(world, NAMESPACE, BARMAN)?;
    let (path, tag) = image.rsplit_once(':')?;
    Some(format!("{path}-sidecar:{tag}"))
}

/// What a cluster has beside its instances: secrets, an account, services, a disruption budget.
fn surroundings(world: &World<'_>, maker: &parts::Maker<'_>, reaction: &mut Reaction) {
    // Made once it is needed: keys take their time.
    let authority = std::cell::LazyCell::new(|| certificates::Authority::of(world, maker.cluster));
    for mut object in maker.surroundings() {
        let target = crate::rehearsal::world::reference(&object);
        let key = crate::rehearsal::world::kind_key(&target.api_version, &target.kind);
        if world.get(&key, namespace(&object), name(&object)).is_some() {
            continue;
        }
        let words = match target.kind.as_str() {
            "PodDisruptionBudget" => Some((
                "CreatingPodDisruptionBudget",
                format!("Creating PodDisruptionBudget {}", target.name),
            )),
            "ServiceAccount" => Some(("CreatingServiceAccount", "Creating ServiceAccount".into())),
            "Role" => Some(("CreatingRole", "Creating Cluster Role".into())),
            _ => None,
        };
        if target.kind == "Secret"
            && let Some(authority) = authority.as_ref()
            && let Some(data) = authority.data(&object, status::host_names(maker.cluster))
        {
            object["data"] = data;
        }
        reaction.writes.push(Write::Create(object));
        if let Some((reason, message)) = words {
            let note = event(maker.cluster, SOURCE, reason, message);
            reaction.writes.push(note);
        }
    }
}

/// The next step of an instance that is there: its data counts as ready once its job is done, then its pod runs.
fn carry_on(maker: &parts::Maker<'_>, instance: &Instance<'_>, reaction: &mut Reaction) {
    match instance.state {
        State::Prepared => {
            let mut claim = instance.claim.clone();
            claim["metadata"]["annotations"]["cnpg.io/pvcStatus"] = "ready".into();
            reaction.writes.push(Write::Replace(claim));
        }
        State::Stopped => {
            let pod = maker.pod(instance.serial, instance.role);
            reaction.writes.push(Write::Create(pod));
        }
        State::Initializing | State::Failed | State::Lost | State::Replicating | State::Healthy => {
        }
    }
    let Some(pod) = instance.pod.filter(|pod| !leaving(pod)) else {
        return;
    };
    if super::pods::ended(pod) {
        reaction.writes.push(delete(pod));
    } else if pod["metadata"]["labels"]["cnpg.io/instanceRole"] != instance.role {
        let mut pod = pod.clone();
        label(
            &mut pod,
            &[
                ("cnpg.io/instanceRole", instance.role),
                ("role", instance.role),
            ],
        );
        reaction.writes.push(Write::Replace(pod));
    }
}

/// Makes the next instance when all others are ready; gives the phase that this is.
fn grow(maker: &parts::Maker<'_>, seen: &[Instance<'_>], reaction: &mut Reaction) -> Phase {
    let wanted = maker.wanted();
    let count = seen.len();
    let Some(first) = seen.first() else {
        reaction.writes.push(Write::Create(maker.claim(1)));
        return Phase::setting_up(&maker.instance(1));
    };
    let said_claims = maker.cluster["status"]["pvcCount"].as_u64();
    if count == 1 && first.job.is_none() && first.state == State::Initializing {
        if said_claims != Some(1) {
            return Phase::setting_up(&first.name);
        }
        let role = maker.first_job();
        reaction.writes.push(Write::Create(maker.job(1, role)));
        let how = if role == "initdb" {
            "initdb"
        } else {
            "from backup"
        };
        let text = format!("Primary instance ({how})");
        reaction
            .writes
            .push(event(maker.cluster, SOURCE, "CreatingInstance", text));
        return Phase::setting_up(&maker.instance(1));
    }
    // An instance whose pod is not there yet for the first time still has its job.
    let setting_up = |one: &Instance<'_>| match one.state {
        State::Initializing | State::Prepared => true,
        State::Stopped => one.job.is_some(),
        State::Failed | State::Lost | State::Replicating | State::Healthy => false,
    };
    if count == 1 && setting_up(first) {
        return Phase::setting_up(&first.name);
    }
    if let Some(joining) = seen.iter().find(|one| setting_up(one)) {
        return Phase::joining(&format!("{}-join", joining.name));
    }
    // As in life it says first that all are ready, and draws its conclusion on the next look.
    let said = maker.cluster["status"]["readyInstances"].as_u64();
    if seen.iter().any(|one| one.state != State::Healthy) || said != Some(count as u64) {
        return renewing(maker, seen).unwrap_or_else(Phase::waiting);
    }
    if count < wanted {
        let serial = seen.iter().map(|one| one.serial).max().unwrap_or(0) + 1;
        let joining = Phase::joining(&format!("{}-join", maker.instance(serial)));
        // It says so first, then it does it.
        if maker.cluster["status"]["phaseReason"] != joining.reason.as_str() {
            return joining;
        }
        reaction.writes.push(Write::Create(maker.claim(serial)));
        reaction
            .writes
            .push(Write::Create(maker.job(serial, "join")));
        let text = format!("Creating instance {}", maker.instance(serial));
        reaction
            .writes
            .push(event(maker.cluster, SOURCE, "CreatingInstance", text));
        return joining;
    }
    let spare = seen.iter().rev().find(|one| one.role == "replica");
    if let Some(spare) = spare.filter(|_| count > wanted) {
        reaction.writes.extend(spare.pod.map(delete));
        reaction.writes.push(delete(spare.claim));
        let text = format!("Scaling down: removing instance {}", spare.name);
        reaction
            .writes
            .push(event(maker.cluster, SOURCE, "ScaleDown", text));
        return Phase::healthy();
    }
    renew(maker, seen, reaction).unwrap_or_else(Phase::healthy)
}

/// The phase of a cluster while an instance that was stopped for its renewal comes back.
fn renewing(maker: &parts::Maker<'_>, seen: &[Instance<'_>]) -> Option<Phase> {
    let upgrading = maker.cluster["status"]["phase"] == UPGRADING;
    let stopped = seen.iter().find(|one| one.state != State::Healthy);
    stopped
        .filter(|_| upgrading)
        .map(|one| Phase::upgrading(&one.name))
}

/// Stops one instance whose pod is not as it would be made now: replicas first, then the primary in its place.
fn renew(
    maker: &parts::Maker<'_>,
    seen: &[Instance<'_>],
    reaction: &mut Reaction,
) -> Option<Phase> {
    let old = |one: &&Instance<'_>| one.pod.is_some_and(|pod| maker.outdated(pod));
    let next = seen
        .iter()
        .filter(old)
        .min_by_key(|one| (one.role == "primary", one.serial))?;
    reaction.writes.extend(next.pod.map(delete));
    let text = format!("Upgrading instance {}", next.name);
    reaction
        .writes
        .push(event(maker.cluster, SOURCE, "UpgradingInstance", text));
    Some(Phase::upgrading(&next.name))
}

/// The jobs of a healthy cluster are taken away.
fn tidy(seen: &[Instance<'_>], reaction: &mut Reaction) {
    for job in seen.iter().filter_map(|one| one.job) {
        reaction.writes.push(delete(job));
    }
}

#[cfg(test)]
mod tests;
