use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::*;
use crate::{
    engine::event::{NotRun, StepState},
    plan::{Action, Purpose, Stage, Step},
    sys::DoorError,
};

fn plan(steps: &[(&str, &[&str])]) -> Plan {
    let id = |name: &str| StepId::new("test", name);
    Plan {
        site: "hospital".to_owned(),
        stages: vec![Stage {
            id: "one".to_owned(),
            title: "One".to_owned(),
        }],
        components: Vec::new(),
        steps: steps
            .iter()
            .map(|(name, needs)| Step {
                id: id(name),
                component: "test".to_owned(),
                stage: 0,
                title: (*name).to_owned(),
                needs: needs.iter().map(|need| id(need)).collect(),
                action: Action::Wait,
                ready: Vec::new(),
                usual: Duration::from_secs(1),
                limit: Duration::from_mins(1),
            })
            .collect(),
        purpose: Purpose::Deploy,
        notes: Vec::new(),
    }
}

const DIAMOND: &[(&str, &[&str])] = &[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"])];

/// What the steps have done to the world: how often each acted.
#[derive(Clone, Debug, Default)]
struct World(Arc<Mutex<HashMap<String, usize>>>);

impl World {
    fn acted(&self) -> HashMap<String, usize> {
        self.0.lock().unwrap().clone()
    }

    /// A step asks whether it is there, and acts if not; `bad` steps fail for good.
    fn hands(&self, bad: &'static [&'static str]) -> Perform {
        let world = self.clone();
        Arc::new(move |task: Task| {
            let world = world.clone();
            Box::pin(async move {
                let name = task.step.title.clone();
                if bad.contains(&name.as_str()) {
                    let problem =
                        Problem::new(Code::Wait01, "It did not become ready.", "Cure it.");
                    return Err(DoorError::lasting(problem));
                }
                let mut acted = world.0.lock().unwrap();
                if task.remembered && acted.contains_key(&name) {
                    return Ok(Done::AlreadyThere);
                }
                *acted.entry(name).or_default() += 1;
                Ok(Done::Applied)
            })
        })
    }
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

async fn events(handle: &RunHandle) -> Vec<Event> {
    let mut events = handle.subscribe();
    let mut all = Vec::new();
    while let Some(event) = events.recv().await {
        all.push(event);
    }
    all
}

fn state_of(events: &[Event], name: &str) -> StepState {
    let last = events.iter().rev().find_map(|event| match event {
        Event::Step { step, state, .. } if *step == StepId::new("test", name) => {
            Some(state.clone())
        }
        _ => None,
    });
    last.unwrap()
}

#[tokio::test]
async fn steps_end_in_the_order_of_their_needs_and_everyone_hears_everything() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.jsonl");
    let world = World::default();
    let handle = start_with(plan(DIAMOND), world.hands(&[]), setting(&journal)).unwrap();
    let early = events(&handle).await;
    assert_eq!(handle.finished().await, Outcome::Done);
    assert_eq!(events(&handle).await, early);
    let order: Vec<&str> = early
        .iter()
        .filter_map(|event| match event {
            Event::Step {
                step,
                state: StepState::Done { .. },
                ..
            } => step.as_str().split('/').nth(1),
            _ => None,
        })
        .collect();
    assert_eq!((order[0], order[3], order.len()), ("a", "d", 4));
    assert!(matches!(early[0], Event::RunStarted { .. }));
    assert!(matches!(early.last().unwrap(), Event::RunEnded { .. }));
}

#[tokio::test]
async fn a_failed_run_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.jsonl");
    let world = World::default();
    let handle = start_with(plan(DIAMOND), world.hands(&["b"]), setting(&journal)).unwrap();
    let all = events(&handle).await;
    assert_eq!(handle.finished().await, Outcome::Failed);
    let needs = NotRun::Needs {
        step: StepId::new("test", "b"),
    };
    assert_eq!(state_of(&all, "d"), StepState::NotRun { why: needs });
    let handle = start_with(plan(DIAMOND), world.hands(&[]), setting(&journal)).unwrap();
    let all = events(&handle).await;
    assert_eq!(handle.finished().await, Outcome::Done);
    let there = StepState::Done {
        how: Done::AlreadyThere,
    };
    assert_eq!(state_of(&all, "c"), there);
    assert!(world.acted().values().all(|count| *count == 1));
}

#[tokio::test]
async fn a_journal_cut_in_or_after_any_line_leads_to_the_same_end() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.jsonl");
    let world = World::default();
    start_with(plan(DIAMOND), world.hands(&[]), setting(&journal))
        .unwrap()
        .finished()
        .await;
    let whole = std::fs::read(&journal).unwrap();
    // Where in a line it is cut makes no difference, which the journal's own test shows at every byte.
    let lines = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let cuts = lines.flat_map(|(end, _)| [end / 2, end - 1, end, end + 1]);
    for cut in [0].into_iter().chain(cuts) {
        let journal = folder.path().join("cut.jsonl");
        crate::sys::files::write_atomic(&journal, &whole[..cut], crate::sys::files::Mode::Private)
            .unwrap();
        let handle = start_with(plan(DIAMOND), world.hands(&[]), setting(&journal)).unwrap();
        assert_eq!(handle.finished().await, Outcome::Done, "cut at {cut}");
        let (_, memory) = Journal::open(&journal).unwrap();
        assert!(!memory.is_unfinished());
        assert_eq!(memory.done.len(), 4);
    }
}

#[tokio::test]
async fn a_changed_step_is_not_taken_as_done() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.jsonl");
    let world = World::default();
    let first = start_with(plan(DIAMOND), world.hands(&["d"]), setting(&journal)).unwrap();
    assert_eq!(first.finished().await, Outcome::Failed);
    let mut changed = plan(DIAMOND);
    changed.steps[1].ready = vec![crate::plan::Ready::Object(crate::plan::ObjectRef::new(
        "v1",
        "ConfigMap",
        "care",
        "new",
    ))];
    let second = start_with(changed, world.hands(&[]), setting(&journal)).unwrap();
    assert_eq!(second.finished().await, Outcome::Done);
    assert_eq!(world.acted()["b"], 2);
    assert_eq!(world.acted()["c"], 1);
}

#[tokio::test]
async fn a_skipped_step_lets_the_others_go_on_and_the_end_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut setting = setting(&folder.path().join("journal.jsonl"));
    setting.chosen.skip = vec![(StepId::new("test", "b"), "made by hand".to_owned())];
    let world = World::default();
    let handle = start_with(plan(DIAMOND), world.hands(&["b"]), setting).unwrap();
    assert_eq!(handle.finished().await, Outcome::DoneWithWarnings);
    assert!(world.acted().contains_key("d"));
}

#[tokio::test]
async fn only_the_chosen_steps_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut only = setting(&folder.path().join("only.jsonl"));
    only.chosen.only = Some(StepId::new("test", "d"));
    let world = World::default();
    let handle = start_with(plan(DIAMOND), world.hands(&[]), only).unwrap();
    assert_eq!(handle.finished().await, Outcome::Done);
    assert_eq!(world.acted().len(), 1);

    let mut wrong = setting(&folder.path().join("wrong.jsonl"));
    wrong.chosen.from = Some(StepId::from_text("test/e"));
    let problems = start_with(plan(DIAMOND), world.hands(&[]), wrong).unwrap_err();
    assert!(problems[0].remedy.contains("Did you mean `test/"));
}

/// Hands that work until they are told to end.
fn slow(gate: &Arc<tokio::sync::Semaphore>) -> Perform {
    let gate = Arc::clone(gate);
    Arc::new(move |_task| {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            gate.acquire().await.unwrap().forget();
            Ok(Done::Applied)
        })
    })
}

async fn until(events: &mut mpsc::Receiver<Event>, is: impl Fn(&Event) -> bool) {
    while let Some(event) = events.recv().await {
        if is(&event) {
            return;
        }
    }
    panic!("it never came");
}

fn is_running(event: &Event) -> bool {
    matches!(
        event,
        Event::Step {
            state: StepState::Running { .. },
            ..
        }
    )
}

#[tokio::test]
async fn a_safe_stop_lets_the_running_step_finish_and_begins_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let setting = setting(&folder.path().join("journal.jsonl"));
    let handle = start_with(plan(DIAMOND), slow(&gate), setting).unwrap();
    let mut heard = handle.subscribe();
    until(&mut heard, is_running).await;
    handle.commands().send(Command::StopSafely).await.unwrap();
    until(&mut heard, |event| matches!(event, Event::Stopping { .. })).await;
    gate.add_permits(1);
    assert_eq!(handle.finished().await, Outcome::Stopped);
    let all = events(&handle).await;
    assert!(matches!(state_of(&all, "a"), StepState::Done { .. }));
    assert_eq!(
        state_of(&all, "d"),
        StepState::NotRun {
            why: NotRun::Stopped
        }
    );
}

#[tokio::test]
async fn a_stop_now_abandons_the_running_step() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let setting = setting(&folder.path().join("journal.jsonl"));
    let handle = start_with(plan(DIAMOND), slow(&gate), setting).unwrap();
    let mut heard = handle.subscribe();
    until(&mut heard, is_running).await;
    handle.commands().send(Command::StopNow).await.unwrap();
    assert_eq!(handle.finished().await, Outcome::Stopped);
    let all = events(&handle).await;
    assert!(matches!(state_of(&all, "a"), StepState::NotRun { .. }));
}

#[tokio::test]
async fn a_question_waits_for_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut asking = plan(DIAMOND);
    asking.steps[0].action = Action::Confirm {
        question: "Is the old server off?".to_owned(),
    };
    let setting = setting(&folder.path().join("journal.jsonl"));
    let world = World::default();
    let handle = start_with(asking, world.hands(&[]), setting).unwrap();
    let mut heard = handle.subscribe();
    until(&mut heard, is_running).await;
    let answer = Command::Answer {
        step: StepId::new("test", "a"),
        yes: true,
    };
    handle.commands().send(answer).await.unwrap();
    assert_eq!(handle.finished().await, Outcome::Done);
}

#[tokio::test]
async fn a_step_that_breaks_off_is_a_failure_and_not_a_hang() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(&folder.path().join("journal.jsonl"));
    let hands: Perform = Arc::new(|_task| Box::pin(async { panic!("a mistake") }));
    let handle = start_with(plan(&[("a", &[])]), hands, setting).unwrap();
    assert_eq!(handle.finished().await, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_may_pass_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(&folder.path().join("journal.jsonl"));
    let hands: Perform = Arc::new(|task: Task| {
        Box::pin(async move {
            if task.attempt < 3 {
                let problem = Problem::new(Code::Kube03, "No answer.", "Wait.");
                return Err(DoorError::passing(problem));
            }
            Ok(Done::Applied)
        })
    });
    let handle = start_with(plan(&[("a", &[])]), hands, setting).unwrap();
    assert_eq!(handle.finished().await, Outcome::Done);
    let retries = |event: &&Event| matches!(event, Event::Retry { .. });
    assert_eq!(events(&handle).await.iter().filter(retries).count(), 2);
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_the_run_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let beneath = folder.path().join("file");
    crate::sys::files::write_atomic(&beneath, b"", crate::sys::files::Mode::Private).unwrap();
    let world = World::default();
    let setting = setting(&beneath.join("journal.jsonl"));
    assert!(start_with(plan(DIAMOND), world.hands(&[]), setting).is_err());
    assert!(world.acted().is_empty());
}

/// Hands that let so many steps end and hold all others, before or after they have acted.
fn held(world: &World, gate: &Arc<tokio::sync::Semaphore>, acts_first: bool) -> Perform {
    let (hands, gate) = (world.hands(&[]), Arc::clone(gate));
    Arc::new(move |task: Task| {
        let (hands, gate) = (Arc::clone(&hands), Arc::clone(&gate));
        Box::pin(async move {
            if !acts_first {
                gate.acquire().await.unwrap().forget();
                return hands(task).await;
            }
            let done = hands(task).await;
            gate.acquire().await.unwrap().forget();
            done
        })
    })
}

#[tokio::test]
async fn a_run_stopped_after_any_step_goes_on_to_the_same_end_and_repeats_nothing_that_was_done() {
    let folder = tempfile::tempdir().unwrap();
    for (ends, acts_first) in (0..4).flat_map(|ends| [(ends, false), (ends, true)]) {
        let journal = folder.path().join(format!("{ends}-{acts_first}.jsonl"));
        let world = World::default();
        let gate = Arc::new(tokio::sync::Semaphore::new(ends));
        let hands = held(&world, &gate, acts_first);
        let handle = start_with(plan(DIAMOND), hands, setting(&journal)).unwrap();
        let mut heard = handle.subscribe();
        until(&mut heard, is_running).await;
        for _ in 0..ends {
            let is_done = |event: &Event| matches!(event, Event::Step { state, .. } if matches!(state, StepState::Done { .. }));
            until(&mut heard, is_done).await;
        }
        handle.commands().send(Command::StopNow).await.unwrap();
        assert_eq!(handle.finished().await, Outcome::Stopped);
        let (_, memory) = Journal::open(&journal).unwrap();
        assert_eq!(memory.done.len(), ends);

        let handle = start_with(plan(DIAMOND), world.hands(&[]), setting(&journal)).unwrap();
        assert_eq!(handle.finished().await, Outcome::Done);
        let acted = world.acted();
        assert_eq!(acted.len(), 4);
        for id in memory.done.keys() {
            let name = id.as_str().split('/').nth(1).unwrap();
            assert_eq!(acted[name], 1, "{name} ran again after {ends}");
        }
    }
}

#[tokio::test]
async fn a_pause_lets_the_running_step_end_and_begins_the_next_after_the_resume() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let setting = setting(&folder.path().join("journal.jsonl"));
    let handle = start_with(plan(&[("a", &[]), ("b", &["a"])]), slow(&gate), setting).unwrap();
    let mut heard = handle.subscribe();
    until(&mut heard, is_running).await;
    handle.commands().send(Command::Pause).await.unwrap();
    until(&mut heard, |event| matches!(event, Event::Paused { .. })).await;
    gate.add_permits(2);
    let is_done = |event: &Event| {
        matches!(
            event,
            Event::Step {
                state: StepState::Done { .. },
                ..
            }
        )
    };
    until(&mut heard, is_done).await;
    handle.commands().send(Command::Resume).await.unwrap();
    // Nothing began in between.
    let next = heard.recv().await.unwrap();
    assert!(matches!(next, Event::Resumed { .. }), "{next:?}");
    assert_eq!(handle.finished().await, Outcome::Done);
}

#[tokio::test]
async fn a_clock_that_is_set_neither_ends_a_step_nor_shows_in_what_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let ahead: &'static std::sync::atomic::AtomicI64 = Box::leak(Box::default());
    let setting = Setting {
        clock: Clock::set_by(ahead),
        ..setting(&folder.path().join("journal.jsonl"))
    };
    let hands = Arc::clone(&gate);
    let perform: Perform = Arc::new(move |task: Task| {
        let gate = Arc::clone(&hands);
        Box::pin(async move {
            gate.acquire().await.unwrap().forget();
            // Its minute is not over, though the clock says so; and what is shown follows the clock.
            let shown = task.gives_up_at().duration_since(task.clock.now());
            if (20..=60).contains(&shown.as_secs()) && !task.left().is_zero() {
                return Ok(Done::Applied);
            }
            let problem =
                Problem::new(Code::Wait01, format!("It gives up in {shown}."), "Cure it.");
            Err(DoorError::lasting(problem))
        })
    });
    for jump in [86_400, -86_400] {
        let handle =
            start_with(plan(&[("a", &[])]), Arc::clone(&perform), setting.clone()).unwrap();
        let mut heard = handle.subscribe();
        until(&mut heard, is_running).await;
        ahead.store(jump, std::sync::atomic::Ordering::Relaxed);
        gate.add_permits(1);
        let all = events(&handle).await;
        assert_eq!(handle.finished().await, Outcome::Done, "{all:#?}");
        for event in all {
            if let Event::Step { elapsed_ms, .. } | Event::RunEnded { elapsed_ms, .. } = event {
                assert!(elapsed_ms < 60_000, "{elapsed_ms}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_action_without_an_end_ends_with_its_step() {
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(&folder.path().join("journal.jsonl"));
    let endless: Perform = Arc::new(|_task| Box::pin(std::future::pending()));
    let handle = start_with(plan(&[("a", &[])]), endless, setting).unwrap();
    let all = events(&handle).await;
    assert_eq!(handle.finished().await, Outcome::Failed);
    let StepState::Failed { problem } = state_of(&all, "a") else {
        panic!("{all:#?}");
    };
    assert_eq!(problem.code, Code::Wait01);
    assert!(problem.what.contains("within its 1 minutes"), "{problem}");
}
