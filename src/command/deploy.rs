//! The command `deploy`: checks, then the run; in this process for lines and scripts, in one of its own for the screens.

use jiff::Timestamp;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Failure, look, waivers::keep_waivers};
use crate::{
    check::{CheckResult, Waiver, verdict},
    cli::{Chosen as Wanted, Deploy, Face},
    engine::{
        event::{Command, Outcome},
        run::Chosen,
    },
    host::{self, Holder, Hosted, Onlookers},
    plain::{
        ask,
        follow::{self, Followed, Style},
        output,
    },
    plan::{Plan, Purpose, StepId},
    problem::{Code, Exit, Problem},
    session::{Reach, Session, Tools, World, power, restore},
    sys::{daemon, lease},
};

/// `deploy`
pub async fn deploy(context: &Context, arguments: &Deploy) -> Result<Exit, Failure> {
    if arguments.background {
        let session = context.open_told(context.place()?)?;
        return background(context, session, arguments).await;
    }
    let session = context.open(context.place()?)?;
    run(context, session, arguments, &context.tools(None)).await
}

/// Deploys in this process and shows it as lines.
pub async fn run(
    context: &Context,
    mut session: Session,
    arguments: &Deploy,
    tools: &Tools,
) -> Result<Exit, Failure> {
    let chosen = chosen(&arguments.chosen, arguments.yes)?;
    let accepted = accepted(&arguments.waive)?;
    let Some(lock) = host::hold(&session)? else {
        let runs = host::purpose(&session.place.work()).await;
        if runs.as_ref().is_some_and(|purpose| !purpose.is_deploy()) {
            return Err(in_the_way(runs.as_ref()).into());
        }
        return join(context, &session).await;
    };
    restore::refuse_unfinished(&session.place)?;
    if !arguments.yes && !may_ask(context) {
        return Err(nobody_agrees().into());
    }
    chosen.check(&session.plan()?)?;
    let reach = Reach::of(&session, tools).await?;
    let results = look::run_checks(context, look::asked(&session, &reach, None)).await;
    let waivers = waivers(&accepted, &results);
    refuse_blocked(&results, &waivers)?;
    let world = World::at(reach).await?;
    let plan = session.plan_for(&world).await?;
    power::refuse_resting(&session, &world).await?;
    keep_waivers(&session.place.reports(), &waivers)?;
    agree(context, arguments, &plan, &world)?;
    let hosted = host::begin(&session, &world, (plan, chosen), (lock, Onlookers::Perhaps)).await?;
    Ok(follow_hosted(hosted, style(context)).await)
}

pub async fn follow_hosted(hosted: Hosted, style: Style) -> Exit {
    let followed = Followed {
        events: hosted.run.subscribe(),
        commands: hosted.run.commands(),
        steering: None,
    };
    let exit = follow::follow(followed, style).await;
    hosted.ended().await;
    exit
}

/// Shows the run that another process holds.
pub async fn join(context: &Context, session: &Session) -> Result<Exit, Failure> {
    let holder = Holder::of(&session.place);
    let who = holder.as_ref().map(Holder::words);
    let Some(joined) = host::join(&session.place.work()).await else {
        let problem = in_the_way(None);
        return Err(match who {
            Some(who) => problem.because(format!("it is {who}")),
            None => problem,
        }
        .into());
    };
    if context.face == Face::Json {
        output::json(&json!({"event": "joined", "holder": holder}));
    } else {
        let who = who.map_or_else(String::new, |who| format!(" ({who})"));
        output::note(&format!("A run goes on already{who}; this shows it."));
    }
    let followed = Followed {
        events: joined.events,
        commands: joined.commands,
        steering: Some(joined.steering),
    };
    Ok(follow::follow(followed, style(context)).await)
}

pub fn style(context: &Context) -> Style {
    if context.face == Face::Json {
        Style::Json
    } else {
        Style::Lines
    }
}

/// What another process does on this site, when it is not what was asked for.
pub fn in_the_way(runs: Option<&Purpose>) -> Problem {
    let remedy = "Wait for its end, then run the command again; care-install shows it, and q there stops it safely.";
    match runs {
        None => Problem::new(
            Code::Host02,
            "Another care-install works on this site.",
            "Wait for its end, then run the command again.",
        ),
        Some(purpose) => {
            let what = format!("Another run goes on for this site: a {}.", purpose.noun());
            let problem = Problem::new(Code::Host02, what, remedy);
            match purpose.heading() {
                Some(heading) => problem.because(format!("it is {}", lower(&heading))),
                None => problem,
            }
        }
    }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// Another process holds the site.
pub fn busy() -> Problem {
    Problem::new(
        Code::Host02,
        "Another care-install works on this site.",
        "Open the site again: its run is shown.",
    )
}

/// Works for the screens: apart from any terminal, until the run ends.
async fn background(
    context: &Context,
    mut session: Session,
    arguments: &Deploy,
) -> Result<Exit, Failure> {
    daemon::leave_terminal();
    restore::refuse_unfinished(&session.place)?;
    let Some(lock) = host::hold(&session)? else {
        return Err(busy().into());
    };
    let world = World::open(&session, &context.tools(None)).await?;
    let plan = session.plan_for(&world).await?;
    power::refuse_resting(&session, &world).await?;
    let chosen = chosen(&arguments.chosen, arguments.yes)?;
    let hosted = host::begin(
        &session,
        &world,
        (plan, chosen),
        (lock, Onlookers::Expected),
    )
    .await?;
    Ok(unseen(hosted).await)
}

/// Waits for the end of a run that no terminal shows; who ends the process stops it safely.
pub async fn unseen(hosted: Hosted) -> Exit {
    let commands = hosted.run.commands();
    tokio::spawn(async move {
        if let Ok(mut ends) = signal(SignalKind::terminate()) {
            while ends.recv().await.is_some() {
                commands.send(Command::StopSafely).await.ok();
            }
        }
    });
    match hosted.ended().await {
        Outcome::Done => Exit::Done,
        Outcome::DoneWithWarnings => Exit::Warnings,
        Outcome::Failed => Exit::Problem,
        Outcome::Stopped => Exit::Resumable,
    }
}

/// The steps that the arguments choose.
pub fn chosen(wanted: &Wanted, yes: bool) -> Result<Chosen, Failure> {
    let mut skip = Vec::new();
    for text in &wanted.skip {
        let (step, reason) = pair(
            text,
            "--skip",
            "care-backend/workers=\"no mail server yet\"",
        )?;
        skip.push((StepId::from_text(step), reason.to_owned()));
    }
    Ok(Chosen {
        from: wanted.from.as_deref().map(StepId::from_text),
        only: wanted.only.as_deref().map(StepId::from_text),
        skip,
        yes,
    })
}

/// The codes of failures that are accepted, each with its reason.
fn accepted(texts: &[String]) -> Result<Vec<(Code, String)>, Failure> {
    let mut accepted = Vec::new();
    for text in texts {
        let (code, reason) = pair(
            text,
            "--waive",
            "DNS-02=\"the name server moves on Monday\"",
        )?;
        let code = Code::parse(code).ok_or_else(|| look::unknown_code(code))?;
        accepted.push((code, reason.to_owned()));
    }
    Ok(accepted)
}

fn waivers(accepted: &[(Code, String)], results: &[CheckResult]) -> Vec<Waiver> {
    let of = accepted.iter().flat_map(|(code, reason)| {
        let of_code = results.iter().filter(|result| result.id.code == *code);
        of_code.map(|result| Waiver {
            id: result.id.clone(),
            reason: reason.clone(),
            by: lease::this_person(),
            at: Timestamp::now(),
        })
    });
    of.collect()
}

/// `NAME=REASON`; both must say something.
fn pair<'a>(text: &'a str, option: &str, example: &str) -> Result<(&'a str, &'a str), Failure> {
    match text.split_once('=') {
        Some((name, reason)) if !name.trim().is_empty() && !reason.trim().is_empty() => {
            Ok((name.trim(), reason.trim()))
        }
        _ => Err(Problem::new(
            Code::Args01,
            format!("`{text}` is not what {option} takes."),
            format!("Give the name and the reason, such as {option} {example}."),
        )
        .into()),
    }
}

fn refuse_blocked(results: &[CheckResult], waivers: &[Waiver]) -> Result<(), Failure> {
    let blocking = verdict::blocking(results, waivers);
    let Some(first) = blocking.first() else {
        return Ok(());
    };
    let count = match blocking.len() {
        1 => "One check failed".to_owned(),
        count => format!("{count} checks failed"),
    };
    let problem = Problem::new(
        Code::Check01,
        format!("{count}: nothing was changed."),
        format!(
            "Fix what the checks say above, or accept a failure with a reason: --waive {}=\"REASON\".",
            first.id.code
        ),
    );
    Err(problem.into())
}

/// Asks once more before the cluster is changed.
fn agree(context: &Context, arguments: &Deploy, plan: &Plan, world: &World) -> Result<(), Failure> {
    if arguments.yes {
        return Ok(());
    }
    let question = format!(
        "Deploy {} steps of {} components to {}?",
        plan.steps.len(),
        plan.components.len(),
        world.cluster
    );
    if !may_ask(context) {
        return Err(nobody_agrees().into());
    }
    if ask::yes(&question)? {
        return Ok(());
    }
    Err(Problem::new(
        Code::Run04,
        "Nobody agreed: nothing was changed.",
        "Look at it with care-install plan, then run the command again.",
    )
    .into())
}

pub fn may_ask(context: &Context) -> bool {
    context.face != Face::Json && output::can_ask()
}

fn nobody_agrees() -> Problem {
    Problem::new(
        Code::Args01,
        "Nobody can be asked whether to deploy.",
        "Add --yes once care-install plan shows what you want.",
    )
}
