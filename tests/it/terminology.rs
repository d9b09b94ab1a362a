//! Loading SNOMED CT, by the very scripts that the cluster is sent, against servers that speak as Elasticsearch, Snowstorm
//! and Snowstorm Lite do; only the command `aws` is played.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use care_install::plan::{Action, Plan};
use serde_json::json;

use crate::{
    answering::{self, Asked},
    catalog::{full_plan, full_plan_with},
    counting::of_container,
};

/// Plays the client of the bucket: the release is there once it has been asked for as often as it says.
const AWS: &str = r#"#!/bin/sh
case "$*" in
  *head-object*)
    left=$(cat "$FOLDER/late")
    if [ "$left" -gt 0 ]; then
      echo $((left - 1)) > "$FOLDER/late"
      echo "An error occurred (404) when calling the HeadObject operation: Not Found" >&2
      exit 254
    fi
    stat -c %s "$FOLDER/release"
    ;;
  *get-object*) for last; do :; done; cp "$FOLDER/release" "$last" ;;
esac
"#;

/// A folder with the played command and the places of a pod.
struct Pod {
    folder: tempfile::TempDir,
}

impl Pod {
    fn new(late: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::create_dir(folder.path().join("scratch")).unwrap();
        let command = folder.path().join("bin/aws");
        fs::write(&command, AWS).unwrap();
        fs::set_permissions(&command, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("release"), vec![7; 3_000_000]).unwrap();
        fs::write(folder.path().join("late"), late.to_string()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a container of a job of the plan.
    fn run(
        &self,
        plan: &Plan,
        place: (&str, &str),
        more: &[(&str, &str)],
    ) -> Result<String, String> {
        let (step, name) = place;
        let step = plan.steps.iter().find(|one| one.id.as_str() == step);
        let Action::Job(run) = &step.unwrap().action else {
            unreachable!("it is a job")
        };
        let spec = &run.job.value()["spec"]["template"]["spec"];
        let lists = ["initContainers", "containers"].iter();
        let mut all = lists.flat_map(|list| spec[*list].as_array().into_iter().flatten());
        let (script, mut env) = of_container(all.find(|one| one["name"] == name).unwrap());
        for (name, value) in more {
            env.insert((*name).to_owned(), (*value).to_owned());
        }
        let path = std::env::var("PATH").unwrap();
        let here = self.folder.path().display();
        let ran = Command::new("sh")
            .args([
                "-c",
                &script.replace("/scratch/", &format!("{here}/scratch/")),
            ])
            .envs(env)
            .env("PATH", format!("{here}/bin:{path}"))
            .env("FOLDER", self.folder.path())
            .env("PAUSE", "0.01")
            .output()
            .unwrap();
        let said = String::from_utf8(ran.stdout).unwrap();
        if ran.status.success() {
            Ok(said)
        } else {
            Err(said + &String::from_utf8_lossy(&ran.stderr))
        }
    }
}

/// What Elasticsearch and Snowstorm know.
#[derive(Debug, Default)]
struct Known {
    entries: u64,
    notes: BTreeSet<String>,
    indices: BTreeSet<String>,
    writable: bool,
    concepts: u64,
}

fn terminology(known: Known) -> (String, Arc<Mutex<Known>>) {
    let shared = Arc::new(Mutex::new(known));
    let mine = Arc::clone(&shared);
    let url = answering::serve(move |asked| reply(asked, &mut mine.lock().unwrap()));
    (url, shared)
}

fn reply(asked: &Asked, known: &mut Known) -> (u16, String) {
    let (method, target) = asked.call.split_once(' ').unwrap();
    let target = target.split('?').next().unwrap();
    let found = |there: bool| (if there { 200 } else { 404 }, "{}".to_owned());
    match (method, target) {
        ("GET", "/codesystems/SNOMEDCT/versions") => (
            200,
            json!({"items": [{"shortName": "SNOMEDCT", "effectiveDate": 20_261_101}]}).to_string(),
        ),
        ("GET", "/MAIN/concepts") => (
            200,
            json!({"items": [{"conceptId": "1"}], "total": known.concepts, "limit": 1}).to_string(),
        ),
        ("POST", "/imports") => (if known.writable { 201 } else { 403 }, String::new()),
        ("GET", "/_cat/indices/sct-*") => {
            let lines: Vec<String> = known
                .indices
                .iter()
                .map(|index| format!("{index} \n"))
                .collect();
            (200, lines.concat())
        }
        ("DELETE", index) => found(known.indices.remove(index.trim_start_matches('/'))),
        ("GET", note) if note.starts_with("/care-install/_doc/") => {
            found(known.notes.contains(note))
        }
        ("PUT", note) if note.starts_with("/care-install/_doc/") => {
            known.notes.insert(note.to_owned());
            (201, "{}".to_owned())
        }
        ("POST", refresh) if refresh.ends_with("/_refresh") => (200, "{}".to_owned()),
        ("GET", count) if count.starts_with("/sct-900000000000207008-20261101-*/") => (
            200,
            json!({"count": known.entries, "_shards": {"total": 17, "failed": 0}}).to_string(),
        ),
        _ => (404, String::new()),
    }
}

#[test]
fn a_release_is_waited_for_and_fetched_whole_with_its_progress() {
    let (url, _known) = terminology(Known::default());
    let pod = Pod::new(2);
    let said = pod.run(&full_plan(), ("snowstorm/load", "fetch"), &[("ES", &url)]);
    let said = said.unwrap();
    let waits = "progress: waiting for the release: put it into the bucket admin of the object store as SnomedCT_InternationalRF2_PRODUCTION_20261101T120000Z.zip (An error occurred (404)";
    assert_eq!(said.matches(waits).count(), 2, "{said}");
    assert!(said.ends_with("Z.zip is here: 3 MB\n"), "{said}");
    let fetched = fs::read(pod.path("scratch/release.zip")).unwrap();
    assert_eq!(fetched.len(), 3_000_000);
}

#[test]
fn a_load_that_failed_is_found_out_though_the_program_ended_well_and_a_good_one_is_done_once() {
    let plan = full_plan();
    let pod = Pod::new(0);
    let (url, known) = terminology(Known {
        entries: 5,
        ..Known::default()
    });
    let at = [("ES", url.as_str())];
    let said = pod
        .run(&plan, ("snowstorm/load", "verify"), &at)
        .unwrap_err();
    assert!(said.contains("only 5 entries are there"), "{said}");
    assert!(known.lock().unwrap().notes.is_empty());
    known.lock().unwrap().entries = 9_876_543;
    let said = pod.run(&plan, ("snowstorm/load", "verify"), &at).unwrap();
    assert!(said.ends_with("is loaded: 9876543 entries\n"), "{said}");
    // The next try finds the note, and neither fetches nor loads.
    let again = Pod::new(0);
    let said = again.run(&plan, ("snowstorm/load", "fetch"), &at).unwrap();
    assert_eq!(said, "this release was loaded before\n");
    assert!(again.path("scratch/loaded").exists() && !again.path("scratch/release.zip").exists());
    assert_eq!(
        again.run(&plan, ("snowstorm/load", "load"), &at).unwrap(),
        ""
    );
    assert_eq!(
        again.run(&plan, ("snowstorm/load", "verify"), &at).unwrap(),
        ""
    );
}

#[test]
fn the_proof_asks_as_care_does_and_removes_releases_of_before_only_when_all_is_well() {
    let plan = full_plan();
    let indices = [
        "sct-900000000000207008-20260501-concept",
        "sct-900000000000207008-20261101-concept",
    ];
    let (url, known) = terminology(Known {
        indices: indices.map(str::to_owned).into(),
        concepts: 12,
        writable: true,
        ..Known::default()
    });
    let at = [("ES", url.as_str()), ("API", url.as_str())];
    let pod = Pod::new(0);
    let said = pod.run(&plan, ("snowstorm/proof", "ask"), &at).unwrap_err();
    assert!(said.contains("only 12 concepts are there"), "{said}");
    known.lock().unwrap().concepts = 523_000;
    let said = pod.run(&plan, ("snowstorm/proof", "ask"), &at).unwrap_err();
    assert!(said.contains("Snowstorm can be written to"), "{said}");
    assert_eq!(known.lock().unwrap().indices.len(), 2);
    known.lock().unwrap().writable = false;
    let said = pod.run(&plan, ("snowstorm/proof", "ask"), &at).unwrap();
    assert!(
        said.contains(
            "SNOMED CT of 20261101 is served, with 523000 concepts, and cannot be changed"
        ),
        "{said}"
    );
    let left: Vec<String> = known.lock().unwrap().indices.iter().cloned().collect();
    assert_eq!(left, [indices[1]]);
    pod.run(&plan, ("snowstorm/proof", "ask"), &at).unwrap();
}

#[test]
fn lite_is_given_a_release_once_and_says_when_it_was_refused() {
    let plan = full_plan_with(&[("components.snowstorm", "lite")]);
    let release = "http://snomed.info/sct/900000000000207008/version/20261101";
    let state = Arc::new(Mutex::new((false, true, 0)));
    let mine = Arc::clone(&state);
    let url = answering::serve(move |asked| {
        let mut state = mine.lock().unwrap();
        if asked.call.starts_with("POST /fhir-admin/load-package") {
            // The login of the vault, as curl sends it: admin:secret.
            let login = asked.header("authorization") == "Basic YWRtaW46c2VjcmV0";
            let body = String::from_utf8_lossy(&asked.body);
            if !login || !state.1 || !body.contains(release) || asked.body.len() < 3_000_000 {
                return (403, "no such package".to_owned());
            }
            state.2 += 1;
            state.0 = true;
            return (200, String::new());
        }
        let text = if state.0 {
            json!({"entry": [{"resource": {"version": release}}]})
        } else {
            json!({"total": 0})
        };
        (200, text.to_string())
    });
    let at = [
        ("API", url.as_str()),
        ("ADMIN_USERNAME", "admin"),
        ("ADMIN_PASSWORD", "secret"),
    ];
    let place = ("snowstorm-lite/load", "load");
    state.lock().unwrap().1 = false;
    let said = Pod::new(0).run(&plan, place, &at).unwrap_err();
    assert!(
        said.contains("the release was refused: no such package"),
        "{said}"
    );
    state.lock().unwrap().1 = true;
    let said = Pod::new(1).run(&plan, place, &at).unwrap();
    assert!(said.ends_with(&format!("{release} is served\n")), "{said}");
    let said = Pod::new(0).run(&plan, place, &at).unwrap();
    assert_eq!(said, "this release was loaded before\n");
    assert_eq!(state.lock().unwrap().2, 1);
}
