//! The commands `rehearse` and the one without a name: where practice happens, and what opens first.

use std::sync::Arc;

use serde_json::json;

use super::{Context, Failure, deploy, screens};
use crate::{
    cli::{Deploy, Face, Rehearse},
    host,
    plain::output,
    problem::{Code, Exit, Problem},
    rehearsal::{
        self, HostOptions, Point, Scenario, Speed,
        pace::{self, Pace, Wish},
    },
    session::{Standing, Workplace, World, practice},
    sys::{
        kube::Kube,
        sites::{SiteDir, Sites},
    },
};

/// Without a command: the screens where the site stands, or in lines what could be done.
pub async fn open(context: &Context) -> Result<Exit, Failure> {
    if context.face == Face::Screens {
        return screens::start(context).await;
    }
    let sites = Sites::of_user()?;
    let names = sites.list()?;
    if context.face == Face::Json {
        output::json(&json!({"event": "sites", "sites": names}));
        return Ok(Exit::Done);
    }
    for name in &names {
        let dir = sites.resolve(Some(name))?;
        let place = super::context::workplace(&dir, context.mode())?;
        output::line(&format!("{name}: {}", Standing::of(&place)?.words()));
    }
    if names.is_empty() {
        output::line("There is no site on this computer yet.");
    }
    output::line(
        "Set up a site: care-install new    Attach to a cluster: care-install attach KUBECONFIG    Practise: care-install rehearse --yes    All commands: care-install --help",
    );
    Ok(Exit::Done)
}

/// `rehearse`
pub async fn rehearse(context: &Context, arguments: &Rehearse) -> Result<Exit, Failure> {
    let speed = arguments.speed.as_deref().map(Speed::parse).transpose()?;
    let scenario = arguments
        .scenario
        .as_deref()
        .map(Scenario::parse)
        .transpose()?;
    deploy::chosen(&arguments.chosen, arguments.yes)?;
    let place = context.practice_place()?;
    if arguments.time.pause || arguments.time.step {
        return time(context, &place, arguments.time.step).await;
    }
    if let Some(text) = &arguments.machine {
        return machine(context, &place, text).await;
    }
    if arguments.serve.serve {
        return serve(context, &place, arguments, (speed, scenario)).await;
    }
    let is_running = rehearsal::find(&place.cluster()).await.is_some();
    let session = context.open(place)?;
    let tools = context.tools(speed);
    let is_change = scenario.is_some() || speed.is_some();
    if is_change {
        let world = World::open(&session, &tools).await?;
        if let Some(scenario) = scenario {
            rehearsal::set_scenario(&world.doors.kube, scenario).await?;
            tell(context, scenario);
        }
    }
    if context.face == Face::Screens && !arguments.yes {
        return screens::practice(context, session, tools).await;
    }
    // Given from another terminal, the change alone is wanted, unless a run goes on that can be shown.
    let is_alone = is_change && is_running && !arguments.yes && !deploy::may_ask(context);
    if is_alone && host::hold(&session)?.is_some() {
        if context.face != Face::Json {
            output::line(
                "Nothing is deployed to the practice cluster just now. Deploy to it: care-install rehearse --yes",
            );
        }
        return Ok(Exit::Done);
    }
    let arguments = Deploy {
        chosen: arguments.chosen.clone(),
        yes: arguments.yes,
        waive: Vec::new(),
        background: false,
    };
    deploy::run(context, session, &arguments, &tools).await
}

/// Switches a machine of the practice cluster that runs.
async fn machine(context: &Context, place: &Workplace, text: &str) -> Result<Exit, Failure> {
    let wrong = || {
        let what = format!("`{text}` is not what --machine takes.");
        Problem::new(
            Code::Args01,
            what,
            "Write NODE=off or NODE=on, such as secondary=off.",
        )
    };
    let (node, way) = text.split_once('=').ok_or_else(wrong)?;
    let on = match way {
        "on" => true,
        "off" => false,
        _ => return Err(wrong().into()),
    };
    let kube = Kube::connect(&running(place).await?.source()).await?;
    rehearsal::switch(&kube, node, on).await?;
    if context.face == Face::Json {
        output::json(&json!({"event": "machine", "node": node, "on": on}));
    } else {
        output::line(&screens::switched(node, on));
    }
    Ok(Exit::Done)
}

/// The practice cluster that runs.
async fn running(place: &Workplace) -> Result<Point, Problem> {
    rehearsal::find(&place.cluster()).await.ok_or_else(|| {
        Problem::new(
            Code::Reh01,
            "No practice cluster runs, so nothing of it can be changed.",
            "Start it: care-install rehearse.",
        )
    })
}

/// Lets the time of the practice cluster that runs stand still, or moves it to its next change.
async fn time(context: &Context, place: &Workplace, step: bool) -> Result<Exit, Failure> {
    let point = running(place).await?;
    let kube = Kube::connect(&point.source()).await?;
    let wish = if step {
        Wish::Step
    } else {
        Wish::Pace(Pace::Paused)
    };
    let taken = pace::ask(&kube, wish).await?;
    let at = taken.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    if context.face == Face::Json {
        output::json(
            &json!({"event": "time", "pace": taken.pace.to_string(), "at": taken.at.to_string()}),
        );
    } else {
        output::line(&format!(
            "The practice cluster's clock stands still at {at}. One change further: care-install rehearse --step    On again: care-install rehearse --speed 20"
        ));
    }
    Ok(Exit::Done)
}

/// Says which scenario is played from now on.
fn tell(context: &Context, scenario: Scenario) {
    if context.face == Face::Json {
        output::json(&json!({"event": "scenario", "name": scenario.name()}));
    } else {
        output::note(&format!(
            "The practice cluster plays `{scenario}` now: {}.",
            scenario.title()
        ));
    }
}

/// Serves the practice cluster in this process; the cluster is made of the settings alone, so the vault stays shut.
async fn serve(
    context: &Context,
    place: &Workplace,
    arguments: &Rehearse,
    (speed, scenario): (Option<Speed>, Option<Scenario>),
) -> Result<Exit, Failure> {
    let site = SiteDir::at(place.site.clone()).settings()?.site;
    context.start_logs(place)?;
    if arguments.serve.idle_exit.is_some() {
        // Started by another process of ours: it must outlive the terminal.
        crate::sys::daemon::leave_terminal();
    }
    let hosted = rehearsal::host(HostOptions {
        folder: place.cluster(),
        port: arguments.serve.port,
        speed: speed.unwrap_or(practice::USUAL_SPEED),
        idle_exit: arguments
            .serve
            .idle_exit
            .map(std::time::Duration::from_secs),
        site: Arc::new(site),
        kubeconfig: arguments.serve.kubeconfig.clone(),
        scenario,
    })
    .await?;
    if context.face == Face::Json {
        output::json(&json!({"event": "serving", "url": hosted.point.url}));
    } else {
        output::line(&format!(
            "The practice cluster is served at {} until Ctrl-C.",
            hosted.point.url
        ));
        if let Some(file) = &arguments.serve.kubeconfig {
            output::line(&format!(
                "For kubectl and helm: export KUBECONFIG={}",
                file.display()
            ));
        }
    }
    hosted.until_ended().await?;
    Ok(Exit::Done)
}
