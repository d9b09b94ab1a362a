//! A deploy and a restore never work at the same time: the second is told which one goes on, and nothing is changed.

use care_install::{
    plan::Object,
    rehearsal,
    sys::kube::{Applied, Kube},
};
use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};

use tokio::time::timeout;

use super::{LIMIT, REHEARSE, Site, lines, restored::restore, until};

/// The problem with which a command is refused.
async fn refused(site: &Site, arguments: &[&str]) -> Value {
    let told = site.run(arguments).await.exits(1).json();
    let problem = told.iter().find(|line| line["event"] == "problem");
    problem.expect("no problem")["problem"].clone()
}

const DEPLOY: &[&str] = &["--rehearsal", "--json", "deploy", "--yes"];
const CANCEL: &[&str] = &["--rehearsal", "--json", "restore", "cancel"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_restore_goes_on_a_deploy_another_restore_and_a_cancel_are_told_and_refused() {
    let (site, moment) = Site::destroyed().await;
    // At a speed that others can follow.
    let _served = site.start(&["rehearse", "--serve", "--speed", "5"]);
    let served = async { while rehearsal::find(&site.cluster()).await.is_none() {} };
    timeout(LIMIT, served).await.unwrap();
    let journal = site.restore_journal();
    let running = site.start(&restore(&moment));
    until("no step began", || lines(&journal) > 1).await;
    let other = restore("latest");
    for arguments in [DEPLOY, CANCEL, &other] {
        let problem = refused(&site, arguments).await;
        assert_eq!(problem["code"], "HOST-02", "{problem}");
        assert_eq!(
            problem["what"],
            "Another run goes on for this site: a restore."
        );
        let cause = problem["causes"][0].as_str().unwrap();
        assert!(
            cause.starts_with("it is restoring PostgreSQL to "),
            "{cause}"
        );
    }
    running.signal(Signal::INT);
    let stopped = running.ended().await.exits(3).json();
    let summary = stopped.last().unwrap();
    assert_eq!(summary["purpose"]["is"], "restore");
    assert_eq!(summary["purpose"]["moment"], moment.as_str());
    // It is not over: a deploy would start the writers.
    assert_eq!(refused(&site, DEPLOY).await["code"], "RST-05");
    let told = site.run(CANCEL).await.exits(0).json();
    assert_eq!(told.last().unwrap()["event"], "restore_cancelled");
    let summary = told.iter().find(|line| line["event"] == "summary");
    assert_eq!(summary.unwrap()["purpose"]["is"], "put-back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_deploy_goes_on_a_restore_is_told_and_refused() {
    let site = Site::prepared().await;
    let slow = ["rehearse", "--yes", "--plain", "--speed", "50"];
    let running = site.start(&slow);
    until("no step began", || lines(&site.journal()) > 6).await;
    let problem = refused(&site, &restore("latest")).await;
    assert_eq!(problem["code"], "HOST-02", "{problem}");
    assert_eq!(
        problem["what"],
        "Another run goes on for this site: a deploy."
    );
    assert!(running.killed().await.is_some(), "it had ended");
}

/// The lease as another computer holds it.
async fn held_elsewhere(site: &Site) {
    let point = rehearsal::find(&site.cluster()).await.unwrap();
    let kube = Kube::connect(&point.source()).await.unwrap();
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "care-install", "namespace": "kube-system"},
        "spec": {
            "holderIdentity": "bert@desk pid 8 run two", "leaseDurationSeconds": 3600,
            "renewTime": format!("{:.6}", Timestamp::now()),
        },
    });
    let applied = kube
        .apply(&Object::from_value(lease).unwrap())
        .await
        .unwrap();
    assert_ne!(applied, Applied::Unchanged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_waits_for_the_lease_of_the_cluster_as_a_deploy_does_and_leaves_nothing_in_the_way()
 {
    let (site, moment) = Site::destroyed().await;
    site.run(&["--rehearsal", "--json", "backup", "list"])
        .await
        .exits(0);
    held_elsewhere(&site).await;
    for arguments in [&restore(&moment)[..], DEPLOY] {
        let problem = refused(&site, arguments).await;
        assert_eq!(problem["code"], "RUN-06", "{problem}");
        let cause = problem["causes"][0].as_str().unwrap();
        assert!(
            cause.starts_with("it is bert@desk pid 8 run two"),
            "{cause}"
        );
    }
    // Nothing was begun, so nothing waits to be gone on with.
    assert_eq!(refused(&site, CANCEL).await["code"], "RST-06");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_killed_deploy_a_restore_of_the_same_folder_need_not_wait_for_its_lease() {
    let (site, moment) = Site::destroyed().await;
    let cut = super::exact::Cut::After(3);
    super::exact::killed(&site, REHEARSE, &site.journal(), cut).await;
    let told = site.run(&restore(&moment)).await.exits(0).json();
    assert_eq!(told.last().unwrap()["event"], "restored");
}
