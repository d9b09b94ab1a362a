//! What a deploy would upgrade, by what the cluster runs: then its plan begins with copies of what could be harmed.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use crate::{
    catalog::{Catalog, Secure},
    engine::{event::Event, journal::Journal},
    plan::{
        Action, Database, Object, ObjectRef, Plan, Release, Step,
        upgrade::{self, Copied, Copy, Upgrade},
    },
    problem::Problem,
    session::{Session, World},
    sys::{DoorError, Doors, helm::Helm},
};

/// Failed copies of one upgrade that are left behind before a person must look.
const ATTEMPTS: u32 = 20;

/// Steps that are asked about at one time.
const AT_ONCE: usize = 16;

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

    /// The plan without the cluster; what it cannot know is one of its notes.
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub fn plan_alone(&self) -> Result<Plan, Vec<Problem>> {
        let mut plan = self.plan()?;
        let catalog = Catalog::load()?;
        let harms = |id: &str| {
            let component = catalog.component(id);
            component.is_some_and(|component| !component.secure.is_empty())
        };
        // A journal that cannot be read tells nothing; the run that needs it says why.
        let memory = Journal::look(&self.place.journal()).unwrap_or_default();
        let last = memory.events.iter().find_map(|event| match event {
            Event::RunStarted { outline, .. } if !memory.is_unfinished() => Some(outline),
            _ => None,
        });
        let last = last.map(|outline| outline.components.as_slice());
        plan.notes.extend(upgrade::foreseen(&plan, last, harms));
        Ok(plan)
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
    let harms = |step: &&Step| {
        let component = catalog.component(&step.component);
        component.is_some_and(|component| !component.secure.is_empty())
    };
    let asked: Vec<_> = plan
        .steps
        .iter()
        .filter(harms)
        .map(|step| of_step(step, doors))
        .collect();
    let found: Vec<Vec<Upgrade>> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn of_step(step: &Step, doors: &Doors) -> Result<Vec<Upgrade>, DoorError> {
    match &step.action {
        Action::Helm(release) => of_release(&step.component, release, doors).await,
        Action::Apply(objects) => {
            let mut found = Vec::new();
            for object in objects {
                found.extend(of_object(&step.component, object, doors).await?);
            }
            Ok(found)
        }
        _ => Ok(Vec::new()),
    }
}

async fn of_object(
    component: &str,
    object: &Object,
    doors: &Doors,
) -> Result<Vec<Upgrade>, DoorError> {
    let wanted = upgrade::images(object.value());
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let target = object.reference();
    let Some(live) = doors.kube.get(&target).await? else {
        return Ok(Vec::new());
    };
    let at = live.pointer("/metadata/generation").map(Value::to_string);
    let one = |(what, from, to): (String, String, String)| Upgrade {
        component: component.to_owned(),
        what: format!("{} {}, {what}", target.kind, target.name),
        from,
        to,
        at: at.clone().unwrap_or_default(),
    };
    let changed = changed(&upgrade::images(&live), &wanted);
    Ok(changed.into_iter().map(one).collect())
}

async fn of_release(
    component: &str,
    release: &Release,
    doors: &Doors,
) -> Result<Vec<Upgrade>, DoorError> {
    let Some(runs) = Helm::installed(release, &doors.kube).await? else {
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
    let name = &release.name;
    Ok(changed
        .map(|(path, from, to)| one(format!("release {name}, {path}"), &from, &to))
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
