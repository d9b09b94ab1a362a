//! One function per command: opens what it needs, calls the modules that decide, and shows through a face.

mod attach;
mod capacity;
mod compare;
mod context;
mod costs;
mod deploy;
mod failure;
mod import;
mod look;
mod looks;
mod pictures;
mod power;
mod practice;
mod replay;
mod restore;
mod screens;
mod settings;
mod waivers;

use std::ffi::OsString;

use clap::Parser;

pub use failure::Failure;

use crate::{
    cli::{Backup, Cli, Command, Face},
    plain::output,
    problem::{Code, Exit, Problem},
};
use context::Context;

/// Runs the program with these arguments; every failure has been shown when it returns.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let context = Context::new(cli.global);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let problem = Problem::new(
                Code::Bug01,
                "Could not start the program's own threads.",
                "Check the limits of this user (ulimit -u) and the free memory, then try again.",
            );
            return report(&context, &problem.caused_by(&error).into());
        }
    };
    let ended = runtime.block_on(dispatch(&context, cli.command));
    // A background task that hangs must not hold the program back.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit,
        Err(failure) => report(&context, &failure),
    }
}

async fn dispatch(context: &Context, command: Option<Command>) -> Result<Exit, Failure> {
    match command {
        None => practice::open(context).await,
        Some(Command::Rehearse(arguments)) => practice::rehearse(context, &arguments).await,
        Some(Command::New(arguments)) => settings::new(context, &arguments).await,
        Some(Command::Import(arguments)) => import::import(context, &arguments),
        Some(Command::Attach(arguments)) => attach::attach(context, &arguments).await,
        Some(Command::Validate) => settings::validate(context),
        Some(Command::Check(arguments)) => look::check(context, &arguments).await,
        Some(Command::Plan(arguments)) if arguments.diff => compare::differences(context).await,
        Some(Command::Plan(_)) => look::plan(context),
        Some(Command::Capacity(arguments)) => capacity::capacity(context, arguments).await,
        Some(Command::Drift) => compare::drift(context).await,
        Some(Command::Render(arguments)) => look::render(context, &arguments),
        Some(Command::Deploy(arguments)) => deploy::deploy(context, &arguments).await,
        Some(Command::Backup(Backup::List)) => restore::list(context).await,
        Some(Command::Restore(arguments)) => restore::restore(context, &arguments).await,
        Some(Command::Power(arguments)) => power::power(context, &arguments).await,
        Some(Command::Status(arguments)) => look::status(context, &arguments).await,
        Some(Command::Explain { code }) => look::explain(context, &code),
        Some(Command::Replay(arguments)) => replay::replay(&arguments),
        Some(Command::Screenshots(wish)) => pictures::screenshots(context, &wish).await,
    }
}

/// Wrong arguments, or the help that was asked for.
fn usage(error: &clap::Error) -> Exit {
    if error.use_stderr() {
        output::note(&error.render().to_string());
        Exit::Usage
    } else {
        output::text(&error.render().to_string());
        Exit::Done
    }
}

fn report(context: &Context, failure: &Failure) -> Exit {
    if context.face == Face::Json {
        for problem in &failure.problems {
            output::json(&serde_json::json!({"event": "problem", "problem": problem}));
        }
        output::json(
            &serde_json::json!({"event": "summary", "outcome": "problem", "exit": failure.exit as u8}),
        );
    } else {
        output::problems(&failure.problems);
    }
    failure.exit
}
