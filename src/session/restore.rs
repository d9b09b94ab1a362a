//! A restore of this site: its facts from the cluster, its file in the folder, its plans; the pure modules decide.

use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    catalog::Catalog,
    engine::{
        journal::Journal,
        run::{Chosen, Setting},
    },
    plan::{DATABASE, Database, Object, ObjectRef, Plan},
    problem::{Code, Problem},
    restore::{self, Facts, Ground, Intent, Inventory, Reached, Rows},
    session::{Session, Workplace, World},
    sys::files::{self, Mode},
};

/// Largest of the small files kept here.
const LARGEST: u64 = 1024 * 1024;

/// Most lines of the log of a proof.
const LOG_LINES: u32 = 5000;

/// What is read of the database's namespace.
const KINDS: [(&str, &str); 4] = [
    ("postgresql.cnpg.io/v1", "Cluster"),
    ("postgresql.cnpg.io/v1", "Backup"),
    ("barmancloud.cnpg.io/v1", "ObjectStore"),
    ("v1", "ConfigMap"),
];

/// What can be restored, as the cluster says now.
///
/// # Errors
/// The cluster cannot be asked.
pub async fn inventory(world: &World) -> Result<Inventory, Problem> {
    let mut facts = Facts {
        objects: Vec::new(),
        now: cluster_time(world).await?,
    };
    for (version, kind) in KINDS {
        let of = ObjectRef::new(version, kind, DATABASE, "");
        match world.doors.kube.list(&of, "").await {
            Ok(list) => facts.objects.extend(list),
            // Without the operator's definitions there is nothing of this kind.
            Err(error) if error.problem.code == Code::Kube05 => {}
            Err(error) => return Err(error.problem),
        }
    }
    Ok(Inventory::of(&facts))
}

/// The time by the cluster's own clock, to the second: this computer's may be wrong, and a practice cluster has its own.
async fn cluster_time(world: &World) -> Result<Timestamp, Problem> {
    let ours = world.doors.clock.now();
    let asked = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "care-install-clock", "namespace": "default"},
    });
    // The object is as plain as can be; should it ever not be one, this computer's clock must do.
    let Ok(asked) = Object::from_value(asked) else {
        return Ok(ours);
    };
    let told = world.doors.kube.dry_run(&asked).await?;
    let at = told.pointer("/metadata/creationTimestamp");
    let at = at.and_then(serde_json::Value::as_str);
    Ok(at.and_then(|at| at.parse().ok()).unwrap_or(ours))
}

impl Session {
    /// Learns from the cluster which incarnation of the database is in use; says whether plans made before are old.
    ///
    /// # Errors
    /// The cluster cannot be asked, or the folder cannot be written.
    pub async fn learn_database(&mut self, world: &World) -> Result<bool, Problem> {
        let found = world.doors.kube.get(&Database::remembered()).await?;
        let database = found.as_ref().and_then(Database::read).unwrap_or_default();
        self.use_database(database)
    }

    /// The plan of a restore, or of what puts it back.
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub fn restore_plan(&self, intent: &Intent) -> Result<Plan, Vec<Problem>> {
        let ground = Ground {
            site: &self.site,
            secrets: &self.full_secrets()?,
            catalog: &Catalog::load()?,
            zone: &TimeZone::system(),
            reached: reached(&self.place).map_err(|problem| vec![problem])?,
        };
        restore::plan(ground, intent)
    }
}

/// How far the unfinished restore has come, as its journal remembers.
fn reached(place: &Workplace) -> Result<Reached, Problem> {
    let memory = Journal::look(&place.restore_journal())?;
    Ok(if memory.done.contains_key(&restore::switch_step()) {
        Reached::Switched
    } else {
        Reached::Former
    })
}

/// What the run of a restore needs to know beside its plan.
pub fn setting(session: &Session, world: &World) -> Setting {
    let chosen = Chosen {
        yes: true,
        ..Chosen::default()
    };
    Setting {
        journal: session.place.restore_journal(),
        ..world.setting(session, chosen)
    }
}

/// The restore that is not over, if there is one.
///
/// # Errors
/// Its file cannot be read.
pub fn unfinished(place: &Workplace) -> Result<Option<Intent>, Problem> {
    read(&place.restore())
}

/// Writes down what was agreed to, before anything is changed.
///
/// # Errors
/// The folder cannot be written.
pub fn agree(place: &Workplace, intent: &Intent) -> Result<(), Problem> {
    write(&place.restore(), intent)
}

/// Whether the run of the unfinished restore, or of its cancelling, has reached its end.
///
/// # Errors
/// The journal cannot be read.
pub fn reached_end(place: &Workplace, plan: &Plan) -> Result<bool, Problem> {
    let memory = Journal::look(&place.restore_journal())?;
    Ok(memory.run.is_some()
        && !memory.is_unfinished()
        && plan
            .steps
            .iter()
            .all(|step| memory.done.contains_key(&step.id)))
}

/// Forgets what was agreed to when its run could not begin: then nothing was changed, and nothing is in the way.
///
/// # Errors
/// The folder cannot be read or written.
pub fn forget_unbegun(place: &Workplace) -> Result<(), Problem> {
    if Journal::look(&place.restore_journal())?.run.is_none() {
        files::remove(&place.restore())?;
    }
    Ok(())
}

/// The rows that the proof has counted; nothing when its log is gone.
pub async fn proof(world: &World, intent: &Intent) -> Option<Rows> {
    let job = restore::proof_job(intent);
    let namespace = job.namespace.clone().unwrap_or_default();
    let of = ObjectRef::new("v1", "Pod", &namespace, "");
    let pods = world
        .doors
        .kube
        .list(&of, &format!("job-name={}", job.name))
        .await
        .ok()?;
    for pod in pods {
        let name = pod
            .pointer("/metadata/name")
            .and_then(serde_json::Value::as_str);
        let lines = world
            .doors
            .kube
            .logs(&namespace, name?, None, LOG_LINES)
            .await;
        if let Some(rows) = lines.ok().and_then(|lines| restore::counted(&lines)) {
            return Some(rows);
        }
    }
    None
}

/// The restore is over: its file becomes a report with the rows that came back, and its journal goes.
///
/// # Errors
/// The folder cannot be written.
pub fn close(place: &Workplace, intent: &Intent, found: Option<&Rows>) -> Result<(), Problem> {
    let word = if intent.cancelled {
        "cancelled"
    } else {
        "restored"
    };
    let name = format!("{word}-{}.json", intent.begun.strftime("%Y%m%dT%H%M%SZ"));
    files::create_folder(&place.reports())?;
    let report = Report {
        agreed: intent,
        found,
    };
    write(&place.reports().join(name), &report)?;
    files::remove(&place.restore())?;
    files::remove(&place.restore_journal())
}

/// What is kept of a restore once it is over.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    agreed: &'a Intent,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a Rows>,
}

/// Refuses to deploy into a restore: the writers it has stopped would begin to write.
///
/// # Errors
/// A restore is not over.
pub fn refuse_unfinished(place: &Workplace) -> Result<(), Problem> {
    match unfinished(place)? {
        None => Ok(()),
        Some(intent) => Err(not_over(&intent)),
    }
}

/// What stands in the way while a restore is not over.
pub fn not_over(intent: &Intent) -> Problem {
    let what = if intent.cancelled {
        "A restore is being cancelled and not everything is back yet."
    } else {
        "A restore was begun and is not finished."
    };
    let remedy = if intent.cancelled {
        "Go on with care-install restore cancel."
    } else {
        "Go on with care-install restore, or put everything back with care-install restore cancel."
    };
    Problem::new(Code::Rst05, what, remedy).because(format!("it leads to {}", intent.moment()))
}

/// The incarnation that the folder remembers.
///
/// # Errors
/// The file cannot be read.
pub(super) fn database(place: &Workplace) -> Result<Database, Problem> {
    Ok(read(&place.database())?.unwrap_or_default())
}

/// Remembers it.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn keep_database(place: &Workplace, database: &Database) -> Result<(), Problem> {
    write(&place.database(), database)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Problem> {
    let Some(text) = files::read_text_if_any(path, LARGEST)? else {
        return Ok(None);
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        let what = format!(
            "{} holds something else than care-install wrote.",
            path.display()
        );
        Problem::new(
            Code::File05,
            what,
            "Put back its last good copy. Files of a newer care-install need the newer version.",
        )
        .caused_by(&error)
    })
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), Problem> {
    if let Some(folder) = path.parent() {
        files::create_folder(folder)?;
    }
    // These are plain data: they always have a JSON form.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    files::write_atomic(path, text.as_bytes(), Mode::Private)
}
