//! The screens joined to the world: what the app asks for is done here, and what happens is told to it.

mod answers;
mod desk;
mod hand;
mod keep;
mod logs;
mod open;
mod practice;
mod work;

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::{Context, Failure};
use crate::{
    app::{App, SiteRow, known::Stands},
    problem::Exit,
    session::{Session, Standing, Tools},
    sys::{
        clock::Clock,
        recording::RecordFile,
        sites::{SiteDir, Sites},
    },
    tui::{self, Channels},
};
pub use desk::Desk;
pub use practice::switched;

/// News that wait for the screens.
const INPUTS: usize = 1024;

/// Wishes of the screens that wait.
const EFFECTS: usize = 64;

/// How long the last wishes may take once the screens are closed.
const FAREWELL: Duration = Duration::from_secs(5);

/// What is shown first.
#[derive(Debug)]
pub enum First {
    /// What would you like to do?
    Welcome,
    /// The questions for a new site.
    New,
    /// A site of this computer.
    Site(String),
    /// A cluster by its kubeconfig, or by the one that kubectl would take; or the folder of a site.
    Attached(String),
    /// A site that is open already.
    Opened(Box<Session>),
}

/// The screens where the site stands.
pub async fn start(context: &Context) -> Result<Exit, Failure> {
    let sites = Sites::of_user()?;
    let first = match &context.global.site {
        Some(wanted) => {
            // A wrong name is told before the screens take the terminal.
            sites.resolve(Some(wanted))?;
            First::Site(wanted.clone())
        }
        None => match sites.list()?.as_slice() {
            [only] => First::Site(only.clone()),
            _ => First::Welcome,
        },
    };
    let draft = sites.unnamed();
    show(context, first, (context.tools(None), draft)).await
}

/// The questions for a new site, kept in this folder.
pub async fn new_site(context: &Context, dir: SiteDir) -> Result<Exit, Failure> {
    show(context, First::New, (context.tools(None), dir)).await
}

/// The health of a cluster that another computer set up.
pub async fn attached(context: &Context, text: String) -> Result<Exit, Failure> {
    let draft = Sites::of_user()?.unnamed();
    show(context, First::Attached(text), (context.tools(None), draft)).await
}

/// The practice site, opened.
pub async fn practice(context: &Context, session: Session, tools: Tools) -> Result<Exit, Failure> {
    let draft = Sites::of_user()?.unnamed();
    show(context, First::Opened(Box::new(session)), (tools, draft)).await
}

async fn show(
    context: &Context,
    first: First,
    (tools, draft): (Tools, SiteDir),
) -> Result<Exit, Failure> {
    let sites = Sites::of_user()?;
    // A file that cannot be made is told before the screens take the terminal.
    let record = context
        .global
        .record
        .as_deref()
        .map(RecordFile::create)
        .transpose()?;
    let (inputs, heard) = mpsc::channel(INPUTS);
    let (effects, asked) = mpsc::channel(EFFECTS);
    let (clock, shown) = watch::channel(Clock::real());
    let mut app = App::new(Timestamp::now(), rows(context, &sites)?);
    // A draft that cannot be read is told once somebody opens it.
    app.known.begun = sites.unnamed().load_draft().unwrap_or_default();
    app.known.begun_at = sites.unnamed().load_place();
    app.hints = Some(keep::learnt(&sites));
    let desk = Desk::new(context, (sites, draft), tools, (inputs, clock));
    let screens = tui::run(
        app,
        context.look(),
        Channels {
            inputs: heard,
            effects,
            clock: shown,
            record,
        },
    );
    let mut work = Box::pin(desk.work(first, asked));
    tokio::pin!(screens);
    let ended = tokio::select! {
        ended = &mut screens => {
            // What was asked for last, such as keeping the draft, is still done.
            tokio::time::timeout(FAREWELL, &mut work).await.ok();
            ended
        }
        () = &mut work => screens.await,
    };
    ended?;
    Ok(Exit::Done)
}

/// The sites of this computer and where each stands.
fn rows(context: &Context, sites: &Sites) -> Result<Vec<SiteRow>, Failure> {
    let mut rows = Vec::new();
    for name in sites.list()? {
        let dir = sites.resolve(Some(&name))?;
        let place = super::context::workplace(&dir, context.mode())?;
        let (state, stands) = match Standing::of(&place) {
            Ok(standing) => (standing.words(), stands(&standing)),
            Err(problem) => (problem.what, Stands::Unreadable),
        };
        rows.push(SiteRow {
            name,
            state,
            stands,
        });
    }
    Ok(rows)
}

fn stands(standing: &Standing) -> Stands {
    match standing {
        Standing::Draft => Stands::Draft,
        Standing::Ready => Stands::Ready,
        Standing::Begun { .. } => Stands::Stopped,
        Standing::Deployed { .. } => Stands::Deployed,
    }
}
