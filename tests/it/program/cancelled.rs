//! A restore that is cancelled before the switch leaves production untouched.
//!
//! Equal is the resourceVersion of every object of the cluster: of the database with its Cluster, Secrets, Services, claims,
//! volumes, object store, backups and schedules, and of everything else. Once the programs that write have been stopped,
//! their Deployments have two changes more (replicas to 0 and back), and so their pods are new; all that a Deployment says,
//! beside revision, generation and status, is equal. Two things are there that were not: `database/care-restores` with the
//! number that is used up, and the released volumes of the database that was to be, which the storage class keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Site,
    exact::{Cut, killed},
    kill,
    objects::{self, Objects},
    restored::restore,
};

/// The record after which the first step of the switch is at work.
const LAST: usize = 12;

/// The record after which the writers are being stopped.
const STOPPING: usize = 2;

/// What exists because programs run, and is made anew when they are started again.
const RUNNING: &[&str] = &[
    "Pod",
    "ReplicaSet",
    "EndpointSlice",
    "Endpoints",
    "PodMetrics",
];

/// Every object that a cancel should not touch, with what must be equal.
fn production(all: &Objects, stopped: bool) -> BTreeMap<String, Value> {
    let mut kept = BTreeMap::new();
    for (key, object) in all {
        let mut parts = key.split(' ').skip(1);
        let mut part = || parts.next().expect(key);
        let (kind, namespace, name) = (part(), part(), part());
        if objects::is_restless(key) || objects::holds_rows(key) || name == "care-restores" {
            continue;
        }
        let writers = stopped && namespace == "care-be";
        if writers && RUNNING.contains(&kind) {
            continue;
        }
        // A budget counts the pods that run: its status moves with them.
        let counts = matches!(kind, "Deployment" | "PodDisruptionBudget");
        // A schedule's status says when it last ran, and its time may come meanwhile.
        let equal = if writers && counts || kind == "CronJob" {
            said(object)
        } else {
            object["metadata"]["resourceVersion"].clone()
        };
        kept.insert(key.clone(), equal);
    }
    kept
}

/// All that an object says, beside revision, generation and status.
fn said(object: &Value) -> Value {
    let mut said = object.clone();
    said["status"] = Value::Null;
    for field in ["resourceVersion", "generation", "managedFields"] {
        said["metadata"][field] = Value::Null;
    }
    said
}

/// The volumes of the database that was to be: their storage class keeps them when their claims go.
fn released(all: &Objects) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (key, object) in all {
        let claim = object
            .pointer("/spec/claimRef/name")
            .and_then(Value::as_str);
        if claim.is_some_and(|claim| claim.starts_with("care-db-g2-")) {
            let name = key.rsplit(' ').next().unwrap();
            found.insert(key.clone());
            found.insert(format!(
                "/apis/longhorn.io/v1beta2 Volume longhorn-system {name}"
            ));
        }
    }
    found
}

/// Kills a restore there, cancels it and compares; gives how many objects were compared.
async fn cancelled(cut: Cut) -> usize {
    let (site, moment) = Site::destroyed().await;
    // The practice cluster is started, and comes to rest.
    site.run(&["--rehearsal", "--json", "backup", "list"])
        .await
        .exits(0);
    let before = objects::all(&site).await;
    killed(&site, &restore(&moment), &site.restore_journal(), cut).await;
    if cut.leaves() % 4 == 1 {
        kill(site.practice());
    }
    let cancel = ["--rehearsal", "--json", "restore", "cancel"];
    let told = site.run(&cancel).await.exits(0).json();
    assert_eq!(
        told.last().unwrap()["event"],
        json!("restore_cancelled"),
        "{cut}"
    );
    let after = objects::all(&site).await;
    let stopped = cut.leaves() >= STOPPING && cut != Cut::After(STOPPING);
    let released = released(&after);
    let (before, after) = (production(&before, stopped), production(&after, stopped));
    let differ: Vec<&String> = before
        .keys()
        .chain(after.keys())
        .filter(|key| before.get(*key) != after.get(*key) && !released.contains(*key))
        .collect();
    assert!(differ.is_empty(), "{cut}: {differ:#?}");
    assert!(
        before
            .keys()
            .any(|key| key.ends_with(" Cluster database care-db"))
    );
    before.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_cancelled_before_the_switch_leaves_every_revision_of_production_as_it_was()
 {
    for cut in [
        Cut::Before(1),
        Cut::After(STOPPING),
        Cut::Before(3),
        Cut::After(9),
        Cut::After(LAST),
    ] {
        cancelled(cut).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: a cancel for both sides of every record before the switch; run by hand"]
async fn a_restore_that_is_cancelled_at_any_record_before_the_switch_leaves_production_as_it_was() {
    let cuts = (1..=LAST).map(Cut::After);
    let cuts: Vec<Cut> = cuts.chain((1..=LAST).map(Cut::Before)).collect();
    for cut in &cuts {
        let compared = cancelled(*cut).await;
        println!("cancelled {cut}: {compared} objects are as they were");
    }
    println!(
        "{} restores, each killed exactly there and cancelled",
        cuts.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_the_cluster_names_the_new_database_nothing_is_put_back_and_the_restore_goes_on() {
    let (site, moment) = Site::destroyed().await;
    let cut = Cut::Before(LAST + 1);
    killed(&site, &restore(&moment), &site.restore_journal(), cut).await;
    let cancel = ["--rehearsal", "--json", "restore", "cancel"];
    let told = site.run(&cancel).await.exits(1).json();
    assert_eq!(told[0]["problem"]["code"], json!("RST-06"));
    let told = site.run(&restore(&moment)).await.exits(0).json();
    assert_eq!(
        told.last().unwrap()["found"],
        told.last().unwrap()["promised"]
    );
}
