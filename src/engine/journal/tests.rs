use jiff::Timestamp;

use super::*;
use crate::engine::event::Outline;

fn at() -> Timestamp {
    "2026-11-24T02:00:00Z".parse().unwrap()
}

fn started(run: &str) -> Event {
    Event::RunStarted {
        format: FORMAT,
        run: RunId(run.to_owned()),
        at: at(),
        cluster: "https://cluster:6443".to_owned(),
        rehearsal: false,
        outline: Outline {
            purpose: crate::plan::Purpose::Deploy,
            site: "hospital".to_owned(),
            stages: Vec::new(),
            components: Vec::new(),
            steps: Vec::new(),
            digest: String::new(),
        },
    }
}

fn step(name: &str, state: StepState) -> Event {
    Event::Step {
        step: StepId::new("test", name),
        at: at(),
        attempt: 1,
        elapsed_ms: 5,
        state,
    }
}

fn running() -> StepState {
    StepState::Running {
        note: String::new(),
    }
}

fn done() -> StepState {
    StepState::Done { how: Done::Applied }
}

fn ended(outcome: Outcome) -> Event {
    Event::RunEnded {
        at: at(),
        outcome,
        done: 2,
        total: 2,
        elapsed_ms: 10,
    }
}

fn write(path: &Path, events: &[Event]) {
    let (mut journal, _) = Journal::open(path).unwrap();
    for event in events {
        let digest = matches!(
            event,
            Event::Step {
                state: StepState::Done { .. },
                ..
            }
        )
        .then(|| "d1".to_owned());
        journal.write(event, digest).unwrap();
    }
}

fn a_run() -> Vec<Event> {
    vec![
        started("one"),
        step("a", running()),
        step("a", done()),
        step("b", running()),
        step("b", done()),
        ended(Outcome::Done),
    ]
}

#[test]
fn a_cut_off_run_remembers_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    write(&path, &a_run()[..4]);
    let (_, memory) = Journal::open(&path).unwrap();
    assert!(memory.is_unfinished());
    assert_eq!(memory.done[&StepId::new("test", "a")], "d1");
    assert!(!memory.done.contains_key(&StepId::new("test", "b")));
}

#[test]
fn a_second_run_goes_on_with_an_unfinished_one_and_not_with_a_finished_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    write(&path, &a_run()[..4]);
    write(&path, &[started("two")]);
    let memory = Journal::look(&path).unwrap();
    assert_eq!(memory.run, Some(RunId("two".to_owned())));
    assert!(memory.done.contains_key(&StepId::new("test", "a")));

    let path = folder.path().join("other.jsonl");
    write(&path, &a_run());
    assert!(!Journal::look(&path).unwrap().is_unfinished());
    write(&path, &[started("two")]);
    assert!(Journal::look(&path).unwrap().done.is_empty());
}

#[test]
fn a_journal_cut_at_every_byte_remembers_its_whole_lines_and_takes_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    write(&path, &a_run());
    let whole = std::fs::read(&path).unwrap();
    let mut known = 0;
    for cut in 0..=whole.len() {
        let path = folder.path().join("cut.jsonl");
        crate::sys::files::write_atomic(&path, &whole[..cut], crate::sys::files::Mode::Private)
            .unwrap();
        let (mut journal, memory) = Journal::open(&path).unwrap();
        assert!(memory.events.len() >= known && memory.events.len() <= known + 1);
        known = memory.events.len();
        assert_eq!(memory.events[..], a_run()[..known]);
        journal.write(&started("more"), None).unwrap();
        let after = Journal::look(&path).unwrap();
        assert_eq!(after.run, Some(RunId("more".to_owned())));
    }
    assert_eq!(known, 6);
}

#[test]
fn a_journal_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let Event::RunStarted {
        run,
        at,
        cluster,
        rehearsal,
        outline,
        ..
    } = started("one")
    else {
        unreachable!()
    };
    write(
        &path,
        &[Event::RunStarted {
            format: FORMAT + 1,
            run,
            at,
            cluster,
            rehearsal,
            outline,
        }],
    );
    assert_eq!(Journal::look(&path).unwrap_err().code, Code::Run02);
}

#[test]
fn waiting_and_log_lines_are_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    write(
        &path,
        &[
            started("one"),
            Event::Log {
                step: StepId::new("test", "a"),
                at: at(),
                line: "helm upgrade".to_owned(),
            },
        ],
    );
    assert_eq!(Journal::look(&path).unwrap().events.len(), 1);
}
