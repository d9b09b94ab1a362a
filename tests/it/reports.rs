//! What Metabase is given: a role of a real PostgreSQL that reads and cannot write, and a first set-up that is closed, each
//! by the very script that the cluster is sent.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use care_install::plan::{Object, Plan};
use serde_json::{Value, json};

use crate::{
    answering,
    catalog::full_plan,
    counting::{Server, ground, job},
};

/// What a Care of two versions would have made; the second table of logins comes with the second one.
const TABLES: &str = r#"
create table emr_patient(id serial primary key, name text);
insert into emr_patient(name) select 'x' from generate_series(1, 15);
create table "Odd ""name; drop"(id int, "odd, column" int);
create table users_user(id int, username text, password text, totp_secret text, pf_auth text);
insert into users_user values (1, 'nurse', 'hash', 'seed', 'key');
create table emr_token(id int, number int); insert into emr_token values (1, 12);
create table django_session(session_key text);
create table authtoken_token(key text);
create view emr_names as select name from emr_patient;
create table parts(id int) partition by range (id);
create table parts_1 partition of parts for values from (0) to (10);
"#;

/// A server with the roles as CloudNativePG makes them, and Care's tables.
fn prepared(programs: &Path, folder: &Path) -> Server {
    let server = Server::new(programs, folder, "one");
    server.make();
    server.start("");
    server.rule("create role care login; create role reports login; create role other login; create database care owner care");
    server.ask("care", TABLES).unwrap();
    server
}

/// The job as it runs in the cluster, whose logins come from Secrets there.
fn granted(server: &Server, plan: &Plan) -> Result<String, String> {
    let (script, mut env) = job(plan, "metabase/reader");
    env.insert("OWNER".into(), "care".into());
    env.insert("READER".into(), "reports".into());
    env.insert("OWNER_PASSWORD".into(), String::new());
    env.insert("READER_PASSWORD".into(), String::new());
    server.script(&script, "nobody", &env)
}

/// Every grant in the database.
fn grants(server: &Server) -> String {
    let sql = "select relname, relacl from pg_class where relnamespace = 'public'::regnamespace order by 1; \
        select attrelid::regclass, attname, attacl from pg_attribute where attacl is not null order by 1, 2; \
        select datname, datacl from pg_database order by 1; select nspname, nspacl from pg_namespace order by 1; \
        select rolname, rolconfig from pg_roles order by 1";
    server.ask("postgres", sql).unwrap()
}

#[test]
fn the_role_for_reports_reads_the_records_and_writes_nothing_in_a_real_postgresql() {
    let Some((programs, temp)) = ground() else {
        return;
    };
    let server = prepared(&programs, temp.path());
    let plan = full_plan();
    let before = server.ask("reports", "select count(*) from emr_patient");
    assert!(before.unwrap_err().contains("permission denied"));

    let told = granted(&server, &plan).unwrap();
    assert_eq!(
        told,
        "tables that the role reports may read and write: 7 0\n"
    );
    // Twice: nothing is granted that was not, and nothing is refused.
    let first = grants(&server);
    assert_eq!(granted(&server, &plan).unwrap(), told);
    assert_eq!(grants(&server), first);

    let reads = |sql: &str| server.ask("reports", sql).unwrap().trim().to_owned();
    assert_eq!(reads("select count(*) from emr_patient"), "15");
    assert_eq!(reads("select username from users_user"), "nurse");
    assert_eq!(reads("select count(*) from users_user"), "1");
    assert_eq!(reads("select number from emr_token"), "12");
    assert_eq!(reads("select count(*) from emr_names"), "15");
    assert_eq!(reads("select count(*) from \"Odd \"\"name; drop\""), "0");
    assert_eq!(reads("show default_transaction_read_only"), "on");
    assert_eq!(reads("show statement_timeout"), "5min");

    let closed = [
        "select password from users_user",
        "select totp_secret from users_user",
        "select pf_auth from users_user",
        "select * from users_user",
        "select session_key from django_session",
        "select key from authtoken_token",
    ];
    let written = [
        "insert into emr_patient(name) values ('y')",
        "update emr_patient set name = 'y'",
        "delete from emr_patient",
        "truncate emr_patient",
        "drop table emr_patient",
        "alter table emr_patient add column more int",
        "create table more(n int)",
        "create temporary table more(n int)",
        "create schema more",
        "create trigger t before insert on emr_patient execute function suppress_redundant_updates_trigger()",
        "select nextval('emr_patient_id_seq')",
        "set role care",
        "copy emr_patient to program 'true'",
        "select pg_read_file('/etc/passwd')",
    ];
    for sql in closed.into_iter().chain(written) {
        // Its own settings would refuse some of it; they are no wall, and so they are taken away.
        let attempt = format!("begin read write; {sql}");
        let refused = server.ask("reports", &attempt).expect_err(sql);
        let words = ["permission denied", "must be owner", "must be superuser"];
        let known = words.iter().any(|word| refused.contains(word));
        assert!(known, "{sql}: {refused}");
    }
    // Without the right to it a grant is only a warning.
    let passed_on = "grant select on emr_patient to other";
    server.ask("reports", passed_on).ok();
    let other = server.ask("other", "select count(*) from emr_patient");
    assert!(other.unwrap_err().contains("permission denied"));
    let unchanged = "select count(*) from emr_patient where name = 'x'";
    assert_eq!(server.ask("care", unchanged).unwrap().trim(), "15");
}

#[test]
fn a_table_of_a_later_version_is_closed_until_the_role_is_told_of_it() {
    let Some((programs, temp)) = ground() else {
        return;
    };
    let server = prepared(&programs, temp.path());
    let plan = full_plan();
    granted(&server, &plan).unwrap();
    let later = "create table emr_later(id int); alter table emr_patient add column api_key text";
    server.ask("care", later).unwrap();
    let early = server.ask("reports", "select count(*) from emr_later");
    assert!(early.unwrap_err().contains("permission denied"));
    granted(&server, &plan).unwrap();
    server
        .ask("reports", "select count(*) from emr_later")
        .unwrap();
    // A column that holds a secret closes itself in a table that was open before.
    let secret = server.ask("reports", "select api_key from emr_patient");
    assert!(secret.unwrap_err().contains("permission denied"));
    server
        .ask("reports", "select name from emr_patient")
        .unwrap();
    // The job is another one with the next version of Care, so that it runs again.
    let name = |plan: &Plan| {
        let step = plan
            .steps
            .iter()
            .find(|step| step.id.as_str() == "metabase/reader");
        let objects = step.unwrap().action.objects();
        objects.last().unwrap().reference().name
    };
    assert_ne!(
        name(&plan),
        name(&crate::catalog::full_plan_with(&[(
            "care.backend_image",
            "ghcr.io/ohcnetwork/care:v25.41.0"
        )]))
    );
}

/// What a Metabase knows, and what it was asked.
#[derive(Debug, Default)]
struct Known {
    set_up: bool,
    password: String,
    databases: Vec<Value>,
    asked: Vec<String>,
    /// So many times it is not well before it is.
    starting: usize,
}

const TOKEN: &str = "7c0d3c1e-51f8-4c52-9d3c-6a7a3a5e0c11";
const SESSION: &str = "0b3f6a77-0d62-4a10-8a9e-2f0a4a7f0d55";

/// A server that speaks as Metabase does where it is set up.
fn metabase(known: Known) -> (String, Arc<Mutex<Known>>) {
    let shared = Arc::new(Mutex::new(known));
    let mine = Arc::clone(&shared);
    let url = answering::serve(move |asked| {
        let session = asked.header("x-metabase-session");
        let body = serde_json::from_slice(&asked.body).unwrap_or(Value::Null);
        reply(&asked.call, session, &body, &mut mine.lock().unwrap())
    });
    (format!("{url}/api"), shared)
}

fn reply(call: &str, session: &str, body: &Value, known: &mut Known) -> (u16, String) {
    known.asked.push(call.to_owned());
    match call {
        "GET /api/health" if known.starting > 0 => {
            known.starting -= 1;
            (
                503,
                r#"{"status":"initializing","progress":0.3}"#.to_owned(),
            )
        }
        "GET /api/health" => (200, r#"{"status":"ok"}"#.to_owned()),
        // The token stays in the answer when it is used up.
        "GET /api/session/properties" => (
            200,
            json!({"a": "\"", "setup-token": TOKEN, "has-user-setup": known.set_up, "id": 3})
                .to_string(),
        ),
        "POST /api/setup" if known.set_up || body["token"] != TOKEN => {
            (403, "the token is none".to_owned())
        }
        "POST /api/setup" => {
            assert_eq!(body["user"]["email"], "admin@example.org");
            assert_eq!(body["prefs"]["site_name"], "Rehearsal Hospital");
            known.set_up = true;
            body["user"]["password"]
                .as_str()
                .unwrap()
                .clone_into(&mut known.password);
            (200, json!({"id": SESSION}).to_string())
        }
        "POST /api/session"
            if body["username"] == "admin@example.org" && body["password"] == known.password =>
        {
            (200, json!({"id": SESSION}).to_string())
        }
        "POST /api/session" => (
            401,
            r#"{"errors":{"password":"did not match stored password"}}"#.to_owned(),
        ),
        _ if session != SESSION => (401, "Unauthenticated".to_owned()),
        "GET /api/database" => (
            200,
            json!({"data": known.databases, "total": known.databases.len()}).to_string(),
        ),
        "POST /api/database" => {
            known.databases.push(body.clone());
            (200, body.to_string())
        }
        _ => (404, "Not found.".to_owned()),
    }
}

/// Runs the job of the set-up against it.
fn set_up(plan: &Plan, url: &str) -> Result<String, String> {
    let (script, mut env): (String, BTreeMap<String, String>) = job(plan, "metabase/setup");
    let folder = tempfile::tempdir().unwrap();
    let objects = plan.steps.iter().flat_map(|step| step.action.objects());
    let secret = objects
        .map(Object::value)
        .find(|value| value["kind"] == "Secret" && value["metadata"]["name"] == "metabase-setup")
        .unwrap();
    for part in ["scratch", "setup"] {
        fs::create_dir(folder.path().join(part)).unwrap();
    }
    for (name, data) in secret["data"].as_object().unwrap() {
        let text = crate::catalog::decoded(data);
        fs::write(folder.path().join("setup").join(name), text).unwrap();
    }
    let place = folder.path().display();
    let script = script.replace("/scratch/", &format!("{place}/scratch/"));
    let script = script.replace("/setup/", &format!("{place}/setup/"));
    env.insert("API".into(), url.to_owned());
    env.insert("PAUSE".into(), "0".into());
    let ran = Command::new("sh")
        .args(["-c", &script])
        .envs(env)
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(
        ran.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    if ran.status.success() {
        Ok(said)
    } else {
        Err(said)
    }
}

#[test]
fn a_fresh_metabase_is_set_up_closed_and_told_of_the_records_and_a_second_time_nothing_is_sent() {
    let plan = full_plan();
    let (url, known) = metabase(Known {
        starting: 3,
        ..Known::default()
    });
    let said = set_up(&plan, &url).unwrap();
    assert_eq!(
        said,
        "Metabase is set up, and its set-up is closed\nMetabase has been told where the records of Care are\n"
    );
    {
        let mut known = known.lock().unwrap();
        assert!(known.set_up);
        let details = &known.databases[0]["details"];
        assert_eq!(details["host"], "care-records.metabase.svc");
        assert_eq!(details["user"], "reports");
        known.asked.clear();
    }
    let said = set_up(&plan, &url).unwrap();
    assert_eq!(
        said,
        "Metabase was set up before\nMetabase knows the records of Care\n"
    );
    let known = known.lock().unwrap();
    let sent: Vec<&String> = known
        .asked
        .iter()
        .filter(|call| call.starts_with("POST"))
        .collect();
    assert_eq!(sent, ["POST /api/session"]);
    assert_eq!(known.databases.len(), 1);
}

#[test]
fn a_set_up_that_was_killed_after_its_first_part_is_gone_on_with() {
    let plan = full_plan();
    let (url, known) = metabase(Known::default());
    set_up(&plan, &url).unwrap();
    known.lock().unwrap().databases.clear();
    let said = set_up(&plan, &url).unwrap();
    assert!(
        said.ends_with("told where the records of Care are\n"),
        "{said}"
    );
    assert_eq!(known.lock().unwrap().databases.len(), 1);
}

#[test]
fn a_metabase_that_somebody_else_has_set_up_is_named() {
    let plan = full_plan();
    let (url, known) = metabase(Known {
        set_up: true,
        password: "theirs".to_owned(),
        ..Known::default()
    });
    let said = set_up(&plan, &url).unwrap_err();
    assert!(
        said.contains("the administrator of the vault is not the one of Metabase: {\"errors\""),
        "{said}"
    );
    assert!(known.lock().unwrap().databases.is_empty());
}
