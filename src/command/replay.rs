//! The command `replay`: the file of a recorded session shows the same screen again.

use crate::{
    app::{Input, record},
    cli::Replay,
    command::Failure,
    plain::output,
    problem::Exit,
    sys::{files, recording::MOST},
    ui::{Theme, shot},
};

/// `replay`
pub fn replay(arguments: &Replay) -> Result<Exit, Failure> {
    let text = files::read_text(&arguments.file, MOST)?;
    let mut replayed = record::replay(&text, arguments.at)?;
    if let Some(size) = arguments.size {
        replayed.app.update(Input::Resize(size.0, size.1));
    }
    let theme = if replayed.ascii {
        Theme::colour().ascii()
    } else {
        Theme::colour()
    };
    let app = &replayed.app;
    output::text(&shot(app, theme, app.size));
    output::note(&format!(
        "{} of {} inputs, at {}, on {} x {}.",
        replayed.inputs,
        text.lines().count().saturating_sub(1),
        app.now,
        app.size.0,
        app.size.1
    ));
    Ok(Exit::Done)
}
