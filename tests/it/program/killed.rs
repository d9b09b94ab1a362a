//! A deploy that is killed at every record of its journal, and started again: the same end, and nothing done twice.

use super::{
    REHEARSE, Site,
    exact::{Cut, killed},
    kill, lines, objects,
};

/// Records of an undisturbed run of the sample site: its start, two for each step, its end.
const RECORDS: usize = 72;

/// A deploy that nobody disturbed.
struct Undisturbed {
    site: Site,
    /// The objects that it left.
    left: Vec<String>,
    /// How many records its journal has.
    records: usize,
}

impl Undisturbed {
    async fn deploy(site: Site) -> Self {
        site.run(REHEARSE).await.exits(0);
        Self {
            left: objects::neutral(&objects::all(&site).await),
            records: lines(&site.journal()),
            site,
        }
    }

    async fn sample() -> Self {
        let sample = Self::deploy(Site::prepared().await).await;
        assert_eq!(sample.records, RECORDS);
        sample
    }

    async fn everything() -> Self {
        let site = Site::prepared().await;
        site.switch_everything_on();
        Self::deploy(site).await
    }

    /// The end of a deploy that was disturbed: the same objects as without, every job once.
    async fn assert_same(&self, site: &Site) {
        let left = objects::neutral(&objects::all(site).await);
        objects::assert_same(&left, &self.left);
        objects::assert_jobs_once(site);
    }

    /// One deploy, killed again and again: each start goes further than the last, so that each kill meets it at new work. Gives
    /// the records after which it was killed.
    async fn killed_again_and_again(&self, records: impl Iterator<Item = usize>) -> Vec<usize> {
        let site = self.site.twin();
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
        self.assert_same(&site).await;
        met
    }

    /// A deploy that is killed once, now and then with its cluster, and gone on with.
    async fn killed_once(&self, cut: Cut) {
        let site = self.site.twin();
        killed(&site, REHEARSE, &site.journal(), cut).await;
        if cut.leaves().is_multiple_of(3) {
            kill(site.practice());
        }
        site.run(REHEARSE).await.exits(0);
        self.assert_same(&site).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_that_is_killed_again_and_again_each_time_after_a_later_record_comes_to_the_same_end()
 {
    let sample = Undisturbed::sample().await;
    let spread = (1..RECORDS).filter(|record| *record < 4 || record % 5 == 0 || *record > 62);
    let met = sample.killed_again_and_again(spread).await;
    println!("one deploy, killed exactly after each of these records: {met:?}");
    sample.killed_once(Cut::Before(31)).await;
    sample.killed_once(Cut::After(RECORDS)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_of_everything_that_is_killed_again_and_again_comes_to_the_same_end() {
    let whole = Undisturbed::everything().await;
    assert!(whole.records > RECORDS + 40, "{}", whole.records);
    // Another remainder than with the sample, so that other steps are met.
    let spread = (RECORDS / 2..whole.records).filter(|record| record % 11 == 2);
    let met = whole.killed_again_and_again(spread).await;
    println!("one deploy, killed exactly after each of these records: {met:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: a deploy of everything, killed after every record; run by hand"]
async fn a_deploy_of_everything_that_is_killed_after_every_record_comes_to_the_same_end() {
    let whole = Undisturbed::everything().await;
    let met = whole.killed_again_and_again(1..whole.records).await;
    println!(
        "one deploy, killed exactly after each of {} records",
        met.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: a fresh deploy for both sides of every record; run by hand"]
async fn a_deploy_that_is_killed_at_any_record_comes_to_the_same_end() {
    let sample = Undisturbed::sample().await;
    let met = sample.killed_again_and_again(1..RECORDS).await;
    println!(
        "one deploy, killed exactly after each of {} records",
        met.len()
    );
    let cuts = (1..=RECORDS).map(Cut::After);
    let cuts: Vec<Cut> = cuts.chain((2..=RECORDS).map(Cut::Before)).collect();
    for cut in &cuts {
        sample.killed_once(*cut).await;
        println!("a fresh deploy killed {cut}: the same end");
    }
    println!("{} fresh deploys, each killed exactly there", cuts.len());
}
