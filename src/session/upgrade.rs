//! What a deploy would upgrade, by what the cluster runs: then its plan begins with copies of what could be harmed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    catalog::{Catalog, Secure},
    plan::{
        Action, Database, ObjectRef, Plan, Release,
        upgrade::{self, Copied, Copy, Upgrade},
    },
    problem::Problem,
    session::{Session, World},
    sys::{DoorError, Doors},
};

/// Failed copies of one upgrade that are left behind before a person must look.
const ATTEMPTS: u32 = 20;

impl Session {
    /// The plan as the cluster needs it: with the incarnation of the database that it has, and with copies before what is upgraded.
    ///
    /// # Errors
    /// The plan cannot be made, or the cluster cannot be asked.
    pub async fn plan_for(&mut self, world: &World) -> Result<Plan, Vec<Problem>> {
        let one = |problem| vec![problem];
        self.learn_database(world).await.map_err(one)?;
        let plan = self.plan()?;
        secured(plan, self.database(), &world.doors).await
    }
}

/// The plan with copies before what it upgrades on this cluster; a plan that upgrades nothing stays as it is.
///
/// # Errors
/// The catalogue is wrong, or the cluster cannot be asked.
pub async fn secured(plan: Plan, database: &Database, doors: &Doors) -> Result<Plan, Vec<Problem>> {
    let catalog = Catalog::load()?;
    let asked = async {
        let upgrades = upgrades(&plan, &catalog, doors).await?;
        let copies = copies(&upgrades, &catalog, database, doors).await?;
        Ok((upgrades, copies))
    };
    let (upgrades, copies) = asked
        .await
        .map_err(|error: DoorError| vec![error.problem])?;
    Ok(upgrade::secured(plan, &upgrades, &copies))
}

/// Everything that runs otherwise than planned, of components whose upgrade could harm something.
async fn upgrades(
    plan: &Plan,
    catalog: &Catalog,
    doors: &Doors,
) -> Result<Vec<Upgrade>, DoorError> {
    let mut found = Vec::new();
    for step in &plan.steps {
        let harms = catalog
            .component(&step.component)
            .is_some_and(|component| !component.secure.is_empty());
        if !harms {
            continue;
        }
        match &step.action {
            Action::Helm(release) => {
                found.extend(of_release(&step.component, release, doors).await?);
            }
            Action::Apply(objects) => {
                for object in objects {
                    let wanted = upgrade::images(object.value());
                    if wanted.is_empty() {
                        continue;
                    }
                    let target = object.reference();
                    let Some(live) = doors.kube.get(&target).await? else {
                        continue;
                    };
                    let at = live.pointer("/metadata/generation").map(Value::to_string);
                    let name = format!("{} {}", target.kind, target.name);
                    let changed = changed(&upgrade::images(&live), &wanted);
                    found.extend(changed.into_iter().map(|(what, from, to)| Upgrade {
                        component: step.component.clone(),
                        what: format!("{name}, {what}"),
                        from,
                        to,
                        at: at.clone().unwrap_or_default(),
                    }));
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

async fn of_release(
    component: &str,
    release: &Release,
    doors: &Doors,
) -> Result<Vec<Upgrade>, DoorError> {
    let history = doors.helm.history(release, &doors.kube).await?;
    // An upgrade that failed has not replaced what runs.
    let deployed = history
        .iter()
        .find(|revision| revision.status == "deployed");
    let Some(runs) = deployed.or(history.first()) else {
        return Ok(Vec::new());
    };
    let one = |what: String, from: &str, to: &str| Upgrade {
        component: component.to_owned(),
        what,
        from: from.to_owned(),
        to: to.to_owned(),
        at: runs.number.to_string(),
    };
    let bare = |version: &str| version.trim_start_matches('v').to_owned();
    if bare(&runs.version) != bare(&release.version) {
        let what = format!("chart {}", runs.chart);
        return Ok(vec![one(what, &runs.version, &release.version)]);
    }
    let (live, wanted) = (
        upgrade::images_of_values(&runs.values),
        upgrade::images_of_values(&release.values),
    );
    let changed = changed(&live, &wanted).into_iter();
    Ok(changed
        .map(|(path, from, to)| one(format!("release {}, {path}", release.name), &from, &to))
        .collect())
}

/// What both name and one names otherwise.
fn changed(
    live: &BTreeMap<String, String>,
    wanted: &BTreeMap<String, String>,
) -> Vec<(String, String, String)> {
    let both = wanted
        .iter()
        .filter_map(|(what, to)| Some((what, live.get(what)?, to)));
    let other = both.filter(|(_, from, to)| from != to);
    other
        .map(|(what, from, to)| (what.clone(), from.clone(), to.clone()))
        .collect()
}

/// The copies that the upgrades ask for, of what is there.
async fn copies(
    upgrades: &[Upgrade],
    catalog: &Catalog,
    database: &Database,
    doors: &Doors,
) -> Result<Vec<Copy>, DoorError> {
    let mut wanted: BTreeMap<&Secure, Vec<Upgrade>> = BTreeMap::new();
    for one in upgrades {
        let component = catalog.component(&one.component);
        for secure in component
            .into_iter()
            .flat_map(|component| &component.secure)
        {
            wanted.entry(secure).or_default().push(one.clone());
        }
    }
    let mut copies = Vec::new();
    for (secure, upgrades) in wanted {
        let Some(of) = there(secure, database, doors).await? else {
            continue;
        };
        copies.push(
            fresh(
                Copy {
                    of,
                    upgrades,
                    attempt: 1,
                },
                doors,
            )
            .await?,
        );
    }
    Ok(copies)
}

/// What is to be copied, when it is there.
async fn there(
    secure: &Secure,
    database: &Database,
    doors: &Doors,
) -> Result<Option<Copied>, DoorError> {
    match secure {
        Secure::Database => {
            let cluster = doors.kube.get(&database.reference()).await?;
            Ok(cluster.map(|_| Copied::Database(database.clone())))
        }
        Secure::Volume(place) => {
            let (namespace, claim) = place.split_once('/').unwrap_or(("default", place));
            let target = ObjectRef::new("v1", "PersistentVolumeClaim", namespace, claim);
            let live = doors.kube.get(&target).await?;
            let volume = live
                .as_ref()
                .and_then(|live| live.pointer("/spec/volumeName")?.as_str());
            Ok(volume.map(|volume| Copied::Volume {
                claim: claim.to_owned(),
                volume: volume.to_owned(),
            }))
        }
    }
}

/// The same copy, or the next attempt after those that failed.
async fn fresh(mut copy: Copy, doors: &Doors) -> Result<Copy, DoorError> {
    while copy.attempt < ATTEMPTS {
        let mut failed = false;
        for target in [Some(copy.reference()), copy.snapshot()]
            .into_iter()
            .flatten()
        {
            let live = doors.kube.get(&target).await?;
            failed |= live.as_ref().is_some_and(upgrade::has_failed);
        }
        if !failed {
            break;
        }
        copy.attempt += 1;
    }
    Ok(copy)
}
