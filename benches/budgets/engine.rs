//! What the engine costs: 500 steps that only let time pass, against the longest chain of needs among them.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use care_install::{
    engine::{
        event::{Done, Outcome},
        journal::Journal,
        run::{self, Chosen, Perform, Setting},
        step::Task,
    },
    plan::{Action, Plan, Purpose, Stage, Step, StepId},
    sys::clock::Clock,
};

use crate::table::{Table, repeat};

/// As many chains as steps may work at once, so that no step waits for a free place.
const CHAINS: usize = 16;
const STEPS: usize = 500;
/// How long a step of the longest chain takes; those of the others take a little less.
const WORK: Duration = Duration::from_secs(1);
/// The budget: overhead over the longest chain, in percent.
const BUDGET: f64 = 2.0;
const WRITES: usize = 200;

/// Adds its rows.
pub fn measure(table: &mut Table) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let journal = folder.path().join("journal.jsonl");
    let plan = chains();
    let critical = critical_path(&plan);
    let began = Instant::now();
    let outcome = runtime.block_on(async {
        run::start_with(plan, hands(), setting(&journal))
            .unwrap()
            .finished()
            .await
    });
    let whole = began.elapsed();
    assert_eq!(outcome, Outcome::Done);
    let over = (whole.as_secs_f64() / critical.as_secs_f64() - 1.0) * 100.0;
    let what = format!(
        "engine overhead, {STEPS} steps, longest chain {:.1} s",
        critical.as_secs_f64()
    );
    table.figure(&what, format!("{over:.2} %"), "2 %", Some(over <= BUDGET));
    syncs(table, &journal);
}

/// Each record of the journal is synced to the disk by itself: how many there are, and what one costs here.
fn syncs(table: &mut Table, journal: &Path) {
    let text = std::fs::read_to_string(journal).unwrap();
    let count = text.lines().count();
    table.figure(
        "journal records of that run, each synced to the disk",
        count.to_string(),
        "",
        None,
    );
    let event = Journal::look(journal).unwrap().events.pop().unwrap();
    let beside = journal.with_file_name("one.jsonl");
    let (mut journal, _) = Journal::open(&beside).unwrap();
    let samples = repeat(WRITES, || journal.write(&event, None).unwrap());
    table.times("one journal record on this disk", samples, None);
}

/// Chain 0 has one step more than the others and is the longest.
fn chains() -> Plan {
    let id =
        |chain: usize, at: usize| StepId::new(&format!("chain-{chain}"), &format!("step-{at}"));
    let steps = (0..STEPS).map(|index| {
        let (chain, at) = (index % CHAINS, index / CHAINS);
        Step {
            id: id(chain, at),
            component: format!("chain-{chain}"),
            stage: 0,
            title: format!("Step {at} of chain {chain}"),
            needs: at
                .checked_sub(1)
                .map(|before| id(chain, before))
                .into_iter()
                .collect(),
            action: Action::Wait,
            ready: Vec::new(),
            usual: WORK.saturating_sub(Duration::from_millis(10) * u32::try_from(chain).unwrap()),
            limit: Duration::from_mins(1),
        }
    });
    Plan {
        site: "bench".to_owned(),
        stages: vec![Stage {
            id: "one".to_owned(),
            title: "One".to_owned(),
        }],
        components: Vec::new(),
        steps: steps.collect(),
        purpose: Purpose::Deploy,
        notes: Vec::new(),
    }
}

fn critical_path(plan: &Plan) -> Duration {
    (0..CHAINS)
        .map(|chain| {
            plan.steps
                .iter()
                .skip(chain)
                .step_by(CHAINS)
                .map(|step| step.usual)
                .sum()
        })
        .max()
        .unwrap()
}

/// Every step takes its usual time and does nothing.
fn hands() -> Perform {
    Arc::new(|task: Task| {
        Box::pin(async move {
            tokio::time::sleep(task.step.usual).await;
            Ok(Done::Applied)
        })
    })
}

fn setting(journal: &Path) -> Setting {
    Setting {
        journal: journal.to_owned(),
        cluster: "https://cluster:6443".to_owned(),
        rehearsal: true,
        chosen: Chosen::default(),
        clock: Clock::real(),
        hold: None,
    }
}
