//! The whole sample site through a wire that fails in every way a seed thinks of: each run ends done, or stopped with
//! its reason and is gone on with to done.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a seed that fails says how to see it again"
)]

mod wire;

use std::{path::Path, time::Duration};

use care_install::{
    engine::{
        event::{Command, Event, Outcome, StepState},
        run::{self, RunHandle},
    },
    problem::Code,
    sys::kube::{Kube, Source},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::timeout;

use crate::{
    catalog::sample_plan,
    rehearsal_deploy::{Practiced, doors, serve, setting},
};
use wire::{Faults, Wire};

/// Seeds of an ordinary test run.
const FEW: u64 = 3;

/// Seeds of the long one.
const MANY: u64 = 1000;

/// Where the long one begins and how many it takes, as `FIRST+COUNT`.
const SEEDS: &str = "CARE_FAULT_SEEDS";

/// Runs that a seed may take until all is done.
const RUNS: usize = 6;

/// How long one seed may take: minutes mean that it hangs.
const LIMIT: Duration = Duration::from_mins(3);

async fn client(practiced: &Practiced, url: String) -> Kube {
    let source = Source::Endpoint {
        url,
        token: practiced.serving.token.clone(),
    };
    Kube::connect(&source).await.unwrap()
}

/// What the listener of a run heard.
#[derive(Debug, Default)]
struct Heard {
    why: Vec<String>,
    retries: usize,
}

/// Hears the run to its end and stops it somewhere when the seed says so.
async fn to_the_end(run: &RunHandle, mut stop_after: Option<usize>, heard: &mut Heard) -> Outcome {
    let mut events = run.subscribe();
    while let Some(event) = events.recv().await {
        match &event {
            Event::Stopping { why, .. } => heard.why.push(why.clone()),
            Event::Retry { step, .. } => {
                heard.retries += 1;
                // A person who watches does not wait for the pause.
                let step = step.clone();
                run.commands().send(Command::Retry { step }).await.ok();
            }
            Event::Step {
                step,
                state: StepState::Failed { problem },
                ..
            } => {
                heard.why.push(format!("{step}: {problem}"));
                assert_ne!(problem.code, Code::Bug01, "{problem}");
                assert_ne!(problem.code, Code::Run05, "{problem}");
            }
            Event::Step {
                state: StepState::Done { .. },
                ..
            } => {
                stop_after = match stop_after {
                    Some(0) => {
                        run.commands().send(Command::StopNow).await.ok();
                        None
                    }
                    Some(left) => Some(left - 1),
                    None => None,
                };
            }
            _ => {}
        }
    }
    run.finished().await
}

/// One seed: what went wrong on the way, and how many runs it took.
async fn seed(seed: u64, folder: &Path) -> (usize, Heard) {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut practiced = serve(folder).await;
    let wire = Wire::start(&practiced.serving.url, Faults::of(seed)).await;
    let mut heard = Heard::default();
    for turn in 1..=RUNS {
        let kube = client(&practiced, wire.url()).await;
        // The last runs show that what was left behind is sound.
        if turn > RUNS / 2 {
            wire.heal();
        }
        let run = run::start(sample_plan(), doors(&kube), setting(folder)).unwrap();
        let stop_after = dice.random_bool(0.3).then(|| dice.random_range(0..20));
        let outcome = to_the_end(&run, stop_after.filter(|_| turn <= RUNS / 2), &mut heard).await;
        match outcome {
            Outcome::Done => return (turn, heard),
            Outcome::DoneWithWarnings => panic!("nothing was left out: {heard:?}"),
            Outcome::Failed | Outcome::Stopped => {
                assert!(!heard.why.is_empty(), "{outcome:?} without a reason");
            }
        }
        if dice.random_bool(0.3) {
            practiced.serving.stop.cancel();
            practiced = serve(folder).await;
            wire.leads_to(&practiced.serving.url);
        }
    }
    panic!("not done after {RUNS} runs: {heard:#?}");
}

async fn seeds(first: u64, count: u64) {
    let (mut runs, mut retries) = (0, 0);
    for number in first..first + count {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let task = tokio::spawn(async move { timeout(LIMIT, seed(number, &path)).await });
        let (turns, heard) = match task.await {
            Ok(Ok(ended)) => ended,
            failed => {
                println!(
                    "to reproduce: {SEEDS}={number}+1 cargo test --test it faults::a_thousand -- --ignored --nocapture"
                );
                panic!("seed {number}: {failed:?}");
            }
        };
        println!(
            "seed {number}: {turns} runs, {} retries, {:?}",
            heard.retries, heard.why
        );
        runs += turns;
        retries += heard.retries;
    }
    println!("{count} seeds, {runs} runs, {retries} retries: all done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_over_a_failing_wire_ends_done_or_stops_with_its_reason_and_goes_on() {
    seeds(0, FEW).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes an hour; CARE_FAULT_SEEDS=FIRST+COUNT chooses the seeds"]
async fn a_thousand_seeds() {
    let told = std::env::var(SEEDS).unwrap_or_else(|_| format!("0+{MANY}"));
    let (first, count) = told.split_once('+').unwrap();
    seeds(first.parse().unwrap(), count.parse().unwrap()).await;
}
