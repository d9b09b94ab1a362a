//! Scenarios under a run, and time that is paused, stepped and sped up while the practice cluster is served.

use std::collections::BTreeSet;

use care_install::{
    engine::{
        event::{Event, Outcome},
        run::RunHandle,
    },
    plan::{Object, ObjectRef},
    rehearsal::{
        Speed,
        pace::{self, Pace, Wish},
    },
};
use serde_json::json;

use crate::{
    catalog::sample_plan,
    rehearsal_deploy::{LIMIT, ended, scenario, serve, serve_at, start},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_ends_done_though_the_api_refuses_one_request_of_five() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    practiced.kube.apply(&scenario("api-flaky")).await.unwrap();
    let run = start(&practiced, sample_plan(), folder.path());
    let (outcome, states) = ended(&run).await;
    assert_eq!(outcome, Outcome::Done, "{states:#?}");
    // Whoever is refused can also end it.
    practiced.kube.apply(&scenario("healthy")).await.unwrap();
}

/// What the steps said they wait for, until the run has ended.
async fn waits(run: &RunHandle) -> (Outcome, BTreeSet<String>) {
    let mut events = run.subscribe();
    let mut said = BTreeSet::new();
    let all = async {
        while let Some(event) = events.recv().await {
            if let Event::Waiting { waiting, .. } = event {
                said.extend(waiting.reasons.into_iter().map(|reason| reason.sentence));
            }
        }
        run.finished().await
    };
    let outcome = tokio::time::timeout(LIMIT, all).await.unwrap();
    (outcome, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_disks_are_waited_for_by_name_and_the_deploy_ends_done() {
    let folder = tempfile::tempdir().unwrap();
    // What is said lasts a second or two at this speed, so that it is heard on a busy computer too.
    let practiced = serve_at(folder.path(), Speed::Times(50)).await;
    practiced.kube.apply(&scenario("slow-disks")).await.unwrap();
    let run = start(&practiced, sample_plan(), folder.path());
    let (outcome, said) = waits(&run).await;
    assert_eq!(outcome, Outcome::Done, "{said:#?}");
    let told = |words: [&str; 2]| {
        said.iter()
            .any(|one| words.iter().all(|word| one.contains(word)))
    };
    assert!(
        told([
            "claim care-db-1 (class longhorn-database)",
            "waits for its disk, which is slow"
        ]),
        "{said:#?}"
    );
    assert!(
        told([
            "waits for the disk of claim care-db-1 (class longhorn-database) on",
            "is slow to answer"
        ]),
        "{said:#?}"
    );
}

fn workload() -> Object {
    let labels = json!({"app": "web"});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "web", "image": "example.org/web:1"}]}}}});
    Object::from_value(deployment).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_cluster_moves_only_by_steps_and_goes_on_when_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let kube = &practiced.kube;
    let paused = pace::ask(kube, Wish::Pace(Pace::Paused)).await.unwrap();
    kube.apply(&workload()).await.unwrap();
    let target = ObjectRef::new("apps/v1", "Deployment", "default", "web");
    let ready = async || {
        let web = kube.get(&target).await.unwrap().unwrap();
        web["status"]["readyReplicas"] == 1
    };
    assert!(
        !ready().await,
        "its pod takes eight seconds that do not pass"
    );
    let mut steps = 0;
    let mut last = paused.at;
    while !ready().await {
        let stepped = pace::ask(kube, Wish::Step).await.unwrap();
        assert_eq!(stepped.pace, Pace::Paused);
        assert!(stepped.at >= last, "time went back");
        last = stepped.at;
        steps += 1;
        assert!(steps < 20, "it never becomes ready");
    }
    let moved = last.duration_since(paused.at).as_secs();
    assert!(
        steps >= 2 && (7..=9).contains(&moved),
        "{steps} steps, {moved} s"
    );
    let runs = pace::ask(kube, Wish::Pace(Pace::Runs(Speed::Times(20))))
        .await
        .unwrap();
    assert!(runs.at >= last);
    assert_eq!(pace::taken(kube).await.unwrap(), Some(runs));
    let clock = runs.clock();
    assert!(clock.now() >= runs.at);
    // A cluster that is started again passes as it is told then.
    practiced.serving.stop.cancel();
    practiced.serving.ended().await;
    let practiced = serve(folder.path()).await;
    assert_eq!(pace::taken(&practiced.kube).await.unwrap(), None);
}
