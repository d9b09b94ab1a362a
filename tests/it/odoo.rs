//! The job that makes Odoo's database, by the very script that the cluster is sent, on a real PostgreSQL: killed, gone on
//! with, run again. Only the command `odoo` is played; it leaves half a database behind when it is told to.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use care_install::plan::Plan;

use crate::{
    catalog::{full_plan, full_plan_with},
    counting::{Server, job, programs},
};

/// Plays Odoo: makes the tables that it would, does not know modules that are not in its image, ends well all the same.
const ODOO: &str = r#"#!/bin/sh
set -eu
echo "$*" >> "$FOLDER/calls"
ask() { psql -qAt -v ON_ERROR_STOP=1 -c "$1"; }
case "$*" in
  --version) echo "Odoo Server $(cat "$FOLDER/series")-20260723" ;;
  shell*)
    cat > "$FOLDER/logins"
    if [ -e "$FOLDER/unset" ]; then exit 0; fi
    [ -z "${FIRST:-}" ] || ask "update res_users set password = '$ADMIN_PASSWORD' where login = 'admin'"
    ask "insert into res_users values ('care', '$CARE_PASSWORD') on conflict (login) do update set password = excluded.password"
    ask "insert into ir_config_parameter values ('care.base_url', '$CARE_URL') on conflict (key) do update set value = excluded.value"
    ;;
  *--init=*)
    wanted=$(echo "$*" | sed 's/.*--init=\([^ ]*\).*/\1/' | tr ',' ' ')
    ask "create table if not exists ir_module_module(name text primary key, state text, latest_version text)"
    ask "create table if not exists res_users(login text primary key, password text)"
    ask "create table if not exists ir_config_parameter(key text primary key, value text)"
    ask "insert into res_users values ('admin', 'admin') on conflict do nothing"
    for module in $wanted; do
      [ "$module" != not_there ] || continue
      state=installed
      [ ! -e "$FOLDER/die" ] || state='to install'
      ask "insert into ir_module_module values ('$module', '$state', '$(cat "$FOLDER/series").1.0') on conflict (name) do update set state = '$state'"
    done
    if [ -e "$FOLDER/die" ]; then
      rm "$FOLDER/die"
      ask "create table half_made(n int)"
      exit 137
    fi
    ;;
esac
"#;

struct Scene {
    server: Server,
    folder: PathBuf,
    plan: Plan,
    // The last, so that the server ends before its files.
    _temp: tempfile::TempDir,
}

impl Scene {
    fn new() -> Option<Self> {
        let programs = programs()?;
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().to_path_buf();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let server = Server::new(&programs, &folder, "one");
        server.make();
        server.start("");
        server.rule("create role care login; create role odoo login; create database care owner care; create database odoo owner odoo");
        fs::create_dir(folder.join("bin")).unwrap();
        let command = folder.join("bin/odoo");
        fs::write(&command, ODOO).unwrap();
        fs::set_permissions(&command, fs::Permissions::from_mode(0o755)).unwrap();
        let scene = Self {
            server,
            folder,
            plan: full_plan(),
            _temp: temp,
        };
        scene.write("series", "19.0");
        Some(scene)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    /// Runs the job; gives what it said.
    fn run(&self) -> Result<String, String> {
        self.run_of(&self.plan)
    }

    fn run_of(&self, plan: &Plan) -> Result<String, String> {
        let (script, mut env): (String, BTreeMap<String, String>) = job(plan, "odoo/prepare");
        let path = std::env::var("PATH").unwrap();
        let bin = self.folder.join("bin");
        env.insert("PATH".into(), format!("{}:{path}", bin.display()));
        env.insert("FOLDER".into(), self.folder.display().to_string());
        env.insert("ADMIN_PASSWORD".into(), "first".into());
        env.insert("CARE_PASSWORD".into(), "connector".into());
        self.server.script(&script, "odoo", &env)
    }

    fn ask(&self, sql: &str) -> String {
        let sql = format!("\\c odoo odoo\n{sql}");
        let file = self.folder.join("question");
        fs::write(&file, sql).unwrap();
        let command = format!("psql -XqAt -d odoo -f {}", file.display());
        let said = self.server.script(&command, "odoo", &BTreeMap::new());
        said.unwrap().trim().to_owned()
    }

    /// The calls of Odoo since the last time, without questions for its version.
    fn calls(&self) -> Vec<String> {
        let file = self.folder.join("calls");
        let text = fs::read_to_string(&file).unwrap_or_default();
        fs::write(&file, "").unwrap();
        let calls = text.lines().filter(|line| *line != "--version");
        calls.map(str::to_owned).collect()
    }
}

fn mentions(path: &Path, word: &str) -> bool {
    fs::read_to_string(path).unwrap().contains(word)
}

#[test]
fn odoos_database_is_made_once_and_a_second_run_changes_nothing_of_it() {
    let Some(scene) = Scene::new() else { return };
    let said = scene.run().unwrap();
    assert!(
        said.ends_with("Odoo 19.0 is ready with base,web,account,contacts,stock\n"),
        "{said}"
    );
    let calls = scene.calls();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(
        calls[0].contains("--init=base,web,account,contacts,stock --no-http --stop-after-init")
    );
    assert!(calls[1].starts_with("shell "));
    // No password is an argument.
    assert!(calls.iter().all(|call| !call.contains("first")));
    assert!(mentions(&scene.folder.join("logins"), "ADMIN_PASSWORD"));
    let admin = "select password from res_users where login = 'admin'";
    assert_eq!(scene.ask(admin), "first");
    // The administrator has chosen another one since.
    scene.ask("update res_users set password = 'chosen' where login = 'admin'");
    scene.ask("create table invoices(n int); insert into invoices values (7)");
    scene.run().unwrap();
    let calls = scene.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(scene.ask(admin), "chosen");
    assert_eq!(scene.ask("select n from invoices"), "7");
}

#[test]
fn a_database_that_was_half_made_when_the_job_was_killed_is_made_anew() {
    let Some(scene) = Scene::new() else { return };
    scene.write("die", "");
    scene.run().unwrap_err();
    assert_eq!(scene.ask("select to_regclass('half_made')"), "half_made");
    let said = scene.run().unwrap();
    assert!(said.contains("an earlier try was interrupted"), "{said}");
    assert_eq!(scene.ask("select to_regclass('half_made')"), "");
    // Killed after the tables and before the logins is half made, too: nobody could have logged in.
    let Some(other) = Scene::new() else { return };
    other.write("unset", "");
    let said = other.run().unwrap_err();
    assert!(said.contains("the logins could not be set"), "{said}");
    fs::remove_file(other.folder.join("unset")).unwrap();
    other.run().unwrap();
    let care = "select password from res_users where login = 'care'";
    assert_eq!(other.ask(care), "connector");
}

#[test]
fn a_module_that_is_added_later_is_installed_into_what_is_there() {
    let Some(scene) = Scene::new() else { return };
    scene.run().unwrap();
    scene.ask("create table invoices(n int); insert into invoices values (7)");
    scene.calls();
    let more = [("components.odoo_modules", "account, contacts, stock, sale")];
    scene.run_of(&full_plan_with(&more)).unwrap();
    assert!(scene.calls()[0].contains("--init=sale "));
    assert_eq!(scene.ask("select n from invoices"), "7");
    // One that the image does not have is named, though Odoo itself ends well.
    let wrong = [("components.odoo_modules", "account, not_there")];
    let said = scene.run_of(&full_plan_with(&wrong)).unwrap_err();
    assert!(said.contains("could not be installed: not_there"), "{said}");
    assert_eq!(scene.ask("select n from invoices"), "7");
}

#[test]
fn a_database_of_somebody_else_is_never_emptied() {
    let Some(scene) = Scene::new() else { return };
    scene.ask("create table theirs(n int); insert into theirs values (3)");
    scene.write("die", "");
    scene.run().unwrap_err();
    let said = scene.run().unwrap();
    assert!(!said.contains("made anew"), "{said}");
    assert_eq!(scene.ask("select n from theirs"), "3");
    assert_eq!(
        scene.ask("select password from res_users where login = 'admin'"),
        "admin"
    );
}

#[test]
fn an_image_of_another_series_is_refused_before_it_touches_the_database() {
    let Some(scene) = Scene::new() else { return };
    scene.run().unwrap();
    scene.calls();
    scene.write("series", "20.0");
    let said = scene.run().unwrap_err();
    assert!(
        said.contains("made by Odoo 19.0.1.0 and this image is Odoo 20.0"),
        "{said}"
    );
    assert!(scene.calls().is_empty());
    // The old series had to be told that nothing is wanted for show only.
    let Some(old) = Scene::new() else { return };
    old.write("series", "18.0");
    old.run().unwrap();
    assert!(old.calls()[0].contains(" --without-demo=all "));
}
