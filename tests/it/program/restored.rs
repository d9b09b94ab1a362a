//! A restore after the data was destroyed, killed at every record of its journal: the promised rows, the same objects as
//! without a kill, and no job twice.

use serde_json::json;

use super::{
    Ran, Site,
    exact::{Cut, killed},
    kill, lines, objects,
};

/// Records of an undisturbed restore: its start, two for each step, its end.
pub const RECORDS: usize = 22;

/// The record that says that the first step of the switch is done: from there on a restore has a shorter way.
const SWITCHED: usize = 13;

/// Records of a run that goes on after the switch.
const REST: usize = 12;

/// The arguments of a restore to this moment that nobody is asked about.
pub fn restore(moment: &str) -> Vec<&str> {
    let mut arguments = vec!["--rehearsal", "--json", "restore", "--to", moment];
    arguments.extend(["--yes", "--confirm", "rehearsal"]);
    arguments
}

/// The last word of a restore: what was promised is what is there.
#[track_caller]
fn assert_restored(ran: Ran) {
    let ran = ran.exits(0);
    let lines = ran.json();
    let last = lines.last().unwrap();
    assert_eq!(last["event"], "restored", "{last}");
    assert_eq!(last["found"], last["promised"]);
    assert!(last["found"]["public.emr_patient"].as_u64().unwrap() >= 1500);
}

/// What the cluster holds, without the simulated rows: they grow while Care writes.
async fn left(site: &Site) -> Vec<String> {
    let mut all = objects::all(site).await;
    all.retain(|key, _| !objects::holds_rows(key));
    objects::neutral(&all)
}

/// The undisturbed restore, and what it leaves.
async fn undisturbed() -> Vec<String> {
    let (site, moment) = Site::destroyed().await;
    let ran = site.run(&restore(&moment)).await;
    let records = ran
        .json()
        .iter()
        .filter(|line| {
            ["run_started", "step", "run_ended"].contains(&line["event"].as_str().unwrap())
        })
        .count();
    assert_eq!(records, RECORDS, "{ran}");
    assert_restored(ran);
    objects::assert_jobs_once(&site);
    left(&site).await
}

/// A restore that is killed once, now and then with its cluster, and gone on with.
async fn once(expected: &[String], cut: Cut) {
    let (site, moment) = Site::destroyed().await;
    killed(&site, &restore(&moment), &site.restore_journal(), cut).await;
    if cut.leaves() % 3 == 1 {
        kill(site.practice());
    }
    assert_restored(site.run(&restore(&moment)).await);
    objects::assert_same(&left(&site).await, expected);
    objects::assert_jobs_once(&site);
    assert!(!site.restore_journal().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_again_and_again_each_time_after_a_later_record_brings_the_promised_rows()
 {
    let expected = undisturbed().await;
    let (site, moment) = Site::destroyed().await;
    let (arguments, journal) = (restore(&moment), site.restore_journal());
    let before = (1..=SWITCHED).step_by(2);
    for record in before.chain((2..REST).step_by(3)) {
        killed(&site, &arguments, &journal, Cut::After(record)).await;
        // A deploy would start the writers: it is refused meanwhile.
        if record == 7 {
            let deploy = ["--rehearsal", "--json", "deploy", "--yes"];
            let told = site.run(&deploy).await.exits(1).json();
            assert_eq!(told[0]["problem"]["code"], json!("RST-05"));
        }
    }
    assert_restored(site.run(&arguments).await);
    objects::assert_same(&left(&site).await, &expected);
    objects::assert_jobs_once(&site);
    once(&expected, Cut::After(RECORDS)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: a restore for both sides of every record; run by hand"]
async fn a_restore_that_is_killed_at_any_record_brings_the_promised_rows() {
    let expected = undisturbed().await;
    let cuts = (1..=RECORDS).map(Cut::After);
    let cuts: Vec<Cut> = cuts.chain((1..=RECORDS).map(Cut::Before)).collect();
    for cut in &cuts {
        once(&expected, *cut).await;
        println!("a restore killed {cut}: the promised rows, the same objects, no job twice");
    }
    println!("{} restores, each killed exactly there", cuts.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_and_summaries_say_that_it_is_a_restore() {
    let (site, moment) = Site::destroyed().await;
    let plain: Vec<&str> = restore(&moment)
        .into_iter()
        .map(|word| if word == "--json" { "--plain" } else { word })
        .collect();
    let journal = site.restore_journal();
    killed(&site, &restore(&moment), &journal, Cut::After(6)).await;
    assert!(lines(&journal) == 6);
    let shown = moment.replace('T', " ").replace('Z', " UTC");
    let ran = site.run(&plain).await.exits(0);
    let heading = format!(
        "Restoring PostgreSQL to {shown}, rehearsal on its practice cluster (REHEARSAL): 10 steps."
    );
    assert!(ran.out.contains(&heading), "{ran}");
    let end = format!("Restored: PostgreSQL is as it was at {shown}: 10 of 10 steps in ");
    assert!(ran.out.contains(&end), "{ran}");
    assert!(ran.out.contains(", exactly as promised."), "{ran}");
    assert!(!ran.out.contains("Deploying"), "{ran}");
}
