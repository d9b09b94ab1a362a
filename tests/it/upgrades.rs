//! A chart or an image that is pinned anew, on the practice cluster: what could be harmed is copied first, then the one step
//! changes something, then nothing does.

use std::path::Path;

use care_install::{
    engine::{
        event::{Done, Event, Outcome, StepState},
        run::{self, Setting},
    },
    plan::{Action, Database, ObjectRef, Plan, StepId},
    session::upgrade::secured,
};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::{
    catalog::sample_plan,
    rehearsal_deploy::{LIMIT, Practiced, at_rest, doors, serve, setting},
};

/// The plan with another version of a chart, as when somebody pins it anew.
fn pinned_anew(mut plan: Plan, step: &str, version: &str) -> Plan {
    let step = plan.steps.iter_mut().find(|one| one.id.as_str() == step);
    let Action::Helm(release) = &mut step.unwrap().action else {
        unreachable!("it installs a chart")
    };
    version.clone_into(&mut release.version);
    plan
}

async fn on(practiced: &Practiced, plan: Plan) -> Plan {
    secured(
        plan,
        &Database::first(),
        &doors(&practiced.kube, &practiced.serving.routes),
    )
    .await
    .unwrap()
}

/// Every state of every step, in the order in which they were told.
async fn told(practiced: &Practiced, plan: Plan, folder: &Path) -> Vec<(String, StepState)> {
    told_with(practiced, plan, setting(folder)).await
}

async fn told_with(
    practiced: &Practiced,
    plan: Plan,
    setting: Setting,
) -> Vec<(String, StepState)> {
    let run = run::start(
        plan,
        doors(&practiced.kube, &practiced.serving.routes),
        setting,
    )
    .unwrap();
    let mut events = run.subscribe();
    let mut told = Vec::new();
    let all = async {
        while let Some(event) = events.recv().await {
            if let Event::Step { step, state, .. } = event {
                told.push((step.to_string(), state));
            }
        }
        run.finished().await
    };
    assert_eq!(
        tokio::time::timeout(LIMIT, all).await.unwrap(),
        Outcome::Done
    );
    told
}

fn place(told: &[(String, StepState)], step: &str, what: fn(&StepState) -> bool) -> usize {
    let found = told
        .iter()
        .position(|(id, state)| id == step && what(state));
    assert!(found.is_some(), "{step}: {told:?}");
    found.unwrap()
}

fn is_done(state: &StepState) -> bool {
    matches!(state, StepState::Done { .. })
}

fn runs(state: &StepState) -> bool {
    matches!(state, StepState::Running { .. })
}

/// The steps that changed something.
fn changed(told: &[(String, StepState)]) -> Vec<&str> {
    let changed = told
        .iter()
        .filter(|(_, state)| matches!(state, StepState::Done { how: Done::Applied }));
    changed.map(|(id, _)| id.as_str()).collect()
}

fn steps(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

async fn backups(practiced: &Practiced, version: &str) -> Vec<String> {
    let of = ObjectRef::new(version, "Backup", "", "");
    let all = practiced.kube.list(&of, "").await.unwrap();
    let names = all
        .iter()
        .filter_map(|one| one.pointer("/metadata/name")?.as_str().map(str::to_owned));
    names.filter(|name| name.contains("-before-")).collect()
}

#[tokio::test]
async fn an_upgrade_of_the_database_operator_begins_with_a_backup_and_touches_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let plan = on(&practiced, sample_plan()).await;
    assert!(
        !steps(&plan).iter().any(|id| id.starts_with("before/")),
        "nothing is there yet"
    );
    told(&practiced, plan.clone(), folder.path()).await;
    assert_eq!(steps(&on(&practiced, plan.clone()).await), steps(&plan));

    let next = pinned_anew(plan.clone(), "cnpg/operator", "0.29.1");
    let planned = on(&practiced, next.clone()).await;
    assert_eq!(steps(&planned)[0], "before/database");
    assert_eq!(steps(&planned)[1..], steps(&plan));
    let note =
        "This upgrades cnpg: chart cloudnative-pg 0.29.0 becomes 0.29.1; a copy is made first.";
    assert_eq!(planned.notes.last().unwrap(), note);

    let events = told(&practiced, planned.clone(), folder.path()).await;
    assert!(place(&events, "before/database", is_done) < place(&events, "cnpg/operator", runs));
    assert_eq!(changed(&events), ["before/database", "cnpg/operator"]);
    let name = backups(&practiced, "postgresql.cnpg.io/v1").await;
    let target = ObjectRef::new("postgresql.cnpg.io/v1", "Backup", "database", &name[0]);
    let backup = practiced.kube.get(&target).await.unwrap().unwrap();
    assert_eq!(backup["status"]["phase"], "completed");

    // Once it is upgraded there is nothing to copy and nothing to do.
    let again = on(&practiced, next.clone()).await;
    assert_eq!(steps(&again), steps(&next));
    let before = at_rest(&practiced.kube).await;
    let events = told(&practiced, again, folder.path()).await;
    assert_eq!(changed(&events), Vec::<&str>::new());
    assert_eq!(at_rest(&practiced.kube).await, before);
    assert_eq!(backups(&practiced, "postgresql.cnpg.io/v1").await, name);
}

#[tokio::test]
async fn an_upgrade_of_the_object_store_begins_with_a_copy_of_its_volume_in_the_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let plan = sample_plan();
    told(&practiced, plan.clone(), folder.path()).await;
    // Only the image is another one, as where the chart stays.
    let mut next = plan;
    for step in &mut next.steps {
        if let Action::Helm(release) = &mut step.action
            && release.name == "rustfs"
        {
            release.values["image"]["rustfs"]["tag"] = "1.0.1".into();
        }
    }
    let planned = on(&practiced, next.clone()).await;
    assert_eq!(
        steps(&planned)[..2],
        ["before/rustfs-data-snapshot", "before/rustfs-data"]
    );
    let note = "This upgrades rustfs: release rustfs, image.rustfs.tag 1.0.0 becomes 1.0.1; a copy is made first.";
    assert_eq!(planned.notes.last().unwrap(), note);
    let events = told(&practiced, planned, folder.path()).await;
    assert!(
        place(&events, "before/rustfs-data", is_done) < place(&events, "rustfs/credentials", runs)
    );
    let own = [
        "before/rustfs-data-snapshot",
        "before/rustfs-data",
        "rustfs/release",
    ];
    assert_eq!(changed(&events), own);
    let name = backups(&practiced, "longhorn.io/v1beta2").await;
    let target = ObjectRef::new("longhorn.io/v1beta2", "Backup", "longhorn-system", &name[0]);
    let copy = practiced.kube.get(&target).await.unwrap().unwrap();
    assert_eq!(copy["status"]["state"], "Completed");
    assert!(
        copy["status"]["volumeName"]
            .as_str()
            .unwrap()
            .starts_with("pvc-")
    );
    assert_eq!(steps(&on(&practiced, next.clone()).await), steps(&next));
}

#[tokio::test]
async fn an_upgrade_that_was_cut_off_takes_the_copy_that_is_there_and_another_when_that_failed() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let plan = sample_plan();
    told(&practiced, plan.clone(), folder.path()).await;
    let next = pinned_anew(plan.clone(), "cnpg/operator", "0.29.1");
    let copy = |plan: &Plan| plan.steps[0].action.objects()[0].clone();
    let first = copy(&on(&practiced, next.clone()).await);
    // Cut off after the backup, before the upgrade.
    practiced.kube.apply(&first).await.unwrap();
    let same = on(&practiced, next.clone()).await;
    assert_eq!(copy(&same).reference(), first.reference());
    let events = told(&practiced, same, folder.path()).await;
    assert_eq!(
        backups(&practiced, "postgresql.cnpg.io/v1").await,
        [first.reference().name]
    );
    assert_eq!(changed(&events).last(), Some(&"cnpg/operator"));

    // The next upgrade, whose first backup fails.
    let later = pinned_anew(plan, "cnpg/operator", "0.29.2");
    let failing = copy(&on(&practiced, later.clone()).await);
    let mut broken: Value = failing.value().clone();
    broken["status"] = serde_json::json!({"phase": "failed", "error": "the bucket refused"});
    practiced.kube.apply(&failing).await.unwrap();
    fail(&practiced, &broken).await;
    let planned = on(&practiced, later).await;
    assert_ne!(copy(&planned).reference(), failing.reference());
    // Who asks for the one step gets its copy with it.
    let mut only = setting(folder.path());
    only.chosen.only = Some(StepId::from_text("cnpg/operator"));
    let events = told_with(&practiced, planned, only).await;
    assert!(place(&events, "before/database", is_done) < place(&events, "cnpg/operator", runs));
    assert_eq!(changed(&events), ["before/database", "cnpg/operator"]);
}

/// Makes a backup fail, as its operator would.
async fn fail(practiced: &Practiced, object: &Value) {
    let path = format!(
        "{}/apis/postgresql.cnpg.io/v1/namespaces/database/backups/{}/status",
        practiced.serving.url,
        object["metadata"]["name"].as_str().unwrap()
    );
    let body = serde_json::json!({"status": object["status"]}).to_string();
    let mut command = std::process::Command::new("curl");
    let token = practiced.serving.token.expose_secret();
    let login = format!("Authorization: Bearer {token}");
    command.args(["-H", &login]).args([
        "-sS",
        "--fail-with-body",
        "-X",
        "PATCH",
        "-H",
        "Content-Type: application/merge-patch+json",
        "-d",
        &body,
        &path,
    ]);
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stdout)
    );
}
