//! A session that is recorded: each input as a line of the file; it decides nothing.

use crate::{
    app::{App, Input, record::Recording},
    problem::{Code, Problem},
    sys::recording::RecordFile,
    ui::Theme,
};

/// The file, and what the last line said.
pub struct Recorder {
    file: RecordFile,
    recording: Recording,
}

impl Recorder {
    /// Begins with how the screens are.
    pub fn begin(mut file: RecordFile, app: &App, theme: Theme) -> Result<Self, Problem> {
        let head = Recording::head(app, theme.is_ascii()).map_err(|error| unwritten(&error))?;
        file.line(&head)?;
        Ok(Self {
            file,
            recording: Recording::default(),
        })
    }

    /// Writes down what the screens are about to take.
    pub fn take(&mut self, app: &App, input: &Input) -> Result<(), Problem> {
        let line = self.recording.line(app, input);
        self.file.line(&line.map_err(|error| unwritten(&error))?)
    }
}

fn unwritten(error: &serde_json::Error) -> Problem {
    Problem::new(
        Code::Bug01,
        "Something that happened cannot be recorded; the recording ends here.",
        "Report this with the recording.",
    )
    .caused_by(error)
}
