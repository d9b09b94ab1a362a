//! A file of lines that only grows; each line is on the disk before the next is written, and a torn tail does not count.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::files::{self, Mode};
use crate::problem::{Code, Problem};

/// Longest file that is read.
const LONGEST: u64 = 64 * 1024 * 1024;

/// The open file.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Lines {
    /// Opens or begins the file and gives its whole lines; whatever follows them is cut off.
    ///
    /// `whole` tells a whole line from one that was torn by a power cut.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn open(path: &Path, whole: impl Fn(&str) -> bool) -> Result<(Self, Vec<String>), Problem> {
        let failed = |error: &std::io::Error| unusable(path, error);
        if let Some(folder) = path.parent() {
            files::create_folder(folder)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| failed(&error))?;
        let mut bytes = Vec::new();
        (&file)
            .take(LONGEST)
            .read_to_end(&mut bytes)
            .map_err(|error| failed(&error))?;
        let (lines, end) = split(&bytes, whole);
        if end < bytes.len() {
            // What cannot be read is kept beside, for whoever wants to know what it was.
            let beside = path.with_extension("torn");
            let torn = bytes.get(end..).unwrap_or_default();
            files::write_atomic(&beside, torn, Mode::Private)?;
            file.set_len(end as u64)
                .and_then(|()| file.sync_data())
                .map_err(|error| failed(&error))?;
        }
        let opened = Self {
            path: path.to_path_buf(),
            file,
            bytes: end as u64,
        };
        Ok((opened, lines))
    }

    /// Gives the whole lines and changes nothing; a file that is not there has none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(path: &Path, whole: impl Fn(&str) -> bool) -> Result<Vec<String>, Problem> {
        match fs::read(path) {
            Ok(bytes) => Ok(split(&bytes, whole).0),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(unusable(path, &error)),
        }
    }

    /// Appends one line; when this returns, neither a kill nor a power cut loses it.
    ///
    /// # Errors
    /// The disk is full or the file cannot be written.
    pub fn append(&mut self, line: &str) -> Result<(), Problem> {
        let text = format!("{line}\n");
        let written = self
            .file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half of a line is taken back, so that nothing can follow it; should that fail too, the next start cuts it off.
            self.file.set_len(self.bytes).ok();
            return Err(unusable(&self.path, &error));
        }
        self.bytes += text.len() as u64;
        Ok(())
    }

    /// How long the file is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Replaces the whole content at once.
    ///
    /// # Errors
    /// The new file cannot be written; then the old one stays.
    pub fn rewrite(&mut self, lines: &[String]) -> Result<(), Problem> {
        let mut text = lines.join("\n");
        text.push('\n');
        files::write_atomic(&self.path, text.as_bytes(), Mode::Private)?;
        self.file = OpenOptions::new()
            .append(true)
            .open(&self.path)
            .map_err(|error| unusable(&self.path, &error))?;
        self.bytes = text.len() as u64;
        Ok(())
    }
}

/// The whole lines, and where they end.
fn split(bytes: &[u8], whole: impl Fn(&str) -> bool) -> (Vec<String>, usize) {
    let mut lines = Vec::new();
    let mut end = 0;
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(piece)
            .ok()
            .and_then(|line| line.strip_suffix('\n'))
            .filter(|line| whole(line));
        let Some(line) = line else { break };
        lines.push(line.to_owned());
        end += piece.len();
    }
    (lines, end)
}

fn unusable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(
        Code::Run01,
        format!("Could not use the journal `{}`.", path.display()),
        "Look at the free space (df -h) and the owner of that folder, then start again: nothing is done twice.",
    )
    .caused_by(error)
}
