//! Restores of the practice cluster by the program itself: the rows that were promised come back, killed or not; cancelled, nothing has changed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use care_install::{
    catalog::standin::{self, Makers},
    engine::{
        event::{Command as Steer, Event, StepState},
        run::{self as engine, Chosen, Setting},
    },
    plan::{Action, Object, ObjectRef, Plan, Ready},
    problem::{Code, Problem},
    rehearsal::{self, Scenario, schema},
    sys::{
        Doors, Routes,
        clock::Clock,
        daemon,
        helm::{Helm, Practice as Practised},
        kube::Kube,
    },
};
use serde_json::{Value, json};
use tokio::{process::Command, sync::OnceCell, time::timeout};

use crate::catalog::sample_plan;

/// Longer than any command here takes on a busy computer.
const LIMIT: Duration = Duration::from_mins(2);

/// A site whose tables were emptied, with a good moment before; its practice cluster is copied for every test.
#[derive(Debug)]
struct Prepared {
    folder: tempfile::TempDir,
    moment: String,
}

static PREPARED: OnceCell<Prepared> = OnceCell::const_new();

/// A practice site with its own cluster, which ends with it.
struct Practice {
    folder: tempfile::TempDir,
}

impl Drop for Practice {
    fn drop(&mut self) {
        end_cluster(self.folder.path());
    }
}

fn cluster_folder(site: &Path) -> PathBuf {
    site.join("rehearsal/cluster")
}

/// Ends the cluster's process, whose number it has written down.
fn end_cluster(site: &Path) {
    let text = fs::read(cluster_folder(site).join("point.json")).unwrap_or_default();
    let point: Value = serde_json::from_slice(&text).unwrap_or_default();
    if let Some(pid) = point["pid"].as_u64() {
        daemon::terminate(u32::try_from(pid).unwrap());
    }
}

fn command(site: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_care-install"));
    command
        .env("CARE_INSTALL_HOME", site.join("home"))
        .args(["--json", "--site"])
        .arg(site)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Every line that a command wrote, and its exit code.
async fn run(site: &Path, arguments: &[&str]) -> (Vec<Value>, i32) {
    let output = timeout(LIMIT, command(site, arguments).output()).await;
    let output = output.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (lines.collect(), output.status.code().unwrap())
}

async fn client(site: &Path) -> Kube {
    let point = rehearsal::find(&cluster_folder(site)).await.unwrap();
    Kube::connect(&point.source()).await.unwrap()
}

async fn now(site: &Path) -> Value {
    let (lines, exit) = run(site, &["--rehearsal", "backup", "list"]).await;
    assert_eq!(exit, 0, "{lines:?}");
    lines[0]["inventory"].clone()
}

/// Deploys, takes a moment at which Care has rows, lets it pass, and empties the tables.
async fn prepare() -> Prepared {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path();
    let (lines, exit) = run(site, &["rehearse", "--yes", "--speed", "max"]).await;
    assert_eq!(exit, 0, "{:?}", lines.last());
    let kube = client(site).await;
    let rows = ObjectRef::new("v1", "ConfigMap", "database", "care-db-rows");
    let counted = async {
        let mut feed = kube.feed().watch(&rows).await.unwrap();
        loop {
            let counts = kube.get(&rows).await.unwrap().unwrap_or_default();
            if counts["data"]["counts"]
                .as_str()
                .is_some_and(|text| text.contains(":1500"))
            {
                break;
            }
            feed.changed().await;
        }
    };
    timeout(LIMIT, counted).await.unwrap();
    let moment = now(site).await["now"].as_str().unwrap().to_owned();
    while now(site).await["now"] == json!(moment) {}
    rehearsal::set_scenario(&kube, Scenario::DataDestroyed)
        .await
        .unwrap();
    let emptied = async { while now(site).await["now"] == json!(moment) {} };
    timeout(LIMIT, emptied).await.unwrap();
    end_cluster(site);
    let ended = async { while rehearsal::find(&cluster_folder(site)).await.is_some() {} };
    timeout(LIMIT, ended).await.unwrap();
    Prepared { folder, moment }
}

/// Copies the prepared site into a folder, and gives the good moment.
pub async fn destroyed(folder: &Path) -> String {
    let prepared = PREPARED.get_or_init(prepare).await;
    copy(prepared.folder.path(), folder);
    prepared.moment.clone()
}

/// A copy of the prepared site, and the good moment.
async fn practice() -> (Practice, String) {
    let prepared = PREPARED.get_or_init(prepare).await;
    let folder = tempfile::tempdir().unwrap();
    copy(prepared.folder.path(), folder.path());
    (Practice { folder }, prepared.moment.clone())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, into) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &into);
        } else if kind.is_file() {
            fs::copy(entry.path(), into).unwrap();
        }
    }
}

fn restore(moment: &str) -> Vec<&str> {
    let mut arguments = vec!["--rehearsal", "restore", "--to", moment];
    arguments.extend(["--yes", "--confirm", "rehearsal"]);
    arguments
}

/// The last word of a restore: what was promised is what is there.
fn assert_restored(lines: &[Value], exit: i32) {
    let last = lines.last().unwrap();
    assert_eq!((exit, &last["event"]), (0, &json!("restored")), "{last}");
    assert_eq!(last["found"], last["promised"]);
    assert!(
        last["found"]["public.emr_patient"].as_u64().unwrap() >= 1500,
        "{last}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_after_the_data_was_destroyed_brings_the_promised_rows_and_a_deploy_keeps_them() {
    let (practice, moment) = practice().await;
    let site = practice.folder.path();
    let (lines, exit) = run(site, &restore(&moment)).await;
    assert_restored(&lines, exit);
    let kube = client(site).await;
    let settings = ObjectRef::new("v1", "ConfigMap", "care-be", "care-settings");
    let host = kube.get(&settings).await.unwrap().unwrap()["data"]["POSTGRES_HOST"].clone();
    assert_eq!(host, "care-db-g2-rw.database.svc");
    // Nothing of it is undone by a deploy; the former database is still there.
    let (lines, exit) = run(site, &["--rehearsal", "deploy", "--yes"]).await;
    let summary = lines.last().unwrap();
    assert_eq!(
        (exit, &summary["steps"]["applied"]),
        (0, &json!(0)),
        "{summary}"
    );
    let former = ObjectRef::new("postgresql.cnpg.io/v1", "Cluster", "database", "care-db");
    assert!(kube.get(&former).await.unwrap().is_some());
    // The restored database can be restored as well, from its own first backup on.
    let (lines, exit) = run(site, &restore("latest")).await;
    let last = lines.last().unwrap();
    assert_eq!((exit, &last["event"]), (0, &json!("restored")), "{last}");
    assert_eq!(last["server"], "care-db-3");
    // The latest moment lies after the last count, whose rows are promised: Care may have written since.
    for (table, promised) in last["promised"].as_object().unwrap() {
        assert!(last["found"][table].as_u64() >= promised.as_u64(), "{last}");
    }
}

/// What belongs to production: revisions of what holds and leads to the data, wishes of what runs.
async fn production(site: &Path) -> BTreeMap<String, Value> {
    let kube = client(site).await;
    let mut found = BTreeMap::new();
    let whole = [
        ("v1", "Service"),
        ("v1", "Secret"),
        ("v1", "ConfigMap"),
        ("v1", "PersistentVolumeClaim"),
    ];
    let wishes = [
        ("apps/v1", "Deployment"),
        ("postgresql.cnpg.io/v1", "Cluster"),
        ("postgresql.cnpg.io/v1", "Database"),
        ("postgresql.cnpg.io/v1", "ScheduledBackup"),
        ("barmancloud.cnpg.io/v1", "ObjectStore"),
    ];
    for (version, kind) in whole.into_iter().chain(wishes) {
        for namespace in ["database", "care-be"] {
            let of = ObjectRef::new(version, kind, namespace, "");
            for object in kube.list(&of, "").await.unwrap() {
                let name = object["metadata"]["name"].as_str().unwrap();
                // The rows themselves are PostgreSQL's, and the number that was used up is remembered.
                if name.ends_with("-rows") || name.ends_with("-practice") || name == "care-restores"
                {
                    continue;
                }
                let kept = if whole.contains(&(version, kind)) {
                    &object["metadata"]["resourceVersion"]
                } else {
                    &object["spec"]
                };
                found.insert(format!("{kind} {namespace}/{name}"), kept.clone());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_restores_are_refused_and_change_nothing() {
    let (practice, moment) = practice().await;
    let site = practice.folder.path();
    now(site).await;
    let before = production(site).await;
    let name = [
        "--rehearsal",
        "restore",
        "--to",
        &moment,
        "--yes",
        "--confirm",
        "other",
    ];
    let cases = [
        (restore("2020-01-01T00:00:00Z"), "RST-01"),
        (restore("2100-01-01T00:00:00Z"), "RST-02"),
        (restore("yesterday"), "RST-09"),
        (vec!["--rehearsal", "restore", "--to", &moment], "RST-08"),
        (name.to_vec(), "RST-08"),
        (vec!["--rehearsal", "restore"], "RST-09"),
        (vec!["--rehearsal", "restore", "cancel"], "RST-06"),
    ];
    for (arguments, code) in cases {
        let (lines, exit) = run(site, &arguments).await;
        let problem = lines
            .iter()
            .find(|line| line["event"] == "problem")
            .unwrap();
        assert_eq!(
            (exit, &problem["problem"]["code"]),
            (1, &json!(code)),
            "{arguments:?}"
        );
    }
    assert_eq!(before, production(site).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_do_not_reach_the_bucket_cannot_be_restored() {
    let (practice, _) = practice().await;
    let site = practice.folder.path();
    now(site).await;
    let kube = client(site).await;
    rehearsal::set_scenario(&kube, Scenario::WalArchivingFails)
        .await
        .unwrap();
    let cluster = ObjectRef::new("postgresql.cnpg.io/v1", "Cluster", "database", "care-db");
    let said = async {
        let mut feed = kube.feed().watch(&cluster).await.unwrap();
        let fails = |live: Value| {
            let all = live["status"]["conditions"].as_array().cloned();
            all.into_iter()
                .flatten()
                .any(|one| one["type"] == "ContinuousArchiving" && one["status"] == "False")
        };
        while !fails(kube.get(&cluster).await.unwrap().unwrap()) {
            feed.changed().await;
        }
    };
    timeout(LIMIT, said).await.unwrap();
    let inventory = now(site).await;
    assert_eq!(inventory["archive"]["archive"], "fails", "{inventory}");
    let now = inventory["now"].as_str().unwrap();
    let (lines, exit) = run(site, &restore(now)).await;
    let problem = &lines[0]["problem"];
    assert_eq!((exit, &problem["code"]), (1, &json!("RST-02")), "{problem}");
    assert!(problem.to_string().contains("exit status 4"), "{problem}");
}

/// The recovery step alone, with its Cluster changed into a mistake that the program itself would refuse.
fn wrong_plan(name: &str, server: &str, origin: &str, moment: &str) -> Plan {
    let mut plan = sample_plan();
    plan.steps
        .retain(|step| step.id.as_str() == "postgres/cluster");
    let step = &mut plan.steps[0];
    let mut value = step.action.objects()[0].value().clone();
    value["metadata"]["name"] = name.into();
    value["spec"]["plugins"][0]["parameters"]["serverName"] = server.into();
    value["spec"]["bootstrap"] = json!({"recovery": {
        "source": "origin", "database": "care", "owner": "care", "secret": {"name": "pg-role-care"},
        "recoveryTarget": {"targetTime": moment},
    }});
    value["spec"]["externalClusters"] = json!([{"name": "origin", "plugin": {
        "name": "barman-cloud.cloudnative-pg.io",
        "parameters": {"barmanObjectName": "care-db", "serverName": origin},
    }}]);
    let object = Object::from_value(value).unwrap();
    step.ready = vec![Ready::Object(object.reference())];
    step.action = Action::Apply(vec![object]);
    step.needs.clear();
    plan
}

/// Runs the step, and gives the problem with which it ends.
async fn problem_of(kube: &Kube, plan: Plan) -> Problem {
    let folder = tempfile::tempdir().unwrap();
    let doors = Doors {
        kube: kube.clone(),
        feed: kube.feed(),
        helm: Helm::Practice(Practised {
            objects: |release| standin::objects(release, Makers::Chart),
            definition: schema::crd,
        }),
        clock: Clock::real(),
        routes: Routes::default(),
    };
    let setting = Setting {
        journal: folder.path().join("journal.jsonl"),
        cluster: "practice".to_owned(),
        rehearsal: true,
        chosen: Chosen::default(),
        clock: Clock::real(),
        hold: None,
    };
    let run = engine::start(plan, doors, setting).unwrap();
    let mut events = run.subscribe();
    let failed = async {
        while let Some(event) = events.recv().await {
            if let Event::Step {
                state: StepState::Failed { problem, .. },
                ..
            } = event
            {
                // The run may have ended with its only step.
                run.commands().send(Steer::StopNow).await.ok();
                return Some(problem);
            }
        }
        None
    };
    let failed = timeout(LIMIT, failed).await.unwrap();
    failed.expect("the run ended without a problem")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_that_can_never_succeed_is_named_from_its_pods_logs_and_given_up() {
    let (practice, moment) = practice().await;
    let site = practice.folder.path();
    // A speed at which a minute of the cluster can be told from a look of the engine.
    let mut served = command(site, &["rehearse", "--serve", "--speed", "8"]);
    let served = served.stdout(Stdio::null()).spawn();
    let _served = served.unwrap();
    let up = async { while rehearsal::find(&cluster_folder(site)).await.is_none() {} };
    timeout(LIMIT, up).await.unwrap();
    let kube = client(site).await;
    let (early, late) = ("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    let cases = [
        (
            wrong_plan("same", "care-db-1", "care-db-1", &moment),
            Code::Rst04,
            "exit status 1",
        ),
        (
            wrong_plan("early", "care-db-81", "care-db-1", early),
            Code::Rst07,
            "no target backup found",
        ),
        (
            wrong_plan("nobody", "care-db-82", "nobody", &moment),
            Code::Rst07,
            "no target backup found",
        ),
        (
            wrong_plan("late", "care-db-83", "care-db-1", late),
            Code::Rst02,
            "recovery ended before configured recovery target was reached",
        ),
    ];
    for (plan, code, words) in cases {
        let target = plan.steps[0].action.objects()[0].reference();
        let problem = problem_of(&kube, plan).await;
        assert_eq!(problem.code, code, "{problem}");
        assert!(problem.to_string().contains(words), "{problem}");
        // By the cluster's own clock.
        let cluster = kube.get(&target).await.unwrap().unwrap();
        let moment = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let made = moment(&cluster["metadata"]["creationTimestamp"]);
        let took = moment(&now(site).await["now"])
            .duration_since(made)
            .as_secs();
        assert!(took <= 60, "{target}: named after {took} s");
    }
}
