//! Killed after every record of the journal, and started again: the same end, and nothing done twice.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
};

use super::{REHEARSE, Site, kill, lines, objects, until};

/// Records of an undisturbed run: its start, two for each step, its end.
const RECORDS: usize = 58;

/// The undisturbed run, and what it leaves.
async fn undisturbed() -> (Site, Vec<String>) {
    let site = Site::prepared().await;
    site.run(REHEARSE).await.exits(0);
    assert_eq!(lines(&site.journal()), RECORDS);
    let left = objects::neutral(&objects::all(&site).await);
    (site, left)
}

/// Starts a run and kills it as soon as it has written so many records; gives how many it had written when it was dead.
async fn kill_after(site: &Site, records: usize) -> usize {
    let before = fs::metadata(site.journal()).map_or(0, |file| file.len());
    let mut running = site.start(REHEARSE);
    until("no such record", || written(site, before) >= records).await;
    running.child.start_kill().ok();
    let ran = running.ended().await;
    // Beside the last records the end may be faster than the kill.
    assert!(ran.status.code().is_none_or(|code| code == 0), "{ran}");
    written(site, before)
}

/// Whole records behind a place of the journal.
fn written(site: &Site, before: u64) -> usize {
    let Ok(mut file) = File::open(site.journal()) else {
        return 0;
    };
    let mut text = String::new();
    file.seek(SeekFrom::Start(before)).unwrap();
    file.read_to_string(&mut text).unwrap();
    text.matches('\n').count()
}

/// The end of a deploy that was disturbed: the same objects as without, every job once.
async fn assert_whole(site: &Site, undisturbed: &[String]) {
    let left = objects::neutral(&objects::all(site).await);
    let differ = |one: &[String], other: &[String]| {
        let other: BTreeSet<&String> = other.iter().collect();
        let only: Vec<String> = one
            .iter()
            .filter(|line| !other.contains(line))
            .cloned()
            .collect();
        only.join("\n  ")
    };
    let (more, fewer) = (differ(&left, undisturbed), differ(undisturbed, &left));
    assert!(
        more.is_empty() && fewer.is_empty(),
        "only after a kill:\n  {more}\nonly without:\n  {fewer}"
    );
    assert_eq!(left.len(), undisturbed.len());
    let jobs = objects::jobs_ever(site);
    assert!(jobs.len() >= 3, "{jobs:?}");
    for (name, (made, pods)) in jobs {
        assert_eq!(made.len(), 1, "the job {name} was made anew");
        assert_eq!(pods.len(), 1, "the job {name} ran more than once");
    }
}

/// How often the records are tried that the kill did not meet: the run is sometimes faster.
const ROUNDS: usize = 3;

/// One deploy, killed again and again: each start goes one record further, so that each kill meets it at new work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_that_is_killed_after_every_record_comes_to_the_same_end() {
    let (sample, left) = undisturbed().await;
    let mut missed: BTreeSet<usize> = (1..RECORDS).collect();
    for _round in 0..ROUNDS {
        let site = sample.twin();
        for records in missed.clone() {
            let wrote = kill_after(&site, records).await;
            assert!(wrote >= records);
            missed.remove(&wrote);
            // The practice cluster is a process of its own and lives on; now and then it is killed too.
            if records % 8 == 3 {
                kill(site.practice());
            }
        }
        site.run(REHEARSE).await.exits(0);
        assert_whole(&site, &left).await;
    }
    println!("records that no kill met exactly: {missed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_deploy_that_is_killed_once_with_its_cluster_comes_to_the_same_end() {
    let (sample, left) = undisturbed().await;
    for records in [1, 12, 24, 36, 48, 55] {
        println!("{}", fresh(&sample, records, &left).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: a fresh deploy for every record; run by hand"]
async fn a_fresh_deploy_that_is_killed_once_after_any_record_comes_to_the_same_end() {
    let (sample, left) = undisturbed().await;
    for records in 1..=RECORDS {
        println!("{}", fresh(&sample, records, &left).await);
    }
}

/// A deploy that is killed once, half of the times with its cluster, and gone on with; gives what came of it.
async fn fresh(sample: &Site, records: usize, left: &[String]) -> String {
    let site = sample.twin();
    let wrote = kill_after(&site, records).await;
    if records.is_multiple_of(2) {
        kill(site.practice());
    }
    let again = site.run(REHEARSE).await.exits(0);
    assert_whole(&site, left).await;
    let end = again.out.lines().last().unwrap();
    format!("killed after {records} ({wrote}): {end}")
}
