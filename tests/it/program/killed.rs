//! A deploy that is killed at every record of its journal, and started again: the same end, and nothing done twice.

use super::{
    REHEARSE, Site,
    exact::{Cut, killed},
    kill, lines, objects,
};

/// Records of an undisturbed run: its start, two for each step, its end.
const RECORDS: usize = 72;

/// The undisturbed run, and what it leaves.
async fn undisturbed() -> (Site, Vec<String>) {
    let site = Site::prepared().await;
    site.run(REHEARSE).await.exits(0);
    assert_eq!(lines(&site.journal()), RECORDS);
    let left = objects::neutral(&objects::all(&site).await);
    (site, left)
}

/// The end of a deploy that was disturbed: the same objects as without, every job once.
async fn assert_whole(site: &Site, undisturbed: &[String]) {
    let left = objects::neutral(&objects::all(site).await);
    objects::assert_same(&left, undisturbed);
    objects::assert_jobs_once(site);
}

/// One deploy, killed again and again: each start goes further than the last, so that each kill meets it at new work. Gives the records.
async fn again_and_again(
    sample: &Site,
    left: &[String],
    records: impl Iterator<Item = usize>,
) -> Vec<usize> {
    let site = sample.twin();
    let mut met = Vec::new();
    for record in records {
        killed(&site, REHEARSE, &site.journal(), Cut::After(record)).await;
        met.push(record);
        // The practice cluster is a process of its own and lives on; now and then it is killed too.
        if record % 8 == 3 {
            kill(site.practice());
        }
    }
    site.run(REHEARSE).await.exits(0);
    assert_whole(&site, left).await;
    met
}

/// A deploy that is killed once, now and then with its cluster, and gone on with.
async fn once(sample: &Site, left: &[String], cut: Cut) {
    let site = sample.twin();
    killed(&site, REHEARSE, &site.journal(), cut).await;
    if cut.leaves().is_multiple_of(3) {
        kill(site.practice());
    }
    site.run(REHEARSE).await.exits(0);
    assert_whole(&site, left).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_that_is_killed_again_and_again_each_time_after_a_later_record_comes_to_the_same_end()
 {
    let (sample, left) = undisturbed().await;
    let spread = (1..RECORDS).filter(|record| *record < 4 || record % 5 == 0 || *record > 52);
    let met = again_and_again(&sample, &left, spread).await;
    println!("one deploy, killed exactly after each of these records: {met:?}");
    once(&sample, &left, Cut::Before(31)).await;
    once(&sample, &left, Cut::After(RECORDS)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: a fresh deploy for both sides of every record; run by hand"]
async fn a_deploy_that_is_killed_at_any_record_comes_to_the_same_end() {
    let (sample, left) = undisturbed().await;
    let met = again_and_again(&sample, &left, 1..RECORDS).await;
    println!(
        "one deploy, killed exactly after each of {} records",
        met.len()
    );
    let cuts = (1..=RECORDS).map(Cut::After);
    let cuts: Vec<Cut> = cuts.chain((2..=RECORDS).map(Cut::Before)).collect();
    for cut in &cuts {
        once(&sample, &left, *cut).await;
        println!("a fresh deploy killed {cut}: the same end");
    }
    println!("{} fresh deploys, each killed exactly there", cuts.len());
}
