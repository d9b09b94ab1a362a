//! A run that others can look on and steer: it is served on the site's socket, and joined from any terminal.

mod wheel;

use std::{ffi::OsString, path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};

use crate::{
    engine::{
        event::{Command, Event, Outcome, Steering},
        journal::Journal,
        run::{self, RunHandle},
    },
    plan::{Plan, Purpose},
    problem::{Code, Problem},
    session::{Session, Workplace, World},
    sys::{
        clock::Clock,
        daemon::{self, Detached, Lock},
        files::{self, Mode},
        lease::{self, Claim, Terms},
        socket::{Link, Listener},
        vault::Lock as Vault,
    },
};

use wheel::Wheel;

/// Events on their way to one onlooker.
const EVENTS: usize = 1024;

/// Commands on their way to the run.
const COMMANDS: usize = 16;

/// Onlookers at a time.
const ONLOOKERS: usize = 16;

/// How long the last events may take to reach the onlookers once the run has ended.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long an ended run is held for the one who is about to join.
const LINGER: Duration = Duration::from_secs(5);

/// How long the process in the background may take until it can be joined.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long a run may take to tell its first event.
const FIRST_EVENT: Duration = Duration::from_secs(5);

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(30);

/// Names of this folder's last runs that are remembered; one of them may have left the lease behind.
const LAST_RUNS: usize = 4;

/// Most of the log that is read for last words.
const LOG: u64 = 1024 * 1024;

/// Most of a lock's file that is read.
const LONGEST_NOTE: u64 = 4096;

/// A run as an onlooker holds it; it is over when the events end.
#[derive(Debug)]
pub struct Joined {
    /// Every event since the run's first, then those to come.
    pub events: mpsc::Receiver<Event>,
    /// What to ask of it; only the one who steers is heard.
    pub commands: mpsc::Sender<Command>,
    /// Who steers, each time that changes or an onlooker asked for what only the one who steers may.
    pub steering: mpsc::Receiver<Steering>,
}

/// What an onlooker is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Told {
    Steering { steering: Steering },
    Event(Box<Event>),
}

/// What an onlooker says: first who it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Said {
    Hello { hello: String },
    Command(Command),
}

/// A run in this process, open to everyone who joins.
#[derive(Debug)]
pub struct Hosted {
    /// The run.
    pub run: Arc<RunHandle>,
    server: JoinHandle<()>,
    /// Keeps every other process from changing the site.
    _lock: Lock,
}

impl Hosted {
    /// Waits for the end of the run, until all who look on have heard of it.
    pub async fn ended(self) -> Outcome {
        let outcome = self.run.finished().await;
        // Should the server have broken off, the run has ended all the same.
        self.server.await.ok();
        outcome
    }
}

/// Holds the site for the process that will change it; nothing when another one does.
///
/// # Errors
/// The site's folder cannot be written.
pub fn hold(session: &Session) -> Result<Option<Lock>, Problem> {
    files::create_folder(&session.place.work())?;
    let lock = daemon::try_lock(&session.place.lock())?;
    if let Some(lock) = &lock {
        let holder = Holder {
            who: lease::this_process(),
            since: Timestamp::now(),
        };
        // Plain data: it always has a JSON form.
        lock.note(&serde_json::to_string(&holder).unwrap_or_default());
    }
    Ok(lock)
}

/// Who works on a site, as the lock of its folder says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The person, computer and process.
    pub who: String,
    /// When it took the lock.
    pub since: Timestamp,
}

impl Holder {
    /// The one who held the lock last; ask only when the lock is held.
    pub fn of(place: &Workplace) -> Option<Self> {
        let text = files::read_text(&place.lock(), LONGEST_NOTE).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// In a few words.
    pub fn words(&self) -> String {
        let zoned = self.since.to_zoned(jiff::tz::TimeZone::system());
        format!(
            "{}, since {}",
            self.who,
            zoned.strftime("%a %e %b %H:%M:%S")
        )
    }
}

/// Begins the run, or goes on with it, and serves it on the site's socket.
///
/// # Errors
/// The journal or the socket cannot be used, a chosen step is not in the plan, or another run holds the cluster.
pub async fn begin(
    session: &Session,
    world: &World,
    (plan, chosen): (Plan, run::Chosen),
    (lock, expected): (Lock, Onlookers),
) -> Result<Hosted, Vec<Problem>> {
    let setting = world.setting(session, chosen);
    begin_as(session, world, (plan, setting), (lock, expected)).await
}

/// The same with a memory of its own, as a restore has it.
///
/// # Errors
/// As [`begin`].
pub async fn begin_as(
    session: &Session,
    world: &World,
    (plan, mut setting): (Plan, run::Setting),
    (lock, expected): (Lock, Onlookers),
) -> Result<Hosted, Vec<Problem>> {
    let listener = Listener::bind(&session.place.work()).map_err(|problem| vec![problem])?;
    setting.chosen.check(&plan)?;
    let hold = alone(session, world, &setting.journal).await;
    setting.hold = Some(hold.map_err(|problem| vec![problem])?);
    let run = Arc::new(run::start(plan, world.doors.clone(), setting)?);
    let server = tokio::spawn(serve(listener, Arc::clone(&run), expected));
    Ok(Hosted {
        run,
        server,
        _lock: lock,
    })
}

/// Takes the cluster's lease for a new run. The folder remembers the run's name before: should this process be killed before
/// its journal begins, or should the next run be of another kind, that one need not wait until the lease has run out.
async fn alone(session: &Session, world: &World, journal: &Path) -> Result<run::Hold, Problem> {
    let run = run::new_id();
    let path = session.place.last_runs();
    let text = files::read_text_if_any(&path, LOG)?.unwrap_or_default();
    let mut known: Vec<String> = text.lines().map(str::to_owned).collect();
    known.extend(Journal::look(journal)?.run.map(|run| run.0));
    let mut kept = known.clone();
    kept.push(run.0.clone());
    kept.drain(..kept.len().saturating_sub(LAST_RUNS));
    files::write_atomic(&path, kept.join("\n").as_bytes(), Mode::Private)?;
    let mut former = known.into_iter().rev();
    loop {
        let claim = Claim {
            who: lease::this_process(),
            run: run.0.clone(),
            former: former.next(),
            terms: Terms::default(),
            clock: Clock::real(),
        };
        let last = claim.former.is_none();
        match lease::take(&world.doors.kube, claim).await {
            Ok(lease) => return Ok(run::Hold { run, lease }),
            Err(error) if last || error.problem.code != Code::Run06 => return Err(error.problem),
            Err(_held) => {}
        }
    }
}

/// Begins the run in a process of its own, which outlives this one, and joins it.
///
/// # Errors
/// The process ended before it could be joined; its own words are the problem.
pub async fn start(
    session: &Session,
    options: Vec<OsString>,
    command: &[&str],
) -> Result<Joined, Problem> {
    let place = &session.place;
    files::create_folder(&place.logs())?;
    let log = place.logs().join("background.log");
    // Only what this start says counts.
    files::remove(&log)?;
    let mut arguments = place.arguments();
    arguments.extend(options);
    arguments.push("--json".into());
    arguments.extend(command.iter().map(OsString::from));
    arguments.push("--background".into());
    let mut child = Detached {
        arguments,
        log: log.clone(),
        input: match session.lock() {
            Vault::Passphrase(passphrase) => Some(passphrase.clone()),
            Vault::KeyFile(_) => None,
        },
    }
    .start()?;
    let until = Instant::now() + START_LIMIT;
    while Instant::now() < until {
        if let Some(joined) = join(&place.work()).await {
            // It is not ours to wait for any more; the thread takes its end from the system's table.
            tokio::task::spawn_blocking(move || child.wait().ok());
            return Ok(joined);
        }
        if let Ok(Some(_ended)) = child.try_wait() {
            return Err(last_words(&log));
        }
        sleep(LOOK).await;
    }
    daemon::terminate(child.id());
    Err(last_words(&log))
}

/// What the process in the background said before it ended.
fn last_words(log: &Path) -> Problem {
    let text = files::read_text(log, LOG).unwrap_or_default();
    let told = text.lines().rev().find_map(|line| {
        let value: Value = serde_json::from_str(line).ok()?;
        serde_json::from_value(value.get("problem")?.clone()).ok()
    });
    told.unwrap_or_else(|| {
        Problem::new(
            Code::Host03,
            "The part that works in the background ended before the run began.",
            format!("Read {}, then try again.", log.display()),
        )
    })
}

/// Joins the run that goes on in this folder, if there is one.
pub async fn join(work: &Path) -> Option<Joined> {
    let Link { mut hear, mut say } = Link::connect(work).await?;
    let hello = lease::this_process();
    if !say.send(&Said::Hello { hello }).await {
        return None;
    }
    let (heard, events) = mpsc::channel(EVENTS);
    let (commands, mut asked) = mpsc::channel::<Command>(COMMANDS);
    let (steers, steering) = mpsc::channel(COMMANDS);
    tokio::spawn(async move {
        while let Some(told) = hear.next::<Told>().await {
            match told {
                Told::Event(event) => {
                    if heard.send(*event).await.is_err() {
                        break;
                    }
                }
                // Who does not ask who steers, need not know.
                Told::Steering { steering } => drop(steers.try_send(steering)),
            }
        }
    });
    tokio::spawn(async move {
        while let Some(command) = asked.recv().await {
            if !say.send(&Said::Command(command)).await {
                break;
            }
        }
    });
    Some(Joined {
        events,
        commands,
        steering,
    })
}

/// What the run is for that goes on in this folder, if there is one that can be heard.
pub async fn purpose(work: &Path) -> Option<Purpose> {
    let mut joined = join(work).await?;
    let first = tokio::time::timeout(FIRST_EVENT, joined.events.recv()).await;
    match first.ok()?? {
        Event::RunStarted { outline, .. } => Some(outline.purpose),
        _ => None,
    }
}

/// Whether somebody is about to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onlookers {
    /// Nobody needs to come.
    Perhaps,
    /// The process that started this one comes; a run that ends before is held for it for a while.
    Expected,
}

/// Serves the run to everyone who joins, until it has ended and all have heard its end.
pub async fn serve(listener: Listener, run: Arc<RunHandle>, expected: Onlookers) {
    let mut awaited = expected == Onlookers::Expected;
    // A run in a process of its own is steered by who joins; else by the terminal that began it.
    let wheel = Wheel::new((!awaited).then(lease::this_process));
    let mut last = 0;
    let places = Arc::new(Semaphore::new(ONLOOKERS));
    let mut onlookers = JoinSet::new();
    let watched = Arc::clone(&run);
    let ended = watched.finished();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            _ = &mut ended => break,
            Some(_) = onlookers.join_next() => {}
            link = listener.accept() => {
                let Ok(link) = link else { break };
                awaited = false;
                // One too many is turned away; it says that nobody answers and the others are not slowed.
                if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                    let (run, wheel) = (Arc::clone(&run), wheel.clone());
                    last += 1;
                    let id = last;
                    onlookers.spawn(async move {
                        show(link, &run, (&wheel, id)).await;
                        wheel.leave(id);
                        drop(place);
                    });
                }
            }
        }
    }
    run.finished().await;
    if awaited && let Ok(Ok(link)) = tokio::time::timeout(LINGER, listener.accept()).await {
        onlookers.spawn(async move { show(link, &run, (&wheel, last + 1)).await });
    }
    let farewell = async { while onlookers.join_next().await.is_some() {} };
    tokio::time::timeout(FAREWELL, farewell).await.ok();
}

/// One onlooker: events out, commands in, until either side ends.
async fn show(link: Link, run: &RunHandle, (wheel, id): (&Wheel, wheel::Id)) {
    let Link { mut hear, mut say } = link;
    let mut events = run.subscribe();
    let commands = run.commands();
    let mut changes = wheel.changes();
    // Until it has said who it is.
    let mut who = String::from("somebody");
    let mut listening = true;
    loop {
        let told = tokio::select! {
            event = events.recv() => match event {
                Some(event) => Told::Event(Box::new(event)),
                None => break,
            },
            () = changes.next() => steering(wheel, id),
            said = hear.next::<Said>(), if listening => match said {
                Some(Said::Hello { hello }) => {
                    who = hello;
                    wheel.offer(id, &who);
                    steering(wheel, id)
                }
                Some(Said::Command(Command::TakeOver)) => {
                    wheel.take(id, &who);
                    steering(wheel, id)
                }
                Some(Said::Command(command)) if wheel.offer(id, &who) => {
                    commands.send(command).await.ok();
                    continue;
                }
                // It only looks on: it is told once more who steers.
                Some(Said::Command(_)) => steering(wheel, id),
                None => {
                    listening = false;
                    wheel.leave(id);
                    continue;
                }
            },
        };
        if !say.send(&told).await {
            break;
        }
    }
}

fn steering(wheel: &Wheel, id: wheel::Id) -> Told {
    Told::Steering {
        steering: wheel.seen_by(id),
    }
}
