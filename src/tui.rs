//! The loop of the screens: keys, news and time go into the app, effects go out; it decides nothing.

mod keys;
mod terminal;

use std::time::{Duration, Instant};

use crossterm::event::{Event, EventStream};
use futures::StreamExt;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, sleep_until},
};

use crate::{
    app::{App, Effect, Input},
    problem::Problem,
    sys::clock::Clock,
    ui::{self, Theme},
};
use terminal::Screens;

/// The shortest time between two pictures.
const FRAME: Duration = Duration::from_millis(33);
/// How often time moves on the screen.
const TICK: Duration = Duration::from_secs(1);
/// News taken at once before the next picture.
const BATCH: usize = 64;
/// The longest text that terminals take onto their clipboard.
const CLIPBOARD: usize = 74_994;

/// How the screens are joined to the rest of the program.
#[derive(Debug)]
pub struct Channels {
    /// News of the world. When its other end is dropped, the screens end.
    pub inputs: mpsc::Receiver<Input>,
    /// What is to be done; leaving, copying and drawing anew are done here.
    pub effects: mpsc::Sender<Effect>,
    /// The clock of the cluster that is shown.
    pub clock: watch::Receiver<Clock>,
}

/// Shows the screens until the person leaves, a signal comes, or the program drops its end.
///
/// # Errors
/// The terminal cannot be used.
pub async fn run(app: App, theme: Theme, channels: Channels) -> Result<(), Problem> {
    let screens = Screens::open(theme)?;
    let looped = Loop {
        app,
        theme,
        channels,
        screens,
        dirty: true,
        drawn: None,
    };
    looped.turn().await
}

struct Loop {
    app: App,
    theme: Theme,
    channels: Channels,
    screens: Screens,
    dirty: bool,
    drawn: Option<Instant>,
}

/// Whether the loop goes on.
#[derive(PartialEq, Eq)]
enum Next {
    On,
    End,
}

impl Loop {
    async fn turn(mut self) -> Result<(), Problem> {
        let mut terminal = EventStream::new();
        let mut ends = Ends::listen();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (columns, rows) = Screens::size()?;
        self.take(Input::Resize(columns, rows))?;
        loop {
            let due = self.drawn.map_or_else(Instant::now, |drawn| drawn + FRAME);
            if self.dirty && Instant::now() >= due {
                self.screens
                    .draw(|frame| ui::draw(&self.app, self.theme, frame))?;
                self.dirty = false;
                self.drawn = Some(Instant::now());
            }
            let next = tokio::select! {
                event = terminal.next() => match event {
                    Some(Ok(event)) => self.hear(event)?,
                    // The terminal has gone.
                    Some(Err(_)) | None => Next::End,
                },
                input = self.channels.inputs.recv() => match input {
                    Some(input) => self.batch(input)?,
                    None => Next::End,
                },
                _ = ticks.tick() => self.tick()?,
                () = tokio::task::yield_now(), if self.app.works() => self.take(Input::Work)?,
                () = sleep_until(due.into()), if self.dirty => Next::On,
                () = ends.heard() => Next::End,
            };
            if next == Next::End {
                return Ok(());
            }
        }
    }

    fn hear(&mut self, event: Event) -> Result<Next, Problem> {
        match event {
            Event::Key(key) => match keys::key(key) {
                Some(key) => self.take(Input::Key(key)),
                None => Ok(Next::On),
            },
            Event::Paste(text) => self.take(Input::Paste(text)),
            Event::Resize(columns, rows) => self.take(Input::Resize(columns, rows)),
            Event::FocusGained | Event::FocusLost | Event::Mouse(_) => Ok(Next::On),
        }
    }

    fn tick(&mut self) -> Result<Next, Problem> {
        let now = self.channels.clock.borrow().now();
        let dirty = self.dirty || self.app.moves_with_time();
        let next = self.take(Input::Tick(now))?;
        self.dirty = dirty;
        Ok(next)
    }

    /// Takes what has come, so that a burst of news makes one picture.
    fn batch(&mut self, first: Input) -> Result<Next, Problem> {
        let mut next = self.take(first)?;
        for _ in 1..BATCH {
            match self.channels.inputs.try_recv() {
                Ok(input) if next == Next::On => next = self.take(input)?,
                _ => break,
            }
        }
        Ok(next)
    }

    fn take(&mut self, input: Input) -> Result<Next, Problem> {
        self.dirty = true;
        for effect in self.app.update(input) {
            match effect {
                Effect::Leave => return Ok(Next::End),
                Effect::Redraw => self.screens.clear()?,
                Effect::Copy(text) => self.copy(&text)?,
                effect => {
                    if let Err(mpsc::error::TrySendError::Closed(_)) =
                        self.channels.effects.try_send(effect).inspect_err(|error| {
                            if matches!(error, mpsc::error::TrySendError::Full(_)) {
                                self.app.notice = Some("Busy; press the key again.".to_owned());
                            }
                        })
                    {
                        return Ok(Next::End);
                    }
                }
            }
        }
        Ok(Next::On)
    }

    fn copy(&mut self, text: &str) -> Result<(), Problem> {
        let notice = if text.len().div_ceil(3) * 4 > CLIPBOARD {
            "Too long for the clipboard of a terminal."
        } else {
            Screens::copy(text)?;
            "Copied."
        };
        self.app.notice = Some(notice.to_owned());
        Ok(())
    }
}

/// Signals that end the program.
struct Ends(Vec<Signal>);

impl Ends {
    fn listen() -> Self {
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        Self(
            kinds
                .into_iter()
                .filter_map(|kind| signal(kind).ok())
                .collect(),
        )
    }

    async fn heard(&mut self) {
        let signals = self.0.iter_mut().map(|signal| Box::pin(signal.recv()));
        let signals: Vec<_> = signals.collect();
        if signals.is_empty() {
            std::future::pending::<()>().await;
        }
        futures::future::select_all(signals).await;
    }
}
