//! The commands that compare a site with its cluster: `plan --diff` and `drift`.

use super::{Context, Failure};
use crate::{
    cli::Face,
    compare::{What, show},
    plain::output,
    problem::Exit,
    session::World,
};

/// `plan --diff`
pub async fn differences(context: &Context) -> Result<Exit, Failure> {
    let mut session = context.open(context.place()?)?;
    let world = World::open(&session, &context.tools(None)).await?;
    let found = session.compare(&world).await?.differences;
    if context.face == Face::Json {
        for line in show::differences_json(&world.cluster, &found) {
            output::json(&line);
        }
    } else {
        output::text(&show::differences(&world.cluster, &found));
    }
    // A difference is what was asked for; a deploy that would stop is a problem.
    let stops = found
        .iter()
        .any(|one| matches!(one.what, What::Stops { .. }));
    Ok(if stops { Exit::Problem } else { Exit::Done })
}

/// `drift`
pub async fn drift(context: &Context) -> Result<Exit, Failure> {
    let mut session = context.open(context.place()?)?;
    let world = World::open(&session, &context.tools(None)).await?;
    let found = session.drift(&world).await?;
    if context.face == Face::Json {
        for line in show::drift_json(&world.cluster, found.began, &found.drift) {
            output::json(&line);
        }
    } else {
        output::text(&show::drift(&world.cluster, found.began, &found.drift));
    }
    Ok(if found.drift.is_empty() {
        Exit::Done
    } else {
        Exit::Warnings
    })
}
