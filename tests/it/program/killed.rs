//! Killed after every record of the journal, and started again: the same end, and nothing done twice.

use std::collections::BTreeSet;

use super::{REHEARSE, Ran, Running, Site, kill, lines, objects, until};

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

/// Starts a run and kills it as soon as it has written so many records; gives how many it wrote, or what it said when it
/// had ended by then.
async fn kill_after(site: &Site, records: usize) -> Result<usize, Ran> {
    let before = lines(&site.journal());
    let mut running: Running = site.start(REHEARSE);
    let journal = site.journal();
    until("no such record", || {
        lines(&journal) >= before + records || running.child.try_wait().unwrap().is_some()
    })
    .await;
    running.child.start_kill().ok();
    let ran = running.ended().await;
    if ran.status.code().is_some() {
        return Err(ran);
    }
    Ok(lines(&journal) - before)
}

/// The end of a deploy that was disturbed: the same objects as without, every job once.
async fn assert_whole(site: &Site, undisturbed: &[String]) {
    let left = objects::neutral(&objects::all(site).await);
    let (now, then): (BTreeSet<_>, BTreeSet<_>) = (left.iter().collect(), undisturbed.iter().collect());
    let (more, fewer): (Vec<_>, Vec<_>) = (now.difference(&then).collect(), then.difference(&now).collect());
    assert!(more.is_empty() && fewer.is_empty(), "more: {more:#?}\nfewer: {fewer:#?}");
    assert_eq!(left.len(), undisturbed.len());
    let jobs = objects::jobs_ever(site);
    assert!(jobs.len() >= 3, "{jobs:?}");
    for (name, (made, pods)) in jobs {
        assert_eq!(made.len(), 1, "the job {name} was made anew");
        assert_eq!(pods.len(), 1, "the job {name} ran more than once");
    }
}

/// One deploy, killed again and again: each start goes one record further, so that each kill meets it at new work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_that_is_killed_after_every_record_comes_to_the_same_end() {
    let (sample, left) = undisturbed().await;
    let site = sample.twin();
    let mut exact = BTreeSet::new();
    for records in 1..RECORDS {
        // The practice cluster is another process: it lives on, but for some of the times.
        let wrote = kill_after(&site, records).await;
        let wrote = wrote.unwrap_or_else(|ran| panic!("ended before record {records}: {ran}"));
        assert!(wrote >= records);
        if wrote == records {
            exact.insert(records);
        }
        if records % 8 == 3 {
            kill(site.practice());
        }
    }
    println!("{} of {} kills met the very record", exact.len(), RECORDS - 1);
    site.run(REHEARSE).await.exits(0);
    assert_whole(&site, &left).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_deploy_that_is_killed_once_with_its_cluster_comes_to_the_same_end() {
    let (sample, left) = undisturbed().await;
    for records in [1, 12, 24, 36, 48, 55] {
        fresh(&sample, records, &left).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: a fresh deploy for every record; run by hand"]
async fn a_fresh_deploy_that_is_killed_once_after_any_record_comes_to_the_same_end() {
    let (sample, left) = undisturbed().await;
    for records in 1..=RECORDS {
        fresh(&sample, records, &left).await;
    }
}

async fn fresh(sample: &Site, records: usize, left: &[String]) {
    let site = sample.twin();
    let wrote = kill_after(&site, records).await;
    if records % 2 == 0 {
        kill(site.practice());
    }
    let again = site.run(REHEARSE).await.exits(0);
    println!("killed after {records} ({wrote}): {}", again.out.lines().last().unwrap(),
        wrote = wrote.map_or_else(|_ended| "had ended".to_owned(), |wrote| wrote.to_string()));
    assert_whole(&site, left).await;
}
