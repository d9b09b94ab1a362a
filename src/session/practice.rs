//! The practice cluster of a site: found where it is served, else started in a process of its own.

use std::{path::Path, process::Child, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    problem::{Code, Problem},
    rehearsal::{
        self, Point, Speed,
        pace::{self, Pace},
    },
    session::Workplace,
    sys::{
        daemon::{self, Detached},
        files,
        kube::Kube,
    },
};

/// How long the process may take until it serves.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(30);

/// It ends by itself when nobody has been connected for so many seconds.
const IDLE_SECONDS: &str = "600";

/// Most of its log that is read for the reason of a failed start.
const LOG: u64 = 1024 * 1024;

/// The usual speed: a deploy takes about half a minute.
pub const USUAL_SPEED: Speed = Speed::Times(20);

/// Where the practice cluster is served; it is started when it is not, and passes at another speed when one is given.
///
/// # Errors
/// Its process cannot be started, or ends at once; or it does not follow.
pub async fn ensure(place: &Workplace, speed: Option<Speed>) -> Result<Point, Problem> {
    let folder = place.cluster();
    if let Some(point) = rehearsal::find(&folder).await {
        if let Some(wanted) = speed {
            let kube = Kube::connect(&point.source()).await?;
            pace::ask(&kube, pace::Wish::Pace(Pace::Runs(wanted))).await?;
        }
        return Ok(point);
    }
    files::create_folder(&place.logs())?;
    let log = place.logs().join("practice.log");
    let mut arguments = place.arguments();
    arguments.extend(["rehearse".into(), "--serve".into()]);
    arguments.extend(["--idle-exit".into(), IDLE_SECONDS.into()]);
    let speed = speed.unwrap_or(USUAL_SPEED).to_string();
    arguments.extend(["--speed".into(), speed.into()]);
    let child = Detached {
        arguments,
        log: log.clone(),
        input: None,
    }
    .start()?;
    wait_for(&folder, child, &log).await
}

async fn wait_for(folder: &Path, mut child: Child, log: &Path) -> Result<Point, Problem> {
    let until = Instant::now() + START_LIMIT;
    while Instant::now() < until {
        if let Some(point) = rehearsal::find(folder).await {
            // It is not ours to wait for any more; the thread takes its end from the system's table.
            tokio::task::spawn_blocking(move || child.wait().ok());
            return Ok(point);
        }
        if let Ok(Some(_ended)) = child.try_wait() {
            // Another start may have been faster.
            return match rehearsal::find(folder).await {
                Some(point) => Ok(point),
                None => Err(not_started(log)),
            };
        }
        sleep(LOOK).await;
    }
    daemon::terminate(child.id());
    Err(not_started(log))
}

fn not_started(log: &Path) -> Problem {
    let mut problem = Problem::new(
        Code::Reh01,
        "The practice cluster did not start.",
        format!("Read {}, then try again.", log.display()),
    );
    if let Ok(text) = files::read_text(log, LOG) {
        for line in text.lines().rev().take(3).collect::<Vec<_>>().iter().rev() {
            problem = problem.because(line.trim());
        }
    }
    problem
}
