//! The loop of the screens: keys, news and time go into the app, effects go out; it decides nothing.

mod ends;
mod keys;
mod record;
mod sixteen;
mod terminal;

use std::time::{Duration, Instant};

use crossterm::event::Event;
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, sleep_until},
};

use crate::{
    app::{App, Effect, Input, fits_clipboard},
    problem::{Code, Problem},
    sys::{clock::Clock, recording::RecordFile},
    ui::{self, Theme},
};
#[cfg(test)]
pub(crate) use sixteen::{numbers, sent};

use ends::{Signals, Told};
use record::Recorder;
use terminal::Screens;

/// How often time moves on the screen, and how soon it is noticed that the terminal has gone.
const TICK: Duration = Duration::from_secs(1);
/// News taken at once before the next picture.
const BATCH: usize = 64;

/// How fast the line to the terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// As fast as an eye.
    Fast,
    /// A serial line of 9600 Bd, which carries half a screen in a second.
    Serial,
}

impl Line {
    /// The shortest time from a picture of so many bytes to the next: a slow line has to have carried it, or keys would be
    /// answered behind pictures that wait.
    fn frame(self, bytes: usize) -> Duration {
        /// Bytes that a line of 9600 Bd carries in a second.
        const CARRIED: u32 = 960;
        match self {
            Self::Fast => Duration::from_millis(33),
            Self::Serial => {
                let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                let carried = Duration::from_secs(1) * bytes / CARRIED;
                carried.max(Duration::from_millis(500))
            }
        }
    }

    /// How often ages are drawn anew when nothing else happens.
    fn ages(self) -> Duration {
        match self {
            Self::Fast => TICK,
            Self::Serial => Duration::from_secs(10),
        }
    }
}

/// How the terminal is used.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// How things look.
    pub theme: Theme,
    /// How fast it is.
    pub line: Line,
}

/// How the screens are joined to the rest of the program.
#[derive(Debug)]
pub struct Channels {
    /// News of the world. When its other end is dropped, the screens end.
    pub inputs: mpsc::Receiver<Input>,
    /// What is to be done; leaving and drawing anew are done here.
    pub effects: mpsc::Sender<Effect>,
    /// The clock of the cluster that is shown.
    pub clock: watch::Receiver<Clock>,
    /// Where everything that happens is recorded, when that was asked for.
    pub record: Option<RecordFile>,
}

/// Shows the screens until the person leaves, a signal comes, or the program drops its end.
///
/// # Errors
/// The terminal cannot be used, or a part of the program has failed.
pub async fn run(app: App, look: Look, channels: Channels) -> Result<(), Problem> {
    // A signal between taking the terminal and listening would leave it taken.
    let signals = Signals::listen();
    let screens = Screens::open()?;
    if app.mouse {
        Screens::mouse(true)?;
    }
    let mut channels = channels;
    let record = match channels.record.take() {
        Some(file) => Some(Recorder::begin(file, &app, look.theme)?),
        None => None,
    };
    let looped = Loop {
        app,
        look,
        channels,
        record,
        screens,
        dirty: true,
        drawn: None,
        sent: 0,
    };
    looped.turn(signals).await
}

struct Loop {
    app: App,
    look: Look,
    channels: Channels,
    record: Option<Recorder>,
    screens: Screens,
    dirty: bool,
    drawn: Option<Instant>,
    /// Bytes of the last picture.
    sent: usize,
}

/// Whether the loop goes on.
#[derive(PartialEq, Eq)]
enum Next {
    On,
    End,
}

impl Loop {
    async fn turn(mut self, mut signals: Signals) -> Result<(), Problem> {
        let mut terminal = keys::listen();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (columns, rows) = Screens::size()?;
        self.take(Input::Resize(columns, rows))?;
        loop {
            let frame = self.look.line.frame(self.sent);
            let due = self.drawn.map_or_else(Instant::now, |drawn| drawn + frame);
            if self.dirty && Instant::now() >= due {
                self.draw()?;
            }
            let next = tokio::select! {
                event = terminal.recv() => match event {
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
                told = signals.heard() => self.told(told)?,
                () = terminal::broken() => return Err(broken()),
            };
            if next == Next::End {
                return Ok(());
            }
        }
    }

    fn draw(&mut self) -> Result<(), Problem> {
        let theme = self.look.theme;
        self.sent = self
            .screens
            .draw(|frame| ui::draw(&self.app, theme, frame))?;
        self.dirty = false;
        self.drawn = Some(Instant::now());
        Ok(())
    }

    fn hear(&mut self, event: Event) -> Result<Next, Problem> {
        match event {
            Event::Key(key) => match keys::key(key) {
                Some(key) => self.take(Input::Key(key)),
                None => Ok(Next::On),
            },
            Event::Paste(text) => self.take(Input::Paste(text)),
            Event::Resize(columns, rows) => self.take(Input::Resize(columns, rows)),
            Event::Mouse(mouse) => {
                let theme = self.look.theme;
                let input = match keys::mouse(mouse) {
                    Some(keys::Mouse::Wheel(rows)) => Some(Input::Move(rows)),
                    Some(keys::Mouse::Click(x, y)) => ui::hit(&self.app, theme, (x, y)),
                    None => None,
                };
                input.map_or(Ok(Next::On), |input| self.take(input))
            }
            Event::FocusGained | Event::FocusLost => Ok(Next::On),
        }
    }

    fn told(&mut self, told: Told) -> Result<Next, Problem> {
        match told {
            Told::End => return Ok(Next::End),
            Told::Stop => {
                Screens::leave();
                ends::stand_still();
            }
            Told::GoOn => {
                self.screens.come_back()?;
                if self.app.mouse {
                    Screens::mouse(true)?;
                }
                // The window may have another size by now.
                let (columns, rows) = Screens::size()?;
                self.take(Input::Resize(columns, rows))?;
            }
        }
        Ok(Next::On)
    }

    fn tick(&mut self) -> Result<Next, Problem> {
        if ends::gone() {
            return Ok(Next::End);
        }
        let now = self.channels.clock.borrow().now();
        let old = self
            .drawn
            .is_none_or(|drawn| drawn.elapsed() + TICK / 2 >= self.look.line.ages());
        let dirty = self.dirty || (old && self.app.moves_with_time());
        let told = self.app.notice.is_some();
        let next = self.take(Input::Tick(now))?;
        // An answer that has stood long enough goes from the picture, too.
        self.dirty = dirty || told != self.app.notice.is_some();
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
        self.record(&input);
        for effect in self.app.update(input) {
            match effect {
                Effect::Leave => return Ok(Next::End),
                Effect::Redraw => self.screens.clear()?,
                Effect::Mouse(on) => Screens::mouse(on)?,
                effect => {
                    // The terminal may not take it: it is kept as a file, too.
                    if let Effect::Copy(text) = &effect
                        && fits_clipboard(text)
                    {
                        Screens::copy(text)?;
                    }
                    if self.ask(effect) == Next::End {
                        return Ok(Next::End);
                    }
                }
            }
        }
        Ok(Next::On)
    }

    /// Writes down what the screens are about to take; a recording that cannot go on is told and ends.
    fn record(&mut self, input: &Input) {
        let Some(record) = &mut self.record else {
            return;
        };
        if let Err(problem) = record.take(&self.app, input) {
            self.record = None;
            self.app.notice = Some(problem.what);
        }
    }

    /// Asks the rest of the program for something.
    fn ask(&mut self, effect: Effect) -> Next {
        match self.channels.effects.try_send(effect) {
            Ok(()) => Next::On,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.app.notice = Some("Busy; press the key again.".to_owned());
                Next::On
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Next::End,
        }
    }
}

fn broken() -> Problem {
    Problem::new(
        Code::Bug01,
        "A part of care-install has failed; its last words stand above.",
        "Start it again: a run goes on by itself. Report this with the newest file of logs/ in the site's folder.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_line_gets_no_more_than_it_carries_and_two_pictures_a_second_at_most() {
        assert_eq!(Line::Fast.frame(1 << 20), Duration::from_millis(33));
        assert_eq!(Line::Serial.frame(0), Duration::from_millis(500));
        assert_eq!(Line::Serial.frame(480), Duration::from_millis(500));
        assert_eq!(Line::Serial.frame(1920), Duration::from_secs(2));
        assert!(Line::Serial.frame(usize::MAX) > Duration::from_mins(1));
    }
}
