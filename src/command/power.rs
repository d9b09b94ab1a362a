//! The command `power`: says what the stop of a machine, or of all, means, lets a person agree, and runs the plan that does it.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Context, Failure, deploy};
use crate::{
    cli::{Chosen as Wanted, Face, Power, PowerWay},
    engine::run::Chosen,
    host::{self, Onlookers},
    plain::{ask, output},
    plan::{
        Plan, Purpose, StepId,
        power::{self, Powering, Way, Which},
    },
    problem::{Code, Exit, Problem},
    session::{Session, World, power as ground, restore},
    sys::daemon,
    watch::{
        self, Watched,
        risks::{self, Risk},
        view::ClusterView,
    },
};

/// How long the machine that carries the API may take until it answers.
const API: Duration = Duration::from_hours(12);

/// Pause between two questions whether it does.
const LOOK: Duration = Duration::from_secs(2);

/// What is said of every service when all machines go.
const AWAY: &str = "away from the first steps on, until care-install power on all";

/// `power`
pub async fn power(context: &Context, arguments: &Power) -> Result<Exit, Failure> {
    let powering = Powering {
        node: Which::typed(&arguments.node),
        way: match arguments.way {
            PowerWay::Off => Way::Off,
            PowerWay::On => Way::On,
        },
    };
    if arguments.background {
        return background(context, arguments, &powering).await;
    }
    let mut session = context.open(context.place()?)?;
    let Some(lock) = host::hold(&session)? else {
        let runs = host::purpose(&session.place.work()).await;
        return match &runs {
            Some(Purpose::Power(other)) if **other == powering => {
                deploy::join(context, &session).await
            }
            runs => Err(deploy::in_the_way(runs.as_ref()).into()),
        };
    };
    let world = World::open(&session, &context.tools(None)).await?;
    match powering.way {
        Way::On => answers(context, (&session, &world), &powering).await?,
        Way::Off => {
            if let Some(exit) = gone(context, (&session, &world), &powering).await? {
                return Ok(exit);
            }
        }
    }
    let (plan, chosen) = planned((&mut session, &world), arguments, &powering).await?;
    agree(context, arguments.yes, (&plan, &powering), &world).await?;
    let run = (
        (plan, ground::setting(&session, &world, chosen)),
        (lock, Onlookers::Perhaps),
    );
    let hosted = host::begin_as(&session, &world, run.0, run.1).await?;
    Ok(deploy::follow_hosted(hosted, deploy::style(context)).await)
}

/// Works for the screens, where a person has agreed.
async fn background(
    context: &Context,
    arguments: &Power,
    powering: &Powering,
) -> Result<Exit, Failure> {
    let mut session = context.open_told(context.place()?)?;
    daemon::leave_terminal();
    let Some(lock) = host::hold(&session)? else {
        return Err(deploy::busy().into());
    };
    let world = World::open(&session, &context.tools(None)).await?;
    let (plan, chosen) = planned((&mut session, &world), arguments, powering).await?;
    let run = (
        (plan, ground::setting(&session, &world, chosen)),
        (lock, Onlookers::Expected),
    );
    let hosted = host::begin_as(&session, &world, run.0, run.1).await?;
    Ok(deploy::unseen(hosted).await)
}

/// The plan, and what of it is left out; nothing begins that could lose data unless somebody has said why.
async fn planned(
    (session, world): (&mut Session, &World),
    arguments: &Power,
    powering: &Powering,
) -> Result<(Plan, Chosen), Failure> {
    restore::refuse_unfinished(&session.place)?;
    let ground = ground::ground(session, world, powering).await?;
    let plan = power::plan(powering, &ground);
    let wanted = Wanted {
        skip: arguments.skip.clone(),
        ..Wanted::default()
    };
    let mut chosen = deploy::chosen(&wanted, arguments.yes)?;
    chosen.check(&plan)?;
    if *powering
        == (Powering {
            node: Which::All,
            way: Way::Off,
        })
    {
        let risks = open_risks((&*session, world), powering).await?;
        let reason = arguments.waive.as_deref().map(str::trim);
        match reason.filter(|reason| !reason.is_empty()) {
            None if risks.is_empty() => {}
            None => return Err(refused(&risks).into()),
            Some(reason) => chosen.skip.extend(waived(&plan, &risks, reason)),
        }
    }
    Ok((plan, chosen))
}

/// What could be lost, without what was accepted when this very run was begun; what rests already is at no risk.
async fn open_risks(
    (session, world): (&Session, &World),
    powering: &Powering,
) -> Result<Vec<Risk>, Problem> {
    let view = view(world).await?;
    if risks::rests(&view) {
        return Ok(Vec::new());
    }
    let begun = ground::unfinished(&session.place, powering)?;
    // What that run has stopped is amiss by its own doing.
    let stopped = StepId::new(power::POWER, "writers");
    if begun
        .as_ref()
        .is_some_and(|memory| memory.done.contains_key(&stopped))
    {
        return Ok(Vec::new());
    }
    let accepted = begun.map(|memory| memory.skipped).unwrap_or_default();
    let mut risks = risks::of(&view);
    risks.retain(|risk| !risk.steps.iter().all(|step| accepted.contains_key(step)));
    Ok(risks)
}

fn refused(risks: &[Risk]) -> Problem {
    let what = "Switching all machines off now could lose data; nothing was begun.";
    let remedy = "Cure it first: care-install status says how. If the power goes anyway, accept it in words: add --waive \"REASON\".";
    let problem = Problem::new(Code::Run08, what, remedy);
    risks.iter().fold(problem, |problem, risk| {
        problem.because(risk.problem.what.trim_end_matches('.'))
    })
}

/// The steps of the plan that would wait for a cure.
fn waived(plan: &Plan, risks: &[Risk], reason: &str) -> Vec<(StepId, String)> {
    let mut steps: Vec<&StepId> = risks.iter().flat_map(|risk| &risk.steps).collect();
    steps.sort();
    steps.dedup();
    let planned = |id: &&StepId| plan.steps.iter().any(|step| step.id == **id);
    let steps = steps.into_iter().filter(planned);
    steps
        .map(|step| (step.clone(), reason.to_owned()))
        .collect()
}

/// Whether the run had only waited for the last machine, which has taken the API with it.
async fn gone(
    context: &Context,
    (session, world): (&Session, &World),
    powering: &Powering,
) -> Result<Option<Exit>, Failure> {
    let silent = match world.doors.kube.version().await {
        Err(error) if error.problem.code == Code::Kube03 => error.problem,
        _ => return Ok(None),
    };
    if !ground::end_with_api(&session.place, powering)? {
        return Err(silent.into());
    }
    let done = Purpose::Power(Box::new(powering.clone())).done();
    if context.face == Face::Json {
        output::json(
            &json!({"event": "summary", "outcome": "done", "purpose": Purpose::Power(Box::new(powering.clone())), "words": done}),
        );
    } else {
        output::line(&format!("{done}."));
    }
    Ok(Some(Exit::Done))
}

/// Waits for the API, which may come back only with the machine itself.
async fn answers(
    context: &Context,
    (session, world): (&Session, &World),
    powering: &Powering,
) -> Result<(), Problem> {
    let node = match &powering.node {
        Which::One(node) => node.clone(),
        Which::All => session.site.nodes.primary.name.to_string(),
    };
    let until = Instant::now() + API;
    let mut said = false;
    loop {
        match world.doors.kube.version().await {
            Ok(_version) => return Ok(()),
            Err(error) if Instant::now() > until => return Err(error.problem),
            Err(_silent) if said || context.face == Face::Json => {}
            Err(_silent) => output::note(&format!(
                "The Kubernetes API does not answer: switch {node} on now. Waiting for it; Ctrl-C ends the waiting."
            )),
        }
        said = true;
        sleep(LOOK).await;
    }
}

/// Says what it means for each service, and asks.
async fn agree(
    context: &Context,
    yes: bool,
    (plan, powering): (&Plan, &Powering),
    world: &World,
) -> Result<(), Failure> {
    let means = match powering.way {
        Way::Off => means(&view(world).await?, &powering.node),
        Way::On => Vec::new(),
    };
    if context.face == Face::Json {
        let services = means
            .iter()
            .map(|(service, becomes)| json!({"service": service, "becomes": becomes}));
        output::json(
            &json!({"event": "power", "way": powering.way, "node": powering.node.as_str(),
            "services": services.collect::<Vec<_>>()}),
        );
    } else {
        for (service, becomes) in &means {
            output::line(&format!("{service:<26}{becomes}"));
        }
        for (index, step) in plan.steps.iter().enumerate() {
            output::line(&format!("{:>3}. {}", index + 1, step.title));
        }
    }
    if yes {
        return Ok(());
    }
    if context.face == Face::Json || !output::can_ask() {
        let what = "Nobody can be asked whether to begin.";
        return Err(Problem::new(
            Code::Args01,
            what,
            "Add --yes once you have read what it means.",
        )
        .into());
    }
    let question = format!("Power {} {}?", powering.way.word(), powering.node);
    if ask::yes(&question)? {
        return Ok(());
    }
    let what = "Nobody agreed: nothing was changed.";
    Err(Problem::new(
        Code::Run04,
        what,
        "Run the command again when the time is right.",
    )
    .into())
}

async fn view(world: &World) -> Result<ClusterView, Problem> {
    let watched = Watched {
        kube: world.doors.kube.clone(),
        clock: world.doors.clock,
    };
    Ok(watch::once(watched).await?)
}

/// What becomes of each clinical service once the machine was emptied and is off, or all are.
fn means(view: &ClusterView, node: &Which) -> Vec<(&'static str, &'static str)> {
    match node {
        Which::All => {
            let services = view.services.iter();
            services.map(|row| (row.service.title(), AWAY)).collect()
        }
        Which::One(node) => {
            let row = view.nodes.iter().find(|row| row.name == *node);
            let stops = row.into_iter().flat_map(|row| &row.stops);
            stops
                .map(|one| (one.service.title(), one.stop.when_planned()))
                .collect()
        }
    }
}
