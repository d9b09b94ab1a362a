//! The command `screenshots`: the program itself, driven by its keys on a practice cluster, drawn into files.

use std::time::Duration;

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout},
};

use super::{
    Context, Failure,
    screens::{Desk, First},
};
use crate::{
    app::{App, Effect, Input, Screen, keys::Key},
    cli::{Screenshots, Size},
    engine::event::StepState,
    plain::output,
    problem::{Code, Exit, Problem},
    rehearsal::{self, Scenario, Speed},
    session::{Mode, Session, Tools, Workplace, World},
    site::sample,
    sys::{
        clock::Clock,
        daemon,
        files::{self, Mode as Rights},
        sites::{SiteDir, Sites},
    },
    ui::{self, Cast, Theme},
};

/// How long the program may take until a screen shows what is wanted.
const LIMIT: Duration = Duration::from_mins(3);

/// How often time moves on the screens.
const TICK: Duration = Duration::from_millis(200);

/// The usual serial console, and a wide window.
const SMALL: Size = Size(80, 24);
const WIDE: Size = Size(120, 40);

/// How long the recording shows what came by itself, and what a key brought.
const BEAT: Duration = Duration::from_millis(150);
const REST: Duration = Duration::from_millis(1200);

/// The folder of the site that the pictures show.
const SITE: &str = "st-marys";

/// `screenshots`
pub async fn screenshots(context: &Context, wish: &Screenshots) -> Result<Exit, Failure> {
    let out = &wish.out;
    files::create_folder(out)?;
    let sites = Sites::of_user()?;
    let root = sites
        .root()
        .parent()
        .unwrap_or(sites.root())
        .join("screenshots");
    let dir = SiteDir::at(root.join(SITE));
    files::remove_folder(dir.path())?;
    files::create_folder(dir.path())?;
    // The practice site, with what measures use.
    let mut settings = sample();
    settings.set("components.metrics", "on");
    dir.save_settings(&settings)?;
    rehearsal::prepare(&dir)?;
    let place = Workplace {
        site: dir.path().to_path_buf(),
        mode: Mode::Rehearsal,
    };
    let ended = draw_all(context, &place, wish).await;
    if let Some(point) = rehearsal::find(&place.cluster()).await {
        daemon::terminate(point.pid);
    }
    files::remove_folder(dir.path())?;
    let names = ended?;
    output::line(&format!("{} pictures in {}.", names, out.display()));
    Ok(Exit::Done)
}

async fn draw_all(
    context: &Context,
    place: &Workplace,
    wish: &Screenshots,
) -> Result<usize, Failure> {
    let session = Session::open(place.clone(), SiteDir::at(place.site.clone()).key_lock())?;
    let tools = Tools {
        speed: Some(Speed::Times(20)),
        ..Tools::default()
    };
    let world = World::open(&session, &tools).await?;
    let (inputs, heard) = mpsc::channel(1024);
    let (effects, asked) = mpsc::channel(64);
    let (clock, shown) = watch::channel(Clock::real());
    let sites = Sites::of_user()?;
    let draft = sites.unnamed();
    let desk = Desk::new(context, (sites, draft), tools, (inputs, clock));
    let pictures = Pictures {
        app: App::new(Timestamp::now(), Vec::new()),
        heard,
        effects,
        clock: shown,
        wish,
        drawn: 0,
        cast: Cast::new(
            Theme::colour(),
            SMALL.into(),
            "care-install on its practice cluster",
        ),
    };
    let work = Box::pin(desk.work(First::Opened(Box::new(session)), asked));
    let (drawn, ()) = tokio::join!(pictures.all(&world), work);
    drawn
}

/// The program without a terminal.
struct Pictures<'a> {
    app: App,
    heard: mpsc::Receiver<Input>,
    effects: mpsc::Sender<Effect>,
    clock: watch::Receiver<Clock>,
    wish: &'a Screenshots,
    drawn: usize,
    cast: Cast,
}

impl Pictures<'_> {
    /// From the questions to a healthy cluster, a picture of each screen on the way.
    async fn all(mut self, world: &World) -> Result<usize, Failure> {
        self.draw("welcome", SMALL)?;
        self.until("the questions", |app| {
            matches!(app.screen, Screen::Wizard(_))
        })
        .await?;
        self.key(Key::PageDown).await?;
        self.draw("questions", SMALL)?;
        self.key(Key::Ctrl('d')).await?;
        self.until("the checks", |app| {
            matches!(app.screen, Screen::Checks(_)) && app.known.blocked() == Some(0)
        })
        .await?;
        self.draw("checks", SMALL)?;
        self.key(Key::Char('p')).await?;
        self.until("the plan", |app| crate::app::plan::plan(app).is_some())
            .await?;
        self.draw("plan", SMALL)?;
        rehearsal::set_scenario(&world.doors.kube, Scenario::ImagePullFails).await?;
        self.key(Key::Char('y')).await?;
        self.key(Key::Enter).await?;
        self.until("a run", |app| app.known.run.counts(None).done > 10)
            .await?;
        self.draw("deploy", SMALL)?;
        self.draw("deploy-wide", WIDE)?;
        self.until("a failing image pull", waits_for_image).await?;
        self.draw("image-pull-fails", SMALL)?;
        rehearsal::set_scenario(&world.doors.kube, Scenario::Healthy).await?;
        self.until("the end of the run", |app| app.known.run.ended.is_some())
            .await?;
        self.draw("deployed", SMALL)?;
        self.key(Key::Enter).await?;
        self.until("a healthy cluster", |app| {
            let cluster = &app.known.cluster;
            matches!(app.screen, Screen::Health(_))
                && !cluster.pods.is_empty()
                && cluster.findings.is_empty()
        })
        .await?;
        self.draw("health", SMALL)?;
        self.key(Key::Char('?')).await?;
        self.draw("help", SMALL)?;
        self.key(Key::Esc).await?;
        self.until("what is used", |app| app.known.usage.is_known())
            .await?;
        self.key(Key::Char('2')).await?;
        self.draw("pods", SMALL)?;
        self.draw("pods-wide", WIDE)?;
        for (key, name) in [
            ('3', "nodes"),
            ('4', "volumes"),
            ('5', "backups"),
            ('6', "certificates"),
            ('7', "ingress"),
            ('9', "jobs"),
            ('0', "releases"),
        ] {
            self.key(Key::Char(key)).await?;
            self.draw(name, SMALL)?;
        }
        self.key(Key::Char('2')).await?;
        self.key(Key::Down).await?;
        self.key(Key::Char('l')).await?;
        self.until("a log", |app| !app.known.log.store.is_empty())
            .await?;
        self.draw("log", SMALL)?;
        let path = self.wish.out.join("rehearsal.cast");
        files::write_atomic(&path, self.cast.file().as_bytes(), Rights::Shared)?;
        Ok(self.drawn)
    }

    async fn key(&mut self, key: Key) -> Result<(), Problem> {
        self.take(Input::Key(key)).await;
        self.record(REST)
    }

    /// Adds the screen to the recording.
    fn record(&mut self, lasts: Duration) -> Result<(), Problem> {
        let Size(columns, rows) = SMALL;
        self.app.update(Input::Resize(columns, rows));
        let shown = self.cast.show(&self.app, lasts);
        shown.map_err(|error| unwritten(&error))
    }

    async fn take(&mut self, input: Input) {
        for effect in self.app.update(input) {
            // The desk ends only after the pictures.
            self.effects.send(effect).await.ok();
        }
        while self.app.works() {
            self.app.update(Input::Work);
        }
    }

    /// Goes on until the screens show what is wanted.
    async fn until(&mut self, what: &str, wanted: impl Fn(&App) -> bool) -> Result<(), Problem> {
        let end = Instant::now() + LIMIT;
        while !wanted(&self.app) {
            if Instant::now() > end {
                let what = format!("The screens did not come to {what}.");
                let remedy = "Report this with the pictures that were drawn.";
                let problem = Problem::new(Code::Bug01, what, remedy);
                let screen = self.app.screen.title();
                let notice = self.app.notice.clone().unwrap_or_default();
                return Err(problem.because(format!("they show {screen} {notice}")));
            }
            if let Ok(Some(input)) = timeout(TICK, self.heard.recv()).await {
                self.take(input).await;
            }
            let now = self.clock.borrow().now();
            self.take(Input::Tick(now)).await;
            self.record(BEAT)?;
        }
        Ok(())
    }

    /// A picture and the text of the screen, in the size that shows it best or in those asked for.
    fn draw(&mut self, name: &str, size: Size) -> Result<(), Problem> {
        if self.wish.sizes.is_empty() {
            return self.draw_as(name, size);
        }
        // A screen that has a wide picture of its own is not drawn twice.
        if size != SMALL {
            return Ok(());
        }
        for size in &self.wish.sizes {
            self.draw_as(&format!("{name}-{}x{}", size.0, size.1), *size)?;
        }
        Ok(())
    }

    fn draw_as(&mut self, name: &str, size: Size) -> Result<(), Problem> {
        let theme = Theme::colour();
        self.app.update(Input::Resize(size.0, size.1));
        let text = ui::shot(&self.app, theme, size.into());
        let picture = ui::png(&self.app, theme, size.into()).map_err(|error| unwritten(&error))?;
        self.drawn += 1;
        for (ending, bytes) in [("txt", text.as_bytes()), ("png", &picture)] {
            let path = self.wish.out.join(format!("{name}.{ending}"));
            files::write_atomic(&path, bytes, Rights::Shared)?;
        }
        self.record(REST)
    }
}

/// Drawing into memory does not fail; if it does, the program is at fault.
fn unwritten(error: &dyn std::error::Error) -> Problem {
    Problem::new(
        Code::Bug01,
        "A screen could not be drawn into a file.",
        "Report this with the pictures that were drawn.",
    )
    .because(error.to_string())
}

/// Whether a step tells of an image that cannot be pulled, and the screen stands on it.
fn waits_for_image(app: &App) -> bool {
    app.known.run.steps.iter().any(|step| {
        let waiting = step.waiting.as_ref();
        matches!(step.state, StepState::Running { .. })
            && waiting.is_some_and(|waiting| {
                let mut reasons = waiting.reasons.iter();
                reasons.any(|reason| reason.code == Some(Code::Wait02))
            })
    })
}
