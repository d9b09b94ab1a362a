//! The command `attach`: a cluster that another computer set up, by its kubeconfig alone.

use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::json;

use super::{Context, Failure, look, screens};
use crate::{
    cli::{Attach, Face},
    plain::{output, report},
    problem::{Code, Exit, Problem},
    restore::words,
    session::{World, restore},
    sys::sites::Sites,
    watch::{self, Watched},
};

/// `attach`: the screens; or in lines health, and what the backups allow.
pub async fn attach(context: &Context, arguments: &Attach) -> Result<Exit, Failure> {
    let path = arguments.path.as_deref();
    if context.face == Face::Screens {
        let text = path.unwrap_or(Path::new("")).display().to_string();
        return screens::attached(context, text).await;
    }
    if let Some(folder) = path.filter(|path| path.is_dir()) {
        let folder = folder.display();
        return Err(Problem::new(
            Code::Args01,
            format!("`{folder}` is a folder; in lines, attach takes a kubeconfig."),
            format!("For the site in it: care-install status --site {folder}."),
        )
        .into());
    }
    let work = Sites::of_user()?.unnamed();
    let file = path.map(Path::to_path_buf);
    let world = World::attached(file, &context.tools(None), work.path()).await?;
    let view = watch::once(Watched {
        kube: world.doors.kube.clone(),
        clock: world.doors.clock,
    })
    .await?;
    let inventory = restore::inventory(&world).await?;
    if context.face == Face::Json {
        output::json(&report::status_json(&view));
        output::json(&json!({"event": "backups", "inventory": inventory}));
    } else {
        output::line(&format!("The cluster at {}:", world.cluster));
        output::text(&report::status(&view));
        output::text(&words::inventory(&inventory, &TimeZone::system()));
    }
    Ok(look::exit(&view))
}
