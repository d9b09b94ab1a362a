//! Random keys, pastes, mouse moves and resizes over recorded traffic: nothing stops the screens, hangs them or makes them grow.
//!
//! `cargo test` runs a part; `cargo test --lib fuzz -- --ignored` the whole million. A failure names its seed:
//! `CARE_FUZZ_SEED=n CARE_FUZZ_STEPS=m cargo test --lib fuzz -- --nocapture` plays it again and shows the last steps.

mod recorded;
mod seen;
mod strange;
mod world;

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    app::{App, fixture},
    watch::{replay, view::ClusterView},
};
use seen::Seen;
use world::World;

/// What `cargo test` plays, in rounds that begin at different screens.
const PART: u64 = 50_000;
const ROUND: u64 = 1_000;

/// The whole, in longer rounds.
const WHOLE: u64 = 1_000_000;
const LONG_ROUND: u64 = 10_000;

/// No step asks for more memory than this while it works: work that has no bound would.
const MOST_WORK: u64 = 192 << 20;

/// No step leaves the screens with more than this.
const MOST_HELD: i64 = 96 << 20;

/// What may be left of a round once it is over: buffers that libraries keep.
const MOST_LEFT: i64 = 1 << 20;

/// A step that takes longer than this hangs.
const HANG: Duration = Duration::from_mins(2);

/// The last steps that are shown when a failure is played again.
const SHOWN: u64 = 30;

/// Where a round begins.
fn beginnings() -> Vec<fn() -> App> {
    vec![
        fixture::welcome,
        fixture::health,
        fixture::deploying,
        fixture::pulling,
        fixture::failed,
        fixture::asking,
        fixture::ended_failed,
        fixture::ended_done,
        fixture::checks,
        fixture::planned,
        fixture::restoring,
        fixture::run_of_restore,
        fixture::restore_stopped,
        fixture::restored,
        || fixture::practising("healthy", "20"),
        world::answered,
        world::acting,
        world::naming,
        world::scaling,
        world::searching,
        world::ranging,
        world::looking_on,
    ]
}

/// What a round came to.
struct Round {
    seen: Seen,
    most_held: i64,
    most_work: u64,
    left: i64,
}

/// Tells whoever watches the test.
fn tell(words: &str) {
    writeln!(std::io::stderr(), "{words}").ok();
}

/// Plays one round.
fn play(seed: u64, steps: u64, views: &Arc<[Arc<ClusterView>]>, reached: &AtomicU64) -> Round {
    let shows = std::env::var_os("CARE_FUZZ_STEPS").is_some();
    let beginnings = beginnings();
    let begin = beginnings[usize::try_from(seed).unwrap() % beginnings.len()];
    let mut noticed = Seen::default();
    let (mut held, mut most_held, mut most_work, mut seen_bytes) = (0, 0, 0, 0);
    let all = allocation_counter::measure(|| {
        let mut world = None;
        let made = allocation_counter::measure(|| {
            world = Some(World::new(begin(), seed, Arc::clone(views)));
        });
        held += made.bytes_current;
        let mut world = world.unwrap();
        for step in 0..steps {
            reached.store(step, Ordering::Relaxed);
            let mut input = None;
            let made = allocation_counter::measure(|| input = world.next());
            if shows && step + SHOWN >= steps {
                tell(&format!("step {step}: {}", world.told(input.as_ref())));
            }
            let act = input
                .as_ref()
                .and_then(|input| Seen::expects(&world.app, input));
            let used = allocation_counter::measure(|| world.step(input.take()));
            held += made.bytes_current + used.bytes_current;
            most_held = most_held.max(held);
            most_work = most_work.max(used.bytes_total);
            assert!(
                used.bytes_total <= MOST_WORK,
                "a step asked for {} bytes",
                used.bytes_total
            );
            assert!(held <= MOST_HELD, "the screens hold {held} bytes");
            let noted = allocation_counter::measure(|| noticed.notice(&world.app, act));
            seen_bytes += noted.bytes_current;
        }
    });
    Round {
        seen: noticed,
        most_held,
        most_work,
        left: all.bytes_current - seen_bytes,
    }
}

/// Plays a round in a thread of its own and names it when it stops or hangs.
fn watched(seed: u64, steps: u64, views: &Arc<[Arc<ClusterView>]>) -> Round {
    let reached = Arc::new(AtomicU64::new(0));
    let (views, theirs) = (Arc::clone(views), Arc::clone(&reached));
    let (done, ended) = std::sync::mpsc::sync_channel(1);
    let round = thread::spawn(move || {
        let round = play(seed, steps, &views, &theirs);
        done.send(()).ok();
        round
    });
    let mut last = 0;
    let again = |step: u64| {
        format!(
            "CARE_FUZZ_SEED={seed} CARE_FUZZ_STEPS={} cargo test --lib fuzz -- --nocapture",
            step + 1
        )
    };
    while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(HANG) {
        let now = reached.load(Ordering::Relaxed);
        assert_ne!(now, last, "hangs; again with {}", again(now));
        last = now;
    }
    // What stopped it was told by its thread.
    round.join().unwrap_or_else(|_| {
        panic!(
            "stopped; again with {}",
            again(reached.load(Ordering::Relaxed))
        )
    })
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Plays so many steps in rounds, and holds what all of them have shown against what there is.
fn all(steps: u64, round: u64) {
    let views: Arc<[Arc<ClusterView>]> = replay::pictures().into_iter().map(Arc::new).collect();
    assert!(views.len() > 100, "only {} pictures", views.len());
    if let Some(seed) = asked("CARE_FUZZ_SEED") {
        watched(seed, asked("CARE_FUZZ_STEPS").unwrap_or(round), &views);
        return;
    }
    let mut seen = Seen::default();
    let (mut most_held, mut most_work, mut most_left) = (0, 0, 0);
    for seed in 0..steps / round {
        let came = watched(seed, round, &views);
        seen.join(came.seen);
        most_held = most_held.max(came.most_held);
        most_work = most_work.max(came.most_work);
        most_left = most_left.max(came.left);
    }
    tell(&format!(
        "{steps} steps in rounds of {round}, over {} recorded pictures: at most {} KiB held, {} KiB asked for in one step, {} KiB left after a round\n{seen}",
        views.len(),
        most_held >> 10,
        most_work >> 10,
        most_left >> 10
    ));
    assert!(most_left <= MOST_LEFT, "a round leaves {most_left} bytes");
    // Where rounds begin at every screen, every screen and card is reached; one program that is never left goes where chance leads it.
    if usize::try_from(steps / round).unwrap() >= beginnings().len() {
        seen.is_every_screen();
    }
    if steps >= WHOLE {
        seen.is_every_key();
    }
}

#[test]
fn fifty_thousand_random_steps_stop_hang_and_grow_nothing() {
    all(PART, ROUND);
}

#[test]
#[ignore = "takes long: the whole million"]
fn a_million_random_steps_stop_hang_and_grow_nothing() {
    all(WHOLE, LONG_ROUND);
}

#[test]
#[ignore = "takes long: one program that is never left"]
fn a_program_that_is_never_left_does_not_grow() {
    all(200_000, 200_000 / 2);
}
