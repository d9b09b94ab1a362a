//! One seed's site: its cluster behind a failing wire, its disk, its clock, and the mischief that its dice deal.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use care_install::{
    engine::{
        event::{Command, Event, Outcome, StepState},
        journal::Journal,
        run::{self, Hold, RunHandle, Setting},
    },
    plan::{Object, ObjectRef, Plan},
    problem::Problem,
    sys::{
        Doors,
        clock::Clock,
        feed::Feed,
        kube::Kube,
        lease::{self, Claim, Terms},
    },
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::timeout;

use super::{
    disk::Disk,
    practice::{Practice, client, token},
    wire::{Faults, Wire},
};
use crate::{
    edge,
    program::objects,
    rehearsal_deploy::{LIMIT, doors, setting},
};

/// Longer than a very busy computer keeps a run waiting: at 6 s some seeds lost their lease to the load in every run. That a
/// silent holder loses it is shown in `lease.rs`.
const TERMS: Terms = Terms {
    lasts: Duration::from_secs(30),
    renew: Duration::from_millis(500),
};

/// How long a silent watch is believed here.
const QUIET: Duration = Duration::from_millis(400);

/// The one who takes the lease away.
const THIEF: &str = "bert@desk pid 8 run theirs";

/// Codes of what a failing wire, a killed API server or a run that could not renew end with; all of them pass.
const OF_THE_WIRE: [&str; 7] = [
    "KUBE-03", "KUBE-04", "KUBE-05", "KUBE-07", "KUBE-08", "KUBE-10", "RUN-07",
];

/// What goes wrong beside the wire once so many steps have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mischief {
    StopNow,
    StopSafely,
    /// And resumed at once.
    Pause,
    /// The computer's clock is set by so many seconds.
    Jump(i64),
    /// The API server is killed and started again.
    Crash,
    /// Somebody else takes the lease.
    Steal,
    /// The journal's disk becomes full but for so many bytes.
    Fill(u64),
}

/// What was met on the way.
#[derive(Debug, Default)]
pub struct Heard {
    pub runs: usize,
    pub why: Vec<String>,
    pub retries: usize,
    dealt: Vec<(usize, Mischief)>,
}

pub struct Scene {
    folder: PathBuf,
    dice: StdRng,
    practice: Practice,
    wire: Wire,
    disk: Option<Disk>,
    ahead: &'static AtomicI64,
    stolen: bool,
    pub heard: Heard,
}

impl Scene {
    pub async fn new(seed: u64, folder: &Path) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let percent = [5, 10, 20, 20, 35][dice.random_range(0..5_usize)];
        let practice = Practice::start(folder).await;
        Self {
            wire: Wire::start(&practice.url, Faults::of(seed, percent)).await,
            disk: Disk::mount(&folder.join("work")),
            folder: folder.to_owned(),
            dice,
            practice,
            ahead: Box::leak(Box::default()),
            stolen: false,
            heard: Heard::default(),
        }
    }

    fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    fn clock(&self) -> Clock {
        Clock::set_by(self.ahead)
    }

    /// Several at once now and then, sometimes nothing.
    fn deal(&mut self) -> Vec<(usize, Mischief)> {
        let count = self.dice.random_range(0..4);
        let mut dealt: Vec<(usize, Mischief)> = (0..count)
            .map(|_| (self.dice.random_range(0..24), self.one()))
            .collect();
        dealt.sort_by_key(|(after, _)| *after);
        dealt
    }

    fn one(&mut self) -> Mischief {
        match self.dice.random_range(0..11) {
            0 => Mischief::StopNow,
            1 => Mischief::StopSafely,
            2 => Mischief::Pause,
            3 | 4 => Mischief::Jump(self.dice.random_range(-90_000..90_000)),
            5 | 6 => Mischief::Crash,
            7 | 8 => Mischief::Steal,
            _ => Mischief::Fill(self.dice.random_range(0..20_000)),
        }
    }

    /// One run; what it ended with is held against what it met.
    pub async fn run(&mut self, plan: &Plan, calm: bool) -> Outcome {
        self.heard.runs += 1;
        let mut mischief = if calm {
            self.wire.heal();
            Vec::new()
        } else {
            self.deal()
        };
        self.heard.dealt.extend(&mischief);
        let told = self.heard.why.len();
        let outcome = match self.begin(plan).await {
            Ok(run) => self.follow(&run, &mut mischief).await,
            Err(problems) => {
                let words = problems.iter().map(ToString::to_string);
                self.heard.why.extend(words);
                Outcome::Failed
            }
        };
        if matches!(outcome, Outcome::Failed | Outcome::Stopped) {
            assert!(self.heard.why.len() > told, "{outcome:?} without a reason");
        }
        for why in &self.heard.why[told..] {
            self.assert_true(why);
        }
        self.put_right().await;
        outcome
    }

    async fn begin(&self, plan: &Plan) -> Result<RunHandle, Vec<Problem>> {
        let kube = client(self.wire.url()).await;
        let (id, one) = (run::new_id(), |problem| vec![problem]);
        let setting = setting(&self.work());
        let former = Journal::look(&setting.journal).map_err(one)?.run;
        let claim = Claim {
            who: "anna@laptop pid 7".to_owned(),
            run: id.0.clone(),
            former: former.map(|run| run.0),
            terms: TERMS,
            clock: self.clock(),
        };
        let lease = lease::take(&kube, claim)
            .await
            .map_err(|error| vec![error.problem])?;
        let setting = Setting {
            clock: self.clock(),
            hold: Some(Hold { run: id, lease }),
            ..setting
        };
        let doors = Doors {
            feed: Feed::with_quiet_limit(kube.clone(), QUIET),
            clock: self.clock(),
            ..doors(&kube, &edge::routes(plan))
        };
        run::start(plan.clone(), doors, setting)
    }

    /// Hears the run to its end and does the mischief on the way.
    async fn follow(&mut self, run: &RunHandle, mischief: &mut Vec<(usize, Mischief)>) -> Outcome {
        let (mut events, commands) = (run.subscribe(), run.commands());
        let mut done = 0;
        while let Some(event) = events.recv().await {
            match event {
                Event::Stopping { why, .. } => self.heard.why.push(why),
                Event::Retry { step, .. } => {
                    self.heard.retries += 1;
                    // A person who watches does not wait for the pause.
                    commands.send(Command::Retry { step }).await.ok();
                }
                Event::Paused { .. } => {
                    commands.send(Command::Resume).await.ok();
                }
                Event::Step {
                    step,
                    state: StepState::Failed { problem },
                    ..
                } => self.heard.why.push(format!("{step}: {problem}")),
                Event::Step {
                    state: StepState::Done { .. },
                    ..
                } => done += 1,
                _ => {}
            }
            while mischief.first().is_some_and(|(after, _)| *after < done) {
                let (_, what) = mischief.remove(0);
                self.make(what, &commands).await;
            }
        }
        run.finished().await
    }

    async fn make(&mut self, what: Mischief, commands: &tokio::sync::mpsc::Sender<Command>) {
        match what {
            Mischief::StopNow => drop(commands.send(Command::StopNow).await),
            Mischief::StopSafely => drop(commands.send(Command::StopSafely).await),
            Mischief::Pause => drop(commands.send(Command::Pause).await),
            Mischief::Jump(seconds) => self.ahead.store(seconds, Ordering::Relaxed),
            Mischief::Crash => {
                self.practice.crash().await;
                self.wire.leads_to(&self.practice.url);
            }
            Mischief::Steal => {
                self.stolen = true;
                hand_lease_to(&self.practice.kube().await, THIEF).await;
            }
            Mischief::Fill(leave) => {
                if let Some(disk) = &self.disk {
                    disk.fill(leave);
                }
            }
        }
    }

    /// A reason must be one of those that were dealt.
    fn assert_true(&self, why: &str) {
        let dealt = |is: fn(&Mischief) -> bool| self.heard.dealt.iter().any(|(_, what)| is(what));
        let of_the_wire = OF_THE_WIRE.iter().any(|code| why.contains(code));
        let of_stops = why.starts_with("asked to stop")
            && dealt(|what| matches!(what, Mischief::StopNow | Mischief::StopSafely));
        let of_the_thief = why.contains("[RUN-06]")
            && why.contains(THIEF)
            && dealt(|what| *what == Mischief::Steal);
        let of_the_disk = why.contains("No space left on device")
            && (why.contains("[RUN-01]") || why.contains("[FILE-02]"))
            && dealt(|what| matches!(what, Mischief::Fill(_)));
        assert!(
            of_the_wire || of_stops || of_the_thief || of_the_disk,
            "not what was done to it: {why}\n{:?}",
            self.heard.dealt
        );
    }

    /// What a person does before the next start.
    async fn put_right(&mut self) {
        if let Some(disk) = &self.disk {
            disk.free();
        }
        if std::mem::take(&mut self.stolen) {
            hand_lease_to(&self.practice.kube().await, "").await;
        }
    }

    /// The end is the same as without any disturbance, and every job was made and run once.
    pub async fn assert_whole(&self, undisturbed: &BTreeSet<String>) {
        let mut left = BTreeSet::new();
        let rest = async {
            while left != *undisturbed {
                left = self.left().await;
            }
        };
        if timeout(LIMIT, rest).await.is_err() {
            let more: Vec<_> = left.difference(undisturbed).collect();
            let fewer: Vec<_> = undisturbed.difference(&left).collect();
            panic!("only with faults: {more:#?}\nonly without: {fewer:#?}");
        }
        let jobs = objects::jobs_in(&self.folder.join("cluster"));
        assert!(jobs.len() >= 3, "{jobs:?}");
        for (name, (made, pods)) in jobs {
            assert_eq!(made.len(), 1, "the job {name} was made anew");
            assert_eq!(pods.len(), 1, "the job {name} ran more than once");
        }
        let memory = Journal::look(&setting(&self.work()).journal).unwrap();
        assert_eq!(memory.outcome, Some(Outcome::Done));
    }

    /// What the cluster holds, without what chance and time put into it.
    pub async fn left(&self) -> BTreeSet<String> {
        let all = objects::of(&self.practice.url, &token()).await;
        objects::neutral(&all).into_iter().collect()
    }
}

/// Writes another holder into the lease, past its present one.
async fn hand_lease_to(kube: &Kube, who: &str) {
    let lease = ObjectRef::new(
        "coordination.k8s.io/v1",
        "Lease",
        "kube-system",
        "care-install",
    );
    let written = async {
        while let Some(mut there) = kube.get(&lease).await.unwrap() {
            there["spec"]["holderIdentity"] = who.into();
            let there = Object::from_value(there).unwrap();
            if kube.replace(&there).await.unwrap().is_some() {
                break;
            }
        }
    };
    timeout(LIMIT, written).await.unwrap();
}
