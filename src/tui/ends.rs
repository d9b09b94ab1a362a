//! Signals, and the end of the terminal itself; it decides nothing.

use std::{io::stdin, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Signal as Number, getpid, kill_process},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// `SIGTSTP`: the shell wants its terminal.
const STOP: i32 = 20;
/// `SIGCONT`: it is ours again.
const CONTINUE: i32 = 18;

/// What a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The program ends.
    End,
    /// It stands still until it is told to go on.
    Stop,
    /// It goes on.
    GoOn,
}

/// The signals that are listened to; those that cannot be keep their usual meaning.
pub struct Signals(Vec<(Told, Signal)>);

impl Signals {
    /// Listens from now on.
    pub fn listen() -> Self {
        let kinds = [
            (Told::End, SignalKind::interrupt()),
            (Told::End, SignalKind::terminate()),
            (Told::End, SignalKind::hangup()),
            (Told::End, SignalKind::quit()),
            (Told::Stop, SignalKind::from_raw(STOP)),
            (Told::GoOn, SignalKind::from_raw(CONTINUE)),
        ];
        let heard = kinds
            .into_iter()
            .filter_map(|(told, kind)| Some((told, signal(kind).ok()?)));
        Self(heard.collect())
    }

    /// The next one.
    pub async fn heard(&mut self) -> Told {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let each = self.0.iter_mut().map(|(told, signal)| {
            let told = *told;
            Box::pin(async move {
                signal.recv().await;
                told
            })
        });
        let (told, ..) = futures::future::select_all(each).await;
        told
    }
}

/// Stands still until somebody tells this process to go on.
pub fn stand_still() {
    kill_process(getpid(), Number::STOP).ok();
}

/// Whether the terminal of the keys is not there any more: reading from it would never end and never give a key.
pub fn gone() -> bool {
    let keys = stdin();
    let mut asked = [PollFd::new(&keys, PollFlags::IN)];
    let now = Timespec::try_from(Duration::ZERO).ok();
    let lost = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    poll(&mut asked, now.as_ref())
        .is_ok_and(|_| asked.iter().any(|one| one.revents().intersects(lost)))
}
