//! The file that a session is recorded into: readable by its owner alone, and never larger than its limit.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::problem::{Code, Problem};

/// The most bytes that are recorded.
pub const MOST: u64 = 256 << 20;

/// A file that lines are added to.
#[derive(Debug)]
pub struct RecordFile {
    file: File,
    path: PathBuf,
    room: u64,
}

impl RecordFile {
    /// Makes the file; one that is there already is not touched.
    ///
    /// # Errors
    /// It is there, or cannot be made.
    pub fn create(path: &Path) -> Result<Self, Problem> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        let file = file.map_err(|error| {
            let what = format!("Could not make {} to record into.", path.display());
            let remedy = "Name a file that is not there yet, in a folder that you may write to.";
            Problem::new(Code::File02, what, remedy).caused_by(&error)
        })?;
        Ok(Self {
            file,
            path: path.to_path_buf(),
            room: MOST,
        })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The disk or the limit is full; the lines before stay.
    pub fn line(&mut self, text: &str) -> Result<(), Problem> {
        let length = text.len() as u64 + 1;
        let Some(room) = self.room.checked_sub(length) else {
            let what = format!(
                "The recording {} is full; it ends here.",
                self.path.display()
            );
            let remedy = "Start care-install again with another file to record what comes.";
            return Err(Problem::new(Code::File04, what, remedy));
        };
        self.room = room;
        let line = format!("{text}\n");
        self.file.write_all(line.as_bytes()).map_err(|error| {
            let what = format!(
                "Could not record into {}; it ends here.",
                self.path.display()
            );
            let remedy = "Look whether its disk is full.";
            Problem::new(Code::File02, what, remedy).caused_by(&error)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_recording_is_private_bounded_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session");
        let mut file = RecordFile::create(&path).unwrap();
        file.line("one").unwrap();
        file.room = 3;
        assert_eq!(file.line("two").unwrap_err().code, Code::File04);
        file.line("2").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n2\n");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(RecordFile::create(&path).unwrap_err().code, Code::File02);
    }
}
