use std::process::Command as Process;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{
    plan::Object,
    rehearsal::{self, ServeOptions, Serving, Speed},
    sys::Retry,
};

#[test]
fn versions_are_read_as_helm_writes_them() {
    assert_eq!(parse_version("v4.3.1"), Some((4, 3)));
    assert_eq!(parse_version("v3.18.0+g1234"), Some((3, 18)));
    assert_eq!(parse_version("nonsense"), None);
}

#[test]
fn names_come_after_all_options() {
    let arguments = ["upgrade", "--", "name", "chart", "--kubeconfig", "file"];
    let (options, names) = split_names(arguments.map(OsString::from).to_vec());
    assert_eq!(options, ["upgrade", "--kubeconfig", "file"]);
    assert_eq!(names, ["name", "chart"]);
}

fn release() -> Release {
    Release {
        name: "valkey".to_owned(),
        namespace: "database".to_owned(),
        chart: "valkey".to_owned(),
        repository: Some("https://valkey.io/valkey-helm/".to_owned()),
        version: "0.11.0".to_owned(),
        values: json!({"replicas": 1}),
        workloads: Vec::new(),
        schema: Schema::Checked,
        crds: Vec::new(),
        besides: Vec::new(),
    }
}

#[test]
fn only_a_release_whose_schema_wants_the_internet_goes_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let command = fake(&folder, "");
    let has = |release: &Release| {
        let arguments = command
            .arguments(release, Path::new("values.yaml"))
            .unwrap();
        let options = arguments.iter().take_while(|one| *one != "--");
        let told = Command::shown(release).contains(NO_SCHEMA);
        let has = options.into_iter().any(|one| one == NO_SCHEMA);
        assert_eq!(told, has, "what is shown is what is run");
        has
    };
    assert!(!has(&release()));
    assert!(has(&Release {
        schema: Schema::Unchecked,
        ..release()
    }));
}

/// A helm that is a shell script. Another process writes it: a file that this one had open could not be started for a moment.
fn fake(folder: &TempDir, script: &str) -> Command {
    let program = folder.path().join("helm");
    let written = Process::new("sh")
        .args([
            "-c",
            "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod +x \"$2\"",
            "sh",
            script,
        ])
        .arg(&program)
        .status()
        .unwrap();
    assert!(written.success());
    let place = Place {
        program: Some(program.clone()),
        charts: None,
        work: folder.path().join("work"),
    };
    Command {
        program,
        place,
        version: (4, 3),
    }
}

/// The lock once nobody holds it: a process that another test begins at this moment may hold a copy for an instant.
fn free(command: &Command) -> File {
    let mut tries = (0..100_000).map(|_| command.lock(&release()));
    tries.find_map(Result::ok).unwrap()
}

async fn found(script: &str) -> Result<Command, Problem> {
    let folder = tempfile::tempdir().unwrap();
    let place = fake(&folder, script).place;
    Command::find(place).await
}

/// What a deploy with such a helm fails with.
async fn failure(script: &str) -> DoorError {
    let folder = tempfile::tempdir().unwrap();
    let command = fake(&folder, script);
    let lock = command.lock(&release()).unwrap();
    let (lines, _heard) = mpsc::channel(64);
    let ended = command.run(Vec::new(), lock, lines).await.unwrap();
    assert!(!ended.success);
    failed(&release(), &ended.last)
}

#[tokio::test]
async fn a_helm_of_a_fitting_version_is_taken() {
    for version in ["v4.3.1", "v3.18.0+gabc", "v3.20.1"] {
        let command = found(&format!("echo {version}")).await.unwrap();
        assert_eq!(Some(command.version), parse_version(version));
    }
}

#[tokio::test]
async fn a_helm_that_cannot_be_used_says_why_and_what_to_do() {
    let place = Place {
        program: Some("/nowhere/helm".into()),
        charts: None,
        work: "/nowhere".into(),
    };
    let problem = Command::find(place).await.unwrap_err();
    assert_eq!(problem.code, Code::Helm01);
    assert!(problem.remedy.contains("--helm"));

    for (script, code, word) in [
        ("echo v3.17.9", Code::Helm02, "v3.17.9"),
        ("echo v2.16.0", Code::Helm02, "v2.16.0"),
        ("exit 1", Code::Helm01, "``"),
        (
            "echo 'command not supported' >&2; exit 1",
            Code::Helm01,
            "``",
        ),
        ("printf '\\377\\033[2J'", Code::Helm01, "[2J"),
        ("yes", Code::Helm01, "`yy"),
    ] {
        let problem = found(script).await.unwrap_err();
        assert_eq!(problem.code, code, "{script}");
        let words = format!("{} {}", problem.what, problem.causes.join(" "));
        assert!(words.contains(word), "{script}: {words}");
        assert!(!words.contains(char::is_control), "{words:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_helm_that_hangs_is_not_waited_for_longer_than_its_limit() {
    let problem = found("exec sleep 600").await.unwrap_err();
    assert_eq!(problem.code, Code::Helm01);
    assert_eq!(problem.causes, ["it did not answer in time"]);

    let error = failure("exec sleep 600").await;
    assert_eq!(error.problem.code, Code::Helm03);
    assert!(
        error.problem.causes[0].contains("9 minutes"),
        "{:?}",
        error.problem
    );
}

#[tokio::test]
async fn a_helm_that_ends_badly_is_a_problem_with_its_last_words() {
    for (script, code, cause) in [
        (
            "echo working; echo 'Error: no matches for kind' >&2; exit 1",
            Code::Helm03,
            "Error: no matches for kind",
        ),
        ("echo 'only here'; exit 1", Code::Helm03, "only here"),
        (
            "exit 7",
            Code::Helm03,
            "it ended with code 7 and without a word",
        ),
        ("kill -9 $$", Code::Helm03, "signal 9"),
        (
            "echo begun >&2; kill -15 $$",
            Code::Helm03,
            "signal 15 ended it",
        ),
        (
            "echo 'Error: looks like \"https://x\" is not a valid chart repository: dial tcp: lookup x: no such host' >&2; exit 1",
            Code::Helm04,
            "no such host",
        ),
    ] {
        let error = failure(script).await;
        assert_eq!(error.problem.code, code, "{script}");
        assert_eq!(error.retry, Retry::Backoff, "{script}");
        let last = error.problem.causes.last().unwrap();
        assert!(last.contains(cause), "{script}: {last}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_do_not_end_helm_in_the_middle_of_its_work() {
    let folder = tempfile::tempdir().unwrap();
    let command = fake(
        &folder,
        "printf '\\377\\376\\n'; head -c 300000 /dev/zero; echo; printf '\\377' >&2; echo done; echo done >&2",
    );
    let lock = command.lock(&release()).unwrap();
    let (lines, _heard) = mpsc::channel(64);
    let ended = command.run(Vec::new(), lock, lines).await.unwrap();
    assert!(ended.success, "{:?}", ended.last);
}

#[test]
fn a_helm_that_outlives_us_keeps_its_release_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let command = fake(&folder, "");
    let lock = command.lock(&release()).unwrap();
    let mut helm = Process::new("sleep")
        .arg("600")
        .stdin(lock)
        .spawn()
        .unwrap();
    let error = command.lock(&release()).unwrap_err();
    assert_eq!(
        (error.problem.code, error.retry),
        (Code::Helm05, Retry::Backoff)
    );
    helm.kill().unwrap();
    helm.wait().unwrap();
    drop(free(&command));
}

#[test]
fn a_folder_of_charts_has_them_packed_or_unpacked_or_says_what_it_wants() {
    let folder = tempfile::tempdir().unwrap();
    let error = local_chart(folder.path(), &release()).unwrap_err();
    assert_eq!((error.problem.code, error.retry), (Code::Helm04, Retry::No));
    assert!(error.problem.remedy.contains("valkey-0.11.0.tgz"));
    for name in ["valkey", "valkey-0.11.0.tgz"] {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).unwrap();
        assert_eq!(local_chart(folder.path(), &release()).unwrap(), path);
    }
}

async fn cluster_with(folder: &TempDir, secret: Object) -> (Serving, Kube) {
    let options = ServeOptions {
        dir: folder.path().join("cluster"),
        port: 0,
        speed: Speed::Max,
        idle_exit: None,
        world: vec![
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "database"}}),
        ],
        token: None,
    };
    let serving = rehearsal::serve(options).await.unwrap();
    let source = Source::Endpoint {
        url: serving.url.clone(),
        token: serving.token.clone(),
    };
    let kube = Kube::connect(&source).await.unwrap();
    kube.apply(&secret).await.unwrap();
    (serving, kube)
}

/// What a deploy came to when helm's memory had one revision of this status.
struct Came {
    done: Result<Applied, DoorError>,
    told: Vec<String>,
    /// The revision is still there.
    there: bool,
}

const LONG_AGO: &str = "2026-01-01T00:00:00Z";

/// Deploys over a revision that was begun then, by us or by another; helm itself only tells its arguments.
async fn over(status: &str, began: &str, by_us: bool) -> Came {
    let folder = tempfile::tempdir().unwrap();
    let secret = record::with_status(&release(), status, began);
    let (_serving, kube) = cluster_with(&folder, secret.clone()).await;
    let (lines, mut heard) = mpsc::channel(64);
    let command = fake(&folder, "echo \"ran $*\"");
    if by_us {
        mark(&command.lock(&release()).unwrap(), true);
    }
    let left = command.place.work.join("database.valkey");
    std::fs::create_dir_all(&left).unwrap();
    let done = command.deploy(&release(), &kube, lines).await;
    assert!(!left.exists(), "what a killed life left behind is gone");
    let mut told = Vec::new();
    while let Some(line) = heard.recv().await {
        told.push(line);
    }
    assert!(done.is_err() || !was_cut_off(&free(&command)));
    let there = kube.get(&secret.reference()).await.unwrap().is_some();
    Came { done, told, there }
}

impl Came {
    fn ran(&self) -> bool {
        let mut lines = self.told.iter();
        lines.any(|line| line.starts_with("ran upgrade --install"))
    }
}

#[tokio::test]
async fn a_revision_that_was_cut_off_is_removed_and_the_release_made_again() {
    let now = jiff::Timestamp::now().to_string();
    for (status, began, by_us) in [
        ("pending-install", now.as_str(), true),
        ("pending-upgrade", now.as_str(), true),
        ("pending-install", LONG_AGO, false),
        ("pending-rollback", LONG_AGO, false),
        ("uninstalling", LONG_AGO, false),
        ("pending-install", "nonsense", false),
    ] {
        let came = over(status, began, by_us).await;
        assert!(came.ran());
        assert_eq!(came.told[0], "removing revision 1, which was cut off");
        assert_eq!(came.done.unwrap(), Applied::Changed, "{status}");
        assert!(!came.there, "{status}");
    }
}

#[tokio::test]
async fn a_helm_that_failed_is_known_as_ours_and_one_that_ended_well_is_not() {
    for (script, ours) in [("exit 1", true), ("kill -9 $$", true), ("exit 0", false)] {
        let folder = tempfile::tempdir().unwrap();
        let secret = record::with_status(&release(), "failed", LONG_AGO);
        let (_serving, kube) = cluster_with(&folder, secret).await;
        let command = fake(&folder, script);
        let (lines, _heard) = mpsc::channel(64);
        command.deploy(&release(), &kube, lines).await.ok();
        assert_eq!(was_cut_off(&free(&command)), ours, "{script}");
    }
}

#[tokio::test]
async fn a_revision_that_another_computer_has_just_begun_is_left_to_it() {
    let now = jiff::Timestamp::now().to_string();
    let came = over("pending-install", &now, false).await;
    let error = came.done.unwrap_err();
    assert_eq!(
        (error.problem.code, error.retry),
        (Code::Helm05, Retry::Backoff)
    );
    assert!(came.there && came.told.is_empty());
}

#[tokio::test]
async fn a_deployed_release_is_left_alone_and_a_failed_one_is_made_again() {
    let came = over("deployed", LONG_AGO, false).await;
    assert!(came.there && !came.ran());
    assert_eq!(came.done.unwrap(), Applied::Unchanged);

    let came = over("failed", LONG_AGO, false).await;
    assert!(came.ran());
    assert!(
        came.there,
        "a failed revision does not block helm, and tells what happened"
    );
    assert_eq!(came.done.unwrap(), Applied::Changed);
}

#[test]
fn helm_gives_up_before_any_step_that_installs_a_chart_does() {
    let catalog = crate::catalog::Catalog::load().unwrap();
    let steps = catalog
        .components
        .iter()
        .flat_map(|component| &component.steps);
    let limits: Vec<Duration> = steps
        .filter(|step| step.helm.is_some())
        .map(|step| step.limit)
        .collect();
    assert!(limits.len() >= 8, "{limits:?}");
    assert!(limits.iter().all(|limit| *limit > LIMIT), "{limits:?}");
    // And its hooks before helm itself, so that helm says which.
    let hooks: u64 = HOOK_LIMIT.trim_end_matches('m').parse().unwrap();
    assert!(Duration::from_mins(hooks) < LIMIT);
}
