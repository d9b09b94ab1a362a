//! The command `power`: says what a machine's stop means, lets a person agree, and runs the plan that empties it or takes it back.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Context, Failure, deploy};
use crate::{
    cli::{Face, Power, PowerWay},
    host::{self, Onlookers},
    plain::{ask, output},
    plan::{
        Plan, Purpose,
        power::{self, Powering, Way},
    },
    problem::{Code, Exit, Problem},
    session::{Session, World, power as ground, restore},
    sys::daemon,
    watch::{self, Watched},
};

/// How long the machine that carries the API may take until it answers.
const API: Duration = Duration::from_hours(12);

/// Pause between two questions whether it does.
const LOOK: Duration = Duration::from_secs(2);

/// `power`
pub async fn power(context: &Context, arguments: &Power) -> Result<Exit, Failure> {
    let powering = Powering {
        node: arguments.node.clone(),
        way: match arguments.way {
            PowerWay::Off => Way::Off,
            PowerWay::On => Way::On,
        },
    };
    if arguments.background {
        return background(context, &powering).await;
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
    if powering.way == Way::On {
        answers(context, &world, &powering.node).await?;
    }
    let plan = planned((&mut session, &world), &powering).await?;
    agree(context, arguments.yes, (&plan, &powering), &world).await?;
    let run = (
        (plan, ground::setting(&session, &world)),
        (lock, Onlookers::Perhaps),
    );
    let hosted = host::begin_as(&session, &world, run.0, run.1).await?;
    Ok(deploy::follow_hosted(hosted, deploy::style(context)).await)
}

/// Works for the screens, where a person has agreed.
async fn background(context: &Context, powering: &Powering) -> Result<Exit, Failure> {
    let mut session = context.open_told(context.place()?)?;
    daemon::leave_terminal();
    let Some(lock) = host::hold(&session)? else {
        return Err(deploy::busy().into());
    };
    let world = World::open(&session, &context.tools(None)).await?;
    let plan = planned((&mut session, &world), powering).await?;
    let run = (
        (plan, ground::setting(&session, &world)),
        (lock, Onlookers::Expected),
    );
    let hosted = host::begin_as(&session, &world, run.0, run.1).await?;
    Ok(deploy::unseen(hosted).await)
}

async fn planned(
    (session, world): (&mut Session, &World),
    powering: &Powering,
) -> Result<Plan, Failure> {
    restore::refuse_unfinished(&session.place)?;
    let ground = ground::ground(session, world, powering).await?;
    Ok(power::plan(powering, &ground))
}

/// Waits for the API, which may come back only with the machine itself.
async fn answers(context: &Context, world: &World, node: &str) -> Result<(), Problem> {
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
        Way::Off => means(world, &powering.node).await?,
        Way::On => Vec::new(),
    };
    if context.face == Face::Json {
        let services = means
            .iter()
            .map(|(service, becomes)| json!({"service": service, "becomes": becomes}));
        output::json(
            &json!({"event": "power", "way": powering.way, "node": powering.node,
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

/// What becomes of each clinical service once the machine was emptied and is off.
async fn means(world: &World, node: &str) -> Result<Vec<(&'static str, &'static str)>, Problem> {
    let view = watch::once(Watched {
        kube: world.doors.kube.clone(),
        clock: world.doors.clock,
    })
    .await?;
    let row = view.nodes.into_iter().find(|row| row.name == node);
    let stops = row.into_iter().flat_map(|row| row.stops);
    Ok(stops
        .map(|one| (one.service.title(), one.stop.when_planned()))
        .collect())
}
