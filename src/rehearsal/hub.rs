//! The task that owns the practice cluster: requests and controllers take turns, and nothing is answered before it is on disk.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Duration, Instant},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{clock::Clock, cluster::Cluster, driver::Driver, pace, persist::Journal};
use crate::problem::Problem;

/// How many requests may wait for their turn.
const QUEUE: usize = 256;

/// How many requests are answered with one write to disk.
const BATCH: usize = 64;

/// How many turns the controllers get before waiting requests come first again.
const TURNS: usize = 16;

/// How long the controllers are left alone when they ask to be woken now and change nothing.
const LEAST_PAUSE: Duration = Duration::from_millis(5);

/// A turn of the controllers that costs less is not counted: then they are asked after every request.
const SMALL_TURN: Duration = Duration::from_millis(1);

/// When controllers that found something to do have cost more, they are left alone for as long again: what comes meanwhile is
/// looked at together.
const LARGE_TURN: Duration = Duration::from_millis(50);

/// How many times the cost of a turn the controllers rest at most, when they found nothing to do again and again:
/// many changes that concern none of them must not keep a whole core busy.
const MOST_REST: u32 = 40;

type Reply = Box<dyn FnOnce() + Send>;
type Job = Box<dyn FnOnce(&mut Cluster, Timestamp) -> Reply + Send>;

/// The way to the practice cluster for requests and watches.
#[derive(Clone, Debug)]
pub struct Hub {
    jobs: mpsc::Sender<Job>,
    revision: watch::Receiver<u64>,
    pending: Arc<AtomicUsize>,
}

/// A request that is being read or answered: while there is one, time does not jump.
#[derive(Debug)]
pub struct Pending(Arc<AtomicUsize>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the owning task holds.
#[derive(Debug)]
pub struct Keeper {
    /// The cluster.
    pub cluster: Cluster,
    /// Its file.
    pub journal: Journal,
    /// Its time.
    pub clock: Clock,
    /// Its controllers.
    pub controllers: Driver,
}

/// The ends of the ways that lead to the owning task.
struct Ways {
    queue: mpsc::Receiver<Job>,
    told: watch::Sender<u64>,
    pending: Arc<AtomicUsize>,
}

impl Hub {
    /// Starts the owning task; it ends with the token, or ends the token when the disk fails.
    pub fn start(keeper: Keeper, stop: CancellationToken, tasks: &TaskTracker) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (told, revision) = watch::channel(keeper.cluster.store.revision());
        let pending = Arc::new(AtomicUsize::new(0));
        let ways = Ways {
            queue,
            told,
            pending: Arc::clone(&pending),
        };
        tasks.spawn(async move {
            if let Err(problem) = keeper.run(ways, &stop).await {
                tracing::error!(%problem, "the practice cluster stops");
            }
            stop.cancel();
        });
        Self {
            jobs,
            revision,
            pending,
        }
    }

    /// Says that a request has come; it counts until the mark is dropped.
    pub fn pending(&self) -> Pending {
        self.pending.fetch_add(1, Ordering::Relaxed);
        Pending(Arc::clone(&self.pending))
    }

    /// Runs a function on the cluster when its turn comes; nothing when the cluster has stopped.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Cluster, Timestamp) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |cluster, now| {
            // A mistake of ours in one answer must not end the cluster for everybody.
            let found = catch_unwind(AssertUnwindSafe(|| question(cluster, now)));
            // The one who asked may be gone; then nobody needs the answer.
            Box::new(move || drop(found.map(|found| answer.send(found))))
        });
        self.jobs.send(job).await.ok()?;
        answered.await.ok()
    }

    /// The revision, for waiting until it changes.
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.revision.clone()
    }
}

impl Keeper {
    async fn run(mut self, mut ways: Ways, stop: &CancellationToken) -> Result<(), Problem> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut asked = Instant::now();
        let mut rest = Rest::default();
        loop {
            let pause = if let Some(left) = rest.left() {
                Some(left)
            } else {
                let wake_at = self.settle(&ways.told, &mut rest)?;
                if self.follow(wake_at, &ways.told)? {
                    continue;
                }
                wake_at.map(|at| self.pause(at, &ways, asked))
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                count = ways.queue.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return Ok(());
                    }
                    self.answer(&mut batch, &ways.told)?;
                    asked = Instant::now();
                }
                () = wait(pause) => {}
            }
        }
    }

    /// Follows what is asked of time; true when it did, and the controllers may have more to do.
    fn follow(
        &mut self,
        wake_at: Option<Timestamp>,
        told: &watch::Sender<u64>,
    ) -> Result<bool, Problem> {
        let Some(write) = pace::follow(&self.cluster.store, &mut self.clock, wake_at) else {
            return Ok(false);
        };
        self.cluster.store.perform(write, self.clock.now());
        self.keep(told)?;
        Ok(true)
    }

    /// How long to wait for a due change; a clock that may jump to it has done so.
    fn pause(&mut self, at: Timestamp, ways: &Ways, asked: Instant) -> Duration {
        let wait = self.clock.until(at).max(LEAST_PAUSE);
        let Some(quiet) = self.clock.jumps_after(at) else {
            return wait;
        };
        let left = quiet.saturating_sub(asked.elapsed());
        let busy = !ways.queue.is_empty() || ways.pending.load(Ordering::Relaxed) > 0;
        if busy || !left.is_zero() {
            return wait.min(left.max(LEAST_PAUSE));
        }
        self.clock.jump(at);
        Duration::ZERO
    }

    fn answer(&mut self, batch: &mut Vec<Job>, told: &watch::Sender<u64>) -> Result<(), Problem> {
        let replies: Vec<Reply> = batch
            .drain(..)
            .map(|job| job(&mut self.cluster, self.clock.now()))
            .collect();
        self.keep(told)?;
        for reply in replies {
            reply();
        }
        Ok(())
    }

    /// Lets the controllers work until they are content; gives when they want to be asked again.
    fn settle(
        &mut self,
        told: &watch::Sender<u64>,
        rest: &mut Rest,
    ) -> Result<Option<Timestamp>, Problem> {
        let began = Instant::now();
        for turn in 0..TURNS {
            let now = self.clock.now();
            let reaction = self.controllers.turn(&self.cluster.store, now);
            let before = self.cluster.store.revision();
            for write in reaction.writes {
                self.cluster.store.perform(write, now);
            }
            if self.cluster.store.revision() == before {
                rest.after(turn == 0, began.elapsed());
                // One write to disk for all turns.
                self.keep(told)?;
                return Ok(reaction.wake_at);
            }
            self.cluster.catch_up();
        }
        rest.after(false, began.elapsed());
        self.keep(told)?;
        Ok(Some(self.clock.now()))
    }

    fn keep(&mut self, told: &watch::Sender<u64>) -> Result<(), Problem> {
        self.journal.keep(&self.cluster.store, self.clock.now())?;
        self.cluster.store.lighten();
        told.send_if_modified(|known| {
            let new = self.cluster.store.revision();
            std::mem::replace(known, new) != new
        });
        Ok(())
    }
}

/// How long the controllers are left alone after turns in which they found nothing to do.
#[derive(Debug, Default)]
struct Rest {
    /// How many such turns there were one after the other.
    idle: u32,
    until: Option<Instant>,
}

impl Rest {
    /// What is left of it; it is over once it has been asked for after its end.
    fn left(&mut self) -> Option<Duration> {
        let left = self.until?.checked_duration_since(Instant::now());
        if left.is_none() {
            self.until = None;
        }
        left
    }

    fn after(&mut self, nothing_to_do: bool, cost: Duration) {
        self.idle = if nothing_to_do { self.idle + 1 } else { 0 };
        let times = match cost {
            cost if cost < SMALL_TURN => 0,
            cost if cost >= LARGE_TURN => self.idle.clamp(1, MOST_REST),
            _ => self.idle.min(MOST_REST),
        };
        self.until = (times > 0).then(|| Instant::now() + cost * times);
    }
}

async fn wait(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rehearsal::{
        Speed,
        world::{Controller, Reaction, World, Write},
    };

    /// The end of a wait that must not end.
    const WHILE: Duration = Duration::from_millis(500);

    /// Longer than a jump takes on a busy computer.
    const LIMIT: Duration = Duration::from_secs(30);

    const START: &str = "2026-11-24T10:00:00Z";

    /// Something that is due ten minutes after the start, such as a deadline.
    fn deadline(world: &World<'_>, now: Timestamp) -> Reaction {
        let mut reaction = Reaction::default();
        if world.get("Namespace", "", "due").is_some() {
            return reaction;
        }
        let start: Timestamp = START.parse().unwrap();
        let due = start + jiff::SignedDuration::from_mins(10);
        if now >= due {
            let object =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "due"}});
            reaction.writes.push(Write::Create(object));
        } else {
            reaction.wake(due);
        }
        reaction
    }

    fn hub(folder: &std::path::Path, stop: &CancellationToken) -> Hub {
        let (journal, store, _) = Journal::open(&folder.join("state")).unwrap();
        let keeper = Keeper {
            cluster: Cluster::new(store),
            journal,
            clock: Clock::new(Speed::Max, START.parse().unwrap()),
            controllers: Driver::of([deadline as Controller]),
        };
        Hub::start(keeper, stop.clone(), &TaskTracker::new())
    }

    #[tokio::test(start_paused = true)]
    async fn controllers_rest_longer_the_more_often_they_find_nothing_to_do() {
        let mut rest = Rest::default();
        let cost = Duration::from_millis(10);
        rest.after(true, Duration::ZERO);
        assert_eq!(rest.left(), None);
        for turn in 2..50 {
            rest.after(true, cost);
            assert_eq!(rest.left(), Some(cost * turn.min(MOST_REST)), "{turn}");
        }
        tokio::time::advance(cost * MOST_REST).await;
        assert_eq!(rest.left().unwrap_or_default(), Duration::ZERO);
        rest.after(false, cost);
        assert_eq!(rest.left(), None);
        rest.after(false, LARGE_TURN);
        assert_eq!(rest.left(), Some(LARGE_TURN));
    }

    /// A mistake in one answer: the others are answered all the same.
    #[tokio::test]
    async fn a_question_that_breaks_ends_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let _guard = stop.clone().drop_guard();
        let hub = hub(folder.path(), &stop);
        let broken = hub.ask(|_cluster, _now| panic!("a mistake")).await;
        assert_eq!(broken, None::<()>);
        assert!(
            hub.ask(|cluster, _| cluster.store.revision())
                .await
                .is_some()
        );
    }

    #[tokio::test]
    async fn time_jumps_to_a_deadline_only_when_nobody_is_asking() {
        let folder = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let _guard = stop.clone().drop_guard();
        let hub = hub(folder.path(), &stop);
        let mut revision = hub.revision();
        let asking = hub.pending();
        let changed = tokio::time::timeout(WHILE, revision.changed()).await;
        assert!(changed.is_err(), "it has jumped while a request was read");
        drop(asking);
        let changed = tokio::time::timeout(LIMIT, revision.changed()).await;
        changed.unwrap().unwrap();
        let found = hub.ask(|cluster, _| cluster.store.revision()).await;
        assert_eq!(found, Some(*revision.borrow()));
    }
}
