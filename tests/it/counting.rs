//! Counting, proof and the last changes in the bucket against a real PostgreSQL: the very scripts that the cluster is sent,
//! and a recovery to the moment of a count that brings exactly the rows that were promised.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use care_install::{
    catalog::Catalog,
    plan::{Action, Plan},
    restore::{self, Facts, Ground, Intent, Inventory, Reached, Rows, Wish, counted},
    site::{Secrets, Site, SiteDraft},
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::catalog::{sample_parts, sample_plan};

/// Longer than PostgreSQL takes for anything here.
const LIMIT: Duration = Duration::from_mins(3);

/// The newest PostgreSQL of this computer; there must be one where the tests against real peers are required.
pub fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<PathBuf> = versions
        .map(|version| version.unwrap().path().join("bin"))
        .filter(|folder| folder.join("initdb").is_file())
        .collect();
    found.sort();
    let required = std::env::var("CARE_TESTBED").is_ok_and(|value| value == "required");
    assert!(
        !(required && found.is_empty()),
        "PostgreSQL is missing: apt-get install postgresql"
    );
    found.pop()
}

/// The same with a folder that a PostgreSQL of another user may use.
pub fn ground() -> Option<(PathBuf, TempDir)> {
    let programs = programs()?;
    let temp = tempfile::tempdir().unwrap();
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o777)).unwrap();
    Some((programs, temp))
}

/// A PostgreSQL of its own, on a socket in its folder; it ends with the test.
pub struct Server {
    programs: PathBuf,
    folder: PathBuf,
    /// Its data folder.
    pub data: PathBuf,
    /// PostgreSQL does not run as root: then its own user runs it.
    user: Option<u32>,
}

impl Server {
    pub fn new(programs: &Path, folder: &Path, name: &str) -> Self {
        let root = fs::metadata("/proc/self")
            .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let users = fs::read_to_string("/etc/passwd").unwrap();
        let own = users.lines().find_map(|line| {
            let mut parts = line.split(':');
            (parts.next() == Some("postgres")).then(|| parts.nth(1).unwrap().parse().unwrap())
        });
        Self {
            programs: programs.to_path_buf(),
            folder: folder.to_path_buf(),
            data: folder.join(name),
            user: own.filter(|_| root),
        }
    }

    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(&self.folder);
        if let Some(user) = self.user {
            command.uid(user);
        }
        command
    }

    fn control(&self, arguments: &[&str]) {
        let log = self.data.with_extension("log");
        let mut command = self.command("pg_ctl");
        command
            .arg("-D")
            .arg(&self.data)
            .arg("-l")
            .arg(&log)
            .arg("-w");
        let status = command
            .args(arguments)
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        let words = fs::read_to_string(&log).unwrap_or_default();
        assert!(status.success(), "{arguments:?}\n{words}");
    }

    /// Makes its files.
    pub fn make(&self) {
        let mut command = self.command("initdb");
        command.args(["--no-sync", "-A", "trust", "-U", "postgres", "-D"]);
        let made = command.arg(&self.data).output().unwrap();
        let words = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(made.status.success(), "{words}");
    }

    /// What only the first of all roles may do, outside of Care's database.
    pub fn rule(&self, sql: &str) {
        for one in sql.split(';') {
            let mut command = Command::new("psql");
            command.args(["-XqAt", "-U", "postgres", "-d", "postgres", "-c", one]);
            self.said(&mut command).unwrap();
        }
    }

    /// Starts it with these settings more.
    pub fn start(&self, settings: &str) {
        let socket = self.folder.display();
        let more = format!(
            "listen_addresses = ''\nunix_socket_directories = '{socket}'\nfsync = off\n{settings}"
        );
        let file = self.data.join("postgresql.conf");
        let before = fs::read_to_string(&file).unwrap();
        fs::write(&file, before + &more).unwrap();
        self.control(&["start"]);
    }

    pub fn ask(&self, user: &str, sql: &str) -> Result<String, String> {
        let mut command = Command::new("psql");
        command.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-U", user, "-c", sql]);
        self.said(command.env("PGDATABASE", "care"))
    }

    /// Runs a script of the cluster here, with a folder in the place of its own folders.
    pub fn script(
        &self,
        script: &str,
        user: &str,
        env: &BTreeMap<String, String>,
    ) -> Result<String, String> {
        let folder = self.folder.to_str().unwrap();
        let script = script.replace("/counted/", &format!("{folder}/"));
        let script = script.replace("/tmp/rows", &format!("{folder}/proof"));
        let mut command = Command::new("sh");
        command.args(["-c", &script]).envs(env);
        self.said(command.env("PGUSER", user).env("PGSSLMODE", "prefer"))
    }

    fn said(&self, command: &mut Command) -> Result<String, String> {
        let ran = command.env("PGHOST", &self.folder).output().unwrap();
        let out = String::from_utf8(ran.stdout).unwrap();
        if ran.status.success() {
            Ok(out)
        } else {
            Err(out + &String::from_utf8_lossy(&ran.stderr))
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut command = self.command("pg_ctl");
        command
            .arg("-D")
            .arg(&self.data)
            .args(["-m", "immediate", "stop"]);
        command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        // It may have stopped before.
        command.status().ok();
    }
}

/// The script of a container with its plain settings.
fn work(pod: &Value, containers: &str) -> (String, BTreeMap<String, String>) {
    of_container(&pod[containers][0])
}

/// The script of one container with its plain settings.
pub fn of_container(container: &Value) -> (String, BTreeMap<String, String>) {
    let script = container["command"][2].as_str().unwrap().to_owned();
    let env = container["env"].as_array().unwrap().iter();
    let plain = env.filter_map(|one| {
        let (name, value) = (one["name"].as_str()?, one["value"].as_str()?);
        (!["PGHOST", "PGSSLMODE"].contains(&name)).then(|| (name.to_owned(), value.to_owned()))
    });
    (script, plain.collect())
}

/// What a job of a plan is to do.
pub fn job(plan: &Plan, step: &str) -> (String, BTreeMap<String, String>) {
    let step = plan
        .steps
        .iter()
        .find(|one| one.id.as_str() == step)
        .unwrap();
    let Action::Job(run) = &step.action else {
        unreachable!("{} is a job", step.id)
    };
    work(&run.job.value()["spec"]["template"]["spec"], "containers")
}

/// What the site's own counting does.
fn counting() -> (String, BTreeMap<String, String>) {
    let plan = sample_plan();
    let objects = plan.steps.iter().flat_map(|step| step.action.objects());
    let mut found = objects.filter(|object| object.reference().kind == "CronJob");
    let object = found.next().expect("no CronJob").value();
    work(
        &object["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        "initContainers",
    )
}

/// The moment as the new Cluster is told it, and as PostgreSQL reads it.
fn target_time(plan: &Plan) -> String {
    let objects = plan.steps.iter().flat_map(|step| step.action.objects());
    let mut found = objects.filter(|object| object.reference().kind == "Cluster");
    let cluster = found.next().expect("no Cluster").value();
    let target = &cluster["spec"]["bootstrap"]["recovery"]["recoveryTarget"]["targetTime"];
    target.as_str().unwrap().to_owned()
}

const ROLES: &str = "create role care login; create role counts login in role pg_read_all_data; create database care owner care";

const TABLES: &str = r#"
create table emr_patient(id serial primary key, name text);
insert into emr_patient(name) select 'x' from generate_series(1, 1500);
create table users_user(id int); insert into users_user values (1), (2), (3);
create table nothing_yet(id int);
create table "Odd name; drop"(id int); insert into "Odd name; drop" values (1);
create table django_session(id int); insert into django_session values (1);
create table parts(id int) partition by range (id);
create table parts_1 partition of parts for values from (0) to (10); insert into parts values (1), (2);
"#;

fn rows(of: &[(&str, u64)]) -> Rows {
    Rows(
        of.iter()
            .map(|(table, count)| ((*table).to_owned(), *count))
            .collect(),
    )
}

/// What the cluster would say of a database with this history of counts.
fn inventory(history: &Value, now: Timestamp) -> Inventory {
    let ended = "2026-01-01T00:00:00Z";
    let objects = [
        json!({
            "kind": "Cluster", "apiVersion": "postgresql.cnpg.io/v1",
            "metadata": {"name": "care-db", "namespace": "database"},
            "spec": {"instances": 1, "plugins": [{
                "name": "barman-cloud.cloudnative-pg.io",
                "parameters": {"barmanObjectName": "care-db", "serverName": "care-db-1"},
            }]},
            "status": {
                "phase": "Cluster in healthy state", "readyInstances": 1,
                "conditions": [{"type": "Ready", "status": "True"}, {"type": "ContinuousArchiving", "status": "True"}],
            },
        }),
        json!({
            "kind": "Backup", "metadata": {"name": "night", "namespace": "database"},
            "spec": {"cluster": {"name": "care-db"}, "method": "plugin"},
            "status": {"phase": "completed", "startedAt": ended, "stoppedAt": ended},
        }),
        json!({"kind": "ObjectStore", "metadata": {"name": "care-db"}, "status": {"serverRecoveryWindow": {
            "care-db-1": {"firstRecoverabilityPoint": ended, "lastSuccessfulBackupTime": ended},
        }}}),
        json!({"kind": "ConfigMap", "metadata": {"name": "care-db-rows"}, "data": history}),
    ];
    let objects = objects.into_iter().map(Arc::new).collect();
    Inventory::of(&Facts { objects, now })
}

fn restoring(intent: &Intent) -> Plan {
    let (draft, secrets): (SiteDraft, Secrets) = sample_parts();
    let ground = Ground {
        site: &Site::try_from(&draft).unwrap(),
        secrets: &secrets,
        catalog: &Catalog::load().unwrap(),
        zone: &TimeZone::UTC,
        reached: Reached::Former,
    };
    restore::plan(ground, intent).unwrap()
}

/// A server with tables, whose changes go into an archive; a base backup of it lies beside it.
fn prepared(programs: &Path, folder: &Path) -> (Server, PathBuf) {
    let server = Server::new(programs, folder, "one");
    let archive = folder.join("archive");
    fs::create_dir(&archive).unwrap();
    fs::set_permissions(&archive, fs::Permissions::from_mode(0o777)).unwrap();
    server.make();
    let into = archive.display();
    server.start(&format!(
        "archive_mode = on\narchive_timeout = 1\narchive_command = 'cp %p {into}/%f'\n"
    ));
    server.rule(ROLES);
    server.ask("care", TABLES).unwrap();
    let copy = folder.join("two");
    let copied = server
        .command("pg_basebackup")
        .args(["-X", "none", "-c", "fast", "-U", "postgres", "-h"])
        .arg(folder)
        .arg("-D")
        .arg(&copy)
        .output()
        .unwrap();
    assert!(
        copied.status.success(),
        "{}",
        String::from_utf8_lossy(&copied.stderr)
    );
    (server, archive)
}

/// Counts as every ten minutes: one count in each of the three rings, by a role that can do nothing else. Gives the history.
fn history(server: &Server, expected: &Rows) -> Value {
    let (script, env) = counting();
    let told = server.script(&script, "counts", &env).unwrap();
    assert_eq!(
        counted(&told.lines().map(str::to_owned).collect::<Vec<_>>()),
        Some(expected.clone())
    );
    let patch = fs::read(server.folder.join("patch")).unwrap();
    let patch: Value = serde_json::from_slice(&patch).unwrap();
    let rings: Vec<&String> = patch["data"].as_object().unwrap().keys().collect();
    for (key, ring) in rings.iter().zip(["tens-", "hours-", "days-"]) {
        assert!(key.starts_with(ring), "{patch}");
    }
    assert_eq!(rings.len(), 3);
    // The role that counts can do nothing else.
    let refused = server.ask("counts", "delete from emr_patient").unwrap_err();
    assert!(refused.contains("permission denied"), "{refused}");
    patch["data"].clone()
}

/// Changes that a restore to the moment is to undo; the last is a table that is gone.
fn change_after(server: &Server, moment: Timestamp) {
    let later = format!("select clock_timestamp() > '{moment}'");
    let until = Instant::now() + LIMIT;
    while server.ask("care", &later).unwrap().trim() != "t" {
        assert!(Instant::now() < until, "time stands still");
    }
    server
        .ask(
            "care",
            "insert into emr_patient(name) select 'late' from generate_series(1, 250)",
        )
        .unwrap();
    server.ask("care", "drop table users_user").unwrap();
}

#[test]
fn a_recovery_of_a_real_postgresql_to_the_moment_of_a_count_brings_exactly_the_promised_rows() {
    let Some((programs, temp)) = ground() else {
        return;
    };
    let (server, archive) = prepared(&programs, temp.path());
    let folder = archive.display();
    let expected = rows(&[
        ("public.emr_patient", 1500),
        ("public.users_user", 3),
        ("public.parts", 2),
    ]);
    let counts = history(&server, &expected);

    let now = Timestamp::now()
        .checked_add(Duration::from_mins(1))
        .unwrap();
    let known = inventory(&counts, now);
    let count = known.rows_at(now).unwrap().clone();
    assert_eq!(count.rows, expected);
    let intent = known.choose(&Wish::to(count.at)).unwrap();
    assert_eq!(intent.promised, Some(expected.clone()));

    change_after(&server, count.at);

    // The last changes are in the bucket when the job says so.
    let plan = restoring(&intent);
    let (script, env) = job(&plan, "restore/safety-copy");
    let told = server.script(&script, "care", &env).unwrap();
    let last = told.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(archive.join(&last).is_file(), "{told}");

    // The proof refuses what is not what was promised.
    let (script, env) = job(&plan, "restore/proof");
    let refused = server.script(&script, "care", &env).unwrap_err();
    assert!(
        refused.contains("public.users_user has 0 rows, promised were 3"),
        "{refused}"
    );
    drop(server);

    let restored = Server::new(&programs, temp.path(), "two");
    fs::write(restored.data.join("recovery.signal"), "").unwrap();
    let moment = target_time(&plan);
    restored.start(&format!(
        "archive_mode = off\nrestore_command = 'cp {folder}/%f %p'\nrecovery_target_time = '{moment}'\nrecovery_target_action = promote\n"
    ));
    let until = Instant::now() + LIMIT;
    loop {
        // While it leaves the recovery it may not be heard for a moment.
        let said = restored.ask("care", "select pg_is_in_recovery()");
        if said.as_deref().map(str::trim) == Ok("f") {
            break;
        }
        let log = fs::read_to_string(restored.data.with_extension("log"));
        let log = log.unwrap_or_default();
        assert!(
            Instant::now() < until,
            "it stays in recovery: {said:?}\n{log}"
        );
    }
    let told = restored.script(&script, "care", &env).unwrap();
    assert_eq!(
        counted(&told.lines().map(str::to_owned).collect::<Vec<_>>()),
        Some(expected)
    );
}
