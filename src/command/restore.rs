//! The commands `backup list` and `restore`: asks what can be restored, lets a person agree, runs the plan.

use jiff::tz::TimeZone;
use serde_json::json;

use super::{Context, Failure, deploy};
use crate::{
    cli::{Face, Restore, RestoreAction},
    engine::run::Setting,
    host::{self, Hosted, Onlookers},
    plain::{ask, output},
    plan::{Database, Plan, Purpose},
    problem::{Code, Exit, Problem},
    restore::{Intent, Inventory, Rows, Wish, moment, words},
    session::{Session, World, restore},
    sys::daemon::{self, Lock},
};

/// `backup list`
pub async fn list(context: &Context) -> Result<Exit, Failure> {
    let session = context.open(context.place()?)?;
    let world = World::open(&session, &context.tools(None)).await?;
    let inventory = restore::inventory(&world).await?;
    if context.face == Face::Json {
        output::json(&json!({"event": "backups", "inventory": inventory}));
    } else {
        output::text(&words::inventory(&inventory, &TimeZone::system()));
    }
    Ok(if inventory.window.is_some() {
        Exit::Done
    } else {
        Exit::Problem
    })
}

/// `restore`
pub async fn restore(context: &Context, arguments: &Restore) -> Result<Exit, Failure> {
    if arguments.background {
        return background(context).await;
    }
    let session = context.open(context.place()?)?;
    let Some(lock) = host::hold(&session)? else {
        return joined(context, arguments, &session).await;
    };
    let world = World::open(&session, &context.tools(None)).await?;
    let intent = match arguments.action {
        Some(RestoreAction::Cancel) => cancelled(&session, &world).await?,
        None => match restore::unfinished(&session.place)? {
            Some(intent) => same(arguments, intent)?,
            None => agreed(context, arguments, (&session, &world)).await?,
        },
    };
    run(context, session, (world, intent), lock).await
}

/// Shows the run of just this restore; any other run is in the way.
async fn joined(
    context: &Context,
    arguments: &Restore,
    session: &Session,
) -> Result<Exit, Failure> {
    let runs = host::purpose(&session.place.work()).await;
    let wanted = match (&runs, &arguments.action, arguments.to.as_deref()) {
        (Some(Purpose::PutBack(_)), Some(RestoreAction::Cancel), _)
        | (Some(Purpose::Restore(_)), None, None) => true,
        (Some(Purpose::Restore(restoring)), None, Some(text)) => {
            text != "latest" && moment(text, &TimeZone::system())? == restoring.moment
        }
        _ => false,
    };
    if wanted {
        return deploy::join(context, session).await;
    }
    Err(deploy::in_the_way(runs.as_ref()).into())
}

/// Goes on, for the screens, with what was agreed to there.
async fn background(context: &Context) -> Result<Exit, Failure> {
    let mut session = context.open_told(context.place()?)?;
    daemon::leave_terminal();
    let (lock, intent) = match (host::hold(&session)?, restore::unfinished(&session.place)?) {
        (Some(lock), Some(intent)) => (lock, intent),
        (None, _) => return Err(deploy::busy().into()),
        (_, None) => return Err(nothing("No restore is going on.").into()),
    };
    let world = World::open(&session, &context.tools(None)).await?;
    let plan = session.restore_plan(&intent)?;
    if restore::reached_end(&session.place, &plan)? {
        close(&mut session, &world, &intent).await?;
        return Err(nothing("The restore was over already; its report is written now.").into());
    }
    let setting = restore::setting(&session, &world);
    let run = ((plan, setting), (lock, Onlookers::Expected));
    let hosted = begun(&session, &world, run).await?;
    let exit = deploy::unseen(hosted).await;
    if matches!(exit, Exit::Done | Exit::Warnings) {
        close(&mut session, &world, &intent).await?;
    }
    Ok(exit)
}

/// The restore that was begun; another moment would be another restore.
fn same(arguments: &Restore, intent: Intent) -> Result<Intent, Failure> {
    let other = match arguments.to.as_deref() {
        Some("latest") | None => false,
        Some(text) => moment(text, &TimeZone::system())? != intent.moment(),
    };
    if other || intent.cancelled {
        return Err(restore::not_over(&intent).into());
    }
    Ok(intent)
}

/// Judges the wish, shows what it costs, and lets a person agree; then it is written down.
async fn agreed(
    context: &Context,
    arguments: &Restore,
    (session, world): (&Session, &World),
) -> Result<Intent, Failure> {
    let inventory = restore::inventory(world).await?;
    let zone = TimeZone::system();
    let wish = Wish::to(match arguments.to.as_deref() {
        None => return Err(no_moment(&inventory, &zone).into()),
        Some("latest") => inventory.window.map_or(inventory.now, |window| window.last),
        Some(text) => moment(text, &zone)?,
    });
    let intent = inventory.choose(&wish)?;
    // A template that fails, fails now.
    session.restore_plan(&intent)?;
    if context.face == Face::Json {
        output::json(&words::intent_json(&intent, &inventory));
    } else {
        for line in words::intent(&intent, &inventory, &zone) {
            output::line(&line);
        }
    }
    confirm(context, arguments, session.site.name.as_str())?;
    restore::agree(&session.place, &intent)?;
    Ok(intent)
}

fn no_moment(inventory: &Inventory, zone: &TimeZone) -> Problem {
    let mut problem = Problem::new(
        Code::Rst09,
        "A restore wants to know the moment.",
        "Give it with --to TIME, such as --to 2026-11-24T11:42:00Z, or --to latest.",
    );
    for line in words::inventory(inventory, zone).lines() {
        problem = problem.because(line.trim());
    }
    problem
}

/// The name of the site must be typed, or given.
fn confirm(context: &Context, arguments: &Restore, site: &str) -> Result<(), Failure> {
    let not = |what: String| {
        Problem::new(
            Code::Rst08,
            what,
            format!(
                "Nothing was changed. Type the site's name, {site}; a script gives --yes --confirm {site}."
            ),
        )
    };
    if let Some(given) = &arguments.confirm {
        if given != site {
            return Err(not(format!("`{given}` is not the name of this site.")).into());
        }
        if arguments.yes {
            return Ok(());
        }
    }
    if context.face == Face::Json || !output::can_ask() {
        return Err(not("Nobody can be asked whether to restore.".to_owned()).into());
    }
    let question = format!("Type the name of the site ({site}) to begin:");
    if ask::word(&question, site)? {
        return Ok(());
    }
    Err(not("The name of the site was not typed.".to_owned()).into())
}

fn nothing(what: &str) -> Problem {
    let remedy = "Nothing was changed. Look with care-install status and care-install backup list.";
    Problem::new(Code::Rst06, what, remedy)
}

/// The unfinished restore, to be put back; once the cluster uses the new database there is no way back.
pub async fn cancelled(session: &Session, world: &World) -> Result<Intent, Failure> {
    let Some(mut intent) = restore::unfinished(&session.place)? else {
        return Err(nothing("No restore is going on.").into());
    };
    let memory = world.doors.kube.get(&Database::remembered()).await?;
    let used = memory.as_ref().and_then(Database::read).unwrap_or_default();
    if used == intent.next {
        let problem = nothing("The site already uses the restored database.");
        return Err(problem
            .because(
                "going back would lose what was entered since; the way on is care-install restore",
            )
            .into());
    }
    if !intent.cancelled {
        intent.cancelled = true;
        restore::agree(&session.place, &intent)?;
    }
    Ok(intent)
}

async fn run(
    context: &Context,
    mut session: Session,
    (world, intent): (World, Intent),
    lock: Lock,
) -> Result<Exit, Failure> {
    let plan = session.restore_plan(&intent)?;
    if !restore::reached_end(&session.place, &plan)? {
        let setting = restore::setting(&session, &world);
        let run = ((plan, setting), (lock, Onlookers::Perhaps));
        let hosted = begun(&session, &world, run).await?;
        let exit = deploy::follow_hosted(hosted, deploy::style(context)).await;
        if !matches!(exit, Exit::Done | Exit::Warnings) {
            return Ok(exit);
        }
    }
    let found = close(&mut session, &world, &intent).await?;
    tell(context, &intent, found.as_ref());
    Ok(Exit::Done)
}

/// Begins the run; when it cannot, what was just agreed to is forgotten.
async fn begun(
    session: &Session,
    world: &World,
    (run, held): ((Plan, Setting), (Lock, Onlookers)),
) -> Result<Hosted, Failure> {
    match host::begin_as(session, world, run, held).await {
        Ok(hosted) => Ok(hosted),
        Err(problems) => {
            restore::forget_unbegun(&session.place)?;
            Err(problems.into())
        }
    }
}

/// Writes the report; gives the rows that came back.
async fn close(
    session: &mut Session,
    world: &World,
    intent: &Intent,
) -> Result<Option<Rows>, Problem> {
    let found = if intent.cancelled {
        None
    } else {
        restore::proof(world, intent).await
    };
    restore::close(&session.place, intent, found.as_ref())?;
    session.learn_database(world).await?;
    Ok(found)
}

fn tell(context: &Context, intent: &Intent, found: Option<&Rows>) {
    let (moment, promised) = (intent.moment(), &intent.promised);
    match (context.face, intent.cancelled) {
        (Face::Json, true) => {
            output::json(&json!({"event": "restore_cancelled", "moment": moment}));
        }
        (Face::Json, false) => output::json(&json!({
            "event": "restored", "moment": moment, "cluster": intent.next.cluster(),
            "server": intent.next.server(), "promised": promised, "found": found,
        })),
        (_, true) => output::line(&format!(
            "Everything is as it was before the restore. Volumes that {} had are kept by their storage class (kubectl get pv) until you delete them.",
            intent.next.cluster()
        )),
        (_, false) => {
            let restoring = intent.restoring(&TimeZone::system());
            output::text(&words::result(&restoring, found));
        }
    }
}
