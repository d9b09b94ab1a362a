//! The commands that only look: `check`, `plan`, `render`, `status`, `explain`.

use std::path::Path;

use serde_json::json;

use super::{Context, Failure};
use crate::{
    capacity::cost::{cost, nodes},
    check::{self, Asked, CheckResult, Verdict},
    cli::{Check, Face, Render, Status},
    plain::{output, report},
    plan::show,
    problem::{Code, Exit, Problem},
    session::{Reach, Session, World},
    sys::files::{self, Mode},
    watch::{self, Watched, view::Health},
};

/// `check`
pub async fn check(context: &Context, arguments: &Check) -> Result<Exit, Failure> {
    let only = match &arguments.only {
        Some(text) => Some(Code::parse(text).ok_or_else(|| unknown_code(text))?),
        None => None,
    };
    let session = context.open(context.place()?)?;
    let reach = Reach::of(&session, &context.tools(None)).await?;
    let results = run_checks(context, asked(&session, &reach, only)).await;
    let any = |is: fn(&Verdict) -> bool| results.iter().any(|result| is(&result.verdict));
    Ok(if any(|verdict| matches!(verdict, Verdict::Fail { .. })) {
        Exit::Problem
    } else if any(|verdict| matches!(verdict, Verdict::Warn { .. })) {
        Exit::Warnings
    } else {
        Exit::Done
    })
}

/// What the checks of a site are asked about.
pub fn asked(session: &Session, reach: &Reach, only: Option<Code>) -> Asked {
    Asked {
        site: session.site.clone(),
        folder: session.place.site.clone(),
        source: Some(reach.source.clone()),
        routes: reach.routes.clone(),
        helm: reach.helm.clone(),
        now: reach.clock.now(),
        only,
    }
}

/// Runs the checks and shows each as it comes.
pub async fn run_checks(context: &Context, asked: Asked) -> Vec<CheckResult> {
    let mut results = check::run(asked);
    let mut all = Vec::new();
    while let Some(result) = results.recv().await {
        if context.face == Face::Json {
            output::json(&json!({"event": "check", "check": result}));
        } else {
            output::line(&report::check(&result));
        }
        all.push(result);
    }
    if context.face != Face::Json {
        output::line(&report::checks(&all));
    }
    all
}

/// `plan`
pub fn plan(context: &Context) -> Result<Exit, Failure> {
    let plan = context.open(context.place()?)?.plan_alone()?;
    if context.face == Face::Json {
        output::json(&show::json(&plan));
    } else {
        output::text(&show::text(&plan));
        let whole = cost(&plan.steps, nodes(&plan)).words();
        output::line(&format!(
            "In all it asks for {whole}; care-install capacity tells it by node and component."
        ));
    }
    Ok(Exit::Done)
}

/// `render`
pub fn render(context: &Context, arguments: &Render) -> Result<Exit, Failure> {
    let plan = context.open(context.place()?)?.plan()?;
    refuse_full(&arguments.out)?;
    let written = show::files(&plan, arguments.with_secrets);
    for (name, text) in &written {
        let path = arguments.out.join(name);
        if let Some(folder) = path.parent() {
            files::create_folder(folder)?;
        }
        files::write_atomic(&path, text.as_bytes(), Mode::Private)?;
    }
    let secrets = if arguments.with_secrets {
        "with the secrets in clear: delete them when you are done"
    } else {
        "secrets are masked"
    };
    if context.face == Face::Json {
        let names: Vec<&String> = written.iter().map(|(name, _)| name).collect();
        output::json(&json!({"event": "rendered", "folder": arguments.out, "files": names}));
    } else {
        output::line(&format!(
            "{} files in {}; {secrets}.",
            written.len(),
            arguments.out.display()
        ));
    }
    Ok(Exit::Done)
}

fn refuse_full(folder: &Path) -> Result<(), Problem> {
    if files::names_in(folder)?.is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        Code::File02,
        format!("The folder {} is not empty.", folder.display()),
        "Name a new folder with --out: files of an older plan must not lie between the new ones.",
    ))
}

/// `status`
pub async fn status(context: &Context, arguments: &Status) -> Result<Exit, Failure> {
    let session = context.open(context.place()?)?;
    let world = World::open(&session, &context.tools(None)).await?;
    let watched = Watched {
        kube: world.doors.kube.clone(),
        clock: world.doors.clock,
    };
    let show = |view: &watch::view::ClusterView| {
        if context.face == Face::Json {
            output::json(&report::status_json(view));
        } else {
            output::text(&report::status(view));
        }
    };
    if !arguments.watch {
        let view = watch::once(watched).await?;
        show(&view);
        return Ok(exit(&view));
    }
    let mut views = watch::start(watched);
    let mut told = None;
    while views.changed().await.is_ok() {
        let view = views.borrow_and_update().clone();
        let summary = report::summary(&view);
        if view.at.is_some() && told.as_ref() != Some(&summary) {
            show(&view);
            told = Some(summary);
        }
    }
    Ok(Exit::Done)
}

/// What the health of a cluster means to a script.
pub fn exit(view: &watch::view::ClusterView) -> Exit {
    match view.findings.iter().map(|finding| finding.health).max() {
        None | Some(Health::Good) => Exit::Done,
        Some(Health::Unknown | Health::Busy | Health::Warn) => Exit::Warnings,
        Some(Health::Bad) => Exit::Problem,
    }
}

/// `explain`
pub fn explain(context: &Context, text: &str) -> Result<Exit, Failure> {
    let code = Code::parse(text).ok_or_else(|| unknown_code(text))?;
    if context.face == Face::Json {
        output::json(
            &json!({"code": code.as_str(), "title": code.title(), "runbook": code.runbook()}),
        );
    } else {
        output::line(&format!("{code}  {}", code.title()));
        for line in report::wrapped(code.runbook()) {
            output::line(&line);
        }
    }
    Ok(Exit::Done)
}

/// A code that nobody knows, with the nearest that is known.
pub fn unknown_code(text: &str) -> Problem {
    let wanted = text.to_uppercase();
    let nearest = Code::ALL.iter().max_by(|left, right| {
        let likeness = |code: &Code| strsim::jaro_winkler(code.as_str(), &wanted);
        likeness(left).total_cmp(&likeness(right))
    });
    let example = nearest.map_or_else(String::new, |code| format!(" Did you mean {code}?"));
    Problem::new(
        Code::Args01,
        format!("There is no problem code `{text}`."),
        format!("Codes look like DNS-02 and stand behind each problem.{example}"),
    )
}
