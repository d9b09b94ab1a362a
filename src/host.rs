//! A run that others can look on and steer: it is served on the site's socket, and joined from any terminal.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use crate::{
    engine::{
        event::{Command, Event},
        run::RunHandle,
    },
    sys::socket::{Link, Listener},
};

/// Events on their way to one onlooker.
const EVENTS: usize = 1024;

/// Commands on their way to the run.
const COMMANDS: usize = 16;

/// Onlookers at a time.
const ONLOOKERS: usize = 16;

/// How long the last events may take to reach the onlookers once the run has ended.
const FAREWELL: Duration = Duration::from_secs(2);

/// A run as an onlooker holds it; it is over when the events end.
#[derive(Debug)]
pub struct Joined {
    /// Every event since the run's first, then those to come.
    pub events: mpsc::Receiver<Event>,
    /// What to ask of it.
    pub commands: mpsc::Sender<Command>,
}

/// Joins the run that goes on in this folder, if there is one.
pub async fn join(work: &Path) -> Option<Joined> {
    let Link { mut hear, mut say } = Link::connect(work).await?;
    let (heard, events) = mpsc::channel(EVENTS);
    let (commands, mut asked) = mpsc::channel::<Command>(COMMANDS);
    tokio::spawn(async move {
        while let Some(event) = hear.next::<Event>().await {
            if heard.send(event).await.is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move {
        while let Some(command) = asked.recv().await {
            if !say.send(&command).await {
                break;
            }
        }
    });
    Some(Joined { events, commands })
}

/// Serves the run to everyone who joins, until it has ended and all have heard its end.
pub async fn serve(listener: Listener, run: Arc<RunHandle>) {
    let places = Arc::new(Semaphore::new(ONLOOKERS));
    let mut onlookers = JoinSet::new();
    let ended = run.finished();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            _ = &mut ended => break,
            Some(_) = onlookers.join_next() => {}
            link = listener.accept() => {
                let Ok(link) = link else { break };
                // One too many is turned away; it says that nobody answers and the others are not slowed.
                if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                    let run = Arc::clone(&run);
                    onlookers.spawn(async move {
                        show(link, &run).await;
                        drop(place);
                    });
                }
            }
        }
    }
    run.finished().await;
    let farewell = async { while onlookers.join_next().await.is_some() {} };
    tokio::time::timeout(FAREWELL, farewell).await.ok();
}

/// One onlooker: events out, commands in, until either side ends.
async fn show(link: Link, run: &RunHandle) {
    let Link { mut hear, mut say } = link;
    let mut events = run.subscribe();
    let commands = run.commands();
    let mut listening = true;
    loop {
        tokio::select! {
            event = events.recv() => {
                let Some(event) = event else { break };
                if !say.send(&event).await {
                    break;
                }
            }
            command = hear.next::<Command>(), if listening => match command {
                Some(command) => {
                    commands.send(command).await.ok();
                }
                None => listening = false,
            }
        }
    }
}
