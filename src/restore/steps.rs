//! The plan of a restore, and the plan that puts everything back before the switch; made of the deploy's own objects. Pure.

mod jobs;

use std::time::Duration;

use serde_json::{Value, json};

use super::Intent;
use crate::{
    catalog::Catalog,
    plan::{
        self, Action, Component, DATABASE, Database, JobRun, Object, ObjectRef, Plan, Ready,
        Service, Stage, Step, StepId,
    },
    problem::{Code, Problem},
    site::{Secrets, Site},
};
use jobs::Counting;

/// The ConfigMap that remembers the highest incarnation ever begun, also after it was cancelled.
pub(super) const TRIED: &str = "care-restores";

/// The component's name in the ids of the steps.
const RESTORE: &str = "restore";

const STAGES: [(&str, &str); 5] = [
    ("secure", "Stop and secure"),
    ("recover", "Recover beside it"),
    ("proof", "Proof"),
    ("switch", "Switch"),
    ("after", "After it"),
];

/// Steps that can fail for good are looked at by a person; a large database may take hours.
const RECOVERY_LIMIT: Duration = Duration::from_hours(12);
const MIGRATION_LIMIT: Duration = Duration::from_mins(30);
const BACKUP_LIMIT: Duration = Duration::from_hours(6);
const SHORT_LIMIT: Duration = Duration::from_mins(15);

/// The job whose log holds the proof.
pub fn proof_job(intent: &Intent) -> ObjectRef {
    jobs::reference(&intent.next, intent.begun)
}

/// The restore: everything up to the step `restore/remember` leaves the former database in use.
///
/// # Errors
/// As [`plan::build_with`].
pub fn plan(
    site: &Site,
    secrets: &Secrets,
    catalog: &Catalog,
    intent: &Intent,
) -> Result<Plan, Vec<Problem>> {
    let present = plan::build_with(site, secrets, catalog, &intent.present)?;
    let next = plan::build_with(site, secrets, catalog, &intent.next)?;
    let made = Makes {
        intent,
        present: &present,
        next: &next,
        writers: writers(catalog),
    };
    let steps = made.steps().map_err(|problem| vec![problem])?;
    Ok(whole(site, &next, steps, &STAGES))
}

/// What puts everything back while the former database is still in use.
///
/// # Errors
/// As [`plan::build_with`].
pub fn cancel(
    site: &Site,
    secrets: &Secrets,
    catalog: &Catalog,
    intent: &Intent,
) -> Result<Plan, Vec<Problem>> {
    let present = plan::build_with(site, secrets, catalog, &intent.present)?;
    let next = plan::build_with(site, secrets, catalog, &intent.next)?;
    let made = Makes {
        intent,
        present: &present,
        next: &next,
        writers: writers(catalog),
    };
    let removed = made.removed();
    let up = made
        .scaled(&present, None)
        .map_err(|problem| vec![problem])?;
    let steps = vec![
        Draft::new(
            "remove",
            "Remove what the restore made",
            Action::Delete(removed),
        )
        .limit(SHORT_LIMIT)
        .named("cancel", &[]),
        Draft::new("writers-up", "Start Care again", Action::Apply(up))
            .usual(45)
            .named("cancel", &[]),
    ];
    Ok(whole(
        site,
        &present,
        steps,
        &[("back", "Put everything back")],
    ))
}

fn whole(site: &Site, like: &Plan, steps: Vec<Step>, stages: &[(&str, &str)]) -> Plan {
    let pins = like
        .components
        .iter()
        .find(|component| component.id == "postgres");
    let id = steps
        .first()
        .map_or(RESTORE, |step| step.component.as_str());
    let (title, summary) = if id == RESTORE {
        (
            "Restore of PostgreSQL",
            "A new database is made from the bucket beside the present one, and takes its place once it is proven.",
        )
    } else {
        (
            "Restore cancelled",
            "What the restore made is removed; the present database was never touched.",
        )
    };
    let component = Component {
        id: id.to_owned(),
        title: title.to_owned(),
        summary: summary.to_owned(),
        service: Service::Records,
        pins: pins
            .map(|component| component.pins.clone())
            .unwrap_or_default(),
    };
    let stage = |(id, title): &(&str, &str)| Stage {
        id: (*id).to_owned(),
        title: (*title).to_owned(),
    };
    Plan {
        site: site.name.as_str().to_owned(),
        stages: stages.iter().map(stage).collect(),
        components: vec![component],
        steps,
        notes: Vec::new(),
    }
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
    /// One after the other, in the order of the stages.
    fn steps(&self) -> Result<Vec<Step>, Problem> {
        let stages = [
            self.secure()?,
            self.recover()?,
            self.proof()?,
            self.switch()?,
            self.after(),
        ];
        let mut steps: Vec<Step> = Vec::new();
        for (stage, drafts) in stages.into_iter().enumerate() {
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

    fn secure(&self) -> Result<Vec<Draft>, Problem> {
        let down = Action::Apply(self.scaled(self.present, Some(0))?);
        let mut drafts = vec![Draft::new("writers-down", "Stop what writes", down)];
        if self.intent.safety {
            let count = Action::Job(self.counting(&self.intent.present).run()?);
            drafts.push(Draft::new("count-before", "Count what is there now", count));
            let backup = self.safety_copy()?;
            let ready = Ready::Object(backup.reference());
            let copy = Action::Apply(vec![backup]);
            let draft = Draft::new("safety-copy", "Safety copy of what is there now", copy);
            drafts.push(draft.ready(ready).usual(300).limit(BACKUP_LIMIT));
        }
        Ok(drafts)
    }

    fn recover(&self) -> Result<Vec<Draft>, Problem> {
        let mut recovery = vec![self.tried()?];
        recovery.extend(objects(self.next, "postgres/cluster"));
        let ready = Ready::Object(self.intent.next.reference());
        let recovery = Action::Apply(recovery);
        let recover = Draft::new("recover", "Recover into a new database", recovery);
        let databases = Action::Apply(objects(self.next, "postgres/databases"));
        Ok(vec![
            recover.ready(ready).usual(600).limit(RECOVERY_LIMIT),
            Draft::new("databases", "Databases of Odoo and Metabase", databases),
        ])
    }

    fn proof(&self) -> Result<Vec<Draft>, Problem> {
        let counting = self.counting(&self.intent.next);
        let counting = counting.expecting(self.intent.promised.as_ref());
        let count = Action::Job(counting.run()?);
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

    /// What of the writers names the database: their ConfigMaps and Secrets.
    fn settings(&self) -> Vec<Object> {
        let mine = self
            .next
            .steps
            .iter()
            .filter(|step| self.writers.contains(&step.component));
        let applied = mine.filter(|step| matches!(step.action, Action::Apply(_)));
        applied
            .flat_map(|step| step.action.objects())
            .filter(|object| ["ConfigMap", "Secret"].contains(&object.reference().kind.as_str()))
            .cloned()
            .collect()
    }

    fn counting<'d>(&'d self, database: &'d Database) -> Counting<'d> {
        Counting::new(database, self.next, self.intent.begun)
    }

    fn safety_copy(&self) -> Result<Object, Problem> {
        let cluster = self.intent.present.cluster();
        let stamp = self.intent.begun.strftime("%Y%m%d%H%M%S");
        made(json!({
            "apiVersion": "postgresql.cnpg.io/v1", "kind": "Backup",
            "metadata": {"name": format!("{cluster}-before-restore-{stamp}"), "namespace": DATABASE},
            "spec": {
                "cluster": {"name": cluster}, "method": "plugin",
                "pluginConfiguration": {"name": "barman-cloud.cloudnative-pg.io"},
            },
        }))
    }

    fn tried(&self) -> Result<Object, Problem> {
        made(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": TRIED, "namespace": DATABASE},
            "data": {"highest": self.intent.next.generation.to_string()},
        }))
    }

    /// What a cancelled restore leaves behind, without its safety copy and the number it has used.
    fn removed(&self) -> Vec<ObjectRef> {
        let Intent { present, next, .. } = self.intent;
        let mut all = vec![
            jobs::reference(present, self.intent.begun),
            jobs::reference(next, self.intent.begun),
        ];
        let databases = objects(self.next, "postgres/databases");
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
