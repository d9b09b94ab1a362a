//! The plan of a restore, and the plan that puts everything back before the switch; made of the deploy's own objects. Pure.

mod jobs;

use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::Intent;
use crate::{
    catalog::Catalog,
    plan::{
        self, Action, Component, DATABASE, JobRun, Object, ObjectRef, Plan, Purpose, Ready,
        Service, Stage, Step, StepId,
    },
    problem::{Code, Problem},
    site::{Secrets, Site},
};
use jobs::Jobs;
pub use jobs::last_changes;

/// The ConfigMap that remembers the highest incarnation ever begun, also after it was cancelled.
pub(super) const TRIED: &str = "care-restores";

/// The component's name in the ids of the steps, of a restore and of its cancelling.
const RESTORE: &str = "restore";
const CANCEL: &str = "cancel";

const RESTORED: &str = "A new database is made from the bucket beside the present one, and takes its place once it is proven.";
const CANCELLED: &str = "What the restore made is removed; the present database was never touched.";

const STAGES: [(&str, &str); 5] = [
    ("secure", "Stop and secure"),
    ("recover", "Recover beside it"),
    ("proof", "Proof"),
    ("switch", "Switch"),
    ("after", "After it"),
];

/// The stage with the switch, by its place.
const SWITCH: usize = 3;

const BACK: [(&str, &str); 1] = [("back", "Put everything back")];

/// Steps that can fail for good are looked at by a person; a large database may take hours.
const RECOVERY_LIMIT: Duration = Duration::from_hours(12);
const MIGRATION_LIMIT: Duration = Duration::from_mins(30);
const ARCHIVE_LIMIT: Duration = Duration::from_mins(30);
const BACKUP_LIMIT: Duration = Duration::from_hours(6);
const SHORT_LIMIT: Duration = Duration::from_mins(15);

/// The step whose log holds the proof.
pub const PROOF: &str = "restore/proof";

/// The step of a deploy that makes the databases beside that of Care; a site without such programs has none.
const MORE_DATABASES: &str = "databases/databases";

/// The job whose log holds the proof.
pub fn proof_job(intent: &Intent) -> ObjectRef {
    jobs::counting(&intent.next, intent.begun)
}

/// What the plans of a restore are made from.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The settings.
    pub site: &'a Site,
    /// The secrets.
    pub secrets: &'a Secrets,
    /// The components.
    pub catalog: &'a Catalog,
    /// By which clock moments are told.
    pub zone: &'a TimeZone,
    /// How far the restore has come.
    pub reached: Reached,
}

/// How far a restore has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// The former database is in use.
    Former,
    /// The new one is: nothing of what came before the switch is looked at again, least of all that the writers stand still.
    Switched,
}

/// The first step of the switch: once it is done, there is no way back.
pub fn switch_step() -> StepId {
    StepId::new(RESTORE, "remember")
}

/// What puts everything back when the restore was cancelled; else the restore: everything up to its step
/// `restore/remember` leaves the former database in use.
///
/// # Errors
/// As [`plan::build_with`].
pub fn plan(ground: Ground<'_>, intent: &Intent) -> Result<Plan, Vec<Problem>> {
    let built = |database| plan::build_with(ground.site, ground.secrets, ground.catalog, database);
    let (present, next) = (built(&intent.present)?, built(&intent.next)?);
    let made = Makes {
        intent,
        present: &present,
        next: &next,
        writers: writers(ground.catalog),
    };
    let steps = if intent.cancelled {
        made.back()
    } else {
        made.steps(ground.reached)
    };
    Ok(made.whole(ground, steps.map_err(|problem| vec![problem])?))
}

/// What of a deploy's plan writes into the database: it stops before the database does.
pub fn writing(catalog: &Catalog, plan: &Plan) -> Vec<ObjectRef> {
    let writers = writers(catalog);
    let mine = plan
        .steps
        .iter()
        .filter(|step| writers.contains(&step.component));
    let sent = mine.flat_map(|step| step.action.objects());
    let sent = sent.map(Object::reference);
    sent.filter(|target| ["Deployment", "StatefulSet"].contains(&target.kind.as_str()))
        .collect()
}

/// The components whose programs write into the database.
fn writers(catalog: &Catalog) -> Vec<String> {
    let writing = catalog
        .components
        .iter()
        .filter(|component| component.needs.iter().any(|need| need == "postgres"));
    writing.map(|component| component.id.clone()).collect()
}

struct Makes<'a> {
    intent: &'a Intent,
    present: &'a Plan,
    next: &'a Plan,
    writers: Vec<String>,
}

impl Makes<'_> {
    /// The plan around the steps.
    fn whole(&self, ground: Ground<'_>, steps: Vec<Step>) -> Plan {
        let cancelled = self.intent.cancelled;
        let pins = self
            .next
            .components
            .iter()
            .find(|component| component.id == "postgres");
        let (id, title, summary) = if cancelled {
            (CANCEL, "Restore cancelled", CANCELLED)
        } else {
            (RESTORE, "Restore of PostgreSQL", RESTORED)
        };
        let restoring = Box::new(self.intent.restoring(ground.zone));
        let stage = |(id, title): &(&str, &str)| Stage {
            id: (*id).to_owned(),
            title: (*title).to_owned(),
        };
        let stages: &[(&str, &str)] = if cancelled { &BACK } else { &STAGES };
        Plan {
            site: ground.site.name.as_str().to_owned(),
            purpose: if cancelled {
                Purpose::PutBack(restoring)
            } else {
                Purpose::Restore(restoring)
            },
            stages: stages.iter().map(stage).collect(),
            components: vec![Component {
                id: id.to_owned(),
                title: title.to_owned(),
                summary: summary.to_owned(),
                service: Service::Records,
                pins: pins
                    .map(|component| component.pins.clone())
                    .unwrap_or_default(),
            }],
            steps,
            notes: Vec::new(),
        }
    }

    /// What puts everything back while the former database is still in use.
    fn back(&self) -> Result<Vec<Step>, Problem> {
        let remove = Draft::new(
            "remove",
            "Remove what the restore made",
            Action::Delete(self.removed()),
        );
        let up = Action::Apply(self.scaled(self.present, None)?);
        let up = Draft::new("writers-up", "Start Care again", up).usual(45);
        Ok(vec![remove.named(CANCEL, &[]), up.named(CANCEL, &[])])
    }

    /// One after the other, in the order of the stages.
    fn steps(&self, reached: Reached) -> Result<Vec<Step>, Problem> {
        let stages = [
            self.secure()?,
            self.recover()?,
            self.proof()?,
            self.switch()?,
            self.after(),
        ];
        let first = match reached {
            Reached::Former => 0,
            Reached::Switched => SWITCH,
        };
        let mut steps: Vec<Step> = Vec::new();
        for (stage, drafts) in stages.into_iter().enumerate().skip(first) {
            for draft in drafts {
                let before = steps.last().map(|step| step.id.clone());
                let before: Vec<StepId> = before.into_iter().collect();
                let mut step = draft.named(RESTORE, &before);
                step.stage = stage;
                steps.push(step);
            }
        }
        Ok(steps)
    }

    /// The safety copy is no Backup object: that would write into the present Cluster and its store, and a cancel could
    /// not take it back. The last base backup and the changes since then are in the bucket; the job sees to the newest.
    fn secure(&self) -> Result<Vec<Draft>, Problem> {
        let down = Action::Apply(self.scaled(self.present, Some(0))?);
        let mut drafts = vec![Draft::new("writers-down", "Stop what writes", down)];
        if self.intent.safety {
            let work = self.jobs(&self.intent.present);
            let count = Action::Job(work.count(None)?);
            drafts.push(Draft::new("count-before", "Count what is there now", count));
            let copy = Action::Job(work.archive()?);
            let draft = Draft::new("safety-copy", "Bring the last changes to the bucket", copy);
            drafts.push(draft.usual(300).limit(ARCHIVE_LIMIT));
        }
        Ok(drafts)
    }

    fn recover(&self) -> Result<Vec<Draft>, Problem> {
        let mut recovery = vec![self.tried()?];
        recovery.extend(objects(self.next, "postgres/cluster"));
        let ready = Ready::Object(self.intent.next.reference());
        let recovery = Action::Apply(recovery);
        let recover = Draft::new("recover", "Recover into a new database", recovery);
        let mut drafts = vec![recover.ready(ready).usual(600).limit(RECOVERY_LIMIT)];
        let more = objects(self.next, MORE_DATABASES);
        if !more.is_empty() {
            let title = "Databases of the programs beside Care";
            drafts.push(Draft::new("databases", title, Action::Apply(more)));
        }
        Ok(drafts)
    }

    fn proof(&self) -> Result<Vec<Draft>, Problem> {
        let work = self.jobs(&self.intent.next);
        let count = Action::Job(work.count(self.intent.promised.as_ref())?);
        Ok(vec![Draft::new("proof", "Count what came back", count)])
    }

    /// The first of these steps is the switch for good: what is planned from then on is planned for the new database.
    fn switch(&self) -> Result<Vec<Draft>, Problem> {
        let memory = Action::Apply(vec![made(self.intent.next.memory())?]);
        let settings = Action::Apply(self.settings());
        let up = Action::Apply(self.scaled(self.next, None)?);
        let mut drafts = vec![
            Draft::new("remember", "Remember the new database", memory),
            Draft::new("switch", "Lead Care to it", settings),
        ];
        if let Some(run) = self.migration()? {
            let title = "Database migrations";
            drafts.push(
                Draft::new("migrate", title, Action::Job(run))
                    .usual(120)
                    .limit(MIGRATION_LIMIT),
            );
        }
        drafts.push(Draft::new("writers-up", "Start Care again", up).usual(45));
        Ok(drafts)
    }

    /// The chosen moment may be older than the last upgrade of Care: its migrations run again, as a job of this restore.
    fn migration(&self) -> Result<Option<JobRun>, Problem> {
        let step = self
            .next
            .steps
            .iter()
            .find(|step| step.id.as_str() == "care-backend/migrate");
        let Some(Action::Job(run)) = step.map(|step| &step.action) else {
            return Ok(None);
        };
        let mut value = run.job.value().clone();
        let name = format!("{}{}", run.job.reference().name, self.intent.next.tail());
        value["metadata"]["name"] = name.into();
        Ok(Some(JobRun {
            objects: run.objects.clone(),
            job: made(value)?,
        }))
    }

    fn after(&self) -> Vec<Draft> {
        let first = Ready::All {
            of: ObjectRef::new("postgresql.cnpg.io/v1", "Backup", DATABASE, ""),
            selector: format!("cnpg.io/cluster={}", self.intent.next.cluster()),
            at_least: 1,
        };
        let backups = Action::Apply(objects(self.next, "postgres/backups"));
        let draft = Draft::new("first-backup", "First backup of the new database", backups);
        vec![draft.ready(first).usual(300).limit(BACKUP_LIMIT)]
    }

    /// The writers' Deployments with so many replicas, or as many as the plan says.
    fn scaled(&self, plan: &Plan, replicas: Option<u32>) -> Result<Vec<Object>, Problem> {
        let mine = plan
            .steps
            .iter()
            .filter(|step| self.writers.contains(&step.component));
        let all = mine.flat_map(|step| step.action.objects());
        all.filter(|object| object.reference().kind == "Deployment")
            .map(|object| {
                let mut value = object.value().clone();
                if let Some(replicas) = replicas {
                    value["spec"]["replicas"] = replicas.into();
                }
                made(value)
            })
            .collect()
    }

    /// What of the writers names the database: their ConfigMaps, Secrets and Services.
    fn settings(&self) -> Vec<Object> {
        let mine = self
            .next
            .steps
            .iter()
            .filter(|step| self.writers.contains(&step.component));
        let applied = mine.filter(|step| matches!(step.action, Action::Apply(_)));
        applied
            .flat_map(|step| step.action.objects())
            .filter(|object| {
                ["ConfigMap", "Secret", "Service"].contains(&object.reference().kind.as_str())
            })
            .cloned()
            .collect()
    }

    fn jobs<'d>(&'d self, database: &'d plan::Database) -> Jobs<'d> {
        Jobs::new(database, self.next, self.intent.begun)
    }

    fn tried(&self) -> Result<Object, Problem> {
        made(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": TRIED, "namespace": DATABASE},
            "data": {"highest": self.intent.next.generation.to_string()},
        }))
    }

    /// What a cancelled restore leaves behind, without the number it has used.
    fn removed(&self) -> Vec<ObjectRef> {
        let Intent { present, next, .. } = self.intent;
        let mut all = vec![
            jobs::counting(present, self.intent.begun),
            jobs::archiving(present, self.intent.begun),
            jobs::counting(next, self.intent.begun),
        ];
        let databases = objects(self.next, MORE_DATABASES);
        all.extend(databases.iter().map(Object::reference));
        all.push(next.reference());
        all
    }
}

/// The objects of a step of the deploy.
fn objects(plan: &Plan, id: &str) -> Vec<Object> {
    let step = plan.steps.iter().find(|step| step.id.as_str() == id);
    step.map(|step| step.action.objects().into_iter().cloned().collect())
        .unwrap_or_default()
}

fn made(value: Value) -> Result<Object, Problem> {
    Object::from_value(value).map_err(|field| {
        Problem::new(
            Code::Bug01,
            format!("An object of the restore has no {field}."),
            "Report this. Nothing was changed.",
        )
    })
}

/// A step before it has its place.
struct Draft {
    name: &'static str,
    title: &'static str,
    action: Action,
    ready: Vec<Ready>,
    usual: Duration,
    limit: Duration,
}

impl Draft {
    fn new(name: &'static str, title: &'static str, action: Action) -> Self {
        const WAITED: [&str; 3] = ["Deployment", "Job", "Database"];
        let sent = action.objects().into_iter().map(Object::reference);
        let ready = sent.filter(|target| WAITED.contains(&target.kind.as_str()));
        Self {
            name,
            title,
            ready: ready.map(Ready::Object).collect(),
            action,
            usual: Duration::from_secs(10),
            limit: SHORT_LIMIT,
        }
    }

    fn ready(mut self, ready: Ready) -> Self {
        self.ready.push(ready);
        self
    }

    fn usual(mut self, seconds: u64) -> Self {
        self.usual = Duration::from_secs(seconds);
        self
    }

    fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    fn named(self, component: &str, needs: &[StepId]) -> Step {
        Step {
            id: StepId::new(component, self.name),
            component: component.to_owned(),
            stage: 0,
            title: self.title.to_owned(),
            needs: needs.to_vec(),
            action: self.action,
            ready: self.ready,
            usual: self.usual,
            limit: self.limit,
        }
    }
}
